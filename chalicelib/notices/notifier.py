"""
From events to mails: everybody concerned is told, and hardly ever twice.

For each address: look for a mark, send, leave the mark. A crash between the last two has the
mail sent again; the other order would lose it, and that nobody must be able to bring about.
Whoever gets a mail twice sees by its reference that it is one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.audit.event import Event
from chalicelib.errors import ServiceUnavailableError
from chalicelib.notices.choice import MOST_WITHIN_BUDGET_A_DAY, TOLD, TOLD_WITHIN_BUDGET
from chalicelib.notices.mail import Mail, compose
from chalicelib.notices.ports import MailRefusedError, MailSender, Recipients, SentMails
from chalicelib.notices.told import Record, told_event
from chalicelib.web.metrics import DIMENSION, NAMESPACE
from chalicelib.web.request_log import WriteLine, frames_of

# What became of an event, or of one of its mails.
IGNORED = "ignored"
NOBODY = "nobody"
NO_ADDRESS = "no_address"
OVER_BUDGET = "over_budget"
SENT = "sent"
SENT_UNMARKED = "sent_unmarked"
REPEATED = "repeated"
REFUSED = "refused"
FAILED = "failed"

MAILS_REFUSED = "MailsRefused"
UNITS = {MAILS_REFUSED: "Count"}


@dataclass(kw_only=True)
class _BatchLog:
    """What is told of one batch: how many, and never of whom."""

    request_id: str
    stage: str
    records: int
    outcomes: Counter[str] = field(default_factory=Counter)

    def as_line(self, *, at_epoch_seconds: float) -> str:
        fields: dict[str, Any] = {
            "level": "ERROR" if self.outcomes[FAILED] or self.outcomes[REFUSED] else "INFO",
            "function": "notices",
            "request_id": self.request_id,
            "records": self.records,
            "outcomes": dict(self.outcomes),
        }
        if self.outcomes[REFUSED]:
            directive = {
                "Namespace": NAMESPACE,
                "Dimensions": [[DIMENSION]],
                "Metrics": [{"Name": MAILS_REFUSED, "Unit": UNITS[MAILS_REFUSED]}],
            }
            fields |= {DIMENSION: self.stage, MAILS_REFUSED: self.outcomes[REFUSED]}
            fields["_aws"] = {"Timestamp": int(at_epoch_seconds * 1000), "CloudWatchMetrics": [directive]}
        return json.dumps(fields, ensure_ascii=True)

    def as_line_of(self, outcome: str, error: Exception, **more: str) -> str:
        """Return the line that says of which record or event, and where in our code."""
        fields = {
            "level": "ERROR",
            "function": "notices",
            "request_id": self.request_id,
            "outcome": outcome,
            **more,
            "fault": frames_of(error),
        }
        return json.dumps(fields, ensure_ascii=True)


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
        Send the mails of *records* and return the sequence numbers of those that failed.

        A failed record does not keep back the ones behind it, nor one address another.
        What was sent before is not sent again, so a batch can be repeated whole.
        """
        log = _BatchLog(request_id=request_id, stage=self.stage, records=len(records))
        failed = []
        for record in records:
            try:
                self._tell(record, log)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
                log.outcomes[FAILED] += 1
                failed.append(_sequence_number(record))
                self.write_line(log.as_line_of(FAILED, error, sequence_number=failed[-1]))
        self.write_line(log.as_line(at_epoch_seconds=self.clock()))
        return failed

    def _tell(self, record: Record, log: _BatchLog) -> None:
        event = told_event(record)
        if event is None or event.kind not in TOLD:
            log.outcomes[IGNORED] += 1
            return
        recipient = self.recipients.of(event.tenant_id, event.user_id, at=event.occurred_at)
        if recipient is None or not recipient.addresses:
            log.outcomes[NOBODY if recipient is None else NO_ADDRESS] += 1
            return
        mails = compose(event, recipient)
        if not self._is_within_budget(event):
            log.outcomes[OVER_BUDGET] += 1
            return
        unavailable = None
        for mail in mails:
            try:
                log.outcomes[self._outcome(event, mail, log)] += 1
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

    def _outcome(self, event: Event, mail: Mail, log: _BatchLog) -> str:
        if self.sent.has(event.event_id, mail.to):
            return REPEATED
        outcome = SENT
        try:
            self.sender.send(mail)
        except MailRefusedError as error:
            # To ask again would hold up others' mails for a day, and change nothing.
            outcome = REFUSED
            self.write_line(log.as_line_of(REFUSED, error, event=event.event_id))
        try:
            self.sent.note(event.event_id, mail.to, now=int(self.clock()))
        except ServiceUnavailableError:
            # The mail is on its way: to call that a failure would only send it twice.
            return SENT_UNMARKED if outcome == SENT else outcome
        return outcome


def _sequence_number(record: Record) -> str:
    try:
        return str(record["dynamodb"]["SequenceNumber"])
    except (LookupError, TypeError):
        return ""  # by which Lambda understands that the whole batch failed
