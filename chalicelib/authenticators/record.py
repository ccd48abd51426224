"""The stored records of authenticators, frozen. Times are epoch seconds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from chalicelib.keys.cipher import SealContext, SealedSecret

PENDING_SECONDS = 30 * 60
MOST_CONFIRMATION_ATTEMPTS = 10


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
    """All of a user's authenticators of one method; failures count for them together."""

    method: str
    is_disabled: bool
    consecutive_failures: int
    entries: tuple[Authenticator, ...]

    @property
    def latest_used(self) -> Authenticator | None:
        """The one the user most likely has at hand."""
        return max(self.entries, key=lambda entry: entry.last_used_at or entry.bound_at, default=None)


@dataclass(frozen=True, kw_only=True)
class PendingAuthenticator:
    """
    An authenticator that no code has proven yet. It belongs to one sign-in.

    *epoch* is the user's when it was begun: if anything else changed since, it
    cannot be confirmed. *replaces* is the id of the authenticator that gives way.
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
    attempts: int = 0

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
