"""The stream of the table ``state``, as a test sees it and as Lambda hands it to the outbox."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from chalicelib.bootstrap import Stores
from chalicelib.outbox.outbox import Outbox
from tests.support.aws import Moto, Row

Record = dict[str, Any]
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

FIRST_SEQUENCE_NUMBER = 1_100_000_000_017_454_423_009  # as long as DynamoDB's own


class RecordedStream:
    """Every change of ``state`` since it was opened, one record each, in their order."""

    def __init__(self, aws: Moto) -> None:
        self._aws = aws
        self._seen = _by_key(aws.state())
        self._records: list[Record] = []

    @property
    def records(self) -> list[Record]:
        """All records so far."""
        self._see()
        return list(self._records)

    def _see(self, **_: Any) -> None:
        now = _by_key(self._aws.state())
        for key in sorted(now.keys() | self._seen.keys()):
            before, after = self._seen.get(key), now.get(key)
            if before != after:
                sequence_number = str(FIRST_SEQUENCE_NUMBER + len(self._records))
                self._records.append(a_record(before, after, sequence_number=sequence_number))
        self._seen = now


@contextmanager
def recorded_stream(aws: Moto) -> Iterator[RecordedStream]:
    """Record what the product changes in *aws*, call by call, until the block ends."""
    stream = RecordedStream(aws)
    # Before each call is after each one before it, whatever became of its answer.
    aws.dynamodb.meta.events.register_first("before-send", stream._see, unique_id="stream")
    try:
        yield stream
    finally:
        aws.dynamodb.meta.events.unregister("before-send", stream._see, unique_id="stream")


def a_record(before: Row | None, after: Row | None, *, sequence_number: str) -> Record:
    """Return the stream's record of a row that was *before* and is *after* (None: not there)."""
    row = after or before or {}
    change: Record = {
        "ApproximateCreationDateTime": 1_795_424_400.0,
        "Keys": {"pk": row["pk"], "sk": row["sk"]},
        "SequenceNumber": sequence_number,
        "SizeBytes": 700,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if before:
        change["OldImage"] = before
    if after:
        change["NewImage"] = after
    kind = "INSERT" if not before else "MODIFY" if after else "REMOVE"
    return as_lambda_hands_it(
        {
            "eventID": f"id of {sequence_number}",
            "eventName": kind,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-north-1",
            "dynamodb": change,
            "eventSourceARN": "arn:aws:dynamodb:eu-north-1:123456789012:table/state/stream/2026",
        }
    )


def as_lambda_hands_it(record: Mapping[str, Any]) -> Record:
    """Return *record* as JSON knows it: bytes in base64, times as seconds."""

    def plain(value: Any) -> str | float:
        if isinstance(value, bytes):
            return b64encode(value).decode()
        seconds: float = value.timestamp()
        return seconds

    handed: Record = json.loads(json.dumps(record, default=plain))
    return handed


def outbox_over(stores: Stores, lines: list[str]) -> Outbox:
    """Return an outbox that appends to the events of *stores* and writes its log to *lines*."""
    return Outbox(events=stores.events, transactions=stores.transactions, write_line=lines.append)


def deliver_all(stores: Stores, records: Sequence[Record]) -> None:
    """Let the outbox deliver *records*, and none of them fail."""
    assert outbox_over(stores, []).deliver(records, request_id="delivery") == []


def _by_key(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    return {(row["pk"]["S"], row["sk"]["S"]): row for row in rows}
