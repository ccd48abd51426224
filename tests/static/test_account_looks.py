"""Every state of the account and of what comes after the code, for every eye and ear."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.static.fake_service import (
    CODES,
    PORTAL,
    RESET_CODE,
    FakeService,
    a_browser,
    a_phone,
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
    act_on,
    asked_for_a_recovery_code,
    asked_for_the_code,
    at_the_account,
    at_the_codes,
    expect_screen,
    press,
)


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
    service.lose_next("POST /api/recovery-codes")
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
    asked_for_a_recovery_code(page, service, site, query)
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
        codes=recovery_codes(4),
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
        codes=recovery_codes(2, acknowledged=False),
        browsers=[a_browser(current=True), a_browser("browser-2")],
    )


def show_account_little(page: Page, service: FakeService, site: str, query: str) -> None:
    """As little as can be there, after a change."""
    service.tenant["policy"]["remember_days"] = 30
    at_the_account(page, service, site, query, offers_codes=True, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    press(page, "continue")
    expect_screen(page, "account")


def show_account_full(page: Page, service: FakeService, site: str, query: str) -> None:
    """As many phones as there may be, after one of two browsers was forgotten."""
    at_the_account(
        page,
        service,
        site,
        query,
        phones=[a_phone(f"phone-{at}", f"Telefon {at}") for at in range(5)],
        browsers=[a_browser(current=True), a_browser("browser-2")],
    )
    page.locator('[data-action="forget-browser"]').last.click()
    expect(page.locator(".told")).not_to_be_empty()


def show_account_unknown(page: Page, service: FakeService, site: str, query: str) -> None:
    """Nobody knows for now what there is."""
    service.refuse_next("GET /api/second-factor", 500, "internal_error")
    at_the_account(page, service, site, query)
    expect(page.locator(".summary")).to_be_focused()


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


def show_remove_one(page: Page, service: FakeService, site: str, query: str) -> None:
    """One of two phones."""
    two = [a_phone(), a_phone("phone-2", "Jobbtelefonen")]
    at_the_account(page, service, site, query, is_fresh=True, phones=two)
    act_on(page, "Jobbtelefonen", "remove")
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
    service.refuse_next("POST /api/session/reset-code", 429, "reset_not_open", retry_at=in_minutes(60 * 30))
    page.fill("#reset-code", RESET_CODE)
    press(page, "continue")
    expect(page.locator(".summary")).to_be_focused()
    page.click("main summary")


def show_disabled(page: Page, service: FakeService, site: str, query: str) -> None:
    """Too many wrong codes, with recovery codes at home."""
    service.sign_in(second_factor="disabled", codes=recovery_codes(4))
    page.goto(f"{site}/{query}")
    expect_screen(page, "stopped")


BOOK = Book("account", shown_by(globals()))


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
