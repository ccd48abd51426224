"""The kit names each fault of a portal's call, where Tvåsteg itself only refuses it."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from calls import Calls

KEY = ECKey.generate_key("P-256", {"kid": "portal-1"})
OTHER_KEY = ECKey.generate_key("P-256", {"kid": "portal-1"})
URL = "http://127.0.0.1:8002/api/portal/status"
BODY = b'{"user": "1001"}'
HAND_OFF = {
    "user": "1001",
    "username": "anna@firma.se",
    "language": "sv",
    "identity_verified": True,
    "purpose": "sign-in",
    "return_url": "http://127.0.0.1:8001/return",
    "state": "s" * 16,
    "nonce": "n" * 16,
}


@pytest.fixture
def calls() -> Calls:
    """A portal's calls, none yet."""
    return Calls(client_id="example.web", keys=KeySet([KEY]))


def _headers(
    *, key: ECKey = KEY, kid: str = "portal-1", iat: int = 0, exp: int = 60, **changes: Any
) -> dict[str, str]:
    """Return a right call's headers but for *changes* of its claims; the times are seconds from now."""
    now = int(time.time())
    digest = base64.urlsafe_b64encode(hashlib.sha256(BODY).digest()).decode().rstrip("=")
    claims: dict[str, Any] = {"iss": "example.web", "sub": "example.web", "aud": URL, "body_sha256": digest}
    claims |= {"iat": now + iat, "exp": now + exp, "jti": "j" * 16, **changes}
    proof = jwt.encode({"alg": "ES256", "kid": kid}, claims, key)
    return {"Authorization": f"Bearer {proof}", "Content-Type": "application/json"}


def test_a_right_call_is_taken(calls: Calls) -> None:
    assert calls.take("status", url=URL, headers=_headers(), body=BODY)
    calls.look_at("status", json.loads(BODY))
    assert (calls.count, calls.faults) == (1, set())


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"iss": "other.web"}, "iss is not example.web"),
        ({"sub": "other.web"}, "sub is not example.web"),
        ({"aud": "http://127.0.0.1:8002"}, f"aud is not {URL}"),
        ({"body_sha256": "x"}, "body_sha256 is not that of the body"),
        ({"exp": 600}, "it lives longer than 120 s"),
        ({"iat": -200, "exp": -100}, "it has expired"),
        ({"iat": 200, "exp": 260}, "iat is in the future"),
        ({"jti": "short"}, "jti is not 16 to 128 characters"),
        ({"jti": None}, "the proof in Authorization is not readable"),
        ({"key": OTHER_KEY}, "the proof in Authorization is not readable"),
        ({"kid": "unknown"}, "the proof in Authorization is not readable"),
    ],
)
def test_a_wrong_proof_is_refused_and_the_fault_named(
    changes: dict[str, Any], fault: str, calls: Calls
) -> None:
    assert not calls.take("status", url=URL, headers=_headers(**changes), body=BODY)
    (named,) = calls.faults
    assert named.startswith(f"status: {fault}")


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({"Authorization": ""}, "there is no proof of the client in Authorization"),
        ({"Content-Type": "text/plain"}, "Content-Type is not application/json"),
    ],
)
def test_wrong_headers_are_named(headers: dict[str, str], fault: str, calls: Calls) -> None:
    assert not calls.take("status", url=URL, headers=_headers() | headers, body=BODY)
    assert calls.faults == {f"status: {fault}"}


def test_a_proof_is_good_for_one_call(calls: Calls) -> None:
    headers = _headers()
    assert calls.take("status", url=URL, headers=headers, body=BODY)
    assert not calls.take("status", url=URL, headers=headers, body=BODY)
    assert calls.faults == {"status: jti was used before"}


@pytest.mark.parametrize(
    ("question", "changes", "fault"),
    [
        ("status", {"username": "anna@firma.se"}, "username is not known"),
        ("verification", {"otp": "123456"}, "attempt_id is missing"),
        (
            "verification",
            {"otp": "123456", "attempt_id": "short"},
            "attempt_id is not 16 to 64 letters, digits, - or _",
        ),
        ("hand-off", {**HAND_OFF, "identity_verified": False}, "identity_verified is not true"),
        ("hand-off", {**HAND_OFF, "purpose": "other"}, "purpose is neither sign-in nor manage"),
        ("hand-off", {**HAND_OFF, "auth_time": 0}, "auth_time is not that of a fresh password check"),
        ("hand-off", {**HAND_OFF, "state": "short"}, "state is not 16 to 512 characters"),
    ],
)
def test_wrong_fields_are_named(question: str, changes: dict[str, Any], fault: str, calls: Calls) -> None:
    auth_time = {"auth_time": int(time.time())} if question == "hand-off" else {}
    calls.look_at(question, {"user": "1001", **auth_time, **changes})
    assert calls.faults == {f"{question}: {fault}"}


def test_a_state_is_good_for_one_hand_off(calls: Calls) -> None:
    for nonce in ("n" * 16, "m" * 16):
        calls.look_at("hand-off", {**HAND_OFF, "auth_time": int(time.time()), "nonce": nonce})
    assert calls.faults == {"hand-off: state was used before"}
