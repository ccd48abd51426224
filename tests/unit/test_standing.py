"""What the page is told of a sign-in: everything it shows, and no secret."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.accounts.record import User
from chalicelib.authenticators.record import Authenticator, BoundAuthenticators, PendingAuthenticator
from chalicelib.caller import Caller
from chalicelib.keys.cipher import SealedSecret
from chalicelib.sessions.session import start_session
from chalicelib.standing import Standing, find_standing, timestamp
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant
from tests.support.clock import A_MONDAY_MORNING
from tests.support.memory import memory_stores
from tests.support.world import COZONE

NOW = A_MONDAY_MORNING
OPENED = start_session(tenant_id="cozone", user_id="u1", epoch=0, now=NOW)
USER = User(
    tenant_id="cozone",
    user_id="u1",
    username="anna@firma.se",
    language="sv",
    status="enrolled",
    epoch=0,
    created_at=0,
    password_hash="canary-hash",
)
TENANT = Tenant(profile=Profile.from_json(COZONE), version=1, lookup_key=b"key")
CALLER = Caller(opened=OPENED, user=USER, tenant=TENANT)
SEALED = SealedSecret(ciphertext=b"canary-ciphertext", key_arn="canary-arn")
ENTRY = Authenticator(
    authenticator_id="canary-id",
    name="Google Authenticator",
    sealed=SEALED,
    last_accepted_time_step=1,
    bound_at=NOW - 60,
    last_used_at=None,
)
BOUND = BoundAuthenticators(method="totp", is_disabled=False, consecutive_failures=3, entries=(ENTRY,))
PENDING = PendingAuthenticator(
    authenticator_id="canary-id",
    method="totp",
    name="Google Authenticator",
    sign_in_id=OPENED.session.sign_in_id,
    sealed=SEALED,
    phone="iphone",
    same_phone=True,
    begun_at=NOW,
    expires_at=NOW + 1_800,
    epoch=0,
    replaces=None,
)


def test_a_first_sign_in_stands_at_the_beginning() -> None:
    assert Standing(caller=CALLER, bound=None, pending=None).as_json() == {
        "reference": OPENED.session.reference,
        "tenant": "cozone",
        "username": "anna@firma.se",
        "second_factor": "none",
        "verified": False,
        "verified_by": None,
        "recovery_codes": {"offered": True, "made": False, "due": False},
        "reset_code_required": False,
        "role": "user",
        "password_fresh_until": None,
        "enrolment": None,
        "authenticator": None,
        "hand_off": None,
        "password": "directory",
        "policy": {"second_factor": "required", "due_at": None},
        "expires_at": "2026-11-23T09:15:00Z",
        "ends_at": "2026-11-23T10:00:00Z",
    }


@pytest.mark.requirement("T12", "B46", "A2")
def test_what_is_bound_and_what_waits_is_told_without_secrets_or_ids() -> None:
    told = Standing(caller=CALLER, bound=BOUND, pending=PENDING).as_json()
    assert told["second_factor"] == "active"
    assert told["authenticator"] == {
        "name": "Google Authenticator",
        "bound_at": "2026-11-23T08:59:00Z",
        "last_used_at": None,
    }
    assert told["enrolment"] == {
        "phone": "iphone",
        "same_phone": True,
        "expires_at": "2026-11-23T09:30:00Z",
    }
    text = json.dumps(told)
    for secret in ("canary", OPENED.session_id, OPENED.session.session_key):
        assert secret not in text


@pytest.mark.requirement("L3")
def test_a_disabled_authenticator_is_told_as_such() -> None:
    standing = Standing(caller=CALLER, bound=replace(BOUND, is_disabled=True), pending=None)
    assert standing.as_json()["second_factor"] == "disabled"


@pytest.mark.requirement("B35", "E3")
@pytest.mark.parametrize(
    ("pending", "now", "is_told"),
    [
        (PENDING, NOW + 1_800, True),
        (PENDING, NOW + 1_801, False),
        (replace(PENDING, attempts=10), NOW, False),
        (replace(PENDING, sign_in_id="another sign-in"), NOW, False),
    ],
    ids=["own", "expired", "exhausted", "another's"],
)
def test_only_an_own_live_key_is_told_of(pending: PendingAuthenticator, now: int, *, is_told: bool) -> None:
    stores = memory_stores()
    stores.transactions.commit(stores.authenticators.begun(CALLER.owner, pending))
    standing = find_standing(stores.authenticators, CALLER, method="totp", now=now)
    assert (standing.pending is not None) is is_told


def test_the_authenticator_used_last_is_the_one_at_hand() -> None:
    older = replace(ENTRY, authenticator_id="older", last_used_at=NOW - 30)
    newer = replace(ENTRY, authenticator_id="newer", last_used_at=NOW)
    for entries in ((older, newer, ENTRY), (ENTRY, newer, older)):
        assert replace(BOUND, entries=entries).latest_used == newer
    assert replace(BOUND, entries=()).latest_used is None


def test_times_are_told_in_utc() -> None:
    assert timestamp(A_MONDAY_MORNING) == "2026-11-23T09:00:00Z"
    assert timestamp(None) is None
