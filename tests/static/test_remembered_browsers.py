"""Browsers that need no code: trusted, kept from changes, forgotten."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.static.fake_service import PORTAL, RETURN_URL, RIGHT_CODE, FakeService, a_browser
from tests.static.screens import (
    act_on,
    asked_for_the_code,
    at_the_account,
    enter_code,
    expect_screen,
    give_password,
    press,
    says,
)

VERIFICATION = "POST /api/verification"
FORGETTING = "POST /api/remembered-browsers/removal"


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
