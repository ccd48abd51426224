"""What tests do on the help desk's page."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.static.fake_help_desk import REASON, STAFF, TICKET
from tests.static.fake_service import PASSWORD
from tests.static.screens import expect_screen, press


def open_page(page: Page, site: str, address: str = "", view: str = "users", query: str = "") -> None:
    """Open the page at *address* within it, and wait for *view*."""
    page.goto("about:blank")  # another fragment of the same page would be no new visit
    page.goto(f"{site}/help-desk/{query}{address}")
    expect_screen(page, view)


def sign_in(page: Page, name: str = STAFF, password: str = PASSWORD) -> None:
    """Fill in the sign-in form and send it."""
    page.fill("#username", name)
    page.fill("#current-password", password)
    press(page, "continue")


def write(page: Page, check: str | None = "call_back") -> None:
    """Fill in the form, with how identity was checked where it asks for that."""
    if check is not None:
        page.check(f"#check-{check}")
    page.fill("#reason", REASON)
    page.fill("#ticket", TICKET)


def names(page: Page) -> list[str]:
    """Return the names that the list shows."""
    return page.locator("table.users tbody a").all_inner_texts()
