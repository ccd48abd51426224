"""What a portal's own sign-in asks: where a user stands, and whether a code is right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.grace import grace_until
from chalicelib.accounts.record import user_id_of
from chalicelib.accounts.store import AccountStore
from chalicelib.assertions.assertion import TWO_STEP, methods_proven
from chalicelib.audit.event import AUTHENTICATOR_DISABLED
from chalicelib.authenticators.record import Attempt, BoundAuthenticators, Owner
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Occasion, PortalClient
from chalicelib.errors import OtpAlreadyUsedError
from chalicelib.sessions.session import CODE, REFERENCE_CHARACTERS, REPEATABLE_SECONDS
from chalicelib.standing import timestamp
from chalicelib.totp import OneTimePassword
from chalicelib.verifier import Verifier

# What a portal does next, whatever else it is told.
VERIFY = "verify"
ENROL = "enrol"
OFFER = "offer"
SUPPORT = "support"


@dataclass(frozen=True, kw_only=True)
class SecondFactor:
    """Answers a portal about its own users."""

    verifier: Verifier
    authenticators: AuthenticatorStore
    accounts: AccountStore
    method: str

    def status(self, client: PortalClient, portal_user: str, *, now: int) -> dict[str, Any]:
        """
        Return where the user stands, and what the portal does next.

        A user never seen is told like one without a second factor, at the same
        number of calls. Nothing the portal says decides: only what is stored does.
        """
        policy = client.tenant.profile.policy
        owner = _owner(client, portal_user)
        bound = self.authenticators.bound(owner, self.method)
        due_at, is_reset = None, False
        if bound is None:
            user = self.accounts.get(owner.tenant_id, owner.user_id)
            is_reset = user is not None and user.reset_pending
            due_at = grace_until(
                self.accounts,
                policy,
                tenant_id=owner.tenant_id,
                user_id=owner.user_id,
                user=user,
                now=now,
            )
        # Who had a second factor until the help desk took it away is not let in without one,
        # whatever the tenant asks of others: their password alone would be worth more than before.
        is_required = policy.is_required or is_reset
        return {
            "user": portal_user,
            "second_factor": _standing(bound),
            "policy": policy.second_factor,
            "due_at": timestamp(due_at),
            "next": _next(bound, is_required=is_required, due_at=due_at, now=now),
        }

    def verify(
        self,
        client: PortalClient,
        portal_user: str,
        occasion: Occasion,
        *,
        otp: OneTimePassword,
        attempt_id: str,
    ) -> dict[str, Any]:
        """
        Return the proof that the user's code was accepted, once.

        Counted, throttled and spent together with the wizard's codes. The same
        attempt with the same code, within 60 seconds, is answered the same and counts
        nothing: so a portal that draws one attempt's id for ever gains nothing by it.

        Raises:
            Whatever `Verifier.verify` raises. An unknown user has no authenticator either.
        """
        owner = _owner(client, portal_user)
        attempt = _attempt(client, occasion, otp, attempt_id=attempt_id)
        bound = self.verifier.verify(
            owner,
            otp,
            attempt,
            strict=client.tenant.profile.strict_window,
            disabled_event=occasion.event_by(
                client, AUTHENTICATOR_DISABLED, user_id=owner.user_id, reference=attempt.reference
            ),
            find_user=lambda: self.accounts.get(owner.tenant_id, owner.user_id),
        )
        latest = bound.latest_used
        used_at = latest.last_used_at if latest else None
        if used_at is None or occasion.now - used_at > REPEATABLE_SECONDS:
            raise OtpAlreadyUsedError
        return {
            "user": portal_user,
            "second_factor": "active",
            "verified_at": timestamp(used_at),
            "amr": methods_proven(CODE),
            "acr": TWO_STEP,
        }


def _owner(client: PortalClient, portal_user: str) -> Owner:
    # The tenant is the client's own: there is no id by which to ask about another's user.
    return Owner(tenant_id=client.tenant_id, user_id=user_id_of(client.tenant.lookup_key, portal_user))


def attempt_reference(client: PortalClient, attempt_id: str) -> str:
    """Return by what the log and the events name an attempt of *client*: no more than it sent itself."""
    named = f"{client.client_id}|{attempt_id}"
    return hashlib.sha256(named.encode()).hexdigest()[:REFERENCE_CHARACTERS]


def _attempt(client: PortalClient, occasion: Occasion, otp: OneTimePassword, *, attempt_id: str) -> Attempt:
    return Attempt(
        caller=f"client {client.client_id}",
        # Another code is another attempt, whatever the portal calls it.
        attempt_id=f"{attempt_id}|{otp.digits}",
        made_at=occasion.now,
        request_id=occasion.request_id,
        reference=attempt_reference(client, attempt_id),
    )


def _standing(bound: BoundAuthenticators | None) -> str:
    if bound is None:
        return "none"
    return "disabled" if bound.is_disabled else "active"


def _next(bound: BoundAuthenticators | None, *, is_required: bool, due_at: int | None, now: int) -> str:
    if bound is not None:
        return SUPPORT if bound.is_disabled else VERIFY
    if is_required and (due_at is None or due_at <= now):
        return ENROL
    return OFFER
