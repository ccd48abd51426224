"""What is published, joined and minified, is the page that everything else here looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from chalicelib.deployment.minify import minified
from tests.static import desk
from tests.static.fake_help_desk import FakeHelpDesk
from tests.static.fake_service import PASSWORD, RIGHT_CODE, FakeService
from tests.static.screens import (
    act_on,
    enter_code,
    expect_heading,
    expect_screen,
    give_password,
    press,
    says,
)
from tests.support.browser import SWEDISH
from tests.support.logos import logo
from tests.support.published_site import serve_published_site
from tests.support.static_site import STATIC_FOLDER

PAGES = ("index.html", "setup.html", "account.html", "help-desk/index.html", "accessibility/index.html")
STYLES = ("app.css", "help-desk/help-desk.css")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def published_site() -> Iterator[str]:
    """The address of what `make deploy` would publish."""
    with serve_published_site() as (address, _):
        yield address


def sign_in(page: Page) -> None:
    """Give name and password."""
    expect_screen(page, "sign-in")
    page.fill("#username", "anna@firma.se")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")


def test_a_newcomer_comes_all_the_way_and_back_again(
    new_page: Page, service: FakeService, published_site: str
) -> None:
    """Sign-in, set-up, recovery codes, account: every part of the page, and nothing in the console."""
    service.offers_codes = True
    new_page.goto(published_site)
    sign_in(new_page)
    expect_heading(new_page, "method", "method.heading")
    press(new_page, "activate")
    give_password(new_page)
    expect_screen(new_page, "phone")
    new_page.check("#phone-iphone")
    press(new_page, "continue")
    expect_screen(new_page, "app")
    expect(new_page.locator("#qr svg path")).to_have_count(1)
    press(new_page, "continue")
    enter_code(new_page, "12345")
    expect(new_page.locator(".summary")).to_contain_text(says("code.length"))
    enter_code(new_page, RIGHT_CODE)
    expect_screen(new_page, "recovery")
    expect(new_page.locator("#codes li")).to_have_count(10)
    new_page.check("#kept")
    press(new_page, "continue")
    expect_screen(new_page, "done")
    press(new_page, "done")
    sign_in(new_page)
    expect_screen(new_page, "verify")
    enter_code(new_page, RIGHT_CODE)
    expect_heading(new_page, "account", "account.heading")
    act_on(new_page, "Google Authenticator", "rename")
    expect_screen(new_page, "password")
    new_page.click('nav [data-language="en"]')
    expect(new_page.locator("h1")).to_contain_text(says("password.heading", "en"))


def test_staff_find_a_user(new_page: Page, published_site: str) -> None:
    """On the help desk's page, whose script has a file of its own."""
    service = FakeHelpDesk(second_factor="active")
    service.attach(new_page)
    new_page.goto(f"{published_site}/help-desk/")
    expect_screen(new_page, "sign-in")
    desk.sign_in(new_page)
    expect_screen(new_page, "code")
    enter_code(new_page, RIGHT_CODE)
    expect_screen(new_page, "users")
    new_page.click("table.users tbody a >> nth=0")
    expect_screen(new_page, "user")


def test_the_statement_has_its_texts(new_page: Page, published_site: str) -> None:
    """Which lie beside a module that is joined into a script elsewhere."""
    new_page.goto(f"{published_site}/accessibility/?lang=en")
    expect_screen(new_page, "statement")


def note_unless_ours(request: Request, address: str, elsewhere: list[str]) -> None:
    """Note what is asked of anybody else."""
    if not request.url.startswith(f"{address}/"):
        elsewhere.append(request.url)


def test_a_first_visit_asks_twelve_times_at_most_and_nobody_else(chromium: Browser) -> None:
    """Until the first screen stands there, icon and logo included."""
    service = FakeService()
    service.tenant["brand"]["logo"] = "/tenants/cozone/logo.svg"
    with serve_published_site(service._act, {"tenants/cozone/logo.svg": logo()}) as (address, asked_for):
        context = chromium.new_context(**SWEDISH)
        page = context.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda request: note_unless_ours(request, address, elsewhere))
        page.goto(address)
        expect_screen(page, "sign-in")
        page.wait_for_load_state("networkidle")
        context.close()
    assert elsewhere == []
    assert "/tenants/cozone/logo.svg" in asked_for
    # Browsers ask for the icon when they find the time.
    without_icon = [path for path in asked_for if not path.endswith("/favicon.svg")]
    assert len(without_icon) + 1 <= 12


_NOTE_MOVES = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) window.moved += value;
}).observe({ type: 'layout-shift', buffered: true });
"""


@pytest.mark.parametrize("screen", ["sign-in", "app"])
def test_nothing_moves_when_the_first_screen_comes(
    new_page: Page, service: FakeService, published_site: str, screen: str
) -> None:
    """However late each thing comes, on a phone: the tenant, the texts, what the screen is made of."""
    if screen != "sign-in":
        service.sign_in(is_fresh=True)
        service.begin()
    new_page.set_viewport_size({"width": 412, "height": 823})
    new_page.add_init_script(_NOTE_MOVES)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    new_page.route(re.compile(r"/(?:tenant|session|enrolment|[\w.]+\.json|setup\.(?:html|js))$"), hold)
    new_page.goto(f"{published_site}/#{screen}")
    while new_page.locator(f'main[data-screen="{screen}"]').count() == 0:
        new_page.wait_for_timeout(100)
        if held:
            held.pop(0).fallback()
    new_page.wait_for_timeout(100)
    assert new_page.evaluate("window.moved") <= 0.02


@pytest.fixture(scope="module")
def blank(chromium: Browser) -> Iterator[Page]:
    """A page of nobody's, which may read markup and style from strings."""
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("path", PAGES)
def test_the_markup_is_the_same(blank: Page, path: str) -> None:
    """Elements, attributes, texts, templates; and the space between words."""
    shape = (HERE / "markup.js").read_text("utf-8")
    source = (STATIC_FOLDER / path).read_bytes()
    sent = minified({path: source})[path]
    assert len(sent) < len(source)
    assert blank.evaluate(shape, sent.decode()) == blank.evaluate(shape, source.decode().rstrip())


@pytest.mark.parametrize("path", STYLES)
def test_the_style_sheet_says_the_same(blank: Page, path: str) -> None:
    """Rule by rule, in every window and on paper."""
    told = (HERE / "style.js").read_text("utf-8")
    source = (STATIC_FOLDER / path).read_bytes()
    sent = minified({path: source})[path]
    rules = blank.evaluate(told, source.decode())
    assert len(rules) > 40
    assert blank.evaluate(told, sent.decode()) == rules
