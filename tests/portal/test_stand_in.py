"""The kit's Tvåsteg speaks as the real one: each right answer has the same parts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import mintotp
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from calls import Calls
from stand_in import Play, StandIn
from tests.local.product import Browser, free_port, make_run, started
from tests.portal.example import CLIENT_ID, RunningPortal, draw_key
from tvasteg import RefusedError, Tvasteg

USER = "1001"
OTHER_USER = "1002"
RETURN_URL = "http://127.0.0.1:8001/return"
MAY_DIFFER = {"expires_at", "verified_at", "due_at"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the portal's key."""
    folder = tmp_path_factory.mktemp("portal")
    draw_key(folder)
    return folder


@pytest.fixture(scope="module")
def real(folder: Path) -> Iterator[Tvasteg]:
    """The product, as it is asked by the portal."""
    port = free_port()
    portal = RunningPortal(port=8001, tvasteg_port=port, keys=folder / "keys.json")
    profile = folder / "tenant.json"
    profile.write_text(json.dumps(portal.profile))
    with started([*make_run(port), "--profile", str(profile)], port=port, folder=folder) as run:
        run.wait_until_ready()
        yield _client(f"http://127.0.0.1:{port}", folder)


@pytest.fixture
def stand_in(folder: Path) -> Iterator[StandIn]:
    """The kit's."""
    keys = KeySet.import_key_set(json.loads((folder / "keys.json").read_text()))
    playing = StandIn(port=free_port(), calls=Calls(client_id=CLIENT_ID, keys=keys))
    with playing.served():
        yield playing


def _client(url: str, folder: Path) -> Tvasteg:
    key = ECKey.import_key(json.loads((folder / "key.json").read_text()))
    return Tvasteg(url=url, client_id=CLIENT_ID, key=key)


def _hands_off(tvasteg: Tvasteg, user: str) -> tuple[str, dict[str, str]]:
    return tvasteg.hand_off(
        identity_verified=True,
        user=user,
        username=f"{user}@firma.se",
        language="sv",
        auth_time=int(time.time()),
        purpose="sign-in",
        return_url=RETURN_URL,
    )


def _enrols(tvasteg: Tvasteg, user: str) -> tuple[str, str, str]:
    """Return the key, the code and the nonce of a user who went through the wizard."""
    link, kept = _hands_off(tvasteg, user)
    page = Browser(urlsplit(link).port or 0)
    page.post("/api/session/hand-off", hand_off=urlsplit(link).fragment.removeprefix("hand-off="))
    offered: Any = page.post("/api/enrolment", phone="android", same_phone=False)
    page.post("/api/enrolment/confirmation", otp=mintotp.totp(offered["key"]))
    back: Any = page.post("/api/session/return")
    query = parse_qs(urlsplit(back["url"]).query)
    assert query["state"] == [kept["state"]]
    return offered["key"], query["code"][0], kept["nonce"]


def _without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in MAY_DIFFER}


def test_the_status_is_told_alike(real: Tvasteg, stand_in: StandIn, folder: Path) -> None:
    played = _client(stand_in.url, folder).ask("status", user=USER)
    asked = real.ask("status", user=USER)
    assert list(asked) == list(played)
    assert _without_times(asked) == _without_times(played)


def test_hand_off_verification_and_assertion_are_alike(
    real: Tvasteg, stand_in: StandIn, folder: Path
) -> None:
    client = _client(stand_in.url, folder)
    key, code, nonce = _enrols(real, USER)
    claims = real.redeem(code, user=USER, nonce=nonce)
    _, kept = _hands_off(client, USER)
    played_claims = client.redeem("code", user=USER, nonce=kept["nonce"])
    assert set(claims) == set(played_claims)
    same = ("aud", "sub", "tenant", "amr", "acr")
    assert [claims[name] for name in same] == [played_claims[name] for name in same]

    stand_in.play = Play(next="verify")
    assert _without_times(real.ask("status", user=USER)) == _without_times(client.ask("status", user=USER))
    attempt = {"user": USER, "otp": mintotp.hotp(key, int(time.time() // 30) + 1), "attempt_id": "a" * 16}
    verified = real.ask("verification", **attempt)
    assert _without_times(verified) == _without_times(client.ask("verification", **attempt))
    assert real.ask("verification", **attempt) == verified


def test_assertions_and_keys_are_put_alike(real: Tvasteg, stand_in: StandIn, folder: Path) -> None:
    client = _client(stand_in.url, folder)
    _, code, _ = _enrols(real, OTHER_USER)
    keys = []
    for tvasteg, one_time_code in ((real, code), (client, "code")):
        published = requests.get(f"{tvasteg.url}/api/jwks", timeout=5).json()
        assertion = tvasteg.ask("assertion", code=one_time_code)["assertion"]
        header = jwt.decode(assertion, KeySet.import_key_set(published), algorithms=["ES256"]).header
        keys.append((set(published), set(published["keys"][0]), set(header), header["alg"], header["typ"]))
    assert keys[0] == keys[1]


@pytest.mark.requirement("M4", "B60")
def test_a_code_is_redeemed_once(real: Tvasteg) -> None:
    _, code, nonce = _enrols(real, "1003")
    assert real.redeem(code, user="1003", nonce=nonce)["sub"] == "1003"
    with pytest.raises(RefusedError, match="return_code_used"):
        real.redeem(code, user="1003", nonce=nonce)
