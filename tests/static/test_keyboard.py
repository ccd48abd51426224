"""What can be done after the journey, by keyboard alone: each step moves the reader to its heading."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.static.desk import open_page
from tests.static.fake_help_desk import REASON, RESET_CODE, STAFF, TICKET, FakeHelpDesk
from tests.static.fake_service import (
    PASSWORD,
    RIGHT_CODE,
    FakeService,
    a_browser,
    a_phone,
    in_minutes,
    recovery_codes,
)
from tests.static.screens import at_the_account, expect_screen, open_at, says, tab_to


@pytest.fixture
def service() -> FakeHelpDesk:
    """The API of both pages, for a user of the portal."""
    return FakeHelpDesk(role="user", username="anna@firma.se")


@dataclass(frozen=True)
class Hands:
    """Somebody with a keyboard and nothing else."""

    page: Page

    def press(self, selector: str, key: str = "Enter") -> None:
        """Go to *selector* and press *key* there."""
        tab_to(self.page, selector)
        self.page.keyboard.press(key)

    def write(self, selector: str, text: str, *, send: bool = False) -> None:
        """Go to the field *selector*, write *text* over what stands there, and send the form with Enter."""
        tab_to(self.page, selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        if send:
            self.page.keyboard.press("Enter")

    def arrives(self, screen: str) -> None:
        """Wait for that screen, whose heading is read first."""
        expect_screen(self.page, screen)
        expect(self.page.locator("h1")).to_be_focused()

    def gives_password(self) -> None:
        """Give the password where it is asked for again."""
        self.arrives("password")
        self.write("#current-password", PASSWORD, send=True)


@pytest.mark.requirement("W5")
def test_phones_are_named_added_and_removed(page: Page, service: FakeService, site: str) -> None:
    """With the password each time that it is needed."""
    hands = Hands(page)
    at_the_account(page, service, site)
    hands.press('[data-action="rename"]')
    hands.gives_password()
    hands.arrives("rename")
    hands.write("#name", "Annas telefon", send=True)
    hands.arrives("account")
    expect(page.locator("#phones")).to_contain_text("Annas telefon")
    hands.press('[data-action="add"]')
    hands.arrives("method")
    hands.press('[data-action="activate"]', "Space")
    hands.arrives("phone")
    hands.press("[name=phone]", "Space")
    page.keyboard.press("Enter")
    hands.arrives("app")
    hands.press('main [data-action="continue"]')
    hands.arrives("code")
    hands.write("#otp", RIGHT_CODE, send=True)
    hands.arrives("done")
    page.goto(f"{site}/?again")
    expect_screen(page, "account")
    hands.press('.row:last-child [data-action="remove"]')
    hands.gives_password()
    hands.arrives("remove")
    hands.press('[data-action="confirm"]')
    hands.arrives("account")
    expect(page.locator("#phones li")).to_have_count(1)


@pytest.mark.requirement("W5")
def test_codes_are_renewed_and_browsers_forgotten(page: Page, service: FakeService, site: str) -> None:
    """The box is ticked with Space; after what is gone the heading above it is read."""
    hands = Hands(page)
    service.tenant["policy"]["remember_days"] = 30
    at_the_account(
        page,
        service,
        site,
        offers_codes=True,
        codes=recovery_codes(2),
        phones=[a_phone()],
        browsers=[a_browser(current=True), a_browser("browser-2")],
        is_fresh=True,
    )
    hands.press('[data-action="forget-browser"]')
    expect(page.locator("#browsers li")).to_have_count(1)
    expect(page.locator("#browsers-heading")).to_be_focused()
    page.goto(f"{site}/?again")
    expect_screen(page, "account")
    hands.press('[data-action="renew"]')
    hands.arrives("renew")
    hands.press('main [data-action="continue"]')
    hands.arrives("recovery")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    hands.press('main [data-action="continue"]')
    expect(page.locator(".summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#kept")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    hands.arrives("account")


@pytest.mark.requirement("W5")
def test_the_help_desk_finds_resets_and_unlocks(page: Page, service: FakeHelpDesk, site: str) -> None:
    """From the search to the code that is read out, and on to the next user."""
    hands = Hands(page)
    service.details["id-anna"] = {"waiting_until": in_minutes(30)}
    service.sign_in_as_staff(role="help_desk", username=STAFF)
    open_page(page, site)
    hands.write("#search", "anna", send=True)
    expect(page.locator("table.users tbody tr")).to_have_count(1)
    hands.press("table.users a")
    hands.arrives("user")
    hands.press("#to-unlock")
    hands.arrives("unlock")
    hands.write("#reason", REASON)
    hands.write("#ticket", TICKET, send=True)
    hands.arrives("user")
    expect(page.locator("#live")).not_to_be_empty()
    hands.press("#to-reset")
    hands.arrives("reset")
    hands.press("#cancel")
    hands.arrives("user")
    hands.press("#to-reset")
    hands.arrives("reset")
    hands.press('[data-action="reset"]')
    expect(page.locator(".summary")).to_be_focused()
    hands.press("[name=identity-check]", "Space")
    hands.write("#reason", REASON)
    hands.write("#ticket", TICKET, send=True)
    hands.arrives("reset-done")
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    hands.press('[data-action="done"]')
    hands.arrives("user")
    hands.press('[data-action="sign-out"]')
    hands.arrives("sign-in")


@pytest.mark.requirement("W2", "W5")
def test_the_question_for_more_time_takes_the_focus_and_gives_it_back(
    page: Page, service: FakeService, site: str
) -> None:
    """Escape says that somebody is there, and they go on where they were."""
    open_at(page, site, "code", service)
    tab_to(page, "#otp")
    page.keyboard.type("012")
    service.idle_minutes = 1
    # Who comes back to the page is asked at once.
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.evaluate("() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_role("dialog", name=says("more_time.heading"))).to_be_visible()
    within = "() => document.querySelector('dialog').contains(document.activeElement)"
    assert page.evaluate(within)
    page.keyboard.press("Tab")
    assert page.evaluate(within)
    service.idle_minutes = 15
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.locator("#otp")).to_be_focused()
