"""What Lambda does in deployed stages: hand streams to outbox and notices, here by a thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.storage.dynamodb import AwsClient

Record = Mapping[str, Any]


class Delivery(Protocol):
    """What takes records, and says which of them failed."""

    def deliver(self, records: Sequence[Record], *, request_id: str) -> list[str]:
        """Deliver *records* and return the sequence numbers of those that failed."""


class Filter(Protocol):
    """Which records Lambda would hand over."""

    def __call__(self, record: Record, /) -> bool:
        """Say whether *record* is one of them."""


@dataclass(kw_only=True)
class Followed:
    """A table whose stream *to* gets, as far as *concerns* says."""

    table: str
    concerns: Filter
    to: Delivery
    delivered: dict[str, str] = field(default_factory=dict)  # the last sequence number of each shard


class LocalStreams:
    """
    The streams of tables, read one after the other whenever something may have changed.

    After a reload they are read from their beginning: what was delivered is not
    delivered twice. A backend that keeps no streams is left alone.
    """

    def __init__(self, *followed: Followed, dynamodb: AwsClient, streams: AwsClient) -> None:
        self._followed = followed
        self._dynamodb = dynamodb
        self._streams = streams
        self._may_have_changed = threading.Event()

    def follow(self) -> None:
        """Read until the process ends."""
        self.look()
        threading.Thread(target=self._follow, name="stream", daemon=True).start()

    def look(self) -> None:
        """Let them be read now."""
        self._may_have_changed.set()

    def _follow(self) -> None:
        while self._may_have_changed.wait():
            self._may_have_changed.clear()
            for followed in self._followed:
                with suppress(BotoCoreError, ClientError):  # whatever was missed comes at the next look
                    self._deliver_all(followed)

    def _deliver_all(self, followed: Followed) -> None:
        arn = self._dynamodb.describe_table(TableName=followed.table)["Table"].get("LatestStreamArn")
        if arn is None:
            return
        for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            while self._deliver_page(followed, arn, shard["ShardId"]):
                pass

    def _deliver_page(self, followed: Followed, arn: str, shard_id: str) -> bool:
        """Deliver what comes next in the shard; say whether more may follow."""
        place = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard_id in followed.delivered:
            number = followed.delivered[shard_id]
            place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}
        iterator = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard_id, **place)
        records = self._streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        concerning = [record for record in records if followed.concerns(record)]
        if not records or (concerning and followed.to.deliver(concerning, request_id="local")):
            return False
        followed.delivered[shard_id] = records[-1]["dynamodb"]["SequenceNumber"]
        return True
