"""The ports: whom to tell, what was told before, and who carries mail."""

from __future__ import annotations

from typing import Protocol

from chalicelib.notices.mail import Mail, Recipient


class MailRefusedError(Exception):
    """This mail will never be taken, at least not as it is."""


class MailUnansweredError(Exception):
    """The answer was lost: this mail may be on its way, or not."""


class Recipients(Protocol):
    """Users, as far as a notice needs to know them."""

    def of(self, tenant_id: str, user_id: str, *, at: int) -> Recipient | None:
        """
        Return whom to tell of an event of that time, strongly read; None where user or tenant are gone.

        Addresses that others have taken the place of are among them for 30 days.

        Raises:
            ServiceUnavailableError: It cannot be read now.
            NewerRowError: A newer release wrote it.
        """


class SentMails(Protocol):
    """What was told before, for a month; and how much of it today."""

    def has(self, event_id: str, address: str) -> bool:
        """Say whether *address* is done with as to the event. Raises `ServiceUnavailableError`."""

    def note(self, event_id: str, address: str, *, now: int) -> None:
        """
        Note that *address* was told of the event, or never will be. Noting it twice changes nothing.

        Raises:
            ServiceUnavailableError: It is not known whether it is noted.
        """

    def count_unanswered(self, event_id: str, address: str, *, now: int) -> int:
        """
        Count that a mail was handed over without an answer, and return how often by now.

        One write that adds; it is no note that *address* was told. Where its own answer is lost,
        DynamoDB's client may count it twice: then it is given up one try earlier.

        Raises:
            ServiceUnavailableError: It is not known whether it is counted.
        """

    def within_budget(self, tenant_id: str, user_id: str, *, event_id: str, at: int, most: int) -> bool:
        """
        Count the event among those of its day, and say whether it is one of *most*.

        *at* is when it happened (epoch seconds); days are UTC's. One conditional write. The same
        event counts once, however often it is asked for.

        Raises:
            ServiceUnavailableError: It cannot be counted now.
        """


class MailSender(Protocol):
    """Carries mail away."""

    def send(self, mail: Mail) -> None:
        """
        Hand *mail* to whoever delivers it.

        Raises:
            MailRefusedError: It will never be taken.
            MailUnansweredError: It is not known whether it was taken.
            ServiceUnavailableError: It was not taken now.
        """
