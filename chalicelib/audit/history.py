"""The port: what happened to a user, and who the user of a reference is. It only reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from chalicelib.audit.event import Event

# How far back a reference is looked for, today included.
REFERENCE_DAYS = 7
# Sign-ins and attempts come many times a day, and of the others whoever is signed in can make any
# number: among them the few that the help desk has to see would be lost.
_TOO_MANY_TO_LIST = (
    *("session.", "attempt.", "hand_off.", "assertion.issued", "enrolment."),
    *("authenticator.renamed", "browser.forgotten", "recovery_codes.acknowledged"),
)


def is_listed(kind: str) -> bool:
    """Say whether events of *kind* are among those that are listed for a user."""
    return not kind.startswith(_TOO_MANY_TO_LIST)


class EventHistory(Protocol):
    """Events as the help desk reads them, a moment behind those who write them."""

    def of_user(self, tenant_id: str, user_id: str, *, limit: int) -> tuple[Event, ...]:
        """
        Return the last *limit* changes of the user's second factor, newest first.

        Those of one second in one order whenever they are asked for. Only kinds that are listed
        (`is_listed`).

        Raises:
            ServiceUnavailableError: The events cannot be read.
        """

    def users_of_reference(self, tenant_id: str, reference: str, *, now: int) -> Iterator[str | None]:
        """
        Look through the tenant's last days, newest first, for the sign-in in which *reference* was told.

        Yields for each part that was looked through the id of that sign-in's user, or None where
        it is not in it. Whom a sign-in was used upon, as the help desk's is, is not its user. A
        part is a megabyte at most, and a busy tenant has any number of them: when to stop is for
        the caller to say.

        Raises:
            ServiceUnavailableError: The events cannot be read.
        """
