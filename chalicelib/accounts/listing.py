"""
The port: a tenant's users as lists show them, by name. Lists decide nothing.

They are read a moment behind the users themselves, and never show the help desk's staff.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.accounts.record import User, normalised_username

# DynamoDB takes no longer sort key than 1,024 bytes.
_LONGEST_NAME_KEY_BYTES = 1_016


@dataclass(frozen=True, kw_only=True)
class Place:
    """
    How far a list was read: up to the users called *name*.

    Of those, *last_ids* are the ones read last, one for each status that has any; names
    may be shared, and each status is a list of its own.
    """

    name: str
    last_ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UserPage:
    """Some users by name, and after which place the next ones come, None if there are no more."""

    users: tuple[User, ...]
    next: Place | None


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many there are; if *is_more*, more than so many, for they were not all counted."""

    number: int
    is_more: bool = False


class UserLists(Protocol):
    """Users of one tenant, by status and name."""

    def page(
        self, tenant_id: str, *, statuses: Sequence[str], prefix: str, after: Place | None, limit: int
    ) -> UserPage:
        """
        Return at most *limit* users of *statuses*, in the order of their names.

        Only those whose name begins with *prefix*, however it is written. Holds a page of
        each status at a time, however many users there are. Who changes status between two
        pages may be shown in both, or in neither.

        Raises:
            ServiceUnavailableError: The list cannot be read.
        """

    def count(self, tenant_id: str, status: str, *, most: int) -> Count:
        """
        Return how many users have *status*, counting no further than shows that they are more than *most*.

        Raises:
            ServiceUnavailableError: The list cannot be read.
        """


def name_key_of(username: str) -> str:
    """Return by what *username* is sorted and searched: NFKC, case folded, and cut where keys end."""
    encoded = normalised_username(username).encode()
    # Folding may make a name longer than a key can be.
    return encoded[:_LONGEST_NAME_KEY_BYTES].decode(errors="ignore")
