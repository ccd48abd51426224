"""The example portal has a plain Swedish sentence for whatever Tvåsteg answers, or fails to answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from joserfc.jwk import KeySet

import cases
import sentences
from browser import Browser, Page
from calls import Calls
from chalicelib.local.example_portal import FOLDER
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from stand_in import Answer, Play, StandIn
from tests.docs.pages import code_in, tables
from tests.portal.example import CLIENT_ID, PASSWORD, USERNAME, RunningPortal, running_portal
from tvasteg import RefusedError

NOT_IN = "Vi kan inte kontrollera din andra faktor just nu. Du är inte inloggad. Försök igen om en stund."
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPortal]:
    """The example portal."""
    with running_portal(tmp_path_factory.mktemp("portal")) as running:
        yield running


@contextmanager
def _playing_for(portal: RunningPortal) -> Iterator[StandIn]:
    keys = KeySet.import_key_set(json.loads(portal.keys.read_text()))
    playing = StandIn(port=portal.tvasteg_port, calls=Calls(client_id=CLIENT_ID, keys=keys))
    with playing.served():
        yield playing


@pytest.fixture
def tvasteg(portal: RunningPortal) -> Iterator[StandIn]:
    """Tvåsteg, as the conformance kit plays it."""
    with _playing_for(portal) as playing:
        yield playing


@pytest.fixture
def browser(portal: RunningPortal) -> Browser:
    """Somebody's browser."""
    return Browser(portal.url)


def _signs_in(browser: Browser, *, username: str = USERNAME, password: str = PASSWORD) -> Page:
    form = browser.open("/sign-in").form_with("username", "password")
    assert form is not None
    return browser.send(form, username=username, password=password)


def _gives_code(browser: Browser, page: Page, code: str = "123456") -> Page:
    form = page.form_with("otp")
    assert form is not None
    return browser.send(form, otp=code)


def _is_in(browser: Browser) -> bool:
    return browser.open("/").url.endswith("/")


def test_every_problem_of_a_portal_route_has_a_sentence_of_its_own() -> None:
    documented = {code for row in _rows("problem") for code in code_in(row["problem"])}
    its_own = {"assertion_not_ours"}
    assert documented >= sentences.SENTENCES.keys() - its_own | {"too_many_attempts"}
    assert documented <= {problem.code for problem in PROBLEMS.values()} | {INTERNAL_ERROR.code}


def test_the_readme_tells_of_every_next() -> None:
    assert [code_in(row["next"])[0] for row in _rows("next")] == ["verify", "enrol", "offer", "support"]


def _rows(column: str) -> list[dict[str, str]]:
    return next(list(rows) for rows in tables(README) if column in rows[0])


@pytest.mark.parametrize("row", _rows("problem"), ids=lambda row: row["problem"])
def test_the_readme_quotes_what_the_portal_says(row: dict[str, str]) -> None:
    quoted = row["the portal says"].strip("”")
    for code in code_in(row["problem"]):
        said = sentences.sentence_for(RefusedError({"code": code, "retry_at": "2099-01-01T00:00:00Z"}))
        beginning, _, end = quoted.partition("…")
        assert said.startswith(beginning)
        assert said.endswith(end)


def test_a_wrong_password_asks_tvasteg_nothing(browser: Browser, tvasteg: StandIn) -> None:
    page = _signs_in(browser, password="fel")
    assert (page.status, "Användarnamnet eller lösenordet stämmer inte." in page.text) == (422, True)
    assert tvasteg.calls.count == 0


def test_a_right_code_signs_in_and_says_how(browser: Browser, tvasteg: StandIn) -> None:
    tvasteg.play = Play(next="verify")
    page = _gives_code(browser, _signs_in(browser))
    assert page.url.endswith("/")
    for told in ("Anna Andersson", "Kod i portalens eget fält", "otp", "urn:tvasteg:acr:two-step"):
        assert told in page.text


def test_the_code_can_be_asked_for_at_tvasteg_instead(browser: Browser, tvasteg: StandIn) -> None:
    tvasteg.play = Play(next="verify")
    form = _signs_in(browser).form_with("form_key")
    assert form is not None
    form.action = form.action.replace("/code", "/hand-off")
    assert browser.send(form).sent_to.startswith(f"{tvasteg.url}/?tenant=example")
    assert tvasteg.play.hand_off is not None
    page = browser.open(f"/return?code=code&state={tvasteg.play.hand_off['state']}")
    assert "Hos Tvåsteg" in page.text


def test_a_portal_can_do_without_a_field_of_its_own(tmp_path: Path) -> None:
    with (
        running_portal(tmp_path, PORTAL_CODE_PAGE="tvasteg") as portal,
        _playing_for(portal) as tvasteg,
    ):
        tvasteg.play = Play(next="verify")
        browser = Browser(portal.url)
        assert _signs_in(browser).sent_to.startswith(f"{tvasteg.url}/?tenant=example")
        assert tvasteg.play.hand_off is not None
        browser.open(f"/return?code=code&state={tvasteg.play.hand_off['state']}")
        assert _is_in(browser)


def test_without_a_must_the_user_comes_in_and_is_invited(browser: Browser, tvasteg: StandIn) -> None:
    due = cases.changed(due_at="2026-12-01T00:00:00Z")
    tvasteg.play = Play(next="offer", spoiled={"status": due})
    page = _signs_in(browser)
    assert "Bara lösenord" in page.text
    assert "1 december 2026" in page.text


def test_who_is_disabled_is_sent_to_support(browser: Browser, tvasteg: StandIn) -> None:
    tvasteg.play = Play(next="support")
    page = _signs_in(browser)
    assert page.status == 403
    assert "Kontakta supporten på support@exempelportalen.se." in page.text
    assert not _is_in(browser)


@pytest.mark.requirement("M6")
@pytest.mark.parametrize(
    "spoil", [cases.failed, cases.unavailable, cases.page, cases.half, cases.cut, cases.closed]
)
@pytest.mark.parametrize("question", ["status", "verification", "hand-off"])
def test_no_answer_signs_nobody_in_and_says_so(
    question: str, spoil: Callable[[Answer], Answer], browser: Browser, tvasteg: StandIn
) -> None:
    next_ = {"status": "offer", "verification": "verify", "hand-off": "enrol"}[question]
    tvasteg.play = Play(next=next_, spoiled={question: spoil})
    page = _signs_in(browser)
    if question == "verification":
        page = _gives_code(browser, page)
    assert page.status == 503
    assert NOT_IN in page.text
    assert not _is_in(browser)


@pytest.mark.requirement("M6")
def test_tvasteg_down_signs_nobody_in_and_says_so(browser: Browser, portal: RunningPortal) -> None:
    """Nothing listens at its address."""
    page = _signs_in(browser)
    assert (page.status, NOT_IN in page.text, _is_in(browser)) == (503, True, False)
    assert portal.url in page.url


def test_an_attempt_without_an_answer_is_repeated_as_the_same(browser: Browser, tvasteg: StandIn) -> None:
    """Its code was perhaps accepted: as another attempt it would be a used one."""
    tvasteg.play = Play(next="verify", spoiled={"verification": cases.closed})
    _gives_code(browser, _signs_in(browser))
    tvasteg.play.spoiled = {}
    page = _gives_code(browser, browser.open("/code"))
    assert page.url.endswith("/")
    first, second = tvasteg.play.attempt_ids
    assert first == second


def test_another_code_is_another_attempt(browser: Browser, tvasteg: StandIn) -> None:
    tvasteg.play = Play(next="verify", spoiled={"verification": cases.refusal(422, "otp_mismatch")})
    page = _gives_code(browser, _signs_in(browser))
    assert "Koden stämmer inte." in page.text
    _gives_code(browser, page, "654321")
    first, second = tvasteg.play.attempt_ids
    assert first != second


def test_how_long_to_wait_is_told(browser: Browser, tvasteg: StandIn) -> None:
    until = "2099-01-01T00:00:00Z"
    refusal = cases.refusal(429, "too_many_attempts", retry_at=until)
    tvasteg.play = Play(next="verify", spoiled={"verification": refusal})
    page = _gives_code(browser, _signs_in(browser))
    assert "Vänta till den 1 januari 2099 och försök sedan igen." in page.text


@pytest.mark.parametrize("next_", ["verify", "enrol"])
def test_turning_back_at_a_must_signs_nobody_in(next_: str, browser: Browser, tvasteg: StandIn) -> None:
    tvasteg.play = Play(next="enrol")
    _signs_in(browser)
    assert tvasteg.play.hand_off is not None
    tvasteg.play.next = next_
    page = browser.open(f"/return?error=access_denied&state={tvasteg.play.hand_off['state']}")
    assert "Inloggningen avbröts innan den var klar. Du är inte inloggad." in page.text
    assert not _is_in(browser)


def test_turning_back_where_it_is_no_must_signs_in(browser: Browser, tvasteg: StandIn) -> None:
    tvasteg.play = Play(next="enrol")
    _signs_in(browser)
    assert tvasteg.play.hand_off is not None
    tvasteg.play.next = "offer"
    browser.open(f"/return?error=access_denied&state={tvasteg.play.hand_off['state']}")
    assert _is_in(browser)


def test_the_password_is_asked_again_and_proven_anew(browser: Browser, tvasteg: StandIn) -> None:
    """Tvåsteg sends users there; a wrong password hands nobody over."""
    tvasteg.play = Play(next="enrol")
    _signs_in(browser)
    first = tvasteg.play.hand_off
    form = browser.open("/reauthenticate").form_with("password")
    assert form is not None
    assert "Användarnamnet eller lösenordet stämmer inte." in browser.send(form, password="fel").text
    assert tvasteg.play.hand_off is first
    browser.send(form, password=PASSWORD)
    second = tvasteg.play.hand_off
    assert first is not None
    assert second is not None
    assert second["user"] == first["user"]
    assert second["state"] != first["state"]
    assert tvasteg.calls.faults == set()


def test_of_two_returns_at_once_one_signs_in(browser: Browser, tvasteg: StandIn) -> None:
    """The second comes while the code of the first is being redeemed."""
    tvasteg.play = Play(next="enrol")
    _signs_in(browser)
    assert tvasteg.play.hand_off is not None
    address = f"/return?code=code&state={tvasteg.play.hand_off['state']}"
    second = _beside(browser)
    shown = []

    def returns_again(right: Answer) -> Answer:
        tvasteg.play.spoiled = {}
        shown.append(second.open(address))
        return right

    tvasteg.play.spoiled = {"assertion": returns_again}
    assert "Hos Tvåsteg" in browser.open(address).text
    assert [page.status for page in shown] == [400]
    assert not _is_in(second)


def test_whoever_gives_a_password_meanwhile_is_not_signed_in_by_anothers_code(
    browser: Browser, tvasteg: StandIn
) -> None:
    """Bo's code is right, but when that is told his session has become Anna's, who gave no code."""
    tvasteg.play = Play(next="verify")
    page = _signs_in(browser, username="bo@firma.se")

    def becomes_annas(right: Answer) -> Answer:
        _signs_in(browser)
        return right

    tvasteg.play.spoiled = {"verification": becomes_annas}
    bo = _beside(browser)
    assert not _gives_code(bo, page).text.count("Du är inloggad")
    assert not _is_in(bo)
    assert not _is_in(browser)


def _beside(browser: Browser) -> Browser:
    """Return another window, which has the cookies of now and hears of no new ones."""
    beside = Browser(browser.origin)
    for cookie in browser.cookies:
        beside.cookies.set_cookie(cookie)
    return beside


def test_a_form_of_somebody_else_is_not_taken(browser: Browser, tvasteg: StandIn) -> None:
    form = browser.open("/sign-in").form_with("username", "password")
    assert form is not None
    page = browser.send(form, username=USERNAME, password=PASSWORD, form_key="guessed")
    assert page.status == 400
    assert tvasteg.calls.count == 0


def test_a_change_of_who_is_signed_in_changes_the_session_id(browser: Browser, tvasteg: StandIn) -> None:
    """Whoever planted a session id knows none that is worth anything."""
    tvasteg.play = Play(next="verify")
    browser.open("/sign-in")
    before = [cookie.value for cookie in browser.cookies]
    page = _signs_in(browser)
    with_password = [cookie.value for cookie in browser.cookies]
    _gives_code(browser, page)
    signed_in = [cookie.value for cookie in browser.cookies]
    assert len({*before, *with_password, *signed_in}) == 3
