"""What the page is put together from: parts that come once they are needed, or do not come."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.static.fake_service import PASSWORD, RIGHT_CODE, FakeService
from tests.static.screens import (
    act_on,
    at_the_account,
    enter_code,
    expect_heading,
    expect_screen,
    expect_stopped,
    open_at,
    press,
    says,
)
from tests.support.static_site import SECURITY_HEADERS, STATIC_FOLDER


def test_a_part_of_the_page_that_cannot_be_had_says_so_and_is_tried_again(
    page: Page, service: FakeService, site: str
) -> None:
    """The phone is set up by then: nobody is asked for the same code again."""
    service.offers_codes = True
    open_at(page, site, "code", service)
    page.route("**/account.html", lambda route: route.abort())
    page.reload()
    expect_screen(page, "code")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "stopped")
    expect(page.locator("h1")).to_have_text(says("stopped.fault"))
    page.unroute("**/account.html")
    press(page, "resume")
    expect_screen(page, "recovery")
    assert len(service.calls("POST /api/enrolment/confirmation")) == 1


def from_versioned_folder(page: Page, site: str) -> list[str]:
    """Let every asset live under /v/{hash}/, as deployed; return a list of what is asked for elsewhere."""
    index = (STATIC_FOLDER / "index.html").read_text("utf-8")
    moved = re.sub(r'(href|src)="(favicon|app|js/)', r'\1="/v/abc/\2', index)

    def from_version(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/v/abc/", "/")))

    page.route("**/v/abc/**", from_version)
    page.route(
        f"{site}/",
        lambda route: route.fulfill(body=moved, content_type="text/html", headers=SECURITY_HEADERS),
    )
    unversioned: list[str] = []
    page.on(
        "request", lambda request: unversioned.append(request.url) if "/v/abc/" not in request.url else None
    )
    return unversioned


def test_the_page_works_from_a_versioned_folder(new_page: Page, site: str) -> None:
    """Only the page itself lives at the root."""
    unversioned = from_versioned_folder(new_page, site)
    new_page.goto(f"{site}/")
    expect_screen(new_page, "sign-in")
    new_page.wait_for_load_state("networkidle")
    assert [url for url in unversioned if "/api/" not in url] == [f"{site}/"]


def test_the_parts_come_from_the_versioned_folder(new_page: Page, service: FakeService, site: str) -> None:
    """As everything but the page itself."""
    unversioned = from_versioned_folder(new_page, site)
    at_the_account(new_page, service, site)
    act_on(new_page, "Google Authenticator", "replace")
    expect_screen(new_page, "method")
    new_page.wait_for_load_state("networkidle")
    assert [url for url in unversioned if "/api/" not in url] == [f"{site}/"]


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_part_that_is_refused_is_not_taken_for_an_empty_one(
    page: Page, service: FakeService, site: str, status: int
) -> None:
    """An answer is not yet what was asked for."""
    page.route(
        "**/setup.html",
        lambda route: route.fulfill(status=status, body="<Error/>", content_type="application/xml"),
    )
    service.sign_in(is_fresh=True)
    page.goto(f"{site}/#phone")
    expect_stopped(page, "fault")
    page.unroute("**/setup.html")
    press(page, "resume")
    expect_screen(page, "method")
    press(page, "activate")
    expect_screen(page, "phone")


def test_a_part_that_does_not_come_is_waited_for_ten_seconds(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Of which this test takes a hundredth."""
    new_page.add_init_script("""
        const { set } = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, 'timeout');
        Object.defineProperty(XMLHttpRequest.prototype, 'timeout', { set(limit) {
          window.limit = limit;
          set.call(this, limit / 100);
        } });
    """)
    new_page.route("**/setup.html", lambda _route: None)
    service.sign_in(is_fresh=True)
    new_page.goto(f"{site}/#phone")
    expect_stopped(new_page, "fault")
    assert new_page.evaluate("window.limit") == 10_000


def test_a_script_that_does_not_come_is_waited_for_ten_seconds(
    new_page: Page, service: FakeService, site: str
) -> None:
    """Browsers would wait for ever, and remember that: the button loads the page anew."""
    new_page.clock.install()
    new_page.route("**/js/setup/setup.js", lambda _route: None)
    service.sign_in(is_fresh=True)
    with new_page.expect_request("**/js/setup/setup.js"):
        new_page.goto(f"{site}/#phone")
    new_page.clock.run_for(9_500)
    expect_screen(new_page, "loading")
    new_page.clock.run_for(1_000)
    expect_stopped(new_page, "fault")
    new_page.unroute("**/js/setup/setup.js")
    press(new_page, "resume")
    expect_screen(new_page, "method")
    press(new_page, "activate")
    expect_screen(new_page, "phone")


def test_a_wish_whose_part_cannot_be_had_stops_until_the_button_is_pressed(
    page: Page, service: FakeService, site: str
) -> None:
    """It is kept across the reload, and is not asked for again and again."""
    at_the_account(page, service, site)
    act_on(page, "Google Authenticator", "replace")
    expect_heading(page, "method", "again.replace.heading")
    asked: list[Route] = []

    def refuse(route: Route) -> None:
        asked.append(route)
        route.abort()

    page.route("**/account.html", refuse)
    page.reload()
    expect_stopped(page, "fault")
    assert len(asked) == 1
    page.unroute("**/account.html")
    press(page, "resume")
    expect_screen(page, "method")
    expect(page.locator("h1")).to_contain_text(says("again.replace.heading"))


def test_staff_sign_in_without_the_part_that_they_need_later(
    page: Page, service: FakeService, site: str
) -> None:
    """What cannot be had stops nobody who does not need it yet."""
    page.route("**/account.html", lambda route: route.abort())
    service.role = "help_desk"
    service.second_factor = "active"
    page.goto(site)
    expect_screen(page, "sign-in")
    page.fill("#username", "anna@firma.se")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect_screen(page, "verify")
    enter_code(page, RIGHT_CODE)
    expect_stopped(page, "fault")


def test_the_key_and_the_part_that_shows_it_are_asked_for_at_once(
    page: Page, service: FakeService, site: str
) -> None:
    """Somebody comes back from the app to a page that was thrown away, on a slow line."""
    service.sign_in(is_fresh=True)
    service.begin()
    service.slow = {"GET /api/enrolment"}
    with page.expect_response("**/setup.html"):
        page.goto(f"{site}/#app")
    service.release()
    expect_screen(page, "app")


def test_a_key_that_is_refused_while_its_part_cannot_be_had_is_told_and_the_page_mended(
    page: Page, service: FakeService, site: str
) -> None:
    """One press is enough for both, though browsers remember that a script could not be had."""
    service.sign_in(is_fresh=True)
    service.begin()
    service.refuse_next("GET /api/enrolment", 500, "internal_error")
    page.route("**/js/setup/setup.js", lambda route: route.abort())
    page.goto(f"{site}/#app")
    expect_stopped(page, "fault")
    page.unroute("**/js/setup/setup.js")
    press(page, "resume")
    expect_screen(page, "app")
