"""In-memory doubles of the ports of notices, and a notifier over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from chalicelib.accounts.addresses import addresses_told
from chalicelib.audit.dynamodb import DynamoEventLog
from chalicelib.audit.event import Event
from chalicelib.bootstrap import Stores
from chalicelib.errors import NotFoundError
from chalicelib.notices.mail import Mail, Recipient
from chalicelib.notices.notifier import Notifier
from chalicelib.notices.ports import MailSender, Recipients, SentMails
from tests.support.aws import Row
from tests.support.stream import FIRST_SEQUENCE_NUMBER, Record, as_lambda_hands_it


class MemoryRecipients:
    """The `Recipients` double, over the stores that a world has anyway."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def of(self, tenant_id: str, user_id: str, *, at: int) -> Recipient | None:
        user = self._stores.accounts.get(tenant_id, user_id)
        if user is None:
            return None
        try:
            tenant = self._stores.tenants.get(tenant_id)
        except NotFoundError:
            return None
        addresses = addresses_told(user.notice_addresses, user.former_addresses, at=at)
        return Recipient(profile=tenant.profile, language=user.language, addresses=addresses)


class MemorySentMails:
    """The `SentMails` double."""

    def __init__(self) -> None:
        self._noted: set[tuple[str, str]] = set()
        self._unanswered: Counter[tuple[str, str]] = Counter()
        self._told: dict[tuple[str, str, str], set[str]] = {}

    def has(self, event_id: str, address: str) -> bool:
        return (event_id, address) in self._noted

    def note(self, event_id: str, address: str, *, now: int) -> None:
        del now
        self._noted.add((event_id, address))

    def count_unanswered(self, event_id: str, address: str, *, now: int) -> int:
        del now
        self._unanswered[event_id, address] += 1
        return self._unanswered[event_id, address]

    def within_budget(self, tenant_id: str, user_id: str, *, event_id: str, at: int, most: int) -> bool:
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        told = self._told.setdefault((tenant_id, user_id, day), set())
        if event_id not in told and len(told) >= most:
            return False
        told.add(event_id)
        return True


class FakeMailSender:
    """The `MailSender` double: what it was handed, unless it *fails* with the next error of a list."""

    def __init__(self, *fails: Exception) -> None:
        self.mails: list[Mail] = []
        self.fails = list(fails)

    def send(self, mail: Mail) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.mails.append(mail)


class Told:
    """A notifier and what came of it."""

    def __init__(
        self,
        stores: Stores,
        *,
        sender: MailSender | None = None,
        sent: SentMails | None = None,
        recipients: Recipients | None = None,
        clock: Callable[[], float] = lambda: 1_795_424_400.0,
    ) -> None:
        self.fake = FakeMailSender()
        self.sent = sent or MemorySentMails()
        self.lines: list[str] = []
        self.notifier = Notifier(
            recipients=recipients or MemoryRecipients(stores),
            sent=self.sent,
            sender=sender or self.fake,
            clock=clock,
            write_line=self.lines.append,
            stage="dev",
        )

    def of(self, *records: Record) -> list[str]:
        """Deliver *records*, and return what failed."""
        return self.notifier.deliver(records, request_id="an invocation")

    @property
    def mails(self) -> list[Mail]:
        """The mails handed over so far."""
        return self.fake.mails


def record_of(event: Event, *, number: int = 0) -> Record:
    """Return the record of the stream of ``events`` that adds *event*."""
    write: Any = DynamoEventLog().recorded(event).write  # opaque to others: what is put, and how
    return record_of_row(write[1]["Item"], number=number)


def record_of_row(row: Row, *, number: int = 0) -> Record:
    """Return the record of the stream of ``events`` that adds *row*."""
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": 1_795_424_400.0,
        "Keys": {"pk": row["pk"], "sk": row["sk"]},
        "NewImage": row,
        "SequenceNumber": str(FIRST_SEQUENCE_NUMBER + number),
        "SizeBytes": 300,
        "StreamViewType": "NEW_IMAGE",
    }
    return as_lambda_hands_it({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change})


def records_of(events: Iterable[Event]) -> list[Record]:
    """Return the stream that adds *events*."""
    return [record_of(event, number=number) for number, event in enumerate(events)]
