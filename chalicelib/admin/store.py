"""
The port: what operators see and take away of one person, row by row.

Nothing here decides for a user who signs in; that is for the records' own ports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.accounts.record import User
from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Owner
from chalicelib.storage.changes import Change

USER_ROW = "USER"
"""The sort key of the row without which there is no such user."""


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """Some events, and where the next page of the same day begins; None if there is none."""

    events: tuple[Event, ...]
    next: str | None


class PersonRows(Protocol):
    """All that is kept of one user."""

    def rows(self, owner: Owner) -> Iterator[Mapping[str, Any]]:
        """
        Yield every row of *owner*, strongly read, page by page; values as Python knows them.

        Raises:
            ServiceUnavailableError: The rows cannot be read.
            NewerRowError: A newer release wrote one of them.
        """

    def import_mark(self, owner: Owner) -> str | None:
        """Return the mark of the secret that was imported for *owner*, strongly read, if any was."""

    def import_noted(self, owner: Owner, *, mark: str, imported_at: int) -> Change:
        """Return the change that notes which secret was imported, by a mark that does not tell it."""

    def erased(self, user: User, *, lookup: str | None, sort_keys: Sequence[str]) -> tuple[Change, ...]:
        """
        Return the changes that take *user* away, with the rows of *sort_keys* and the name *lookup*.

        Refused with `ConditionRefusedError` if they are no more or another of that id, or the name
        is another's.
        """

    def swept(self, owner: Owner, sort_key: str) -> tuple[Change, ...]:
        """
        Return the changes that remove a row which was left behind by somebody erased.

        Refused with `ConditionRefusedError` if there is such a user.
        """

    def events_of_day(self, owner: Owner, day: str, *, after: str | None) -> EventPage:
        """
        Return some events of *owner* on *day* (``20261123``), sign-ins and attempts included.

        Looks through all the tenant's events of that day, a bounded part of them at a time.

        Raises:
            ServiceUnavailableError: The events cannot be read.
        """
