"""The in-memory double of the log of events."""

from __future__ import annotations

from chalicelib.audit.event import Event
from chalicelib.errors import (
    ConditionRefusedError,
)
from chalicelib.storage.changes import Change
from tests.support.memory.transactions import MemoryWrite


class MemoryEventLog:
    """The `EventLog` double; *events* are those committed, oldest first."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def recorded(self, event: Event) -> Change:
        def is_new() -> bool:
            return all(known.event_id != event.event_id for known in self.events)

        return Change(
            MemoryWrite(("event", event.event_id), is_new, lambda: self.events.append(event)),
            ConditionRefusedError(),
        )
