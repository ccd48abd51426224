"""From the stream to the events: every record once, however often the stream brings it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.audit.attempts import Record, attempt_event
from chalicelib.audit.event import Event, EventLog
from chalicelib.audit.warnings import warning_events
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Transactions
from chalicelib.web.request_log import WriteLine, frames_of

# What became of a record that made no new event; of one that did, the event's kind says it.
IGNORED = "ignored"
REPEATED = "repeated"
FAILED = "failed"


@dataclass(kw_only=True)
class _BatchLog:
    """What is told of one batch: how many, and never of whom."""

    request_id: str
    records: int
    outcomes: Counter[str] = field(default_factory=Counter)

    def as_line(self, **more: Any) -> str:  # noqa: ANN401 - whatever JSON can tell
        """Return the line, with *more* behind its own fields and without its end."""
        fields = {
            "level": "ERROR" if self.outcomes[FAILED] else "INFO",
            "function": "outbox",
            "request_id": self.request_id,
            "records": self.records,
            "outcomes": dict(self.outcomes),
        }
        return json.dumps(fields | more, ensure_ascii=True)

    def as_line_of_failure(self, sequence_number: str, error: Exception) -> str:
        """Return the line that says which record failed and where in our code."""
        fields = {
            "level": "ERROR",
            "function": "outbox",
            "request_id": self.request_id,
            "sequence_number": sequence_number,
            "fault": frames_of(error),
        }
        return json.dumps(fields, ensure_ascii=True)


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """Appends the events that records of the stream tell of."""

    events: EventLog
    transactions: Transactions
    write_line: WriteLine

    def deliver(self, records: Sequence[Record], *, request_id: str) -> list[str]:
        """
        Append the events of *records* and return the sequence numbers of those that failed.

        A failed record does not keep back the ones behind it. What was appended
        before is not appended again, so a batch can be repeated whole.
        """
        log = _BatchLog(request_id=request_id, records=len(records))
        failed = []
        for place, record in enumerate(records, start=1):
            try:
                outcomes = self._outcomes(record, later=records[place:])
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
                outcomes = [FAILED]
                failed.append(_sequence_number(record))
                self.write_line(log.as_line_of_failure(failed[-1], error))
            log.outcomes.update(outcomes)
        self.write_line(log.as_line())
        return failed

    def _outcomes(self, record: Record, *, later: Sequence[Record]) -> list[str]:
        event = attempt_event(record)
        if event is None:
            return [IGNORED]
        return [self._appended(told) for told in (event, *warning_events(record, later=later))]

    def _appended(self, event: Event) -> str:
        try:
            self.transactions.commit(self.events.recorded(event))
        except ConditionRefusedError:
            return REPEATED
        return event.kind


def _sequence_number(record: Record) -> str:
    try:
        return str(record["dynamodb"]["SequenceNumber"])
    except (LookupError, TypeError):
        return ""  # by which Lambda understands that the whole batch failed
