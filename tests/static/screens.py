"""What tests do on the pages, and what they look for there."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, Request, expect

from tests.static.fake_service import PASSWORD, RIGHT_CODE, FakeService, recovery_codes
from tests.static.texts import rendered, words
from tests.support.browser import PATIENCE_MILLISECONDS

USER_AGENTS = {
    "android": "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 Chrome/150 Mobile",
    "iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Safari/604.1",
}
"""What phones call themselves, as far as the page looks at it."""
EMPTY_STORAGE_AT_SIGN_OUT = """
const { fetch } = window;
window.fetch = async (url, options) => {
  const response = await fetch(url, options);
  if (options.method === 'DELETE' && url === '/api/session') localStorage.clear();
  return response;
};
"""
"""What browsers do at the API's `Clear-Site-Data`."""


def says(key: str, language: str = "sv", **values: str) -> str:
    """Return the text of *key* as the page of Azets Cozone shows it."""
    return rendered(key, words(language), {"portal": "Azets Cozone", "username": "anna@firma.se", **values})


def press(page: Page, action: str) -> None:
    """Press the button of *action*."""
    page.click(f'main [data-action="{action}"]')


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is on *selector*; wherever it comes to, it can be seen there."""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.matches(':focus-visible, body')")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no way to {selector}")


def expect_screen(page: Page, name: str) -> None:
    """Wait until the page shows that screen."""
    # Looks more often than `expect` does, which waits a second between two looks.
    page.wait_for_selector(f'main[data-screen="{name}"]', state="attached", timeout=PATIENCE_MILLISECONDS)


def expect_heading(page: Page, screen: str, key: str) -> None:
    """Wait for that screen with its heading, to which the reader has been moved."""
    expect_screen(page, screen)
    expect(page.locator("h1")).to_contain_text(says(key))
    expect(page.locator("h1")).to_be_focused()


def expect_stopped(page: Page, reason: str) -> None:
    """Wait until the page has stopped, says why, and has moved the reader there."""
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text(says(f"stopped.{reason}"))


def expect_refusal(page: Page, text: str) -> None:
    """Wait until the summary says *text* and the reader has been moved to it."""
    expect(page.locator(".summary")).to_contain_text(text)
    expect(page.locator(".summary")).to_be_focused()


def open_at(page: Page, site: str, screen: str, service: FakeService, query: str = "") -> None:
    """Open the page in the state in which it shows *screen*."""
    states: dict[str, dict[str, Any]] = {
        "method": {},
        "password": {},
        "phone": {"is_fresh": True},
        "app": {"is_fresh": True},
        "code": {"is_fresh": True},
        "verify": {"second_factor": "active"},
        "done": {"second_factor": "active", "is_verified": True},
        "account": {"second_factor": "active", "is_verified": True},
    }
    if screen in states:
        service.sign_in(**states[screen])
    if screen in {"app", "code"}:
        service.begin()
    page.goto(f"{site}/{query}#{screen}")
    expect_screen(page, screen)


def enter_code(page: Page, code: str) -> None:
    """Type a code and confirm it."""
    page.fill("#otp", code)
    press(page, "confirm")


def keys_of(requests: list[Request]) -> set[str]:
    """Return the different Idempotency-Keys of *requests*."""
    return {request.headers["idempotency-key"] for request in requests}


# What somebody does who has an account already


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
    service.sign_in(second_factor="active", offers_codes=True, **{"codes": recovery_codes(), **state})
    page.goto(f"{site}/{query}")
    expect_screen(page, "verify")


def asked_for_a_recovery_code(
    page: Page, service: FakeService, site: str, query: str = "", **state: Any
) -> None:
    """Be without the phone."""
    asked_for_the_code(page, service, site, query, **state)
    page.click("main summary")
    press(page, "go")
    expect_screen(page, "recover")


def begun(service: FakeService) -> list[dict[str, Any]]:
    """Return what was asked for each time that a phone was begun with."""
    return [json.loads(request.post_data or "{}") for request in service.calls("POST /api/enrolment")]


def act_on(page: Page, name: str, action: str) -> None:
    """Press the button of *action* in the row of *name*."""
    page.locator(".row", has_text=name).locator(f'[data-action="{action}"]').click()


def give_password(page: Page) -> None:
    """Give the password that is asked for again."""
    expect_screen(page, "password")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
