"""How the pages behave: on slow and broken lines, at reload and Back, for eyes, ears and keyboards."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.static.fake_service import KEY, PASSWORD, RIGHT_CODE, FakeService, in_minutes
from tests.static.screens import (
    EMPTY_STORAGE_AT_SIGN_OUT,
    USER_AGENTS,
    enter_code,
    expect_refusal,
    expect_screen,
    keys_of,
    open_at,
    press,
)
from tests.static.texts import words

CONFIRMATION = "POST /api/enrolment/confirmation"
VERIFICATION = "POST /api/verification"


@pytest.mark.parametrize(
    "screen", ["method", "password", "phone", "app", "code", "verify", "done", "account"]
)
def test_a_reload_stays_on_the_step(page: Page, service: FakeService, site: str, screen: str) -> None:
    """Phones throw the page away while the user is in the app."""
    if screen == "password":
        service.sign_in()
        page.goto(site)
        press(page, "activate")
        expect_screen(page, "password")
    else:
        open_at(page, site, screen, service)
    page.reload()
    expect_screen(page, screen)


@pytest.mark.requirement("E12")
@pytest.mark.parametrize("wanted", ["app", "code", "done", "verify", "stopped", "nonsense"])
def test_an_address_leads_no_further_than_the_server_allows(
    page: Page, service: FakeService, site: str, wanted: str
) -> None:
    """Typing the name of a later step shows an allowed one."""
    service.sign_in()
    page.goto(f"{site}/#{wanted}")
    expect(page.locator("main")).to_have_attribute("data-screen", re.compile("method|password"))


def test_back_after_the_end_stays_at_the_end(page: Page, service: FakeService, site: str) -> None:
    """And nothing secret is left in the page."""
    open_at(page, site, "app", service)
    assert KEY in (page.locator("#key").text_content() or "").replace(" ", "")
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    page.go_back()
    expect_screen(page, "done")
    assert page.url.endswith("#done")
    assert KEY not in page.content().replace(" ", "")
    page.reload()
    expect(page.locator("h1")).to_have_text(words("sv")["done.heading"])


def test_browser_back_shows_the_step_before_with_the_same_key(
    page: Page, service: FakeService, site: str
) -> None:
    """Back from the phone skips the password; forward again asks for no new key."""
    service.sign_in()
    page.goto(site)
    press(page, "activate")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    page.check("#phone-iphone")
    press(page, "continue")
    expect_screen(page, "app")
    page.go_back()
    expect_screen(page, "phone")
    expect(page.locator("#phone-iphone")).to_be_checked()
    page.go_back()
    expect_screen(page, "method")
    page.go_forward()
    press(page, "continue")
    expect_screen(page, "app")
    assert len(service.calls("POST /api/enrolment")) == 1


def test_three_times_enter_is_one_request(page: Page, service: FakeService, site: str) -> None:
    """While a call runs its buttons wait, without leaving the keyboard's order."""
    open_at(page, site, "code", service)
    service.slow.add(CONFIRMATION)
    page.fill("#otp", RIGHT_CODE)
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.locator('[data-action="confirm"]')).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#live")).to_have_text(words("sv")["status.wait"])
    expect(page.locator(".waiting")).to_have_text(words("sv")["status.wait"])
    service.release()
    expect_screen(page, "done")
    assert len(service.calls(CONFIRMATION)) == 1


@pytest.mark.requirement("E6")
def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    page: Page, service: FakeService, site: str
) -> None:
    """The user never learns of it."""
    open_at(page, site, "code", service)
    service.lose_next(CONFIRMATION)
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    requests = service.calls(CONFIRMATION)
    assert len(requests) == 2
    assert len(keys_of(requests)) == 1


@pytest.mark.requirement("E6")
def test_an_action_repeated_by_hand_keeps_its_key_until_it_is_answered(
    page: Page, service: FakeService, site: str
) -> None:
    """The same code again is the same action; another code is another one."""
    open_at(page, site, "verify", service)
    service.lose_next(VERIFICATION)
    service.lose_next(VERIFICATION)
    enter_code(page, "111222")
    expect_refusal(page, words("sv")["problem.network.otp"])
    expect(page.locator("#otp")).to_have_value("111222")
    press(page, "confirm")
    expect_refusal(page, words("sv")["problem.otp_mismatch"])
    assert len(keys_of(service.calls(VERIFICATION))) == 1
    press(page, "confirm")
    expect_refusal(page, words("sv")["problem.otp_mismatch"])
    assert len(keys_of(service.calls(VERIFICATION))) == 2


def test_reading_is_tried_again_before_the_page_gives_up(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Twice: after one second and after three."""
    new_page.clock.install()
    service.lose_next("GET /api/tenant")
    service.refuse_next("GET /api/tenant", 503, "service_unavailable")
    new_page.goto(site)
    for seconds in (1, 3):
        new_page.clock.run_for(seconds * 1_000)
        new_page.wait_for_timeout(100)
    expect_screen(new_page, "sign-in")
    assert len(service.calls("GET /api/tenant")) == 3


def test_a_service_that_is_down_says_so_and_lets_the_user_try_again(
    new_page: Page, service: FakeService, site: str
) -> None:
    """The stopped screen with one button."""
    new_page.clock.install()
    for _ in range(3):
        service.refuse_next("GET /api/tenant", 503, "service_unavailable")
    new_page.goto(site)
    for _ in range(3):
        new_page.clock.run_for(3_000)
        new_page.wait_for_timeout(100)
    expect_screen(new_page, "stopped")
    expect(new_page.locator("h1")).to_have_text(words("sv")["stopped.fault"])
    press(new_page, "resume")
    expect_screen(new_page, "sign-in")


def test_a_call_without_an_answer_ends_after_ten_seconds(
    new_page: Page, service: FakeService, site: str
) -> None:
    """The name stays, the password goes."""
    new_page.clock.install()
    new_page.goto(site)
    expect_screen(new_page, "sign-in")
    service.slow.add("POST /api/session")
    new_page.fill("#username", "anna@firma.se")
    new_page.fill("#current-password", PASSWORD)
    press(new_page, "continue")
    expect(new_page.locator('[data-action="continue"]')).to_have_attribute("aria-disabled", "true")
    new_page.clock.run_for(10_500)
    expect_refusal(new_page, words("sv")["problem.network"])
    expect(new_page.locator("#username")).to_have_value("anna@firma.se")
    expect(new_page.locator("#current-password")).to_have_value("")


@pytest.mark.requirement("W4")
def test_an_error_is_told_at_the_top_at_the_field_and_in_the_title(
    page: Page, service: FakeService, site: str
) -> None:
    """And what was typed stays, ready to be typed over."""
    open_at(page, site, "code", service)
    enter_code(page, "12345")
    text = words("sv")["code.length"]
    expect_refusal(page, text)
    expect(page).to_have_title(re.compile("^Fel: Steg 5 av 5: "))
    expect(page.locator("#otp")).to_have_value("12345")
    expect(page.locator("#otp")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#otp")).to_have_accessible_description(re.compile(f"Fel: {text}"))
    page.click(".summary a")
    expect(page.locator("#otp")).to_be_focused()
    page.keyboard.type(RIGHT_CODE)
    expect(page.locator("#otp")).to_have_value(RIGHT_CODE)
    assert service.calls(CONFIRMATION) == []
    assert page.url.endswith("#code")


def test_the_first_wrong_code_gets_a_text_and_the_second_gets_help(
    page: Page, service: FakeService, site: str
) -> None:
    """Right row, newest row, clock."""
    open_at(page, site, "code", service)
    enter_code(page, "111222")
    expect_refusal(page, words("sv")["problem.otp_mismatch"])
    expect(page.locator("#otp-help")).to_be_hidden()
    press(page, "confirm")
    expect(page.locator("#otp-help")).to_be_visible()


SKEWS = {
    -125: "Telefonens klocka går ungefär 2 minuter efter.",
    -40: "Telefonens klocka går ungefär 1 minut efter.",
    60: "Telefonens klocka går ungefär 1 minut före.",
    181: "Telefonens klocka går ungefär 3 minuter före.",
}


@pytest.mark.requirement("B66")
def test_a_clock_that_is_off_is_told_by_how_much(page: Page, service: FakeService, site: str) -> None:
    """Before or after, one minute or several."""
    open_at(page, site, "code", service)
    for seconds, text in SKEWS.items():
        service.refuse_next(CONFIRMATION, 422, "clock_skew", drift_seconds=seconds)
        enter_code(page, "111222")
        expect_refusal(page, text)


def has_to_wait_two_minutes(page: Page, service: FakeService, site: str) -> None:
    """Be told so on *page*, whose clock the test turns, and read of it."""
    page.clock.install()
    open_at(page, site, "verify", service)
    service.refuse_next(VERIFICATION, 429, "too_many_attempts", retry_at=in_minutes(2))
    enter_code(page, "111222")
    expect(page.locator(".summary")).to_be_focused()


@pytest.mark.requirement("B66")
def test_a_wait_names_its_end_and_tells_when_it_is_over(
    new_page: Page, service: FakeService, site: str
) -> None:
    """An absolute time of the user's own clock."""
    has_to_wait_two_minutes(new_page, service, site)
    expect(new_page.locator(".summary")).to_contain_text(
        re.compile(r"Försök igen (?:\d+\s\w+ )?kl\.\s\d\d:\d\d$")
    )
    new_page.locator("#otp").focus()
    new_page.clock.run_for(2 * 60_000 + 1_000)
    expect(new_page.locator("#live")).to_have_text(words("sv")["status.wait_over"])
    expect(new_page.locator(".summary")).to_have_count(0)


def test_whoever_still_reads_of_the_wait_when_it_is_over_hears_that_once(
    new_page: Page, service: FakeService, site: str
) -> None:
    """By the focus, which would be lost with the summary; not by the live region, too."""
    has_to_wait_two_minutes(new_page, service, site)
    new_page.clock.run_for(2 * 60_000 + 1_000)
    expect(new_page.locator(".over")).to_be_focused()
    expect(new_page.locator(".over")).to_have_text(words("sv")["status.wait_over"])
    expect(new_page.locator("#live")).to_have_text("")


def test_the_word_that_a_wait_is_over_goes_with_the_next_error(
    new_page: Page, service: FakeService, site: str
) -> None:
    """And is read where the summary was."""
    has_to_wait_two_minutes(new_page, service, site)
    new_page.clock.run_for(2 * 60_000 + 1_000)
    press(new_page, "confirm")
    expect_refusal(new_page, words("sv")["problem.otp_mismatch"])
    expect(new_page.locator("main .note")).to_have_count(0)


def test_the_end_of_a_wait_leaves_a_newer_error_alone(
    new_page: Page, service: FakeService, site: str
) -> None:
    """It has nothing to do with it."""
    has_to_wait_two_minutes(new_page, service, site)
    enter_code(new_page, "12")
    expect_refusal(new_page, words("sv")["code.length"])
    new_page.clock.run_for(2 * 60_000 + 1_000)
    expect_refusal(new_page, words("sv")["code.length"])


STOPPING = {
    "enrolment_expired": 410,
    "enrolment_replaced": 409,
    "enrolment_attempts_exhausted": 410,
    "authenticator_disabled": 423,
    "not_signed_in": 401,
}


@pytest.mark.parametrize(("code", "status"), STOPPING.items())
def test_what_ends_the_journey_gets_a_screen_that_says_why(
    page: Page, service: FakeService, site: str, code: str, status: int
) -> None:
    """With the key gone from the page."""
    open_at(page, site, "code", service)
    service.refuse_next(CONFIRMATION, status, code)
    enter_code(page, "111222")
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text(words("sv")[f"stopped.{code}"])
    expect(page.locator(".lead")).to_have_text(words("sv")[f"problem.{code}"].replace("2-\u2060", "2-"))
    expect(page.locator("h1")).to_be_focused()


def test_a_key_that_ran_out_is_made_anew_with_a_word_about_the_old_row(
    page: Page, service: FakeService, site: str
) -> None:
    """Start again leads through the steps to a new code."""
    open_at(page, site, "code", service)
    service.refuse_next(CONFIRMATION, 410, "enrolment_expired")
    service.enrolment = None
    enter_code(page, "111222")
    press(page, "resume")
    expect_screen(page, "method")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect(page.locator("main .note")).to_contain_text("Vi har gjort en ny QR-\u2060kod.")


def test_done_in_another_tab_is_done_here(page: Page, service: FakeService, site: str) -> None:
    """Not an error."""
    open_at(page, site, "code", service)
    service.enrolment = None
    service.second_factor, service.is_verified = "active", True
    service.refuse_next(CONFIRMATION, 409, "enrolment_already_confirmed")
    enter_code(page, "111222")
    expect_screen(page, "done")


def test_an_old_password_proof_asks_for_the_password_and_goes_on(
    page: Page, service: FakeService, site: str
) -> None:
    """With a word about why."""
    open_at(page, site, "phone", service)
    service.refuse_next("POST /api/enrolment", 401, "reauthentication_required")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "password")
    expect_refusal(page, words("sv")["problem.reauthentication_required"])
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect_screen(page, "phone")


def test_a_wrong_password_is_emptied_and_never_told_apart_at_sign_in(
    page: Page, service: FakeService, site: str
) -> None:
    """The pair is wrong, not one of the two."""
    page.goto(site)
    page.fill("#username", "anna@firma.se")
    page.fill("#current-password", "wrong")
    press(page, "continue")
    expect_refusal(page, words("sv")["problem.password_mismatch.pair"])
    expect(page.locator("#current-password")).to_have_value("")
    expect(page.locator("#username")).to_have_value("anna@firma.se")
    assert len(service.calls("POST /api/session")) == 1


def test_a_password_can_be_shown_and_is_hidden_before_it_is_sent(
    page: Page, service: FakeService, site: str
) -> None:
    """The button's own text says what it does."""
    open_at(page, site, "password", service)
    page.fill("#current-password", "wrong")
    press(page, "show-password")
    expect(page.locator("#current-password")).to_have_attribute("type", "text")
    expect(page.locator("#live")).to_have_text(words("sv")["password.shown"])
    press(page, "continue")
    expect_refusal(page, words("sv")["problem.password_mismatch"])
    expect(page.locator("#current-password")).to_have_attribute("type", "password")


def test_cancelling_drops_the_key_and_changes_nothing(page: Page, service: FakeService, site: str) -> None:
    """And lets the user go on after all."""
    open_at(page, site, "phone", service)
    service.begin()
    page.reload()
    press(page, "cancel")
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text("Inget är ändrat")
    assert len(service.calls("DELETE /api/enrolment")) == 1
    press(page, "resume")
    expect_screen(page, "method")


def test_changing_the_phone_goes_through_all_steps_and_can_be_left(
    page: Page, service: FakeService, site: str
) -> None:
    """The old one works until the new one is confirmed."""
    open_at(page, site, "account", service)
    press(page, "replace")
    expect_screen(page, "method")
    page.reload()
    expect_screen(page, "method")
    press(page, "activate")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    page.check("#phone-android")
    press(page, "continue")
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    expect(page.locator("h1")).to_have_text(words("sv")["done.heading"])


def test_done_leads_to_the_registered_address_to_the_letter(
    page: Page, service: FakeService, site: str
) -> None:
    """Else it signs out."""
    service.tenant["return_url"] = "https://portal.example/klar?a=b%20c"
    page.route("https://portal.example/**", lambda route: route.fulfill(body="portal"))
    open_at(page, site, "done", service)
    press(page, "done")
    page.wait_for_url("https://portal.example/klar?a=b%20c")


def test_done_without_an_address_signs_out(page: Page, service: FakeService, site: str) -> None:
    """Nobody is left signed in on a page without a way on."""
    open_at(page, site, "code", service)
    enter_code(page, RIGHT_CODE)
    press(page, "done")
    expect_screen(page, "sign-in")
    assert len(service.calls("DELETE /api/session")) == 1


@pytest.mark.requirement("S8", "B44", "B47", "B50")
def test_nothing_secret_leaves_memory_and_page(
    page: Page, context: BrowserContext, service: FakeService, site: str
) -> None:
    """Not in addresses, history, storage, cookies, title, nor in any name that is read aloud."""
    open_at(page, site, "app", service)
    press(page, "continue")
    enter_code(page, "111222")
    press(page, "back")
    expect_screen(page, "app")
    kept = page.evaluate(
        "JSON.stringify([history.state, {...localStorage}, {...sessionStorage}, document.cookie])"
    )
    addresses = " ".join(request.url for request in service.requests)
    named = page.locator("svg").aria_snapshot() + page.title()
    for place in (kept, addresses, page.url, named, str(context.cookies())):
        assert KEY not in place
        assert "111222" not in place
        assert "anna@" not in place


def test_the_language_changes_in_place(page: Page, service: FakeService, site: str) -> None:
    """The step and what was typed stay; the choice is kept."""
    open_at(page, site, "code", service)
    enter_code(page, "12345")
    page.click('[data-action="language"][data-language="en"]')
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_contain_text("Step 5 of 5")
    expect(page).to_have_title(re.compile("^Error: Step 5 of 5: Set up Google Authenticator ."))
    expect(page.locator(".summary")).to_contain_text(words("en")["code.length"])
    expect(page.locator("#otp")).to_have_value("12345")
    expect(page.locator('[data-action="language"]')).to_be_focused()
    page.goto(f"{site}/#code")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(f"{site}/?lang=sv#code")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "sv")


@pytest.mark.parametrize("key", ["Shift", "Control", "Meta"])
def test_a_language_can_be_opened_in_another_window(
    page: Page, service: FakeService, site: str, key: Any
) -> None:
    """The browser's own ways with a link are left to it."""
    open_at(page, site, "sign-in", service)
    page.evaluate("""() => addEventListener('click', (event) => {
      window.isSwallowed = event.defaultPrevented;
      event.preventDefault();
    })""")
    page.click('[data-action="language"]', modifiers=[key])
    assert page.evaluate("window.isSwallowed") is False
    expect(page.locator("html")).to_have_attribute("lang", "sv")


def test_the_language_outlives_the_sign_out(new_page: Page, service: FakeService, site: str) -> None:
    """Which empties the storage of the site; what nobody chose is not kept."""
    new_page.add_init_script(EMPTY_STORAGE_AT_SIGN_OUT)
    open_at(new_page, site, "verify", service)
    press(new_page, "sign-out")
    expect_screen(new_page, "sign-in")
    assert new_page.evaluate("localStorage.length") == 0
    open_at(new_page, site, "verify", service, "?again")
    new_page.click('[data-action="language"]')
    expect(new_page.locator("html")).to_have_attribute("lang", "en")
    press(new_page, "sign-out")
    expect_screen(new_page, "sign-in")
    new_page.goto(f"{site}/?later")
    expect(new_page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.requirement("W6")
@pytest.mark.parametrize(("phone", "user_agent"), USER_AGENTS.items())
def test_on_the_phone_itself_the_key_comes_first(
    new_page: Page, service: FakeService, site: str, phone: str, user_agent: str
) -> None:
    """Copying works everywhere; the link into the app is a shortcut."""
    new_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, 'userAgent', {{ get: () => '{user_agent}' }})"
    )
    new_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_at(new_page, site, "phone", service)
    expect(new_page.locator(f"#phone-{phone}")).to_be_checked()
    expect(new_page.locator("#same-phone-yes")).to_be_checked()
    press(new_page, "continue")
    expect_screen(new_page, "app")
    press(new_page, "copy-key")
    expect(new_page.locator("#live")).to_have_text(words("sv")["key.copied"])
    assert new_page.evaluate("navigator.clipboard.readText()") == KEY
    href = new_page.locator("#open-app").get_attribute("href") or ""
    assert f"secret={KEY}&issuer=Azets%20Cozone" in href
    if phone == "android":
        assert href.startswith("intent://totp/Azets%20Cozone:anna%40firma.se?")
        assert href.endswith(";end")
        assert (
            ";package=com.google.android.apps.authenticator2;S.browser_fallback_url=https%3A%2F%2Fplay"
            in href
        )
    else:
        assert href.startswith("otpauth://totp/")


def test_another_kind_of_phone_is_not_this_one(new_page: Page, service: FakeService, site: str) -> None:
    """Somebody on an Android tablet who owns an iPhone is not asked whether they are the same."""
    agent = USER_AGENTS["android"]
    new_page.add_init_script(
        f"Object.defineProperty(Navigator.prototype, 'userAgent', {{ get: () => '{agent}' }})"
    )
    open_at(new_page, site, "phone", service)
    new_page.check("#phone-iphone")
    expect(new_page.locator("#same-phone")).to_be_hidden()
    press(new_page, "continue")
    expect_screen(new_page, "app")
    assert service.calls("POST /api/enrolment")[0].post_data_json == {
        "phone": "iphone",
        "same_phone": False,
    }


def test_a_refused_clipboard_leaves_the_key_selected(
    new_page: Page, service: FakeService, site: str
) -> None:
    """And says what to do."""
    new_page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    open_at(new_page, site, "app", service)
    new_page.click("main summary")
    press(new_page, "copy-key")
    expect(new_page.locator("#key-said")).to_have_text(words("sv")["key.selected"])
    assert new_page.evaluate("String(getSelection())").replace(" ", "") == KEY


def test_what_was_unfolded_is_unfolded_after_a_reload(page: Page, service: FakeService, site: str) -> None:
    """Somebody half way through typing the key finds it again."""
    open_at(page, site, "app", service)
    page.click("main summary")
    expect(page.locator("#key")).to_be_visible()
    page.reload()
    expect(page.locator("#key")).to_be_visible()


def test_the_qr_code_can_be_drawn_larger(page: Page, service: FakeService, site: str) -> None:
    """Whole pixels per module both times."""
    open_at(page, site, "app", service)
    drawing = page.locator("#qr svg")
    size = int((drawing.get_attribute("viewBox") or "").split()[2])
    assert drawing.get_attribute("width") == str(5 * size)
    press(page, "enlarge")
    expect(page.locator('[data-action="enlarge"]')).to_have_attribute("aria-pressed", "true")
    assert drawing.get_attribute("width") == str(8 * size)


HIDE_AND_RETURN = """
(milliseconds) => {
  const turn = (visibility) => {
    Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };
  turn('hidden');
  const now = Date.now;
  Date.now = () => now() + milliseconds;
  turn('visible');
  Date.now = now;
}
"""


@pytest.mark.parametrize(("seconds", "asks"), [(30, 0), (90, 1)])
def test_returning_after_a_minute_asks_the_server_and_keeps_what_was_typed(
    page: Page, service: FakeService, site: str, seconds: int, asks: int
) -> None:
    """The user was in the app; another tab may have finished meanwhile."""
    open_at(page, site, "code", service)
    page.fill("#otp", "0123")
    before = len(service.calls("GET /api/session"))
    page.evaluate(HIDE_AND_RETURN, seconds * 1_000)
    page.wait_for_timeout(200)
    assert len(service.calls("GET /api/session")) == before + asks
    expect(page.locator("#otp")).to_have_value("0123")


def test_whoever_presses_a_button_while_the_page_asks_by_itself_is_heard_and_told_to_wait(
    page: Page, service: FakeService, site: str
) -> None:
    """The way of everybody with one phone: back from the app, on a line that hangs."""
    open_at(page, site, "code", service)
    service.slow = {"GET /api/session"}
    with page.expect_request("**/api/session"):
        page.evaluate(HIDE_AND_RETURN, 90_000)
    enter_code(page, RIGHT_CODE)
    expect(page.locator(".waiting")).to_have_text(words("sv")["status.wait"])
    assert service.calls(CONFIRMATION) == []
    service.release()
    expect_screen(page, "done")
    assert len(service.calls(CONFIRMATION)) == 1


def test_a_button_of_a_screen_that_is_gone_by_the_time_of_the_answer_does_nothing(
    page: Page, service: FakeService, site: str
) -> None:
    """What it meant it meant there."""
    open_at(page, site, "code", service)
    service.slow = {"GET /api/session"}
    with page.expect_request("**/api/session"):
        page.evaluate(HIDE_AND_RETURN, 90_000)
    enter_code(page, RIGHT_CODE)
    expect(page.locator(".waiting")).to_have_text(words("sv")["status.wait"])
    service.is_signed_in = False
    service.release()
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text(words("sv")["stopped.not_signed_in"])
    expect(page.locator("main button").first).not_to_have_attribute("aria-disabled", "true")
    assert service.calls(CONFIRMATION) == []


def test_a_refusal_that_comes_after_the_user_went_back_is_told_where_they_are(
    page: Page, service: FakeService, site: str
) -> None:
    """The help of the screen that they left is not there to be shown."""
    open_at(page, site, "app", service)
    press(page, "continue")
    expect_screen(page, "code")
    service.slow = {CONFIRMATION}
    enter_code(page, "111222")
    expect(page.locator(".waiting")).to_have_text(words("sv")["status.wait"])
    page.go_back()
    expect_screen(page, "app")
    service.refuse_next(CONFIRMATION, 429, "too_many_attempts", retry_at=in_minutes(2))
    service.release()
    expect(page.locator(".summary")).to_contain_text("Försök igen")


def test_returning_to_a_journey_that_ended_elsewhere_shows_its_end(
    page: Page, service: FakeService, site: str
) -> None:
    """The server is the truth."""
    open_at(page, site, "code", service)
    service.enrolment = None
    service.second_factor, service.is_verified = "active", True
    page.evaluate(HIDE_AND_RETURN, 90_000)
    expect_screen(page, "done")


def test_a_key_that_ran_out_meanwhile_is_told_on_return(
    page: Page, service: FakeService, site: str
) -> None:
    """As a screen, not at the next mistake."""
    open_at(page, site, "app", service)
    service.enrolment = None
    service.refuse_next("GET /api/enrolment", 410, "enrolment_expired")
    page.evaluate(HIDE_AND_RETURN, 90_000)
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text(words("sv")["stopped.enrolment_expired"])


def test_a_page_put_away_holds_no_key_and_has_it_again_when_it_is_taken_out(
    page: Page, service: FakeService, site: str
) -> None:
    """Browsers keep whole pages in memory for Back."""
    open_at(page, site, "app", service)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert KEY not in page.content().replace(" ", "")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.locator("#key")).to_have_text("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP")


def test_a_page_taken_out_without_a_line_says_so_instead_of_something_false(
    new_page: Page, service: FakeService, site: str
) -> None:
    """There is no QR code to enlarge then, and no key that could have been selected."""
    new_page.clock.install()
    open_at(new_page, site, "app", service)
    new_page.click("main summary")
    new_page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    for _ in range(3):
        service.lose_next("GET /api/session")
    new_page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    press(new_page, "copy-key")
    press(new_page, "enlarge")
    for _ in range(3):
        new_page.clock.run_for(3_000)
        new_page.wait_for_timeout(100)
    expect_refusal(new_page, words("sv")["problem.network"])
    press(new_page, "copy-key")
    press(new_page, "enlarge")
    expect(new_page.locator("#key-said")).to_be_empty()
    expect(new_page.locator('[data-action="enlarge"]')).to_have_attribute("aria-pressed", "false")
