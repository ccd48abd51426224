"""Events and recipients to compose mails of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.audit import event as audit
from chalicelib.audit.event import Event
from chalicelib.notices.mail import Recipient
from chalicelib.tenants.profile import Profile
from tests.support.world import COZONE

NOON_IN_SWEDEN = 1_795_431_600  # 2026-11-23 11:00 UTC
KINDS = {value for name, value in vars(audit).items() if name.isupper() and isinstance(value, str)}


def an_event(kind: str = audit.AUTHENTICATOR_BOUND, **differences: Any) -> Event:
    """Return an event whose user is Anna of ``cozone``, who did it herself."""
    event = Event(
        kind=kind,
        tenant_id="cozone",
        user_id="anna",
        occurred_at=NOON_IN_SWEDEN,
        actor="anna",
        request_id="request",
        reference="7f3k9abc",
        subject="authenticator",
        source="203.0.113.0/24",
        event_id="0123456789abcdef0123456789abcdef",
    )
    return replace(event, **differences)


DETAILS = {
    audit.RECOVERY_CODE_USED: [{"left": "6"}, {"left": "3"}],
    audit.ATTEMPTS_WARNED: [
        {"failures": failures, "of": of} for of in ("totp", "recovery") for failures in ("5", "19", "30")
    ],
    audit.SECOND_FACTOR_RESET: [
        {"identity_check": "call_back", "reason": "canary-reason", "ticket": "canary-ticket"}
    ],
}


def every_event_told(kinds: frozenset[str]) -> list[Event]:
    """Return an event of each of *kinds*, and of each form that it has."""
    return [
        an_event(kind, details=details) for kind in sorted(kinds) for details in DETAILS.get(kind, [None])
    ]


def a_profile(**differences: Any) -> Profile:
    """Return the profile of ``cozone`` but for *differences*."""
    return Profile.from_json(COZONE | differences)


def a_recipient(profile: Profile | None = None, *, language: str = "sv", **differences: Any) -> Recipient:
    """Return Anna."""
    recipient = Recipient(profile=profile or a_profile(), language=language, addresses=("anna@firma.se",))
    return replace(recipient, **differences)
