"""A page that the browser really keeps in memory for its Back button."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.static.fake_service import KEY, FakeService
from tests.static.screens import expect_screen, open_at
from tests.support.browser import CHROMIUM_ARGUMENTS, SWEDISH, complaints_about, whole_chromium_path

KEY_IN_FOURS = " ".join(KEY[at : at + 4] for at in range(0, len(KEY), 4))


def elsewhere(site: str) -> str:
    """Return an address on another site: pages are not kept within one."""
    return f"{site.replace('localhost', '127.0.0.1')}/openapi.json"


@pytest.fixture
def keeping_page(chromium: Browser, service: FakeService) -> Iterator[Page]:
    """A page of a browser that keeps pages, which Playwright's own settings forbid."""
    browser = chromium.browser_type.launch(
        executable_path=whole_chromium_path(),
        args=CHROMIUM_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    page = browser.new_context(**SWEDISH).new_page()
    service.attach(page)
    complaints = complaints_about(page)
    yield page
    browser.close()
    assert complaints == []


def test_the_key_is_asked_for_anew_and_is_the_same(
    keeping_page: Page, service: FakeService, site: str
) -> None:
    """It was not in the page that was put away."""
    page = keeping_page
    open_at(page, site, "app", service)
    page.locator("summary").click()
    expect(page.locator("#key")).to_have_text(KEY_IN_FOURS)
    page.evaluate("""() => {
      window.isTheSamePage = true;
      addEventListener('pagehide', () => { window.keyPutAway = document.querySelector('#key').innerText; });
    }""")
    asked = len(service.calls("GET /api/session"))
    page.goto(elsewhere(site))
    page.go_back(wait_until="commit")
    expect_screen(page, "app")
    assert page.evaluate("window.isTheSamePage") is True
    assert page.evaluate("window.keyPutAway") == ""
    expect(page.locator("#key")).to_have_text(KEY_IN_FOURS)
    expect(page.locator("#key")).to_be_visible()  # as it was left
    assert len(service.calls("GET /api/session")) == asked + 1


def test_what_was_finished_elsewhere_is_not_shown_again(
    keeping_page: Page, service: FakeService, site: str
) -> None:
    """The server says how things stand, not the picture in memory."""
    page = keeping_page
    open_at(page, site, "app", service)
    page.evaluate("window.isTheSamePage = true")
    page.goto(elsewhere(site))
    service.sign_in(second_factor="active", is_verified=True)
    page.go_back(wait_until="commit")
    expect_screen(page, "done")
    assert page.evaluate("window.isTheSamePage") is True
    assert KEY not in page.content().replace(" ", "")
