"""What ends up in a traceback or a debugger's log line holds no secret."""

from __future__ import annotations

import pytest

from chalicelib.accounts.record import User
from chalicelib.caller import Caller, Occasion
from chalicelib.help_desk.cursor import ListKind
from chalicelib.help_desk.interventions import Given
from chalicelib.keys.cipher import SealedSecret
from chalicelib.methods import TotpMethod
from chalicelib.recovery.code import RecoveryCode
from chalicelib.recovery_codes.record import StoredCode
from chalicelib.resets.record import Reset, ResetCode
from chalicelib.sessions.session import OpenSession, Replacement, rotate, start_session
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant
from chalicelib.totp import OneTimePassword, SharedSecret
from chalicelib.web.endpoints import Call
from tests.support.world import COZONE

SECRET = SharedSecret(b"canary-secret-octets")
OPENED = start_session(tenant_id="cozone", user_id="u1", epoch=0, now=0)
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
TENANT = Tenant(profile=Profile.from_json(COZONE), version=1, lookup_key=b"canary")
RESET_CODE = ResetCode("7F3K9ABC")
RESET = Reset(
    code_hash="canary-hash",
    salt=b"canary-salt",
    request_hash="h",
    reset_at=0,
    opens_at=0,
    expires_at=0,
    by="stina",
)
OFFER = TotpMethod().offer(SECRET, issuer="Cozone", account_name="anna")


@pytest.mark.requirement("A2", "B44")
@pytest.mark.parametrize(
    ("value", "canaries"),
    [
        (SECRET, [str(SECRET.octets), SECRET.base32, SECRET.octets.hex(), "canary"]),
        (OneTimePassword("123456"), ["123456"]),
        (RecoveryCode("A", "7KQ2M9XRT48WP"), ["7KQ2M"]),
        (StoredCode(code_hash="canary-hash"), ["canary"]),
        (OFFER, [SECRET.base32, "otpauth", OFFER.qr.path]),
        (OFFER.qr, [OFFER.qr.path]),
        (SealedSecret(ciphertext=b"canary", key_arn="arn"), ["canary"]),
        (USER, ["canary-hash"]),
        (OPENED, [OPENED.session_id]),
        (Caller(opened=OPENED, user=USER, tenant=TENANT), [OPENED.session_id, "canary-hash"]),
        (
            Replacement(replaced_at=0, request_hash="h", salt=b"canary", answer={"username": "canary"}),
            ["canary"],
        ),
        (TENANT, ["canary"]),
        (
            Call(
                body={"password": "canary"},
                query={"tenant": "canary"},
                occasion=Occasion(now=0, request_id="r", request_hash="h"),
                host="cozone.example",
                idempotency_key="canary",
                session_id="canary",
                browser_id="canary",
            ),
            ["canary"],
        ),
        (RESET_CODE, [RESET_CODE.characters, RESET_CODE.spelled]),
        (Given(code=RESET_CODE, reset=RESET), [RESET_CODE.characters, "canary"]),
        (ListKind(key=b"canary", statuses=(), prefix=""), ["canary"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_repr_holds_no_secret(value: object, canaries: list[str]) -> None:
    for canary in canaries:
        assert canary not in repr(value)
        assert canary not in str(value)
        assert canary not in f"{value}"


@pytest.mark.requirement("A2")
def test_a_rotations_halves_are_both_hidden() -> None:
    rotation = rotate(OPENED, now=0)
    assert repr(rotation.salt) not in repr(rotation)
    assert rotation.successor.session_id not in repr(rotation)


def test_two_sessions_are_still_told_apart() -> None:
    other = OpenSession(session_id="other", session=OPENED.session)
    assert other != OPENED
