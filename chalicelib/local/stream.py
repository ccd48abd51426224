"""What Lambda does for the deployed outbox: hand it the stream, here by a thread of the server."""

from __future__ import annotations

import threading
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.audit.attempts import ATTEMPT_ROWS
from chalicelib.outbox.outbox import Outbox
from chalicelib.storage.dynamodb import AwsClient


class LocalStream:
    """
    The stream of *table*, read whenever something may have changed.

    After a reload it is read from its beginning: what was delivered is not
    delivered twice. A backend that keeps no streams is left alone.
    """

    def __init__(self, outbox: Outbox, *, table: str, dynamodb: AwsClient, streams: AwsClient) -> None:
        self._outbox = outbox
        self._table = table
        self._dynamodb = dynamodb
        self._streams = streams
        self._delivered: dict[str, str] = {}  # the last sequence number of each shard
        self._may_have_changed = threading.Event()

    def follow(self) -> None:
        """Read until the process ends."""
        self.look()
        threading.Thread(target=self._follow, name="stream", daemon=True).start()

    def look(self) -> None:
        """Let it be read now."""
        self._may_have_changed.set()

    def _follow(self) -> None:
        while self._may_have_changed.wait():
            self._may_have_changed.clear()
            with suppress(BotoCoreError, ClientError):  # whatever was missed comes at the next look
                self._deliver_all()

    def _deliver_all(self) -> None:
        arn = self._dynamodb.describe_table(TableName=self._table)["Table"].get("LatestStreamArn")
        if arn is None:
            return
        for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            while self._deliver_page(arn, shard["ShardId"]):
                pass

    def _deliver_page(self, arn: str, shard_id: str) -> bool:
        """Deliver what comes next in the shard; say whether more may follow."""
        place = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard_id in self._delivered:
            number = self._delivered[shard_id]
            place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}
        iterator = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard_id, **place)
        records = self._streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        of_attempts = [
            record for record in records if record["dynamodb"]["Keys"]["sk"]["S"] in ATTEMPT_ROWS
        ]
        if not records or (of_attempts and self._outbox.deliver(of_attempts, request_id="local")):
            return False
        self._delivered[shard_id] = records[-1]["dynamodb"]["SequenceNumber"]
        return True
