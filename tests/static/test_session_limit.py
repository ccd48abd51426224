"""How long a session lasts: asked about in time, ended in time, and never prolonged by the page itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.static.fake_service import KEY, RIGHT_CODE, FakeService, in_minutes
from tests.static.screens import enter_code, expect_screen, expect_stopped, open_at, press
from tests.static.texts import words

SESSION = "GET /api/session"
CONFIRMATION = "POST /api/enrolment/confirmation"


@pytest.mark.requirement("W2")
def test_two_minutes_before_the_end_one_press_gives_more_time(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Every time again; the title tells it to a background tab."""
    new_page.clock.install()
    open_at(new_page, site, "code", service)
    new_page.fill("#otp", "0123")
    for _ in range(3):
        new_page.clock.run_for(13 * 60_000 + 5_000)
        expect(new_page.locator("dialog")).to_be_visible()
        expect(new_page).to_have_title(re.compile(r"^\(!\) Behöver du mer tid\?"))
        asked = len(service.calls("GET /api/session"))
        service.idle_minutes += 13 + 5 / 60
        new_page.click('dialog [data-action="stay"]')
        expect(new_page.locator("dialog")).to_be_hidden()
        expect(new_page).to_have_title(re.compile("^Steg 5 av 5"))
        assert len(service.calls("GET /api/session")) == asked + 1
    expect(new_page.locator("#otp")).to_have_value("0123")


@pytest.mark.requirement("W2")
def test_a_session_that_ends_takes_its_secrets_off_the_page(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Even when the server cannot be asked."""
    new_page.clock.install()
    open_at(new_page, site, "app", service)
    service.is_signed_in = False
    new_page.clock.run_for(15 * 60_000 + 2_000)
    expect_screen(new_page, "stopped")
    expect(new_page.locator("h1")).to_have_text(words("sv")["stopped.not_signed_in"])
    assert KEY not in new_page.content().replace(" ", "")
    press(new_page, "resume")
    expect_screen(new_page, "sign-in")


def last(service: FakeService) -> str:
    """Let the session end a quarter of an hour from now, whatever is done; return when."""
    service.ends_at = in_minutes(15)
    return service.ends_at


def at_the_end(page: Page, service: FakeService, site: str, screen: str) -> None:
    """See *screen* until the very moment at which the session ends."""
    page.clock.install()
    end = last(service)
    open_at(page, site, screen, service)
    page.clock.pause_at(end)
    expect(page.locator("dialog")).to_be_visible()


def wait(page: Page, seconds: int) -> None:
    """Let the page's time go on, with a moment for the answers after each second."""
    for _ in range(seconds):
        page.clock.run_for(1_000)
        page.wait_for_timeout(20)


@pytest.mark.requirement("W2")
def test_a_session_is_not_asked_about_before_it_is_surely_over(
    new_page: Page, service: FakeService, site: str
) -> None:
    """At its very end it still is not over, and asking would be using it."""
    at_the_end(new_page, service, site, "code")
    asked = len(service.calls(SESSION))
    wait(new_page, 4)
    assert len(service.calls(SESSION)) == asked
    service.is_signed_in = False
    wait(new_page, 2)
    expect_stopped(new_page, "not_signed_in")
    expect(new_page.locator("dialog")).to_be_hidden()


@pytest.mark.requirement("W2")
def test_a_session_that_ends_while_a_call_runs_is_asked_about_after_it(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Nobody stays on a page that nothing watches."""
    service.slow.add(CONFIRMATION)
    new_page.clock.install()
    end = last(service)
    open_at(new_page, site, "code", service)
    new_page.clock.pause_at(end)
    new_page.click('dialog [data-action="stay"]')
    enter_code(new_page, RIGHT_CODE)
    expect(new_page.locator('[data-action="confirm"]')).to_have_attribute("aria-disabled", "true")
    service.is_signed_in = False
    wait(new_page, 40)
    expect_stopped(new_page, "not_signed_in")


def test_the_time_at_which_a_file_was_put_away_is_not_the_servers_time(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Texts come out of the browser's cache with the date of their first visit."""

    def from_the_cache(route: Route) -> None:
        old = {"Date": "Mon, 05 Jan 2026 08:00:00 GMT", "Content-Type": "application/json"}
        route.fulfill(response=route.fetch(), headers=old)

    new_page.route("**/i18n/*.json", from_the_cache)
    new_page.clock.install()
    open_at(new_page, site, "verify", service)
    new_page.clock.run_for(13 * 60_000 + 5_000)
    expect(new_page.locator("dialog")).to_be_visible()


@pytest.mark.requirement("W2")
def test_more_time_is_given_where_the_journey_has_stopped_too(
    new_page: Page, service: FakeService, site: str
) -> None:
    """The screen stays, and so does what it is about."""
    new_page.clock.install()
    open_at(new_page, site, "method", service)
    press(new_page, "cancel")
    expect_stopped(new_page, "cancelled")
    for _ in range(2):
        new_page.clock.run_for(13 * 60_000 + 5_000)
        expect(new_page.locator("dialog")).to_be_visible()
        asked = len(service.calls(SESSION))
        service.idle_minutes += 13 + 5 / 60
        with new_page.expect_response("**/api/session"):
            new_page.click('dialog [data-action="stay"]')
        expect(new_page.locator("dialog")).to_be_hidden()
        assert len(service.calls(SESSION)) == asked + 1
    expect_stopped(new_page, "cancelled")


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("screen", ["phone", "account"])
def test_a_key_that_is_dropped_takes_its_time_with_it(
    new_page: Page, service: FakeService, site: str, screen: str
) -> None:
    """A pending key keeps a session for half an hour; without it the page warns in time all the same."""
    new_page.clock.install()
    service.begin()
    service.idle_minutes = 30
    open_at(new_page, site, screen, service)
    service.idle_minutes = 15
    press(new_page, "cancel" if screen == "phone" else "add")
    expect_screen(new_page, "stopped" if screen == "phone" else "method")
    new_page.clock.run_for(13 * 60_000 + 5_000)
    expect(new_page.locator("dialog")).to_be_visible()


@pytest.mark.requirement("W2")
def test_at_the_end_of_the_journey_the_question_goes_with_the_session(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Done stays done, and its button leads out."""
    at_the_end(new_page, service, site, "done")
    service.is_signed_in = False
    wait(new_page, 6)
    expect(new_page.locator("dialog")).to_be_hidden()
    expect_screen(new_page, "done")
    asked = len(service.calls(SESSION))
    wait(new_page, 12)
    assert len(service.calls(SESSION)) == asked
    press(new_page, "done")
    expect_screen(new_page, "sign-in")


@pytest.mark.requirement("W2")
def test_where_the_journey_has_stopped_the_question_goes_with_the_session(
    new_page: Page, service: FakeService, site: str
) -> None:
    """There is nothing left to go on with but the sign-in."""
    new_page.clock.install()
    end = last(service)
    open_at(new_page, site, "method", service)
    press(new_page, "cancel")
    expect_stopped(new_page, "cancelled")
    new_page.clock.pause_at(end)
    expect(new_page.locator("dialog")).to_be_visible()
    service.is_signed_in = False
    wait(new_page, 6)
    expect_screen(new_page, "sign-in")
    expect(new_page.locator("dialog")).to_be_hidden()
