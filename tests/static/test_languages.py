"""Five languages: which one a visitor meets, and what happens when they change their mind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.static.fake_service import FakeService
from tests.static.screens import expect_screen, open_at
from tests.static.texts import languages, words
from tests.support.browser import complaints_about

ALL = ["sv", "en", "nb", "da", "fi"]


@contextmanager
def at_home_in(chromium: Browser, locale: str, service: FakeService) -> Iterator[Page]:
    """Yield a page of a browser that asks for *locale*."""
    context = chromium.new_context(locale=locale)
    page = context.new_page()
    service.attach(page)
    complaints = complaints_about(page)
    yield page
    context.close()
    assert complaints == []


def holds_back(page: Page, files: str) -> list[Route]:
    """Return a list that fills with requests for *files*, which get no answer before they are let go on."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(files, hold)
    return held


@pytest.mark.parametrize(
    ("locale", "language"),
    [("sv-SE", "sv"), ("en-GB", "en"), ("nb-NO", "nb"), ("nn-NO", "nb"), ("da-DK", "da"), ("fi-FI", "fi")],
)
def test_a_first_visit_is_in_the_language_of_the_browser(
    chromium: Browser, service: FakeService, site: str, locale: str, language: str
) -> None:
    """Norwegians find theirs by whatever name their browser has for it."""
    service.tenant["languages"] = ALL
    with at_home_in(chromium, locale, service) as page:
        open_at(page, site, "sign-in", service)
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("h1")).to_have_text(words(language)["sign_in.heading"])


def test_the_portals_wish_comes_before_the_saved_choice_the_browser_and_the_tenant(
    chromium: Browser, service: FakeService, site: str
) -> None:
    """Each is asked once the one before it has nothing to say."""
    service.tenant |= {"languages": ALL, "default_language": "da"}
    with at_home_in(chromium, "de-DE", service) as page:
        open_at(page, site, "sign-in", service)
        expect(page.locator("html")).to_have_attribute("lang", "da")
    with at_home_in(chromium, "fi-FI", service) as page:
        open_at(page, site, "sign-in", service)
        expect(page.locator("html")).to_have_attribute("lang", "fi")
        page.click('[data-language="nb"]')
        expect(page.locator("html")).to_have_attribute("lang", "nb")
        page.goto(f"{site}/?again")
        expect(page.locator("html")).to_have_attribute("lang", "nb")
        page.goto(f"{site}/?lang=en")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.goto(f"{site}/?lang=de")
        expect(page.locator("html")).to_have_attribute("lang", "nb")


@pytest.mark.parametrize("language", languages())
def test_the_other_languages_are_named_in_their_own(
    page: Page, service: FakeService, site: str, language: str
) -> None:
    """A screen reader says each by its own voice."""
    service.tenant["languages"] = ALL
    open_at(page, site, "sign-in", service, f"?lang={language}")
    expect(page.locator("#languages")).to_have_accessible_name(words(language)["language.choose"])
    links = page.locator("#languages a")
    named = {"sv": "Svenska", "en": "English", "nb": "Norsk", "da": "Dansk", "fi": "Suomi"}
    others = [other for other in ALL if other != language]
    expect(links).to_have_text([named[other] for other in others])
    for link, other in zip(links.all(), others, strict=True):
        expect(link).to_have_attribute("lang", other)
        expect(link).to_have_attribute("hreflang", other)


def test_of_two_languages_chosen_in_a_hurry_the_last_one_stays(
    page: Page, service: FakeService, site: str
) -> None:
    """Though the texts of the first come later."""
    service.tenant["languages"] = ALL
    open_at(page, site, "method", service)
    held = holds_back(page, "**/i18n/fi.json")
    page.click('[data-language="fi"]')
    page.click('[data-language="da"]')
    expect(page.locator("html")).to_have_attribute("lang", "da")
    page.wait_for_timeout(0)
    [route] = held
    with page.expect_response("**/i18n/fi.json"):
        route.continue_()
    page.wait_for_timeout(100)
    expect(page.locator("html")).to_have_attribute("lang", "da")
    expect(page.locator("h1")).to_contain_text(words("da")["method.heading"])
    assert page.evaluate("localStorage.getItem('language')") == "da"
    assert "lang=da" in page.url


def test_a_part_that_comes_while_the_language_changes_speaks_the_new_one(
    page: Page, service: FakeService, site: str
) -> None:
    """It is fetched while the user reads the screen before."""
    service.tenant["languages"] = ALL
    service.sign_in(is_fresh=True)
    held = holds_back(page, "**/setup.html")
    page.goto(f"{site}/?lang=sv#method")
    expect_screen(page, "method")
    page.click('[data-language="nb"]')
    expect(page.locator("html")).to_have_attribute("lang", "nb")
    page.wait_for_timeout(0)
    [route] = held
    route.continue_()
    page.click('main [data-action="activate"]')
    expect_screen(page, "phone")
    expect(page.locator("h1")).to_contain_text(words("nb")["phone.heading"])


def test_the_likely_texts_are_asked_for_together_with_the_tenant(
    chromium: Browser, service: FakeService, site: str
) -> None:
    """A slow line waits for both at once; and for the same texts once only."""
    service.tenant["languages"] = ALL
    service.slow = {"GET /api/tenant"}
    with at_home_in(chromium, "nb-NO", service) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/i18n/" in request.url else None)
        with page.expect_request("**/i18n/nb.json"):
            page.goto(site)
        service.release()
        expect(page.locator("h1")).to_have_text(words("nb")["sign_in.heading"])
        assert asked == [f"{site}/i18n/nb.json"]


def test_a_likely_language_that_the_tenant_does_not_offer_is_not_spoken(
    chromium: Browser, service: FakeService, site: str
) -> None:
    """Its texts were fetched for nothing, or could not be had: neither is of any consequence."""
    service.tenant |= {"languages": ["sv", "en"], "default_language": "en"}
    with at_home_in(chromium, "nb-NO", service) as page:
        page.route("**/i18n/nb.json", lambda route: route.fulfill(status=404))
        open_at(page, site, "sign-in", service)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("h1")).to_have_text(words("en")["sign_in.heading"])


def test_texts_that_could_not_be_had_are_asked_for_anew(
    page: Page, service: FakeService, site: str
) -> None:
    """What failed is not kept."""
    service.tenant["languages"] = ALL
    open_at(page, site, "sign-in", service)
    page.route("**/i18n/fi.json", lambda route: route.fulfill(status=404))
    page.click('[data-language="fi"]')
    expect(page.locator(".summary")).to_be_visible()
    page.unroute("**/i18n/fi.json")
    page.click('[data-language="fi"]')
    expect(page.locator("h1")).to_have_text(words("fi")["sign_in.heading"])
