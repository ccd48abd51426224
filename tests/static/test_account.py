"""What comes after the code, and afterwards: recovery codes, phones, browsers that need no code, resets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.static.fake_service import (
    CODES,
    PASSWORD,
    PORTAL,
    RESET_CODE,
    RETURN_URL,
    RIGHT_CODE,
    FakeService,
    a_browser,
    a_phone,
    in_minutes,
)
from tests.static.screens import (
    SOUND,
    STRUCTURE,
    enter_code,
    expect_refusal,
    expect_screen,
    keys_of,
    open_at,
    press,
)
from tests.static.test_hand_off import AXE, VIOLATIONS, WINDOWS
from tests.static.texts import rendered, words
from tests.support.static_site import SECURITY_HEADERS, STATIC_FOLDER

CONFIRMATION = "POST /api/enrolment/confirmation"
MAKING = "POST /api/recovery-codes"
KEEPING = "POST /api/recovery-codes/acknowledgement"
RECOVERING = "POST /api/verification/recovery-code"
VERIFICATION = "POST /api/verification"
RENAMING = "POST /api/authenticators/name"
REMOVING = "POST /api/authenticators/removal"
FORGETTING = "POST /api/remembered-browsers/removal"
RESETTING = "POST /api/session/reset-code"
BEGINNING = "POST /api/enrolment"


def says(key: str, language: str = "sv", **values: str) -> str:
    """Return the text of *key* as the page of Azets Cozone shows it."""
    return rendered(key, words(language), {"portal": "Azets Cozone", "username": "anna@firma.se", **values})


def expect_heading(page: Page, screen: str, key: str) -> None:
    """Wait for that screen with its heading, to which the reader has been moved."""
    expect_screen(page, screen)
    expect(page.locator("h1")).to_contain_text(says(key))
    expect(page.locator("h1")).to_be_focused()


def at_the_codes(page: Page, service: FakeService, site: str, query: str = "") -> list[str]:
    """Come to the recovery codes by the code from the app; return them."""
    service.offers_codes = True
    open_at(page, site, "code", service, query)
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "recovery")
    expect(page.locator("#codes li")).to_have_count(10)
    return page.locator("#codes li").all_text_contents()


def at_the_account(page: Page, service: FakeService, site: str, query: str = "", **state: Any) -> None:
    """Be signed in with the code, and see what there is."""
    service.sign_in(second_factor="active", is_verified=True, **state)
    page.goto(f"{site}/{query}")
    expect_screen(page, "account")


def asked_for_the_code(page: Page, service: FakeService, site: str, query: str = "", **state: Any) -> None:
    """Be signed in with the password alone, with recovery codes at home."""
    codes = {"made_at": in_minutes(-9999), "left": 10, "acknowledged": True}
    service.sign_in(second_factor="active", offers_codes=True, **{"codes": codes, **state})
    page.goto(f"{site}/{query}")
    expect_screen(page, "verify")


def begun(service: FakeService) -> list[dict[str, Any]]:
    """Return what was asked for each time that a phone was begun with."""
    return [json.loads(request.post_data or "{}") for request in service.calls(BEGINNING)]


def act_on(page: Page, name: str, action: str) -> None:
    """Press the button of *action* in the row of *name*."""
    page.locator(".row", has_text=name).locator(f'[data-action="{action}"]').click()


def give_password(page: Page) -> None:
    """Give the password that is asked for again."""
    expect_screen(page, "password")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")


# Recovery codes, given once


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
    expect(page.locator("#codes")).to_have_count(0)
    press(page, "continue")
    expect(page.locator("#codes li")).to_have_count(10)
    expect(page.locator("main .note")).to_have_text(says("recovery.again"))
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")


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
    page: Page, context: BrowserContext, service: FakeService, site: str
) -> None:
    """With the names that tell whose they are, and no more."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script("window.print = () => { window.printed = (window.printed ?? 0) + 1; }")
    codes = at_the_codes(page, service, site)
    press(page, "copy-codes")
    expect(page.locator("#live")).to_have_text(says("recovery.copied"))
    expect(page.locator("#codes-said")).to_have_text(says("recovery.copied"))
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    with page.expect_download() as download:
        press(page, "save-codes")
    expect(page.locator("#live")).to_have_text(says("recovery.saved"))
    assert download.value.suggested_filename == "aterstallningskoder.txt"
    text = Path(download.value.path()).read_text("utf-8")
    assert [line for line in text.splitlines() if line in codes] == codes
    assert text.splitlines()[0] == "Återställningskoder för anna@firma.se i Azets Cozone"
    assert re.fullmatch(r"Gjorda \d+\s\w+ \d{4}", text.splitlines()[1])
    press(page, "print-codes")
    assert page.evaluate("window.printed") == 1
    expect_screen(page, "recovery")


def test_a_refused_clipboard_leaves_the_codes_selected(page: Page, service: FakeService, site: str) -> None:
    """And says what to do."""
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    codes = at_the_codes(page, service, site)
    press(page, "copy-codes")
    expect(page.locator("#codes-said")).to_have_text(says("recovery.selected"))
    assert page.evaluate("String(getSelection())").split() == codes


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


def test_a_part_of_the_page_that_cannot_be_had_says_so_and_is_tried_again(
    page: Page, service: FakeService, site: str
) -> None:
    """The phone is set up by then: nobody is asked for the same code again."""
    service.offers_codes = True
    open_at(page, site, "code", service)
    page.route("**/account.html", lambda route: route.abort())
    page.reload()
    expect_screen(page, "code")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text(says("stopped.fault"))
    page.unroute("**/account.html")
    press(page, "resume")
    expect_screen(page, "recovery")
    assert len(service.calls(CONFIRMATION)) == 1


def test_the_parts_come_from_the_versioned_folder(page: Page, service: FakeService, site: str) -> None:
    """As everything but the page itself."""
    index = (STATIC_FOLDER / "index.html").read_text("utf-8")
    moved = re.sub(r'(href|src)="(favicon|app|js/)', r'\1="/v/abc/\2', index)

    def from_version(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/v/abc/", "/")))

    page.route("**/v/abc/**", from_version)
    page.route(
        f"{site}/",
        lambda route: route.fulfill(body=moved, content_type="text/html", headers=SECURITY_HEADERS),
    )
    unversioned: list[str] = []
    page.on(
        "request", lambda request: unversioned.append(request.url) if "/v/abc/" not in request.url else None
    )
    service.sign_in(second_factor="active", is_verified=True)
    page.goto(f"{site}/")
    expect_screen(page, "account")
    act_on(page, "Google Authenticator", "replace")
    expect_screen(page, "method")
    page.wait_for_load_state("networkidle")
    assert [url for url in unversioned if "/api/" not in url] == [f"{site}/"]


# Without the phone


@pytest.mark.requirement("R6")
def test_a_recovery_code_leads_straight_to_a_new_phone(page: Page, service: FakeService, site: str) -> None:
    """Pasted as it comes; the number left is told; new codes follow the new phone."""
    asked_for_the_code(page, service, site)
    page.click("main summary")
    press(page, "go")
    expect_heading(page, "recover", "recover.heading")
    page.fill("#recovery-code", f" {CODES[0].lower().replace('0', 'o')} ")
    press(page, "confirm")
    expect_heading(page, "method", "again.lost.heading")
    expect(page.locator("h1")).to_contain_text("Steg 1 av 5")
    expect(page.locator("#codes-left")).to_have_text("Du har 9 återställningskoder kvar.")
    expect(page.locator("#live")).to_have_text(says("status.code_accepted"))
    assert [r.post_data_json for r in service.calls(RECOVERING)] == [
        {"recovery_code": CODES[0].replace("-", "")}
    ]
    page.reload()
    expect_heading_again = page.locator("h1")
    expect(expect_heading_again).to_contain_text(says("again.lost.heading"))
    press(page, "activate")
    give_password(page)
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert begun(service)[0]["replaces"] == "phone-1"
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "recovery")
    expect(page.locator("main .note")).to_have_text(says("recovery.again"))
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")


@pytest.mark.requirement("R6")
@pytest.mark.parametrize(("left", "is_few"), [(5, False), (4, True), (2, True), (1, True)])
def test_few_codes_left_are_a_warning(
    page: Page, service: FakeService, site: str, left: int, *, is_few: bool
) -> None:
    """From three on."""
    asked_for_the_code(
        page, service, site, codes={"made_at": in_minutes(-9), "left": left, "acknowledged": True}
    )
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    form = {2: "one", 1: "zero"}.get(left, "other")
    expect(page.locator("#codes-left")).to_have_text(says(f"account.codes.left.{form}", n=str(left - 1)))
    classes = page.locator("#codes-left").get_attribute("class") or ""
    assert ("warning" in classes) is is_few


def test_somebody_with_two_phones_says_which_one_is_gone(
    page: Page, service: FakeService, site: str
) -> None:
    """Nothing is guessed."""
    asked_for_the_code(page, service, site, phones=[a_phone(), a_phone("phone-2", "Jobbtelefonen")])
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    press(page, "activate")
    expect_refusal(page, says("lost.empty"))
    page.get_by_label("Jobbtelefonen").check()
    press(page, "activate")
    give_password(page)
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert begun(service)[0]["replaces"] == "phone-2"


@pytest.mark.parametrize("purpose", [None, "sign-in"])
def test_not_now_goes_on(
    page: Page, context: BrowserContext, service: FakeService, site: str, purpose: str | None
) -> None:
    """To the account, or back to the portal that only asked for a code."""
    context.route(f"{PORTAL}/**", lambda route: route.fulfill(body="portal", content_type="text/html"))
    asked_for_the_code(page, service, site, purpose=purpose)
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    press(page, "not-now")
    if purpose is None:
        expect_screen(page, "account")
    else:
        page.wait_for_url(f"{RETURN_URL}?**")


def test_a_disabled_authenticator_opens_to_a_recovery_code(
    page: Page, service: FakeService, site: str
) -> None:
    """What is bound is then replaced whole."""
    service.sign_in(
        second_factor="disabled",
        offers_codes=True,
        codes={"made_at": in_minutes(-9), "left": 10, "acknowledged": True},
    )
    page.goto(site)
    expect_screen(page, "stopped")
    press(page, "go")
    expect_screen(page, "recover")
    press(page, "go")
    expect_screen(page, "stopped")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    expect_heading(page, "method", "again.lost.heading")
    press(page, "activate")
    give_password(page)
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert "replaces" not in begun(service)[0]


RECOVERY_REFUSALS: list[tuple[int, str, dict[str, Any]]] = [
    (400, "recovery_code_malformed", {}),
    (422, "recovery_code_mismatch", {}),
    (409, "recovery_code_used", {}),
    (423, "recovery_codes_disabled", {}),
    (429, "too_many_attempts", {"retry_at": in_minutes(600)}),
    (503, "service_unavailable", {}),
]


@pytest.mark.requirement("B66")
@pytest.mark.parametrize(("status", "code", "members"), RECOVERY_REFUSALS)
def test_a_refused_recovery_code_says_why_and_stays(
    page: Page, service: FakeService, site: str, status: int, code: str, members: dict[str, Any]
) -> None:
    """At the top, and at the field where it is about the code."""
    asked_for_the_code(page, service, site)
    page.click("main summary")
    press(page, "go")
    service.refuse_next(RECOVERING, status, code, **members)
    page.fill("#recovery-code", CODES[1])
    press(page, "confirm")
    expect_refusal(page, says(f"problem.{code}").split("{")[0].strip())
    expect(page.locator("#recovery-code")).to_have_value(CODES[1])
    if code in {"recovery_code_mismatch", "recovery_code_used"}:
        expect(page.locator("#recovery-code")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(
    ("typed", "key"), [("", "recovery_code.empty"), ("123456", "problem.recovery_code_malformed")]
)
def test_what_can_be_no_recovery_code_costs_no_attempt(
    page: Page, service: FakeService, site: str, typed: str, key: str
) -> None:
    """It never leaves the page."""
    asked_for_the_code(page, service, site)
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", typed)
    press(page, "confirm")
    expect_refusal(page, says(key))
    assert service.calls(RECOVERING) == []


def test_without_recovery_codes_only_the_support_is_named(
    page: Page, service: FakeService, site: str
) -> None:
    """No button that leads nowhere; nor does the address."""
    asked_for_the_code(page, service, site, codes=None)
    page.click("main summary")
    expect(page.locator('main [data-action="go"]')).to_have_count(0)
    page.goto(f"{site}/?x#recover")
    expect_screen(page, "verify")


# Browsers that need no code


def test_trust_is_off_until_the_user_turns_it_on(page: Page, service: FakeService, site: str) -> None:
    """And the hint says where not to."""
    service.tenant["policy"]["remember_days"] = 30
    asked_for_the_code(page, service, site)
    box = page.get_by_label("Lita på den här datorn i 30 dagar")
    expect(box).not_to_be_checked()
    expect(box).to_have_accessible_description(says("verify.remember.hint"))
    box.check()
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "account")
    assert service.calls(VERIFICATION)[0].post_data_json == {"otp": RIGHT_CODE, "remember": True}


def test_without_the_tenants_leave_trust_is_not_offered(
    page: Page, service: FakeService, site: str
) -> None:
    """The request then says nothing of it either."""
    asked_for_the_code(page, service, site)
    expect(page.locator("#remember")).to_have_count(0)
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "account")
    assert service.calls(VERIFICATION)[0].post_data_json == {"otp": RIGHT_CODE}


def test_a_browser_that_is_remembered_is_sent_back_to_the_portal_at_once(
    page: Page, context: BrowserContext, service: FakeService, site: str
) -> None:
    """The portal only wanted the code, and it stands for one."""
    context.route(f"{PORTAL}/**", lambda route: route.fulfill(body="portal", content_type="text/html"))
    link = service.hand_over(second_factor="active", is_verified=True, verified_by="remembered_browser")
    page.goto(f"{site}/?tenant=cozone&lang=sv{link}")
    page.wait_for_url(f"{RETURN_URL}?code=**")


def test_a_change_in_a_browser_that_is_remembered_asks_for_the_code_first(
    page: Page, service: FakeService, site: str
) -> None:
    """Then for the password, then comes what was wanted."""
    service.tenant["policy"]["remember_days"] = 30
    at_the_account(page, service, site, verified_by="remembered_browser")
    act_on(page, "Google Authenticator", "rename")
    expect_screen(page, "verify")
    expect(page.locator("main .note")).to_have_text(says("verify.change"))
    expect(page.locator("#remember")).to_have_count(0)
    press(page, "cancel")
    expect_screen(page, "account")
    act_on(page, "Google Authenticator", "rename")
    enter_code(page, RIGHT_CODE)
    give_password(page)
    expect_screen(page, "rename")


@pytest.mark.parametrize("which", ["one", "all"])
def test_browsers_can_be_forgotten(page: Page, service: FakeService, site: str, which: str) -> None:
    """One or all; the reader stays at their list."""
    service.tenant["policy"]["remember_days"] = 30
    at_the_account(page, service, site, browsers=[a_browser(current=True), a_browser("browser-2")])
    expect(page.locator("#browsers li")).to_have_count(2)
    expect(page.locator("#browsers")).to_contain_text(says("account.browser.this"))
    if which == "one":
        act_on(page, says("account.browser.this"), "forget-browser")
    else:
        press(page, "forget-browsers")
    expect(page.locator("#browsers li")).to_have_count(1 if which == "one" else 0)
    expect(page.locator("#browsers-heading")).to_be_focused()
    told = says("account.browser.forgotten" if which == "one" else "account.browsers.forgotten")
    expect(page.locator("#live")).to_have_text(told)
    assert service.calls(FORGETTING)[0].post_data_json == {
        "browser": "browser-1" if which == "one" else "all"
    }


# Phones


def test_the_account_tells_what_there_is(page: Page, service: FakeService, site: str) -> None:
    """Phones with their days, codes left, and what can be done."""
    at_the_account(
        page,
        service,
        site,
        offers_codes=True,
        phones=[a_phone(), {**a_phone("phone-2", "Jobbtelefonen"), "last_used_at": None}],
        codes={"made_at": in_minutes(-9), "left": 7, "acknowledged": True},
    )
    expect(page).to_have_title("Din 2-\u2060stegsverifiering \u2013 Azets Cozone")
    first, second = page.locator("#phones li").all()
    expect(first).to_contain_text("Google Authenticator")
    expect(first).to_contain_text("Inställd 9\u00a0januari 2026.")
    expect(first).to_contain_text(re.compile(r"Användes senast (?:\d+ \w+ )?kl\. \d\d:\d\d\."))
    expect(second).to_contain_text(says("account.phone.unused"))
    expect(second.get_by_role("button", name="Byt namn Jobbtelefonen")).to_be_visible()
    expect(page.locator("#codes-left")).to_have_text("Du har 7 återställningskoder kvar.")
    expect(page.locator("#browsers")).to_have_count(0)
    expect(page.locator('main [data-action="done"]')).to_have_count(0)


def test_a_name_is_changed(page: Page, service: FakeService, site: str) -> None:
    """With the password, and with a word that it is done."""
    at_the_account(page, service, site)
    act_on(page, "Google Authenticator", "rename")
    expect(page.locator("h1 .step")).to_have_count(0)
    give_password(page)
    expect_heading(page, "rename", "rename.heading")
    expect(page.locator("#name")).to_have_value("Google Authenticator")
    page.fill("#name", "  ")
    press(page, "continue")
    expect_refusal(page, says("name.empty"))
    page.fill("#name", "x" * 41)
    press(page, "continue")
    expect_refusal(page, says("name.too_long"))
    page.fill("#name", " Annas telefon ")
    press(page, "continue")
    expect_heading(page, "account", "account.heading")
    expect(page.locator("#phones")).to_contain_text("Annas telefon")
    expect(page.locator("#live")).to_have_text(says("account.phone.renamed"))
    expect(page.locator(".told")).to_have_text(says("account.phone.renamed"))
    assert [r.post_data_json for r in service.calls(RENAMING)] == [
        {"authenticator": "phone-1", "name": "Annas telefon"}
    ]
    act_on(page, "Annas telefon", "rename")
    expect_screen(page, "rename")
    page.reload()
    expect_screen(page, "rename")
    press(page, "cancel")
    expect_screen(page, "account")


def test_a_password_too_old_is_asked_for_and_leads_back(
    page: Page, service: FakeService, site: str
) -> None:
    """With a word about why."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    expect_screen(page, "rename")
    service.is_fresh = False
    press(page, "continue")
    expect_screen(page, "password")
    expect_refusal(page, says("problem.reauthentication_required"))
    give_password(page)
    expect_screen(page, "rename")


@pytest.mark.requirement("W7", "E8")
def test_a_phone_is_removed_after_its_effects_are_told(page: Page, service: FakeService, site: str) -> None:
    """Which sessions end, and what to do in the app."""
    at_the_account(
        page, service, site, is_fresh=True, phones=[a_phone(), a_phone("phone-2", "Jobbtelefonen")]
    )
    act_on(page, "Jobbtelefonen", "remove")
    expect_heading(page, "remove", "remove.heading")
    for key in ("remove.sessions", "remove.others"):
        expect(page.locator("main")).to_contain_text(says(key))
    expect(page.locator("main .lead")).to_contain_text("Jobbtelefonen")
    press(page, "confirm")
    expect_screen(page, "account")
    expect(page.locator(".told")).to_have_text(says("account.phone.removed"))
    expect(page.locator("#phones li")).to_have_count(1)
    assert [r.post_data_json for r in service.calls(REMOVING)] == [{"authenticator": "phone-2"}]


def test_the_only_phone_is_not_removed_where_one_is_needed(
    page: Page, service: FakeService, site: str
) -> None:
    """The user is told what to do instead, and can do it at once."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "remove")
    expect_heading(page, "remove", "remove.needed.heading")
    expect(page.locator('main [data-action="confirm"]')).to_have_count(0)
    press(page, "replace")
    expect_heading(page, "method", "again.replace.heading")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert begun(service)[0]["replaces"] == "phone-1"


def test_a_refusal_to_remove_the_last_one_is_told(page: Page, service: FakeService, site: str) -> None:
    """Another window may have removed the other."""
    at_the_account(page, service, site, is_fresh=True, phones=[a_phone(), a_phone("phone-2", "Jobb")])
    act_on(page, "Jobb", "remove")
    service.refuse_next(REMOVING, 409, "last_authenticator")
    press(page, "confirm")
    expect_refusal(page, says("problem.last_authenticator"))


def test_the_only_phone_may_go_where_none_is_needed(page: Page, service: FakeService, site: str) -> None:
    """And the end says what is off now."""
    service.policy = {"second_factor": "optional", "due_at": None}
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "remove")
    expect(page.locator("main")).to_contain_text("stegsverifiering stängs av för ditt konto")
    press(page, "confirm")
    expect_heading(page, "stopped", "stopped.turned_off")
    press(page, "resume")
    expect_screen(page, "method")
    expect(page.locator("h1")).to_contain_text(says("method.heading"))


def test_another_phone_is_added_beside_the_first(page: Page, service: FakeService, site: str) -> None:
    """Through the counted steps; it takes nothing's place."""
    at_the_account(page, service, site, is_fresh=True)
    press(page, "add")
    expect_heading(page, "method", "again.add.heading")
    page.reload()
    expect(page.locator("h1")).to_contain_text(says("again.add.heading"))
    press(page, "activate")
    page.check("#phone-iphone")
    press(page, "continue")
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    assert begun(service)[0] == {"phone": "iphone", "same_phone": False}
    assert len(service.phones) == 2


def test_a_new_wish_drops_the_key_of_the_one_before(page: Page, service: FakeService, site: str) -> None:
    """Else the code of an added phone could take another one's place."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "replace")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    for _ in range(3):
        page.go_back()
    expect_screen(page, "account")
    press(page, "add")
    press(page, "activate")
    expect(page.locator("#phone-android")).not_to_be_checked()
    assert len(service.calls("DELETE /api/enrolment")) == 1


def test_a_changed_phone_says_which_one_it_replaces_even_with_the_same_choice(
    page: Page, service: FakeService, site: str
) -> None:
    """Only a new beginning says so for sure: another window may have begun something else."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "replace")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    press(page, "back")
    press(page, "continue")
    expect_screen(page, "app")
    assert [wish.get("replaces") for wish in begun(service)] == ["phone-1"] * 2


def test_no_more_than_five(page: Page, service: FakeService, site: str) -> None:
    """The page does not offer what the server refuses, and tells if it does all the same."""
    at_the_account(
        page, service, site, is_fresh=True, phones=[a_phone(f"p-{at}", f"T{at}") for at in range(5)]
    )
    expect(page.locator('main [data-action="add"]')).to_have_count(0)
    expect(page.locator("main")).to_contain_text("Du kan ha högst 5 telefoner.")
    service.phones.pop()
    page.reload()
    press(page, "add")
    press(page, "activate")
    page.check("#phone-android")
    service.refuse_next(BEGINNING, 409, "too_many_authenticators")
    press(page, "continue")
    expect_refusal(page, says("problem.too_many_authenticators"))


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


def test_an_account_whose_lists_cannot_be_had_can_still_be_left(
    page: Page, service: FakeService, site: str
) -> None:
    """The code was right: nobody is asked for it again."""
    page.clock.install()
    asked_for_the_code(page, service, site)
    for _ in range(3):
        service.refuse_next("GET /api/second-factor", 503, "service_unavailable")
    enter_code(page, RIGHT_CODE)
    for _ in range(3):
        page.clock.run_for(3_000)
        page.wait_for_timeout(100)
    expect_screen(page, "account")
    expect_refusal(page, says("problem.service_unavailable"))
    expect(page.locator("#phones")).to_have_count(0)
    press(page, "sign-out")
    expect_screen(page, "sign-in")


# After a reset


@pytest.mark.requirement("B66")
def test_after_a_reset_the_help_desks_code_comes_first(page: Page, service: FakeService, site: str) -> None:
    """Whatever the address says; as it was written down on the telephone."""
    service.sign_in(is_reset=True)
    page.goto(f"{site}/#phone")
    expect_screen(page, "reset-code")
    page.reload()
    expect_screen(page, "reset-code")
    expect(page.locator("h1 .step")).to_have_count(0)
    press(page, "continue")
    expect_refusal(page, says("reset_code.empty"))
    page.fill("#reset-code", "4f7k-9qx")
    press(page, "continue")
    expect_refusal(page, says("problem.reset_code_malformed"))
    assert service.calls(RESETTING) == []
    page.fill("#reset-code", "4f7k 9qxt")
    press(page, "continue")
    expect_heading(page, "method", "method.heading")
    assert [r.post_data_json for r in service.calls(RESETTING)] == [{"reset_code": RESET_CODE}]


RESET_REFUSALS: list[tuple[int, str, dict[str, Any], str]] = [
    (422, "reset_code_mismatch", {}, "Det är inte koden från supporten."),
    (410, "reset_code_expired", {}, "gäller inte längre"),
    (429, "reset_not_open", {"retry_at": in_minutes(60 * 30)}, "Koden börjar gälla"),
]


@pytest.mark.requirement("B66")
@pytest.mark.parametrize(("status", "code", "members", "text"), RESET_REFUSALS)
def test_a_refused_reset_code_says_why(
    page: Page, service: FakeService, site: str, status: int, code: str, members: dict[str, Any], text: str
) -> None:
    """And from when it works."""
    service.sign_in(is_reset=True)
    page.goto(site)
    service.refuse_next(RESETTING, status, code, **members)
    page.fill("#reset-code", RESET_CODE)
    press(page, "continue")
    expect_refusal(page, text)
    if code == "reset_not_open":
        expect(page.locator(".summary")).to_contain_text(re.compile(r"gälla \d+ \w+ kl\. \d\d:\d\d,"))


def test_a_reset_half_way_leads_to_the_help_desks_code(page: Page, service: FakeService, site: str) -> None:
    """With a word about why."""
    open_at(page, site, "phone", service)
    service.refuse_next(BEGINNING, 401, "reset_code_required")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "reset-code")
    expect_refusal(page, says("problem.reset_code_required"))


# Staff


@pytest.mark.parametrize("language", ["sv", "en"])
def test_staff_go_on_to_the_help_desk(page: Page, service: FakeService, site: str, language: str) -> None:
    """Their portal is the support page."""
    page.route("**/help-desk/", lambda route: route.fulfill(body="help desk", content_type="text/html"))
    service.role = "help_desk"
    open_at(page, site, "code", service, f"?lang={language}")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    expect(page.locator('main [data-action="done"]')).to_have_text(says("action.to_help_desk", language))
    page.goto(f"{site}/?lang={language}&x#account")
    expect(page.locator('main [data-action="done"]')).to_have_text(says("action.to_help_desk", language))
    press(page, "done")
    page.wait_for_url("**/help-desk/")


# For every eye and ear

Show = Callable[[Page, FakeService, str, str], None]


def show_recovery(page: Page, service: FakeService, site: str, query: str) -> None:
    """Codes for the second time, with the box forgotten."""
    at_the_codes(page, service, site, query)
    page.reload()
    expect(page.locator("#codes li")).to_have_count(10)
    press(page, "continue")
    expect(page.locator(".summary")).to_be_focused()


def show_recovery_first(page: Page, service: FakeService, site: str, query: str) -> None:
    """Codes for the first time."""
    at_the_codes(page, service, site, query)


def show_recovery_failed(page: Page, service: FakeService, site: str, query: str) -> None:
    """No codes, for now."""
    service.lose_next(MAKING)
    service.sign_in(second_factor="active", is_verified=True, is_due=True, offers_codes=True)
    page.goto(f"{site}/{query}")
    expect(page.locator(".summary")).to_be_focused()


def show_verify(page: Page, service: FakeService, site: str, query: str) -> None:
    """The code, with all that can be chosen beside it."""
    service.tenant["policy"]["remember_days"] = 30
    asked_for_the_code(page, service, site, query)
    page.click("main summary")


def show_verify_change(page: Page, service: FakeService, site: str, query: str) -> None:
    """The code before a change."""
    at_the_account(page, service, site, query, verified_by="remembered_browser")
    press(page, "add")
    expect_screen(page, "verify")


def show_recover(page: Page, service: FakeService, site: str, query: str) -> None:
    """A recovery code that is wrong."""
    asked_for_the_code(page, service, site, query)
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", CODES[1])
    press(page, "confirm")
    expect(page.locator(".summary")).to_be_focused()
    page.click("main summary")


def show_lost(page: Page, service: FakeService, site: str, query: str) -> None:
    """Which of two phones, with few codes left."""
    asked_for_the_code(
        page,
        service,
        site,
        query,
        codes={"made_at": in_minutes(-9), "left": 4, "acknowledged": True},
        phones=[a_phone(), a_phone("phone-2", "Jobbtelefonen")],
    )
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    expect_screen(page, "method")


def show_account(page: Page, service: FakeService, site: str, query: str) -> None:
    """All that can be there."""
    service.tenant |= {"return_url": f"{PORTAL}/in"}
    service.tenant["policy"]["remember_days"] = 30
    at_the_account(
        page,
        service,
        site,
        query,
        offers_codes=True,
        phones=[a_phone(), a_phone("phone-2", "En telefon med ett långt namn, utan slut och nästan")],
        codes={"made_at": in_minutes(-9), "left": 2, "acknowledged": False},
        browsers=[a_browser(current=True), a_browser("browser-2")],
    )


def show_account_little(page: Page, service: FakeService, site: str, query: str) -> None:
    """As little as can be there, after a change."""
    service.tenant["policy"]["remember_days"] = 30
    at_the_account(page, service, site, query, offers_codes=True, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    press(page, "continue")
    expect_screen(page, "account")


def show_password(page: Page, service: FakeService, site: str, query: str) -> None:
    """The password before a change: no counted step."""
    at_the_account(page, service, site, query)
    act_on(page, "Google Authenticator", "rename")
    expect_screen(page, "password")


def show_rename(page: Page, service: FakeService, site: str, query: str) -> None:
    """A name that is none."""
    at_the_account(page, service, site, query, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    page.fill("#name", "")
    press(page, "continue")
    expect(page.locator(".summary")).to_be_focused()


def show_remove(page: Page, service: FakeService, site: str, query: str) -> None:
    """The only phone, where none is needed."""
    service.policy = {"second_factor": "optional", "due_at": None}
    at_the_account(page, service, site, query, is_fresh=True)
    act_on(page, "Google Authenticator", "remove")
    expect_screen(page, "remove")


def show_turned_off(page: Page, service: FakeService, site: str, query: str) -> None:
    """And then none."""
    show_remove(page, service, site, query)
    press(page, "confirm")
    expect_screen(page, "stopped")


def show_remove_last(page: Page, service: FakeService, site: str, query: str) -> None:
    """The only phone, where one is needed."""
    at_the_account(page, service, site, query, is_fresh=True)
    act_on(page, "Google Authenticator", "remove")
    expect_screen(page, "remove")


def show_again(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 1 of a change of phone."""
    at_the_account(page, service, site, query)
    act_on(page, "Google Authenticator", "replace")
    expect_screen(page, "method")


def show_add(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 1 of one more."""
    at_the_account(page, service, site, query)
    press(page, "add")
    expect_screen(page, "method")


def show_renew(page: Page, service: FakeService, site: str, query: str) -> None:
    """Before new codes."""
    at_the_account(page, service, site, query, offers_codes=True, is_fresh=True)
    press(page, "renew")
    expect_screen(page, "renew")


def show_reset(page: Page, service: FakeService, site: str, query: str) -> None:
    """A reset that waits."""
    service.sign_in(is_reset=True)
    page.goto(f"{site}/{query}")
    service.refuse_next(RESETTING, 429, "reset_not_open", retry_at=in_minutes(60 * 30))
    page.fill("#reset-code", RESET_CODE)
    press(page, "continue")
    expect(page.locator(".summary")).to_be_focused()
    page.click("main summary")


def show_disabled(page: Page, service: FakeService, site: str, query: str) -> None:
    """Too many wrong codes, with recovery codes at home."""
    service.sign_in(
        second_factor="disabled", codes={"made_at": in_minutes(-9), "left": 4, "acknowledged": True}
    )
    page.goto(f"{site}/{query}")
    expect_screen(page, "stopped")


STATES: dict[str, Show] = {
    name.removeprefix("show_").replace("_", "-"): function
    for name, function in list(globals().items())
    if name.startswith("show_")
}


@pytest.mark.requirement("W3", "W4", "W5", "W7")
@pytest.mark.parametrize("window", [*WINDOWS, "en, dark, 320"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_is_clean_for_axe_and_sound(
    page: Page, service: FakeService, site: str, state: str, window: str
) -> None:
    """Light and wide, dark and narrow, in both languages."""
    how = WINDOWS.get(window, {"language": "en", "scheme": "dark", "width": 320})
    page.emulate_media(color_scheme=how["scheme"])
    page.set_viewport_size({"width": how["width"], "height": 800})
    STATES[state](page, service, site, f"?tenant=cozone&lang={how['language']}")
    page.evaluate(AXE)
    assert page.evaluate(VIOLATIONS) == []
    assert page.evaluate(STRUCTURE) == SOUND
    expect(page.locator("html")).to_have_attribute("lang", how["language"])
    expect(page).to_have_title(re.compile(". \u2013 Azets Cozone$"))


@pytest.mark.requirement("W5")
def test_without_the_phone_by_keyboard_alone(page: Page, service: FakeService, site: str) -> None:
    """Tab, Space and Enter are enough, from the question to the new phone's first step."""
    asked_for_the_code(page, service, site)

    def tab_to(selector: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"no way to {selector}")

    tab_to("main summary")
    page.keyboard.press("Enter")
    tab_to('[data-screen="recover"]')
    page.keyboard.press("Space")
    expect_screen(page, "recover")
    tab_to("#recovery-code")
    page.keyboard.type(CODES[0])
    page.keyboard.press("Enter")
    expect_screen(page, "method")
    tab_to('[data-action="not-now"]')
    page.keyboard.press("Enter")
    expect_screen(page, "account")
    tab_to('[data-action="rename"]')
    page.keyboard.press("Enter")
    tab_to("#current-password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect_screen(page, "rename")
    tab_to("#name")
    page.keyboard.press("Enter")
    expect_screen(page, "account")
