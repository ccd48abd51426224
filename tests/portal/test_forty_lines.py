"""`tvasteg.py` of the example portal: short enough to be read, and nothing comes out of it but proof."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, KeySet

import cases
from calls import Calls
from chalicelib.local.example_portal import FOLDER
from stand_in import Answer, Play, StandIn
from tests.local.product import free_port
from tests.portal.example import CLIENT_ID, draw_key
from tokens import signed
from tvasteg import RefusedError, Tvasteg

MOST_LINES = 40
USER = "1001"
NO_ANSWERS: dict[str, Callable[[Answer], Answer]] = {
    "500": cases.failed,
    "503": cases.unavailable,
    "a page": cases.page,
    "half an answer": cases.half,
    "a line that breaks": cases.cut,
    "a closed line": cases.closed,
    "a redirect": cases.redirect_to("/elsewhere/status"),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portal's public key, beside the private one."""
    return draw_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def stand_in(keys: Path) -> Iterator[StandIn]:
    """Tvåsteg, as the conformance kit plays it."""
    known = KeySet.import_key_set(json.loads(keys.read_text()))
    playing = StandIn(port=free_port(), calls=Calls(client_id=CLIENT_ID, keys=known))
    with playing.served():
        yield playing


@pytest.fixture
def tvasteg(stand_in: StandIn, keys: Path) -> Tvasteg:
    """What the portal asks it with."""
    key = ECKey.import_key(json.loads(keys.with_name("key.json").read_text()))
    return Tvasteg(url=stand_in.url, client_id=CLIENT_ID, key=key)


def _handed_off(tvasteg: Tvasteg, *, identity_verified: bool = True) -> dict[str, str]:
    link, kept = tvasteg.hand_off(
        identity_verified=identity_verified,
        user=USER,
        username="anna@firma.se",
        language="sv",
        auth_time=int(time.time()),
        purpose="sign-in",
        return_url="http://127.0.0.1:8001/return",
    )
    assert link.startswith(f"{tvasteg.url}/?tenant=example&lang=sv#hand-off=")
    return kept


def lines_of_code(source: str) -> list[str]:
    """Return the lines of a program that are neither blank nor a comment nor a docstring."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    numbered = enumerate(source.splitlines(), start=1)
    return [line for number, line in numbered if line.split("#")[0].strip() and number not in documented]


def test_it_has_at_most_forty_lines() -> None:
    assert 20 < len(lines_of_code((FOLDER / "tvasteg.py").read_text(encoding="utf-8"))) <= MOST_LINES


@pytest.mark.requirement("M4")
def test_what_is_right_comes_out(tvasteg: Tvasteg, stand_in: StandIn) -> None:
    """Every call is proven anew, and the claims are those that Tvåsteg signed."""
    assert tvasteg.ask("status", user=USER)["next"] == "enrol"
    kept = _handed_off(tvasteg)
    claims = tvasteg.redeem("code", user=USER, nonce=kept["nonce"])
    assert (claims["sub"], claims["amr"]) == (USER, ["otp"])
    assert stand_in.calls.count == 3
    assert stand_in.calls.faults == set()


def test_each_hand_off_has_a_state_and_a_nonce_of_its_own(tvasteg: Tvasteg) -> None:
    first, second = _handed_off(tvasteg), _handed_off(tvasteg)
    assert len({*first.values(), *second.values()}) == 4


@pytest.mark.requirement("M6")
@pytest.mark.parametrize("question", ["status", "verification"])
@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_what_is_no_answer_raises(kind: str, question: str, tvasteg: Tvasteg, stand_in: StandIn) -> None:
    stand_in.play = Play(next="offer", spoiled={question: NO_ANSWERS[kind]})
    details: dict[str, Any] = (
        {"otp": "123456", "attempt_id": "a" * 16} if question == "verification" else {}
    )
    with pytest.raises((RefusedError, requests.RequestException)):
        tvasteg.ask(question, user=USER, **details)


@pytest.mark.requirement("M6")
def test_nobody_at_the_address_raises(tvasteg: Tvasteg) -> None:
    gone = tvasteg._replace(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(requests.ConnectionError):
        gone.ask("status", user=USER)


def test_a_problem_of_tvasteg_is_told(tvasteg: Tvasteg, stand_in: StandIn) -> None:
    stand_in.play = Play(next="verify", spoiled={"status": cases.refusal(403, "tenant_suspended")})
    with pytest.raises(RefusedError) as refused:
        tvasteg.ask("status", user=USER)
    assert refused.value.args[0]["code"] == "tenant_suspended"


@pytest.mark.requirement("M3", "M4", "B60")
@pytest.mark.parametrize(
    "case", [case for case in cases.CASES if case.play().sign is not signed], ids=lambda case: case.name
)
def test_no_bad_assertion_is_redeemed(case: cases.Case, tvasteg: Tvasteg, stand_in: StandIn) -> None:
    stand_in.play = case.play()
    kept = _handed_off(tvasteg)
    with pytest.raises(Exception) as refused:  # noqa: PT011 - any will do: only a return lets in
        tvasteg.redeem("code", user=USER, nonce=kept["nonce"])
    assert not isinstance(refused.value, AssertionError | NameError | AttributeError)
    assert stand_in.play.never_asked <= {"jwks"}


@pytest.mark.requirement("M4", "B60")
def test_an_assertion_is_for_one_user_and_one_hand_off(tvasteg: Tvasteg) -> None:
    kept = _handed_off(tvasteg)
    for user, nonce in (("1002", kept["nonce"]), (USER, kept["state"]), (USER, "")):
        with pytest.raises(RefusedError, match="assertion_not_ours"):
            tvasteg.redeem("code", user=user, nonce=nonce)


@pytest.mark.parametrize("kind", ["503", "a page", "half an answer", "a closed line", "a redirect"])
def test_a_code_is_not_spent_where_no_key_is_published(
    kind: str, tvasteg: Tvasteg, stand_in: StandIn
) -> None:
    """It can be redeemed later, for it works once."""
    stand_in.play = Play(next="enrol", spoiled={"jwks": NO_ANSWERS[kind]})
    kept = _handed_off(tvasteg)
    with pytest.raises((LookupError, requests.RequestException, ValueError)):
        tvasteg.redeem("code", user=USER, nonce=kept["nonce"])
    assert stand_in.play.asked == {"hand-off", "jwks"}


def test_whether_the_portal_has_proven_the_user_is_its_own_word(
    tvasteg: Tvasteg, stand_in: StandIn
) -> None:
    with pytest.raises(TypeError, match="identity_verified"):
        tvasteg.hand_off(user=USER)  # type: ignore[call-arg] # that is the point
    _handed_off(tvasteg, identity_verified=False)
    assert stand_in.calls.faults == {"hand-off: identity_verified is not true"}


@pytest.mark.requirement("M4")
def test_a_browser_that_is_remembered_comes_out_too_with_the_time_of_its_code(
    tvasteg: Tvasteg, stand_in: StandIn
) -> None:
    """Else its user would be sent back for ever: Tvåsteg asks for no code, where the tenant wants none."""
    stand_in.play.sign = cases.remembered(days=89)
    kept = _handed_off(tvasteg)
    claims = tvasteg.redeem("code", user=USER, nonce=kept["nonce"])
    assert (claims["amr"], claims["verified_by"]) == ([], "remembered_browser")
    assert time.time() - claims["auth_time"] > 88 * cases.DAY_SECONDS
    stand_in.play.sign = cases.remembered(days=91)
    with pytest.raises(RefusedError, match="assertion_not_ours"):
        tvasteg.redeem("code", user=USER, nonce=_handed_off(tvasteg)["nonce"])


@pytest.mark.parametrize("early", [-55, 55])
def test_clocks_may_differ_by_a_minute(early: int, tvasteg: Tvasteg, stand_in: StandIn) -> None:
    stand_in.play.sign = cases.times(auth_time=early, iat=early, exp=early + 1)
    kept = _handed_off(tvasteg)
    assert tvasteg.redeem("code", user=USER, nonce=kept["nonce"])["sub"] == USER


@pytest.mark.parametrize("early", [-65, 65])
def test_clocks_may_not_differ_by_more(early: int, tvasteg: Tvasteg, stand_in: StandIn) -> None:
    stand_in.play.sign = cases.times(auth_time=early, iat=early, exp=early + 1)
    kept = _handed_off(tvasteg)
    with pytest.raises(RefusedError, match="assertion_not_ours"):
        tvasteg.redeem("code", user=USER, nonce=kept["nonce"])
