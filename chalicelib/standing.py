"""Where a sign-in stands: what has been proven, what is bound, what waits. The page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.authenticators.record import BoundAuthenticators, PendingAuthenticator
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Caller
from chalicelib.sessions.session import OpenSession


@dataclass(frozen=True, kw_only=True)
class Standing:
    """
    One sign-in's state, as the server holds it.

    *pending* is this sign-in's own live pending authenticator, None where it has begun none;
    another's is never shown.
    """

    caller: Caller
    bound: BoundAuthenticators | None
    pending: PendingAuthenticator | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what the page is told; no secret is ever within."""
        session = self.caller.session
        return {
            "reference": session.reference,
            "tenant": session.tenant_id,
            "username": self.caller.user.username,
            "second_factor": self._second_factor(),
            "verified": session.is_verified,
            "verified_by": session.verified_by,
            "recovery_codes": {
                "offered": self.caller.profile.recovery_codes,
                "made": self.caller.user.recovery_set is not None,
                "due": self.caller.profile.recovery_codes and session.enrolled_at is not None,
            },
            "reset_code_required": self.caller.user.reset_pending and session.reset_proven_at is None,
            "role": self.caller.user.role,
            "password_fresh_until": timestamp(session.password_fresh_until),
            "enrolment": enrolment_json(self.pending) if self.pending else None,
            "authenticator": self._authenticator(),
            "hand_off": None if session.purpose is None else {"purpose": session.purpose},
            "password": self.caller.password_holder,
            "policy": {
                "second_factor": self.caller.second_factor,
                "due_at": timestamp(session.due_at),
            },
            "expires_at": timestamp(session.idle_until),
            "ends_at": timestamp(session.ends_at),
        }

    def _second_factor(self) -> str:
        if self.bound is None:
            return "none"
        return "disabled" if self.bound.is_disabled else "active"

    def _authenticator(self) -> dict[str, Any] | None:
        latest = self.bound.latest_used if self.bound else None
        if latest is None:
            return None
        return {
            "name": latest.name,
            "bound_at": timestamp(latest.bound_at),
            "last_used_at": timestamp(latest.last_used_at),
        }


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """
    How a sign-in goes on: the session to use from now on, and where it stands.

    *remembered* is the id by which its browser will be known at later sign-ins, if it will.
    """

    opened: OpenSession
    standing: Mapping[str, Any]
    remembered: str | None = field(default=None, repr=False)


def find_standing(store: AuthenticatorStore, caller: Caller, *, method: str, now: int) -> Standing:
    """Return where *caller* stands; two strong reads."""
    pending = find_own_pending(store, caller, now=now)
    return Standing(caller=caller, bound=store.bound(caller.owner, method), pending=pending)


def find_own_pending(store: AuthenticatorStore, caller: Caller, *, now: int) -> PendingAuthenticator | None:
    """Return what *caller*'s sign-in has begun and can still confirm; one strong read."""
    pending = store.pending(caller.owner)
    if pending is None or pending.sign_in_id != caller.session.sign_in_id:
        return None
    return pending if pending.is_confirmable(now=now) else None


def enrolment_json(pending: PendingAuthenticator) -> dict[str, Any]:
    """Return what the page is told of a pending authenticator: no secret within."""
    return {
        "phone": pending.phone,
        "same_phone": pending.same_phone,
        "expires_at": timestamp(pending.expires_at),
    }


def timestamp(epoch_seconds: int | None) -> str | None:
    """Return a time as ISO 8601 in UTC, or None for none."""
    if epoch_seconds is None:
        return None
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
