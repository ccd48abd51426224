"""Records to store, whole and valid, of which a test changes what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from chalicelib.accounts.record import NOT_ENROLLED, User
from chalicelib.audit.event import SESSION_STARTED, Event
from chalicelib.authenticators.record import Attempt, Authenticator, Owner, PendingAuthenticator
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.errors import TwoFactorError
from chalicelib.keys.cipher import SealedSecret
from tests.support.clock import A_MONDAY_MORNING

NOW = A_MONDAY_MORNING
STEP = NOW // 30
HOUR = 3_600
METHOD = "totp"
Commit = Callable[..., None]
ANNA = Owner(tenant_id="cozone", user_id="anna")
BERIT = Owner(tenant_id="cozone", user_id="berit")


def a_user(**differences: Any) -> User:
    user = User(
        tenant_id="cozone",
        user_id="anna",
        username="anna@firma.se",
        language="sv",
        status=NOT_ENROLLED,
        epoch=0,
        created_at=NOW,
        password_hash="$argon2id$first",
    )
    return replace(user, **differences)


def a_pending(authenticator_id: str = "new", **differences: Any) -> PendingAuthenticator:
    pending = PendingAuthenticator(
        authenticator_id=authenticator_id,
        method=METHOD,
        name="Google Authenticator",
        sign_in_id="sign-in",
        sealed=SealedSecret(ciphertext=b"\x00sealed\xff", key_arn="arn:key", version=1),
        phone="android",
        same_phone=False,
        begun_at=NOW,
        expires_at=NOW + 1_800,
        epoch=0,
        replaces=None,
    )
    return replace(pending, **differences)


def an_entry(authenticator_id: str = "new", **differences: Any) -> Authenticator:
    entry = Authenticator(
        authenticator_id=authenticator_id,
        name="Google Authenticator",
        sealed=SealedSecret(ciphertext=b"\x00sealed\xff", key_arn="arn:key", version=1),
        last_accepted_time_step=STEP - 10,
        bound_at=NOW,
        last_used_at=NOW,
    )
    return replace(entry, **differences)


def an_attempt(attempt_id: str = "a", **differences: Any) -> Attempt:
    attempt = Attempt(
        caller="session",
        attempt_id=attempt_id,
        made_at=NOW,
        request_id=f"request of {attempt_id}",
        reference="7f3k9abc",
    )
    return replace(attempt, **differences)


def an_event(event_id: str = "e1") -> Event:
    return Event(
        kind=SESSION_STARTED,
        tenant_id="cozone",
        user_id="anna",
        occurred_at=NOW,
        actor="anna",
        request_id="r1",
        reference="7f3k9abc",
        event_id=event_id,
    )


def bind(
    store: AuthenticatorStore, commit: Commit, authenticator_id: str = "new", *, owner: Owner = ANNA
) -> None:
    """Let *owner* have begun and confirmed an authenticator just now."""
    pending = a_pending(authenticator_id)
    commit(store.begun(owner, pending))
    commit(*store.confirmed(owner, pending, an_entry(authenticator_id), now=NOW))


def outcomes_in_parallel(calls: Iterable[Callable[[], object]]) -> list[str]:
    """Return what became of *calls* made at once: ``ok`` or the error's class name."""

    def outcome(call: Callable[[], object]) -> str:
        try:
            call()
        except TwoFactorError as error:
            return type(error).__name__
        return "ok"

    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(outcome, calls))
