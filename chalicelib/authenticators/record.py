"""The stored records of authenticators, frozen. Times are epoch seconds."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    UNLOCKS_PER_MONTH,
    end_of_month_epoch_seconds,
    month_of,
)

PENDING_SECONDS = 30 * 60
MOST_CONFIRMATION_ATTEMPTS = 10
MOST_AUTHENTICATORS = 5
LONGEST_ID_CHARACTERS = 32
LONGEST_NAME_CHARACTERS = 40
# Stands for all of a user's authenticators where one would be named: no id looks like it.
ALL = "*"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose authenticator it is."""

    tenant_id: str
    user_id: str

    def seal_context(self, authenticator_id: str, sealed_version: int) -> SealContext:
        """Return the one context in which this owner's sealed secret opens."""
        return SealContext(
            tenant_id=self.tenant_id,
            user_id=self.user_id,
            authenticator_id=authenticator_id,
            version=sealed_version,
        )


@dataclass(frozen=True, kw_only=True)
class Authenticator:
    """One bound authenticator. No code of *last_accepted_time_step* or before works again."""

    authenticator_id: str
    name: str
    sealed: SealedSecret
    last_accepted_time_step: int
    bound_at: int
    last_used_at: int | None


@dataclass(frozen=True, kw_only=True)
class BoundAuthenticators:
    """
    All of a user's authenticators of one method; failures count for them together.

    *entries* are in the order in which they were bound, whatever order the store has kept.
    *last_attempt_at* and what is counted by month are only shown: the store itself decides by them.
    """

    method: str
    is_disabled: bool
    consecutive_failures: int
    entries: tuple[Authenticator, ...]
    last_attempt_at: int = field(default=0, compare=False)
    failures_by_month: Mapping[str, int] = field(default_factory=dict, compare=False)
    unlocks_by_month: Mapping[str, int] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Put the entries in their order."""
        in_order = sorted(self.entries, key=lambda entry: (entry.bound_at, entry.authenticator_id))
        object.__setattr__(self, "entries", tuple(in_order))

    def has_reached_month_cap(self, *, now: int) -> bool:
        """Say whether so many codes were wrong in this month that no more are looked at."""
        return self.failures_by_month.get(month_of(now), 0) >= OTP_FAILURES_PER_MONTH

    def has_reached_unlock_cap(self, *, now: int) -> bool:
        """Say whether the help desk has unlocked them so often in this month that it no longer can."""
        return self.unlocks_by_month.get(month_of(now), 0) >= UNLOCKS_PER_MONTH

    def waits_until(self, *, now: int) -> int | None:
        """Return from when the next code is looked at (epoch seconds), None for at once or never."""
        if self.is_disabled:
            return None
        due_at = self.last_attempt_at + OTP_LADDER.wait_seconds(self.consecutive_failures)
        if self.has_reached_month_cap(now=now):
            due_at = max(due_at, end_of_month_epoch_seconds(now))
        return due_at if due_at > now else None

    @property
    def latest_used(self) -> Authenticator | None:
        """The one the user most likely has at hand."""
        return max(self.entries, key=lambda entry: entry.last_used_at or entry.bound_at, default=None)

    def entry(self, authenticator_id: str) -> Authenticator | None:
        """Return the one of that id, or None if it is not among these."""
        return next((entry for entry in self.entries if entry.authenticator_id == authenticator_id), None)


@dataclass(frozen=True, kw_only=True)
class Place:
    """
    Where a new authenticator goes once a code has proven it, and under which name.

    *replaces* is the id of the one that gives way, or `ALL` where all of them are disabled.
    *is_further* says that it comes beside those already bound; neither, that it is the first.
    """

    name: str
    replaces: str | None = None
    is_further: bool = False


@dataclass(frozen=True, kw_only=True)
class PendingAuthenticator:
    """
    An authenticator that no code has proven yet. It belongs to one sign-in.

    *epoch* is the user's when it was begun: if anything else changed since, it
    cannot be confirmed. *name*, *replaces* and *is_further* are those of its `Place`.
    """

    authenticator_id: str
    method: str
    name: str
    sign_in_id: str
    sealed: SealedSecret
    phone: str
    same_phone: bool
    begun_at: int
    expires_at: int
    epoch: int
    replaces: str | None
    is_further: bool = False
    attempts: int = 0

    @property
    def place(self) -> Place:
        """Where it goes once it is confirmed."""
        return Place(name=self.name, replaces=self.replaces, is_further=self.is_further)

    def is_confirmable(self, *, now: int) -> bool:
        """Say whether a right code would still confirm it."""
        return self.expires_at >= now and self.attempts < MOST_CONFIRMATION_ATTEMPTS


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """
    One try at a code, told apart from every other.

    *caller* is who tries it (a session's key or a client's id), *attempt_id* what
    the caller calls it: repeating both repeats the answer. *made_at* is the
    server's time in epoch seconds. *request_id* and *reference* say where it came
    from, for the event that tells of it.
    """

    caller: str
    attempt_id: str
    made_at: int
    request_id: str
    reference: str

    @property
    def digest(self) -> str:
        """What the store remembers of it."""
        return hashlib.sha256(f"{self.caller}|{self.attempt_id}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """
    An attempt that has been counted, before its code is looked at.

    *was_accepted* is true when this very attempt succeeded earlier: nothing was
    counted and nothing needs comparing. *month* is where it was counted,
    *past_months* are counts that no longer matter.
    """

    attempt: Attempt
    month: str
    bound: BoundAuthenticators
    was_accepted: bool
    past_months: tuple[str, ...] = ()


def written_name(typed: str) -> str | None:
    """Return *typed* as a name is kept (NFKC, trimmed), or None if it cannot be shown or is too long."""
    name = unicodedata.normalize("NFKC", typed).strip()
    return name if name.isprintable() and 0 < len(name) <= LONGEST_NAME_CHARACTERS else None


def free_name(usual: str, *, taken: Collection[str]) -> str:
    """Return *usual*, or else the first of "*usual* 2", "*usual* 3" and so on that is not *taken*."""
    name, number = usual, 1
    while name in taken:
        number += 1
        name = f"{usual} {number}"
    return name
