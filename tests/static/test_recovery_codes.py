"""Recovery codes, which are given once: after the code from the app, and made anew later."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.static.fake_service import PASSWORD, RIGHT_CODE, FakeService, in_minutes, recovery_codes
from tests.static.screens import (
    at_the_account,
    at_the_codes,
    enter_code,
    expect_heading,
    expect_refusal,
    expect_screen,
    give_password,
    keys_of,
    open_at,
    press,
    says,
)

MAKING = "POST /api/recovery-codes"
KEEPING = "POST /api/recovery-codes/acknowledgement"


@pytest.mark.requirement("R5")
def test_the_codes_come_after_the_code_and_before_the_end(
    page: Page, service: FakeService, site: str
) -> None:
    """The guide's Continue: ten codes, a box to tick, and only then Done."""
    codes = at_the_codes(page, service, site)
    expect_heading(page, "recovery", "recovery.heading")
    assert len(set(codes)) == 10
    expect(page.locator("h1 .step")).to_have_count(0)
    expect(page.locator("main .note")).to_have_count(0)
    expect(page).to_have_title("Spara dina återställningskoder \u2013 Azets Cozone")
    press(page, "continue")
    expect_refusal(page, says("recovery.kept.empty"))
    page.click(".summary a")
    expect(page.locator("#kept")).to_be_focused()
    page.keyboard.press("Space")
    press(page, "continue")
    expect_heading(page, "done", "done.heading")
    expect(page.locator("main")).to_contain_text(says("done.no_phone"))
    assert [request.post_data_json for request in service.calls(KEEPING)] == [{"set": "set-1"}]


@pytest.mark.requirement("R5")
def test_a_reload_makes_new_codes_and_says_so_until_they_are_kept(
    page: Page, service: FakeService, site: str
) -> None:
    """Never again after that."""
    first = at_the_codes(page, service, site)
    page.reload()
    expect_screen(page, "recovery")
    expect(page.locator("main .note")).to_have_text(says("recovery.again"))
    assert not set(first) & set(page.locator("#codes li").all_text_contents())
    page.goto(f"{site}/#done")
    expect_screen(page, "recovery")
    page.goto(f"{site}/?x#account")
    expect_screen(page, "recovery")
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")
    page.reload()
    expect_screen(page, "done")
    page.go_back()
    expect(page.locator("#codes")).to_have_count(0)
    assert service.sets == 3


@pytest.mark.requirement("R5")
def test_an_eleventh_set_of_a_day_says_when_the_next_can_be_made(
    page: Page, service: FakeService, site: str
) -> None:
    service.offers_codes = True
    open_at(page, site, "code", service)
    service.refuse_next(MAKING, 429, "too_many_attempts", retry_at=in_minutes(600))
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "recovery")
    expect_refusal(page, says("problem.too_many_attempts.recovery").split("{")[0].strip())


@pytest.mark.requirement("R5")
def test_a_lost_answer_is_cured_by_new_codes(page: Page, service: FakeService, site: str) -> None:
    """The screen comes all the same, says what is missing and tries again by its button."""
    service.offers_codes = True
    open_at(page, site, "code", service)
    service.lose_next(MAKING)
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "recovery")
    expect_refusal(page, says("problem.network"))
    expect(page.locator("h1")).to_have_text(says("recovery.failed.heading"))
    expect(page.locator("#codes")).to_have_count(0)
    press(page, "continue")
    expect(page.locator("#codes li")).to_have_count(10)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("main .note")).to_have_text(says("recovery.again"))
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")


def test_an_answer_that_one_user_lost_is_nothing_to_the_next(
    page: Page, service: FakeService, site: str
) -> None:
    """Whose codes are the first ones."""
    service.lose_next(MAKING)
    service.sign_in(second_factor="active", is_verified=True, is_due=True, offers_codes=True)
    page.goto(site)
    expect_refusal(page, says("problem.network"))
    press(page, "sign-out")
    expect_screen(page, "sign-in")
    service.second_factor = "none"
    page.fill("#username", "bo@firma.se")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect_screen(page, "method")
    service.sign_in(second_factor="active", is_verified=True, is_due=True)
    press(page, "cancel")
    press(page, "resume")
    expect_screen(page, "recovery")
    expect(page.locator("#codes li")).to_have_count(10)
    expect(page.locator("main .note")).to_have_count(0)


def test_a_lost_acknowledgement_is_repeated(page: Page, service: FakeService, site: str) -> None:
    """The user never learns of it."""
    at_the_codes(page, service, site)
    service.lose_next(KEEPING)
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")
    assert len(keys_of(service.calls(KEEPING))) == 1


@pytest.mark.requirement("R5")
def test_codes_replaced_in_another_window_are_taken_off_the_screen(
    page: Page, service: FakeService, site: str
) -> None:
    """Nobody keeps what does not work."""
    codes = at_the_codes(page, service, site)
    service.sets += 1
    page.check("#kept")
    press(page, "continue")
    expect_refusal(page, says("problem.recovery_codes_replaced"))
    assert codes[0] not in page.content()
    expect(page.locator('main [data-action="continue"]')).to_have_text(says("action.make_codes"))
    press(page, "continue")
    expect(page.locator("#codes li")).to_have_count(10)
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")


@pytest.mark.requirement("R5")
def test_the_codes_can_be_copied_downloaded_and_printed(
    new_page: Page, service: FakeService, site: str
) -> None:
    """With the names that tell whose they are, and no more."""
    new_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    new_page.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1; }")
    codes = at_the_codes(new_page, service, site)
    press(new_page, "copy-codes")
    expect(new_page.locator("#live")).to_have_text(says("recovery.copied"))
    expect(new_page.locator("#codes-said")).to_have_text(says("recovery.copied"))
    assert new_page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    with new_page.expect_download() as download:
        press(new_page, "save-codes")
    expect(new_page.locator("#live")).to_have_text(says("recovery.saved"))
    assert download.value.suggested_filename == "aterstallningskoder.txt"
    text = Path(download.value.path()).read_text("utf-8")
    assert [line for line in text.splitlines() if line in codes] == codes
    assert text.splitlines()[0] == "Återställningskoder för anna@firma.se i Azets Cozone"
    assert re.fullmatch(r"Gjorda \d+\s\w+ \d{4}", text.splitlines()[1])
    press(new_page, "print-codes")
    assert new_page.evaluate("window.printed") == 1
    expect_screen(new_page, "recovery")


def test_a_refused_clipboard_leaves_the_codes_selected(
    new_page: Page, service: FakeService, site: str
) -> None:
    """And says what to do."""
    new_page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    codes = at_the_codes(new_page, service, site)
    press(new_page, "copy-codes")
    expect(new_page.locator("#codes-said")).to_have_text(says("recovery.selected"))
    assert new_page.evaluate("String(getSelection())").split() == codes


@pytest.mark.requirement("R5", "R7")
def test_on_paper_are_the_codes_and_whose_they_are_and_nothing_else(
    page: Page, service: FakeService, site: str
) -> None:
    """They are the one secret that may be printed, so no line says that none is."""
    codes = at_the_codes(page, service, site)
    page.emulate_media(media="print")
    for code in codes:
        expect(page.get_by_text(code)).to_be_visible()
    expect(page.get_by_text("Återställningskoder för anna@firma.se i Azets Cozone")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Gjorda \d"))).to_be_visible()
    expect(page.get_by_text(says("recovery.once"))).to_be_visible()
    expect(page.locator('[data-t="print.note"]')).to_be_hidden()
    assert page.locator("main button:visible, main input:visible, main label:visible").count() == 0


@pytest.mark.requirement("R5", "R7", "S8")
def test_the_codes_are_nowhere_but_on_the_screen(
    page: Page, context: BrowserContext, service: FakeService, site: str
) -> None:
    """Not in addresses, history, storage, cookies or title; and nowhere once the screen is left."""
    codes = at_the_codes(page, service, site)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert codes[0] not in page.content()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator("main .note")).to_have_text(says("recovery.again"))
    expect(page.locator("#codes li")).to_have_count(10)
    codes += page.locator("#codes li").all_text_contents()
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")
    kept = page.evaluate(
        """JSON.stringify([history.state, {...localStorage}, {...sessionStorage}, document.cookie,
             window.name, document.title, location.href, navigation.entries().map(({ url }) => url)])"""
    )
    addresses = " ".join(request.url for request in service.requests)
    sent = " ".join(str(request.post_data) for request in service.requests)
    for place in (kept, addresses, sent, page.content(), str(context.cookies())):
        for code in codes:
            assert code not in place


def test_signing_out_is_always_possible(page: Page, service: FakeService, site: str) -> None:
    """Nothing holds anybody on the page."""
    codes = at_the_codes(page, service, site)
    press(page, "sign-out")
    expect_screen(page, "sign-in")
    assert codes[0] not in page.content()


def test_new_codes_are_made_after_a_warning(page: Page, service: FakeService, site: str) -> None:
    """The old ones stop working at once: nobody leaves before the new ones are kept."""
    at_the_account(page, service, site, offers_codes=True)
    expect(page.locator("#codes-left")).to_have_text(says("account.codes.none"))
    press(page, "renew")
    give_password(page)
    expect_heading(page, "renew", "renew.heading")
    assert service.sets == 0
    press(page, "continue")
    expect_screen(page, "recovery")
    page.go_back()
    expect_screen(page, "recovery")
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "account")
    expect(page.locator(".told")).to_have_text(says("account.renewed"))
    expect(page.locator("#codes-left")).to_have_text("Du har 10 återställningskoder kvar.")
    assert service.sets == 1


@pytest.mark.parametrize("language", ["sv", "en"])
def test_codes_that_are_blocked_are_told_as_such(
    page: Page, service: FakeService, site: str, language: str
) -> None:
    """Not counted as if they worked, and with the way out."""
    codes = recovery_codes(8, acknowledged=False, disabled=True)
    at_the_account(page, service, site, f"?lang={language}", offers_codes=True, codes=codes)
    expect(page.locator("#codes-left")).to_have_text(says("account.codes.disabled", language))
    expect(page.locator("#codes-left")).to_have_class("warning")
    expect(page.locator('[data-t="account.codes.unkept"]')).to_have_count(0)
    expect(page.locator('main [data-action="renew"]')).to_be_visible()
