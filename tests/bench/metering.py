"""
What AWS charges for the calls of a request, by DynamoDB's and KMS's own rules.

A strong read is one unit for each 4 KB of the row; a write is one for each 1 KB of the larger
of the row before and after, refused or not; in a transaction it counts double. A row that has
the index's keys is written to the index too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

from chalicelib.storage.dynamodb import AwsClient
from tests.support.aws import Row

_READ_UNIT_BYTES = 4_096
_WRITE_UNIT_BYTES = 1_024
_KEYS_OF_INDEXES = (("status_key", "name_key"), ("user_key", "sk"))


@dataclass(frozen=True, kw_only=True)
class Usage:
    """
    What is charged: DynamoDB's request units and the requests to KMS.

    *events* are rows put into ``events``. *changes* is what the stream of ``state`` tells: rows
    before and after.
    """

    reads: int = 0
    writes: int = 0
    index_writes: int = 0
    kms: int = 0
    signatures: int = 0
    events: int = 0
    changes: tuple[tuple[Row | None, Row | None], ...] = ()

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            reads=self.reads + other.reads,
            writes=self.writes + other.writes,
            index_writes=self.index_writes + other.index_writes,
            kms=self.kms + other.kms,
            signatures=self.signatures + other.signatures,
            events=self.events + other.events,
            changes=self.changes + other.changes,
        )


class Meter:
    """Adds up the *usage* of all calls since `start`."""

    def __init__(self, dynamodb: AwsClient, *, state_table: str) -> None:
        self.usage = Usage()
        self._dynamodb = dynamodb
        self._state_table = state_table
        self._touched: list[tuple[str, str, Row]] = []
        self._before: list[Row | None] = []

    def start(self) -> None:
        """Begin anew."""
        self.usage = Usage()

    def note_rows(self, *, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        """Remember the rows that a call is about, as they are before it."""
        self._touched = list(_touched(model.name, params))
        self._before = [self._row(table, key) for _, table, key in self._touched]

    def add(self, *, model: Any, **_: Any) -> None:
        """Add the call that was just answered."""
        if model.service_model.service_id == "KMS":
            # A request about an asymmetric key costs five times one about another.
            is_asymmetric = model.name in {"Sign", "GetPublicKey"}
            self.usage += Usage(signatures=1) if is_asymmetric else Usage(kms=1)
            return
        factor = 2 if model.name == "TransactWriteItems" else 1
        for (kind, table, key), before in zip(self._touched, self._before, strict=True):
            if kind == "GetItem":
                self.usage += Usage(reads=_units(_READ_UNIT_BYTES, before))
                continue
            after = self._row(table, key)
            in_stream = before != after and table == self._state_table
            self.usage += Usage(
                writes=factor * _units(_WRITE_UNIT_BYTES, before, after),
                index_writes=_index_writes(before, after),
                events=int(before != after and table != self._state_table),
                changes=((before, after),) if in_stream else (),
            )

    def _row(self, table: str, key: Row) -> Row | None:
        answer = self._dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
        row: Row | None = answer.get("Item")
        return row


@contextmanager
def metered(*clients: AwsClient, looking: AwsClient, state_table: str) -> Iterator[Meter]:
    """
    Yield a meter of all calls that *clients* make within the block.

    *looking* is another client of the same DynamoDB, by which the meter looks at the rows.
    """
    meter = Meter(looking, state_table=state_table)
    handlers = {"provide-client-params.dynamodb": meter.note_rows, "after-call": meter.add}
    events = [client.meta.events for client in clients]
    for one in events:
        for name, handler in handlers.items():
            one.register(name, handler)
    try:
        yield meter
    finally:
        for one in events:
            for name, handler in handlers.items():
                one.unregister(name, handler)


def bytes_of(row: Row | None) -> int:
    """Return the size of *row* as DynamoDB counts it: names, values, and a little for each container."""
    return 0 if row is None else sum(len(name.encode()) + _size(value) for name, value in row.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + _size(inner) for inner in content)
    if kind == "N":
        return (len(content.strip("-")) + 1) // 2 + 1
    if kind in {"BOOL", "NULL"}:
        return 1
    return len(content.encode() if isinstance(content, str) else content)


def _touched(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str, Row]]:
    """Yield what is done to which row of which table."""
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            ((kind, request),) = item.items()
            yield kind, request["TableName"], _key_in(request)
    else:
        yield operation, params["TableName"], _key_in(params)


def _key_in(request: Mapping[str, Any]) -> Row:
    return request.get("Key") or {name: request["Item"][name] for name in ("pk", "sk")}


def _units(unit_bytes: int, *rows: Row | None) -> int:
    return max(1, ceil(max(bytes_of(row) for row in rows) / unit_bytes))


def _index_writes(before: Row | None, after: Row | None) -> int:
    return sum(_writes_of_index(keys, before, after) for keys in _KEYS_OF_INDEXES)


def _writes_of_index(keys: tuple[str, ...], before: Row | None, after: Row | None) -> int:
    """An entry that moves within the index is taken out and put in: two writes."""
    old, new = (row if row and all(name in row for name in keys) else None for row in (before, after))
    if old == new:
        return 0
    moves = old and new and any(old[name] != new[name] for name in keys)
    if moves:
        return _units(_WRITE_UNIT_BYTES, old) + _units(_WRITE_UNIT_BYTES, new)
    return _units(_WRITE_UNIT_BYTES, old, new)
