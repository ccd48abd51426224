"""Reload, Back, other tabs, other sign-ins and time: nobody is lost, and nothing old comes back."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import VERIFICATION, Visitor


@pytest.mark.requirement("E12")
def test_a_reload_at_every_step_goes_on_with_the_same_key(visitor: Visitor) -> None:
    """Phones throw the page away while their owner is in the app."""
    page = visitor.page

    def sees_again(screen: str) -> None:
        visitor.sees(screen)
        page.reload()
        visitor.sees(screen)

    visitor.open()
    sees_again("sign-in")
    visitor.signs_in()
    sees_again("method")
    visitor.press("activate")
    sees_again("password")
    visitor.gives_password()
    sees_again("phone")
    visitor.chooses("iphone")
    phone = visitor.scans()
    page.click("main summary")
    # The browser tells the page of an unfolding a moment later; nobody reloads that soon.
    while not page.evaluate("() => history.state.unfolded?.length"):
        page.wait_for_timeout(20)
    sees_again("app")
    assert visitor.key() == visitor.scans().key == phone.key
    expect(page.locator("#key")).to_be_visible()
    visitor.press("continue")
    sees_again("code")
    visitor.enters(phone.otp())
    visitor.finishes()
    sees_again("done")
    visitor.sees("done", "done.heading")


@pytest.mark.requirement("T12", "S8")
def test_back_leads_through_the_steps_and_after_the_end_nowhere(visitor: Visitor) -> None:
    """The key stays the same until it is confirmed; then it is gone from the page."""
    page = visitor.page
    visitor.open()
    visitor.signs_in()
    visitor.sees("method")
    visitor.goes_from_method_to_app()
    phone = visitor.holds(visitor.key())
    visitor.press("continue")
    visitor.sees("code")
    page.go_back()
    visitor.sees("app")
    assert visitor.key() == phone.key
    page.go_back()
    visitor.sees("phone")
    expect(page.locator("#phone-android")).to_be_checked()
    visitor.chooses("iphone")
    assert visitor.key() == phone.key
    page.go_back()
    visitor.sees("phone")
    page.go_forward()
    visitor.sees("app")
    visitor.press("back")
    visitor.sees("phone")
    visitor.press("continue")
    visitor.sees("app")
    visitor.press("continue")
    visitor.sees("code")
    visitor.enters(phone.otp())
    codes = visitor.finishes()
    for _ in range(3):
        page.go_back()
        visitor.sees("done", "done.heading")
        for secret in (phone.key, *codes):
            assert secret not in page.content().replace(" ", "")
        expect(page.locator("svg")).to_have_count(0)


def test_a_second_tab_shows_the_same_key_and_may_finish(visitor: Visitor) -> None:
    """The first tab then says that it is done, not that something is wrong."""
    phone = visitor.is_at("code")
    other = visitor.second_tab()
    other.open()
    other.sees("app")
    assert other.key() == phone.key
    other.press("continue")
    other.enters(phone.otp())
    other.finishes()
    visitor.enters(phone.otp())
    visitor.sees("done", "done.heading")


@pytest.mark.requirement("E3")
def test_a_second_sign_in_has_its_own_key_and_ends_the_first_ones(new_visitor: NewVisitor) -> None:
    """The first page says so, and starts anew if its user wants that."""
    visitor = new_visitor()
    phone = visitor.is_at("code")
    other = new_visitor(person=visitor.person)
    other_phone = other.is_at("app")
    assert other_phone.key != phone.key
    visitor.enters(phone.otp())
    visitor.sees("stopped", "stopped.enrolment_replaced")
    expect(visitor.main).to_contain_text("Du har begärt en QR-\u2060kod i ett annat fönster")
    assert other.scans().key == other_phone.key
    visitor.press("resume")
    visitor.sees("method")
    other.press("continue")
    other.enters(other_phone.otp())
    other.finishes()
    visitor.press("activate")
    visitor.sees("phone")
    visitor.page.check("#phone-android")
    visitor.press("continue")
    visitor.sees("stopped", "stopped.not_signed_in")


@pytest.mark.requirement("E3", "B66")
def test_a_key_older_than_thirty_minutes_is_made_anew(visitor: Visitor) -> None:
    """The page says why, and that the row in the app has to go."""
    phone = visitor.is_at("app")
    visitor.product.clock.advance(20 * 60)
    visitor.page.reload()
    visitor.press("continue")
    visitor.sees("code")
    visitor.product.clock.advance(10 * 60 + 1)
    visitor.enters(phone.otp())
    visitor.sees("stopped", "stopped.enrolment_expired")
    expect(visitor.main).to_contain_text("Det gick mer än 30 minuter. Inget är ändrat.")
    assert phone.key not in visitor.page.content().replace(" ", "")
    visitor.press("resume")
    visitor.sees("method")
    visitor.goes_from_method_to_app()
    expect(visitor.main).to_contain_text("Vi har gjort en ny QR-\u2060kod.")
    assert visitor.scans().key != phone.key


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("screen", ["method", "verify"])
def test_a_session_that_ended_says_so_and_leads_to_the_sign_in(visitor: Visitor, screen: str) -> None:
    """Fifteen minutes without a sign of life."""
    if screen == "verify":
        phone = visitor.is_asked_for_the_code()
        visitor.product.clock.advance(15 * 60 + 1)
        visitor.enters(phone.otp())
    else:
        visitor.is_signed_in()
        visitor.open()
        visitor.press("activate")
        visitor.product.clock.advance(15 * 60 + 1)
        visitor.gives_password()
    visitor.sees("stopped", "stopped.not_signed_in")
    expect(visitor.main).to_contain_text("Inget har ändrats. Logga in igen.")
    visitor.press("resume")
    visitor.sees("sign-in")


@pytest.mark.requirement("W2", "S3")
def test_more_time_is_offered_in_time_and_given(visitor: Visitor) -> None:
    """One press keeps the session; without one the key leaves the screen at the end."""
    page, clock = visitor.page, visitor.product.clock
    page.clock.install(time=clock())

    def wait(seconds: int) -> None:
        clock.advance(seconds)
        page.clock.run_for(seconds * 1000)

    visitor.is_signed_in()
    visitor.open()
    visitor.sees("method")
    wait(13 * 60 + 1)
    expect(page.locator("dialog")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(!\) Behöver du mer tid\?"))
    with page.expect_response("**/api/session") as answer:
        page.click('dialog [data-action="stay"]')
    ends = datetime.fromisoformat(answer.value.json()["expires_at"]).timestamp()
    assert ends == clock() + 15 * 60
    expect(page.locator("dialog")).to_be_hidden()
    wait(12 * 60)
    visitor.press("activate")
    visitor.gives_password()
    visitor.sees("phone")
    visitor.chooses()
    phone = visitor.holds(visitor.key())
    wait(29 * 60)
    expect(page.locator("dialog")).to_be_visible()
    wait(2 * 60)
    visitor.sees("stopped")
    assert phone.key not in page.content().replace(" ", "")
    expect(page.locator("dialog")).to_be_hidden()


@pytest.mark.requirement("E4")
def test_cancelling_drops_the_key_and_changes_nothing(visitor: Visitor) -> None:
    """Not even an API call brings it back; going on after all makes another."""
    phone = visitor.is_at("app")
    visitor.press("back")
    visitor.press("cancel")
    visitor.sees("stopped", "stopped.cancelled")
    expect(visitor.main).to_contain_text(
        "Du behöver 2-\u2060stegsverifiering för att använda Azets Cozone."
    )
    assert visitor.calls("GET", "/api/enrolment")[0] == 409
    assert visitor.calls("GET", "/api/session")[1]["second_factor"] == "none"
    visitor.press("resume")
    visitor.sees("method")
    visitor.press("activate")
    visitor.sees("phone")
    visitor.chooses()
    assert visitor.holds(visitor.key()).key != phone.key


def test_cancelling_a_change_of_phone_keeps_the_old_one(visitor: Visitor) -> None:
    """The present authenticator never noticed."""
    phone = visitor.has_enrolled()
    visitor.is_signed_in()
    assert visitor.calls("POST", VERIFICATION, {"otp": phone.otp()})[0] == 200
    visitor.open()
    visitor.press("replace")
    visitor.goes_from_method_to_app()
    visitor.holds(visitor.key())
    visitor.press("back")
    visitor.press("cancel")
    visitor.sees("account", "account.heading")
    assert visitor.calls("GET", "/api/enrolment")[0] == 409
    visitor.press("sign-out")
    visitor.sees("sign-in")
    visitor.product.clock.advance(60)
    visitor.signs_in()
    visitor.sees("verify")
    visitor.enters(phone.otp())
    visitor.sees("account", "account.heading")


def test_another_language_keeps_the_step_and_the_key(visitor: Visitor) -> None:
    """And is kept for the rest of the journey."""
    page = visitor.page
    phone = visitor.is_at("app")
    page.click('[data-action="language"][data-language="en"]')
    visitor.language = "en"
    visitor.sees("app", "setup.heading")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_title("Step 4 of 5: Set up Google Authenticator \u2013 Azets Cozone")
    assert visitor.scans().key == phone.key
    page.reload()
    visitor.press("continue")
    visitor.enters(phone.otp())
    visitor.finishes()


@pytest.mark.requirement("S12", "S8")
def test_signing_out_takes_everything_along(visitor: Visitor) -> None:
    """No key in the page, none by Back, and the old session is over."""
    phone = visitor.has_enrolled()
    visitor.is_signed_in()
    visitor.calls("POST", VERIFICATION, {"otp": phone.otp()})
    visitor.open()
    visitor.press("replace")
    visitor.goes_from_method_to_app()
    new = visitor.holds(visitor.key())
    assert visitor.calls("DELETE", "/api/session")[0] == 204
    visitor.page.reload()
    visitor.sees("sign-in")
    assert visitor.page.context.cookies() == []
    visitor.page.go_back()
    visitor.sees("sign-in")
    assert new.key not in visitor.page.content().replace(" ", "")
    assert visitor.calls("GET", "/api/session")[0] == 401


def test_the_language_chosen_outlives_the_sign_out(visitor: Visitor) -> None:
    """At which the service has the browser empty the storage of the site."""
    visitor.is_signed_in()
    visitor.open()
    visitor.sees("method")
    visitor.page.click('[data-action="language"]')
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")
    visitor.page.evaluate("localStorage.setItem('left', 'over')")
    visitor.press("cancel")
    visitor.press("sign-out")
    visitor.sees("sign-in")
    assert visitor.page.evaluate("localStorage.getItem('left')") is None
    assert visitor.page.evaluate("localStorage.language") == "en"
