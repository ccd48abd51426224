"""From a portal and back to it: the link, the way back, and what only the portal can do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.static.fake_service import (
    KEY,
    PASSWORD,
    PORTAL,
    RETURN_URL,
    RIGHT_CODE,
    FakeService,
    in_minutes,
    recovery_codes,
)
from tests.static.looks import (
    Book,
    every_window,
    expect_sound_in_every_window,
    expect_sound_when_come_to,
    shown_by,
)
from tests.static.screens import (
    enter_code,
    expect_refusal,
    expect_screen,
    expect_stopped,
    keys_of,
    open_at,
    press,
    says,
)

HAND_OFF = "POST /api/session/hand-off"
RETURN = "POST /api/session/return"
BACK_VERIFIED = f"{RETURN_URL}?code=return-code&state=xyz"
BACK_DENIED = f"{RETURN_URL}?error=access_denied&state=xyz"
VERIFIED: dict[str, Any] = {"second_factor": "active", "is_verified": True}


@pytest.fixture(autouse=True)
def portal(context: BrowserContext) -> None:
    """The portal's own pages, as far as these tests look at them."""
    context.route(f"{PORTAL}/**", lambda route: route.fulfill(body="portal", content_type="text/html"))


def follow(page: Page, site: str, fragment: str, query: str = "?tenant=cozone&lang=sv") -> None:
    """Follow a portal's link."""
    page.goto(f"{site}/{query}{fragment}")


# The link


def test_a_link_signs_in_and_leads_to_the_first_step(page: Page, service: FakeService, site: str) -> None:
    """In the language that the portal asked for."""
    follow(page, site, service.hand_over(), "?tenant=cozone&lang=en")
    expect_screen(page, "method")
    expect(page).to_have_title("Step 1 of 5: Secure your user account \u2013 Azets Cozone")
    assert [request.post_data_json for request in service.calls(HAND_OFF)] == [
        {"hand_off": "hand-off-token-0"}
    ]
    assert service.calls("GET /api/session") == []


def test_the_token_is_out_of_the_address_before_the_server_has_answered(
    page: Page, service: FakeService, site: str
) -> None:
    """However slow the answer is, nobody finds it there."""
    service.slow.add(HAND_OFF)
    follow(page, site, service.hand_over())
    expect(page).to_have_url(f"{site}/?tenant=cozone&lang=sv")
    page.wait_for_timeout(200)
    assert service.held
    assert page.evaluate("history.length") == 2
    service.release()
    expect_screen(page, "method")


def test_the_token_is_nowhere_afterwards(
    page: Page, context: BrowserContext, service: FakeService, site: str
) -> None:
    """Not in addresses, history, storage, cookies, title or page; nor does Back bring it up."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    follow(page, site, service.hand_over())
    expect_screen(page, "method")
    press(page, "cancel")
    press(page, "resume")
    expect_screen(page, "method")
    kept = page.evaluate(
        """JSON.stringify([history.state, {...localStorage}, {...sessionStorage}, document.cookie,
             window.name, document.title, location.href, navigation.entries().map(({ url }) => url)])"""
    )
    addresses = " ".join(request.url for request in service.requests)
    for place in (kept, addresses, page.content(), str(context.cookies()), *told):
        assert "hand-off-token" not in place
    page.go_back()
    assert "hand-off-token" not in page.url


def test_a_lost_answer_to_the_link_is_asked_for_again_under_the_same_key(
    page: Page, service: FakeService, site: str
) -> None:
    """The user never learns of it."""
    service.lose_next(HAND_OFF)
    follow(page, site, service.hand_over())
    expect_screen(page, "method")
    assert len(service.calls(HAND_OFF)) == 2
    assert len(keys_of(service.calls(HAND_OFF))) == 1


def test_a_link_that_got_no_answer_can_be_tried_again_by_hand(
    page: Page, service: FakeService, site: str
) -> None:
    """As the same action, which the server may have carried out."""
    service.lose_next(HAND_OFF)
    service.lose_next(HAND_OFF)
    follow(page, site, service.hand_over())
    expect_stopped(page, "fault")
    press(page, "resume")
    expect_screen(page, "method")
    assert len(service.calls(HAND_OFF)) == 3
    assert len(keys_of(service.calls(HAND_OFF))) == 1


@pytest.mark.parametrize("sign_in_url", [None, f"{PORTAL}/sign-in"])
def test_a_used_link_says_so_and_leads_back_to_the_portal(
    page: Page, service: FakeService, site: str, sign_in_url: str | None
) -> None:
    """If the portal has told where that is; trying the same link again would help nobody."""
    service.tenant["sign_in_url"] = sign_in_url
    follow(page, site, "#hand-off=used")
    expect_stopped(page, "hand_off_expired")
    expect(page.locator(".lead")).to_have_text(says("problem.hand_off_expired"))
    expect(page.locator("main button")).to_have_count(0)
    link = page.locator('main [data-link="portal"]')
    if sign_in_url is None:
        expect(link).to_have_count(0)
        return
    expect(link).to_have_text("Till Azets Cozone")
    link.click()
    page.wait_for_url(sign_in_url)


def test_a_new_link_in_an_open_page_leaves_nothing_of_the_user_before(
    page: Page, service: FakeService, site: str
) -> None:
    """Not the key, not the name, not the choices; and the new user starts at the beginning."""
    follow(page, site, service.hand_over(is_fresh=True))
    press(page, "activate")
    page.check("#phone-iphone")
    press(page, "continue")
    expect_screen(page, "app")
    page.click("main summary")
    service.slow.add(HAND_OFF)
    follow(page, site, service.hand_over(username="bo@firma.se"))
    expect(page.locator("main")).to_have_attribute("data-screen", "loading")
    expect(page).to_have_url(f"{site}/?tenant=cozone&lang=sv")
    service.release()
    expect_screen(page, "method")
    press(page, "activate")
    expect(page.locator("#signed-in-as")).to_have_value("bo@firma.se")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect_screen(page, "phone")
    expect(page.locator("#phone-iphone")).not_to_be_checked()
    for trace in (KEY, "anna@firma.se"):
        assert trace not in page.content().replace(" ", "")
    assert "hand-off-token" not in str(page.evaluate("navigation.entries().map(({ url }) => url)"))


def test_a_link_replaces_whoever_was_signed_in(page: Page, service: FakeService, site: str) -> None:
    """The former session is not even asked about."""
    service.sign_in(**VERIFIED)
    follow(page, site, service.hand_over(username="bo@firma.se", second_factor="none"))
    expect_screen(page, "method")
    assert service.calls("GET /api/session") == []


# The way back


def test_a_code_asked_for_by_the_portal_leads_straight_back(
    page: Page, service: FakeService, site: str
) -> None:
    """No further press; the page says where the user is going, and its buttons wait."""
    service.slow.add(RETURN)
    follow(page, site, service.hand_over(second_factor="active"))
    expect_screen(page, "verify")
    enter_code(page, RIGHT_CODE)
    expect(page.locator("#live")).to_have_text("Du skickas vidare till Azets Cozone …")
    expect(page.locator(".waiting")).to_have_text("Du skickas vidare till Azets Cozone …")
    page.wait_for_timeout(500)
    expect(page.locator("#live")).to_have_text("Du skickas vidare till Azets Cozone …")
    expect(page.locator('[data-action="confirm"]')).to_have_attribute("aria-disabled", "true")
    service.release()
    page.wait_for_url(BACK_VERIFIED)


def test_a_wrong_code_stays(page: Page, service: FakeService, site: str) -> None:
    """Nobody is sent back without a second factor by mistake."""
    follow(page, site, service.hand_over(second_factor="active"))
    enter_code(page, "111222")
    expect_refusal(page, says("problem.otp_mismatch"))
    assert service.calls(RETURN) == []


def test_a_way_back_that_fails_is_told_and_taken_up_by_the_button(
    page: Page, service: FakeService, site: str
) -> None:
    """The code was right: it is not asked for again, and the way back stays the same action."""
    service.lose_next(RETURN)
    service.lose_next(RETURN)
    follow(page, site, service.hand_over(second_factor="active"))
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "account")
    expect_refusal(page, says("problem.network"))
    press(page, "done")
    page.wait_for_url(BACK_VERIFIED)
    assert len(service.calls(RETURN)) == 3
    assert len(keys_of(service.calls(RETURN))) == 1


def test_somebody_who_came_to_change_the_phone_is_not_sent_back_at_once(
    page: Page, service: FakeService, site: str
) -> None:
    """They see what they can do; Done is the way back."""
    follow(page, site, service.hand_over("manage", second_factor="active"))
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "account")
    expect(page.locator('main [data-action="replace"]')).to_be_visible()
    assert service.calls(RETURN) == []
    press(page, "done")
    page.wait_for_url(BACK_VERIFIED)


def test_the_end_of_the_set_up_leads_back(page: Page, service: FakeService, site: str) -> None:
    """Even where the portal has an address for those who came by themselves."""
    service.tenant["return_url"] = f"{PORTAL}/elsewhere"
    follow(page, site, service.hand_over(is_fresh=True))
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    expect(page.locator("h1")).to_be_focused()
    assert service.calls(RETURN) == []
    press(page, "done")
    page.wait_for_url(BACK_VERIFIED)


def test_a_link_for_somebody_verified_already_leads_back_by_the_button(
    page: Page, service: FakeService, site: str
) -> None:
    """Also after a reload."""
    follow(page, site, service.hand_over(**VERIFIED))
    expect_screen(page, "account")
    page.reload()
    expect_screen(page, "account")
    press(page, "done")
    page.wait_for_url(BACK_VERIFIED)


REFUSALS = [(409, "not_handed_off"), (503, "service_unavailable")]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
def test_a_refused_way_back_is_told_at_the_end(
    page: Page, service: FakeService, site: str, status: int, code: str
) -> None:
    """The user stays where they are, and may press again."""
    follow(page, site, service.hand_over(**VERIFIED))
    expect_screen(page, "account")
    service.refuse_next(RETURN, status, code)
    press(page, "done")
    expect_refusal(page, says(f"problem.{code}"))
    expect(page).to_have_title(re.compile("^Fel: "))
    press(page, "done")
    page.wait_for_url(BACK_VERIFIED)


def test_a_way_back_from_a_closed_portal_stops(page: Page, service: FakeService, site: str) -> None:
    """Nothing here works any more."""
    follow(page, site, service.hand_over(**VERIFIED))
    expect_screen(page, "account")
    service.refuse_next(RETURN, 403, "tenant_suspended")
    press(page, "done")
    expect_stopped(page, "tenant_suspended")


def test_a_way_back_after_the_end_of_the_session_leads_to_the_portals_sign_in(
    page: Page, service: FakeService, site: str
) -> None:
    """The page cannot send anybody back any more, but knows who can."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(**VERIFIED))
    expect_screen(page, "account")
    service.is_signed_in = False
    press(page, "done")
    expect_screen(page, "sign-in")
    expect(page.locator('main [data-link="portal"]')).to_have_text("Logga in hos Azets Cozone")


def test_a_page_taken_out_again_after_the_way_back_starts_anew(
    page: Page, context: BrowserContext, service: FakeService, site: str
) -> None:
    """Browsers keep whole pages in memory for Back; the session behind this one is over."""
    context.unroute(f"{PORTAL}/**")
    context.route(f"{PORTAL}/**", lambda route: route.fulfill(status=204))  # the browser stays
    follow(page, site, service.hand_over(**VERIFIED))
    expect_screen(page, "account")
    with page.expect_response(f"{PORTAL}/**"):
        press(page, "done")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect_screen(page, "sign-in")


COMING_IN = {
    "optional": ({"second_factor": "optional", "due_at": None}, "action.on_to_portal"),
    "required later": ({"second_factor": "required", "due_at": in_minutes(60)}, "action.on_to_portal"),
    "required now": ({"second_factor": "required", "due_at": None}, "action.back_to_portal"),
    "overdue": ({"second_factor": "required", "due_at": in_minutes(-60)}, "action.back_to_portal"),
}


@pytest.mark.parametrize(("policy", "label"), COMING_IN.values(), ids=COMING_IN.keys())
def test_breaking_off_leads_back_by_a_button_that_does_not_promise_too_much(
    page: Page, service: FakeService, site: str, policy: dict[str, Any], label: str
) -> None:
    """On to the portal for those who get in without; else just back."""
    service.policy = policy
    follow(page, site, service.hand_over())
    press(page, "cancel")
    expect_stopped(page, "cancelled")
    expect(page.locator('main [data-action="return"]')).to_have_text(says(label))
    expect(page.locator('main [data-action="sign-out"]')).to_have_count(0)
    press(page, "return")
    page.wait_for_url(BACK_DENIED)


def test_breaking_off_tells_until_when_it_can_wait(page: Page, service: FakeService, site: str) -> None:
    """The same day that the method screen names."""
    service.policy = {"second_factor": "required", "due_at": "2126-12-02T00:00:00Z"}
    follow(page, site, service.hand_over())
    press(page, "cancel")
    expect(page.locator(".lead")).to_contain_text("Gör det senast 1 december 2126.")


def test_breaking_off_can_be_thought_better_of(page: Page, service: FakeService, site: str) -> None:
    """Next to the way back stands the way on."""
    follow(page, site, service.hand_over())
    press(page, "cancel")
    expect(page.locator('main [data-action="resume"]')).to_have_text("Fortsätt konfigurera")
    press(page, "resume")
    expect_screen(page, "method")


def test_a_refused_way_back_is_told_to_those_who_broke_off(
    page: Page, service: FakeService, site: str
) -> None:
    """On the screen where they are."""
    follow(page, site, service.hand_over())
    press(page, "cancel")
    service.refuse_next(RETURN, 503, "service_unavailable")
    press(page, "return")
    expect_refusal(page, says("problem.service_unavailable"))
    press(page, "return")
    page.wait_for_url(BACK_DENIED)


def test_a_disabled_authenticator_leads_back_without_a_second_factor(
    page: Page, service: FakeService, site: str
) -> None:
    """Nothing here helps; the portal has to be told."""
    follow(page, site, service.hand_over(second_factor="disabled"))
    expect_stopped(page, "authenticator_disabled")
    expect(page.locator("main button")).to_have_count(1)
    press(page, "return")
    page.wait_for_url(BACK_DENIED)


# What only the portal can do


def test_whoever_comes_without_a_link_is_shown_to_the_portals_sign_in(
    page: Page, service: FakeService, site: str
) -> None:
    """A password that the portal holds has no field here."""
    service.hold_passwords_at_portal()
    page.goto(site)
    expect_screen(page, "sign-in")
    expect(page.locator("main input")).to_have_count(0)
    expect(page).to_have_title("Logga in \u2013 Azets Cozone")
    page.click('main [data-link="portal"]')
    page.wait_for_url(f"{PORTAL}/sign-in")


@pytest.mark.parametrize("holder", ["portal", "directory"])
def test_signing_out_leads_to_the_sign_in_of_whoever_holds_the_password(
    page: Page, service: FakeService, site: str, holder: str
) -> None:
    """After a hand-off too, our own form is for our own directory."""
    if holder == "portal":
        service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(second_factor="active"))
    press(page, "sign-out")
    expect_screen(page, "sign-in")
    expect(page.locator("#live")).to_have_text(says("status.signed_out"))
    expect(page.locator("#current-password")).to_have_count(0 if holder == "portal" else 1)


def test_a_session_that_ended_leads_to_the_portals_sign_in(
    page: Page, service: FakeService, site: str
) -> None:
    """In one press."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(is_fresh=True))
    press(page, "activate")
    page.check("#phone-android")
    service.is_signed_in = False
    press(page, "continue")
    expect_stopped(page, "not_signed_in")
    expect(page.locator("main button")).to_have_count(0)
    link = page.locator('main [data-link="portal"]')
    expect(link).to_have_text("Logga in hos Azets Cozone")
    expect(link).to_have_attribute("href", f"{PORTAL}/sign-in")


def test_a_password_that_the_portal_holds_is_confirmed_there(
    page: Page, service: FakeService, site: str
) -> None:
    """Still step 2 of 5, without a field; the portal's next link goes on from there."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over())
    press(page, "activate")
    expect_screen(page, "password")
    expect(page).to_have_title("Steg 2 av 5: Bekräfta att det är du \u2013 Azets Cozone")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("main input")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("Du är inloggad som anna@firma.se.")
    page.click('main [data-link="portal"]')
    page.wait_for_url(f"{PORTAL}/again")
    follow(page, site, service.hand_over(is_fresh=True))
    press(page, "activate")
    expect_screen(page, "phone")


def test_without_an_address_for_it_the_user_is_told_to_sign_in_again(
    page: Page, service: FakeService, site: str
) -> None:
    """No button that leads nowhere."""
    service.hold_passwords_at_portal()
    service.tenant["reauthentication_url"] = None
    follow(page, site, service.hand_over())
    press(page, "activate")
    expect(page.locator("h1")).to_contain_text("Logga in hos Azets Cozone igen")
    expect(page.locator('main [data-link="portal"]')).to_have_count(0)
    press(page, "cancel")
    expect_stopped(page, "cancelled")


def test_a_password_proven_a_moment_ago_is_not_asked_for(
    page: Page, service: FakeService, site: str
) -> None:
    """The steps keep their numbers."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(is_fresh=True))
    expect(page.locator("h1")).to_contain_text("Steg 1 av 5")
    press(page, "activate")
    expect_screen(page, "phone")
    expect(page.locator("h1")).to_contain_text("Steg 3 av 5")


def test_a_proof_that_grew_old_is_renewed_at_the_portal(
    page: Page, service: FakeService, site: str
) -> None:
    """With a word about why."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(is_fresh=True))
    press(page, "activate")
    service.refuse_next("POST /api/enrolment", 401, "reauthentication_required")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "password")
    expect_refusal(page, says("problem.reauthentication_required"))
    expect(page.locator('main [data-link="portal"]')).to_have_text("Bekräfta hos Azets Cozone")


def test_a_password_that_turns_out_to_be_the_portals_is_confirmed_there(
    page: Page, service: FakeService, site: str
) -> None:
    """The tenant may have changed while the page was open."""
    open_at(page, site, "password", service)
    service.tenant["reauthentication_url"] = f"{PORTAL}/again"
    page.reload()
    expect_screen(page, "password")
    service.refuse_next("POST /api/session/password", 409, "password_held_by_portal")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect(page.locator('main [data-link="portal"]')).to_have_attribute("href", f"{PORTAL}/again")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator(".summary")).to_have_count(0)
    assert PASSWORD not in page.content()


def test_a_sign_in_that_turns_out_to_be_the_portals_is_done_there(
    page: Page, service: FakeService, site: str
) -> None:
    """The form goes, and what was typed with it."""
    service.tenant["sign_in_url"] = f"{PORTAL}/sign-in"
    page.goto(site)
    service.refuse_next("POST /api/session", 409, "password_held_by_portal")
    page.fill("#username", "anna@firma.se")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect(page.locator('main [data-link="portal"]')).to_have_attribute("href", f"{PORTAL}/sign-in")
    expect(page.locator("main input")).to_have_count(0)
    expect_screen(page, "sign-in")


# A portal that is closed


def test_a_closed_portal_says_so_at_once(page: Page, service: FakeService, site: str) -> None:
    """Before anybody types a password."""
    service.tenant["suspended"] = True
    page.goto(site)
    expect_stopped(page, "tenant_suspended")
    expect(page.locator(".lead")).to_have_text(says("problem.tenant_suspended"))
    expect(page.locator("main button, main .button")).to_have_count(0)
    expect(page).to_have_title("Tjänsten är stängd för Azets Cozone just nu \u2013 Azets Cozone")


@pytest.mark.parametrize("call", [HAND_OFF, "POST /api/session", "POST /api/enrolment"])
def test_a_portal_that_closes_meanwhile_stops_the_journey(
    page: Page, service: FakeService, site: str, call: str
) -> None:
    """Whatever the user was about to do."""
    service.refuse_next(call, 403, "tenant_suspended")
    if call == HAND_OFF:
        follow(page, site, service.hand_over())
    elif call == "POST /api/session":
        page.goto(site)
        page.fill("#username", "anna@firma.se")
        page.fill("#current-password", PASSWORD)
        press(page, "continue")
    else:
        open_at(page, site, "phone", service)
        page.check("#phone-android")
        press(page, "continue")
    expect_stopped(page, "tenant_suspended")


# Until when


DUE: dict[str, tuple[dict[str, Any], str | None]] = {
    "midnight ends the day before": (
        {"second_factor": "required", "due_at": "2126-12-02T00:00:00Z"},
        "Gör det senast 1 december 2126.",
    ),
    "noon is in the day": (
        {"second_factor": "required", "due_at": "2126-12-02T12:00:00Z"},
        "Gör det senast 2 december 2126.",
    ),
    "already due": ({"second_factor": "required", "due_at": "2026-01-01T00:00:00Z"}, None),
    "due at once": ({"second_factor": "required", "due_at": None}, None),
    "never due": ({"second_factor": "optional", "due_at": None}, None),
}


@pytest.mark.parametrize(("policy", "expected"), DUE.values(), ids=DUE.keys())
def test_the_method_screen_names_the_users_own_last_day(
    page: Page, service: FakeService, site: str, policy: dict[str, Any], expected: str | None
) -> None:
    """In Stockholm's time zone too; one that is past is not named."""
    service.policy = policy
    open_at(page, site, "method", service)
    note = page.locator("main .note")
    if expected is None:
        expect(note).to_have_count(0)
    else:
        expect(note).to_have_text(expected)
    expect(page.locator(".lead")).to_contain_text(
        "behöver du ställa in" if policy["second_factor"] == "required" else "skyddar du ditt konto"
    )


def test_a_recovery_code_goes_before_the_way_back(page: Page, service: FakeService, site: str) -> None:
    """Who is blocked and has one can go on; one button stands out."""
    follow(page, site, service.hand_over(second_factor="disabled", codes=recovery_codes()))
    expect_stopped(page, "authenticator_disabled")
    buttons = page.locator("main button")
    expect(buttons).to_have_text([says("action.use_recovery_code"), says("action.back_to_portal")])
    expect(page.locator("main .primary")).to_have_text(says("action.use_recovery_code"))


# For every eye and ear


def show_expired(page: Page, service: FakeService, site: str, query: str) -> None:
    """A link that is too old."""
    service.hold_passwords_at_portal()
    follow(page, site, "#hand-off=used", query)
    expect_screen(page, "stopped")


def show_suspended(page: Page, service: FakeService, site: str, query: str) -> None:
    """A portal that is closed."""
    service.tenant["suspended"] = True
    follow(page, site, "", query)
    expect_screen(page, "stopped")


def show_sign_in(page: Page, service: FakeService, site: str, query: str) -> None:
    """The way to the portal's sign-in."""
    service.hold_passwords_at_portal()
    follow(page, site, "", query)
    expect_screen(page, "sign-in")


def show_password(page: Page, service: FakeService, site: str, query: str) -> None:
    """The way to the portal's password."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(), query)
    press(page, "activate")
    expect_screen(page, "password")


def show_password_without_address(page: Page, service: FakeService, site: str, query: str) -> None:
    """The same, where the portal has told no address for it."""
    service.hold_passwords_at_portal()
    service.tenant["reauthentication_url"] = None
    follow(page, site, service.hand_over(), query)
    press(page, "activate")
    expect_screen(page, "password")


def show_cancelled(page: Page, service: FakeService, site: str, query: str) -> None:
    """A journey that was broken off, with time left."""
    service.policy = {"second_factor": "required", "due_at": "2126-12-02T00:00:00Z"}
    follow(page, site, service.hand_over(), query)
    press(page, "cancel")
    expect_screen(page, "stopped")


def show_over(page: Page, service: FakeService, site: str, query: str) -> None:
    """A session that ended, in a tenant whose portal holds the passwords."""
    service.hold_passwords_at_portal()
    follow(page, site, service.hand_over(), query)
    expect_screen(page, "method")  # the link is used up, and says nothing more of the password
    service.refuse_next("POST /api/enrolment", 401, "not_signed_in")
    service.is_fresh = True
    page.reload()
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "stopped")


def show_disabled(page: Page, service: FakeService, site: str, query: str) -> None:
    """An authenticator that only the help desk can open."""
    follow(page, site, service.hand_over(second_factor="disabled"), query)
    expect_screen(page, "stopped")


def show_leaving(page: Page, service: FakeService, site: str, query: str) -> None:
    """The moment before the portal comes."""
    service.slow.add(RETURN)
    follow(page, site, service.hand_over(second_factor="active"), query)
    enter_code(page, RIGHT_CODE)
    expect(page.locator(".waiting")).not_to_be_empty()


def show_failed_return(page: Page, service: FakeService, site: str, query: str) -> None:
    """A way back that was refused."""
    follow(page, site, service.hand_over(**VERIFIED), query)
    expect_screen(page, "account")
    service.refuse_next(RETURN, 409, "not_handed_off")
    press(page, "done")
    expect(page.locator(".summary")).to_be_focused()


BOOK = Book("hand-off", shown_by(globals()))


@pytest.mark.requirement("W3", "W4", "W5", "W7")
@pytest.mark.parametrize("state", BOOK.states)
def test_every_state_is_sound_in_every_window(
    page: Page, service: FakeService, site: str, state: str
) -> None:
    """For eyes, ears and hands, on glass and on paper, in every language."""
    expect_sound_in_every_window(page, service, site, BOOK, state)


@pytest.mark.soak
@every_window
@pytest.mark.parametrize("state", BOOK.states)
def test_every_state_is_sound_when_it_is_come_to_in_each_window(
    page: Page, service: FakeService, site: str, state: str, window: str
) -> None:
    """Not only when a window, its colours or the language are changed afterwards."""
    expect_sound_when_come_to(page, service, site, BOOK.states[state], window)
