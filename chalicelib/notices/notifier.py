"""
From events to mails: everybody concerned is told, and hardly ever twice.

For each address: look for a mark, send, leave the mark. A crash between the last two has the
mail sent again; the other order would lose it, and that nobody must be able to bring about.
Whoever gets a mail twice sees by its reference that it is one. Where the answer was lost it is
not known whether the mail was taken: it is sent again, and so a few times at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chalicelib.audit.event import Event
from chalicelib.errors import NewerRowError, ServiceUnavailableError
from chalicelib.notices.choice import MOST_WITHIN_BUDGET_A_DAY, TOLD, TOLD_WITHIN_BUDGET
from chalicelib.notices.mail import Mail, compose
from chalicelib.notices.ports import (
    MailRefusedError,
    MailSender,
    MailUnansweredError,
    Recipients,
    SentMails,
)
from chalicelib.notices.told import told_event
from chalicelib.storage.stream import Record, sequence_number
from chalicelib.web.function_log import MAILS_GIVEN_UP, FunctionLog, counted
from chalicelib.web.request_log import WriteLine

# What became of an event, or of one of its mails.
IGNORED = "ignored"
NOBODY = "nobody"
NO_ADDRESS = "no_address"
OVER_BUDGET = "over_budget"
SENT = "sent"
UNMARKED = "unmarked"  # beside what became of it
REPEATED = "repeated"
FAILED = "failed"  # and is tried again
# What is given up, so that nothing behind it waits for what no time mends.
REFUSED = "refused"
UNANSWERED = "unanswered"
UNTOLD = "untold"

MOST_UNANSWERED = 3


@dataclass(frozen=True, kw_only=True)
class Notifier:
    """Tells users of the events that records of the stream add."""

    recipients: Recipients
    sent: SentMails
    sender: MailSender
    clock: Callable[[], float]
    write_line: WriteLine
    stage: str

    def deliver(self, records: Sequence[Record], *, request_id: str) -> list[str]:
        """
        Send the mails of *records* and return the sequence numbers of those to be tried again.

        These are the ones that met a fault which may pass. Whatever else is wrong with a record, or
        with a mail of it, is given up: counted, and told in the log by the key of its event. No
        record keeps back the ones behind it, nor one address another. What was sent before is not
        sent again, so a batch can be repeated whole.
        """
        batch = _Batch(
            log=FunctionLog(function="notices", request_id=request_id), write_line=self.write_line
        )
        failed = []
        for record in records:
            try:
                self._tell(record, batch)
            except (ServiceUnavailableError, NewerRowError) as error:
                batch.tell_of(record, FAILED, error)
                failed.append(sequence_number(record))
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
                batch.tell_of(record, UNTOLD, error)
        given_up = sum(batch.outcomes[outcome] for outcome in (REFUSED, UNANSWERED, UNTOLD))
        self.write_line(
            batch.log.line(
                level="ERROR" if failed or given_up else "INFO",
                records=len(records),
                outcomes=dict(batch.outcomes),
                **counted(MAILS_GIVEN_UP, given_up, stage=self.stage, at_epoch_seconds=self.clock()),
            )
        )
        return failed

    def _tell(self, record: Record, batch: _Batch) -> None:
        event = told_event(record)
        if event is None or event.kind not in TOLD:
            batch.outcomes[IGNORED] += 1
            return
        recipient = self.recipients.of(event.tenant_id, event.user_id, at=event.occurred_at)
        if recipient is None or not recipient.addresses:
            batch.outcomes[NOBODY if recipient is None else NO_ADDRESS] += 1
            return
        mails = compose(event, recipient)
        if not self._is_within_budget(event):
            batch.outcomes[OVER_BUDGET] += 1
            return
        unavailable = None
        for mail in mails:
            try:
                if self.sent.has(event.event_id, mail.to):
                    batch.outcomes[REPEATED] += 1
                else:
                    self._send(mail, event, record, batch)
            except ServiceUnavailableError as error:
                unavailable = error
        if unavailable is not None:
            raise unavailable

    def _is_within_budget(self, event: Event) -> bool:
        return event.kind not in TOLD_WITHIN_BUDGET or self.sent.within_budget(
            event.tenant_id,
            event.user_id,
            event_id=event.event_id,
            at=event.occurred_at,
            most=MOST_WITHIN_BUDGET_A_DAY,
        )

    def _send(self, mail: Mail, event: Event, record: Record, batch: _Batch) -> None:
        now = int(self.clock())
        try:
            self.sender.send(mail)
        except MailRefusedError as error:
            batch.tell_of(record, REFUSED, error)
        except MailUnansweredError as error:
            if self.sent.count_unanswered(event.event_id, mail.to, now=now) < MOST_UNANSWERED:
                raise ServiceUnavailableError from error
            batch.tell_of(record, UNANSWERED, error)
        else:
            batch.outcomes[SENT] += 1
        # What was given up has its mark, too: nobody tries that again.
        try:
            self.sent.note(event.event_id, mail.to, now=now)
        except ServiceUnavailableError:
            # A mail that is on its way would only come twice if that were called a failure.
            batch.outcomes[UNMARKED] += 1


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """What becomes of one batch."""

    log: FunctionLog
    write_line: WriteLine
    outcomes: Counter[str] = field(default_factory=Counter)

    def tell_of(self, record: Record, outcome: str, error: Exception) -> None:
        """Count *outcome*, of *record* or of a mail of it, and write where the event is found."""
        self.outcomes[outcome] += 1
        self.write_line(
            self.log.failure(
                error, outcome=outcome, sequence_number=sequence_number(record), key=_key(record)
            )
        )


def _key(record: Record) -> object:
    """Return the key of the event's row as DynamoDB writes it: ids and the time, and nothing of whom."""
    try:
        return record["dynamodb"]["Keys"]
    except (LookupError, TypeError):
        return None
