"""What the in-memory doubles of one database share: one lock, and changes made together or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.errors import ServiceUnavailableError
from chalicelib.storage.changes import Change


@dataclass(frozen=True)
class MemoryWrite:
    """A change's effect on the row named *row*, and whether that row allows it now."""

    row: tuple[str, ...]
    allowed: Callable[[], bool]
    take_effect: Callable[[], None]


class MemoryTransactions:
    """The `Transactions` double; the stores of one database share one of these."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def commit(self, *changes: Change) -> None:
        writes = [_write_of(change) for change in changes]
        if len({write.row for write in writes}) != len(writes):
            raise ServiceUnavailableError  # DynamoDB takes each row once in a transaction
        with self.lock:
            for change, write in zip(changes, writes, strict=True):
                if not write.allowed():
                    raise change.refused
            for write in writes:
                write.take_effect()


def _write_of(change: Change) -> MemoryWrite:
    assert isinstance(change.write, MemoryWrite)
    return change.write
