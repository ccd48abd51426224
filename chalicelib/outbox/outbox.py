"""From the stream to the events: every record once, however often the stream brings it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.audit.attempts import attempt_event
from chalicelib.audit.event import Event, EventLog
from chalicelib.audit.warnings import warning_events
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Transactions
from chalicelib.storage.stream import Record, sequence_number
from chalicelib.web.function_log import FunctionLog
from chalicelib.web.request_log import WriteLine

# What became of a record that made no new event; of one that did, the event's kind says it.
IGNORED = "ignored"
REPEATED = "repeated"
FAILED = "failed"


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
        log = FunctionLog(function="outbox", request_id=request_id)
        outcomes: Counter[str] = Counter()
        failed = []
        for place, record in enumerate(records, start=1):
            try:
                outcomes.update(self._outcomes(record, later=records[place:]))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
                outcomes[FAILED] += 1
                failed.append(sequence_number(record))
                self.write_line(log.failure(error, sequence_number=failed[-1]))
        level = "ERROR" if failed else "INFO"
        self.write_line(log.line(level=level, records=len(records), outcomes=dict(outcomes)))
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
