"""A portal's brand on the page: its colour as the operator's command tells of it, and its logo."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from chalicelib.tenants.colour import SHAPE_CONTRAST, look_of
from tests.static.conftest import Evaluate
from tests.static.fake_service import FakeService
from tests.static.screens import expect_screen
from tests.support.logos import logo
from tests.support.pictures import picture_of
from tests.support.static_site import SECURITY_HEADERS

LIGHT, DARK = "/tenants/cozone/0123456789abcdef.svg", "/tenants/cozone/fedcba9876543210.svg"
SOME_SHADES = [
    f"#{red:02x}{green:02x}{blue:02x}"
    for red in (0, 17, 128, 255)
    for green in (0, 24, 255)
    for blue in (0, 28, 255)
]


@pytest.mark.requirement("W5")
def test_the_operators_command_and_the_page_compute_the_same(evaluate: Evaluate) -> None:
    """To the last digit: what the command tells of a colour is what users see of it."""
    drawn = random.Random(6)  # noqa: S311 - the same each time
    colours = SOME_SHADES + [f"#{drawn.randrange(1 << 24):06x}" for _ in range(600)]
    script = """
    ({ brandTokens, contrast }, colours) => colours.map((colour) => {
      const tokens = brandTokens(colour);
      return {
        text: tokens['--on-brand'],
        links: [tokens['--link-light'], tokens['--link-dark']],
        edges: [tokens['--edge-light'], tokens['--edge-dark']],
        contrast: contrast(colour, tokens['--on-brand']),
      };
    })
    """
    page = evaluate("brand", script, colours)
    for colour, there in zip(colours, page, strict=True):
        look = look_of(colour)
        buttons = [look.light_button_contrast, look.dark_button_contrast]
        links = [look.light_link, look.dark_link]
        assert there == {
            "text": look.text,
            "links": links,
            "edges": [
                link if found < SHAPE_CONTRAST else colour
                for link, found in zip(links, buttons, strict=True)
            ],
            "contrast": pytest.approx(look.text_contrast, rel=1e-12),
        }, colour


@dataclass
class Logos:
    """The tenants' files: what is asked for, and what is answered, now or later."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_slow: bool = False
    held: list[Route] = field(default_factory=list)

    def answer(self, route: Route) -> None:
        """Answer one request as CloudFront does, headers and all."""
        path = urlsplit(route.request.url).path
        self.asked.append(path)
        if self.is_slow:
            self.held.append(route)
        elif path in self.files:
            headers = SECURITY_HEADERS | {"Content-Type": "image/svg+xml; charset=utf-8"}
            route.fulfill(status=200, headers=headers, body=self.files[path])
        else:
            route.fulfill(status=404, headers=SECURITY_HEADERS, body="")

    def release(self) -> None:
        """Answer what was held back."""
        self.is_slow = False
        while self.held:
            route = self.held.pop(0)
            self.asked.pop()
            self.answer(route)


@pytest.fixture
def logos(page: Page, service: FakeService) -> Iterator[Logos]:
    """A portal with a black logo, kept at `LIGHT`."""
    service.tenant["brand"] = {"colour": "#005f86", "logo": LIGHT, "logo_dark": None}
    made = Logos({LIGHT: logo()})
    page.route("**/tenants/**", made.answer)
    yield made
    page.unroute("**/tenants/**")


def shown(page: Page, site: str) -> dict[str, Any]:
    """Open the page; return where its logo is once it is there."""
    page.goto(site)
    expect_screen(page, "sign-in")
    wait_for_the_logo(page)
    return box(page, "#portal img")


def wait_for_the_logo(page: Page) -> None:
    """Wait until the logo has come. A condition in a string would be refused by the policy of the page."""
    expect(page.locator("#portal img")).not_to_have_js_property("naturalWidth", 0)


def box(page: Page, selector: str) -> dict[str, Any]:
    """Return where *selector* is."""
    found: dict[str, Any] = page.eval_on_selector(selector, "(element) => element.getBoundingClientRect()")
    return found


def test_the_logo_stands_for_the_portals_name(
    page: Page, service: FakeService, site: str, logos: Logos
) -> None:
    """At the very address that the service tells, for whatever page of ours."""
    place = shown(page, site)
    image = page.get_by_role("img", name=service.tenant["portal_name"])
    expect(image).to_have_attribute("src", LIGHT)
    expect(page.locator("#portal")).to_have_text("")
    assert logos.asked == [LIGHT]
    assert place["height"] == 36
    assert place["width"] == 108

    page.goto(f"{site}/help-desk/")
    expect(page.locator("#portal img")).to_have_attribute("src", LIGHT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_dark_pages_another_takes_its_place(
    page: Page, service: FakeService, site: str, logos: Logos, scheme: Any
) -> None:
    """Of the two no browser fetches more than it shows."""
    service.tenant["brand"]["logo_dark"] = DARK
    logos.files[DARK] = logo(box="0 0 40 40")
    page.emulate_media(color_scheme=scheme)
    place = shown(page, site)
    assert logos.asked == [LIGHT if scheme == "light" else DARK]
    assert place["width"] == (108 if scheme == "light" else 36)


@pytest.mark.parametrize("missing", [LIGHT, DARK])
def test_the_name_is_there_where_the_logo_cannot_be_had(
    page: Page, service: FakeService, site: str, logos: Logos, missing: str
) -> None:
    service.tenant["brand"]["logo_dark"] = DARK
    logos.files = {LIGHT: logo(), DARK: logo()}
    del logos.files[missing]
    page.emulate_media(color_scheme="dark" if missing == DARK else "light")
    page.goto(site)
    expect_screen(page, "sign-in")
    expect(page.locator("#portal")).to_have_text(service.tenant["portal_name"])
    expect(page.locator("#portal img")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("languages", [["sv", "en"], ["sv", "en", "nb", "da", "fi"]])
def test_nothing_moves_when_the_logo_comes(
    page: Page,
    service: FakeService,
    site: str,
    logos: Logos,
    width: int,
    scheme: Any,
    languages: list[str],
) -> None:
    """Not even for the widest that is taken; and it fits beside what it stands with."""
    service.tenant["languages"] = languages
    logos.files[LIGHT] = logo(box="0 0 240 40")
    logos.is_slow = True
    page.set_viewport_size({"width": width, "height": 640})
    page.emulate_media(color_scheme=scheme)
    page.goto(site)
    expect_screen(page, "sign-in")
    page.wait_for_selector("#portal img", state="attached")
    before = [box(page, selector) for selector in (".masthead", "#languages", "h1")]

    logos.release()
    wait_for_the_logo(page)

    assert [box(page, selector) for selector in (".masthead", "#languages", "h1")] == before
    assert box(page, "#portal img")["width"] <= 180
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def rows_of_grey(page: Page, place: dict[str, Any]) -> list[bytes]:
    """Return what is seen at *place* and two pixels around, row by row; all of it is grey."""
    clip: Any = {
        "x": place["x"] - 2,
        "y": place["y"] - 2,
        "width": place["width"] + 4,
        "height": place["height"] + 4,
    }
    picture = picture_of(page.screenshot(clip=clip))
    return [picture.row(y) for y in range(picture.height)]


@pytest.mark.requirement("W5")
@pytest.mark.parametrize("forced_colors", ["none", "active"])
def test_a_dark_logo_is_seen_on_a_dark_page(
    page: Page, site: str, logos: Logos, forced_colors: Any
) -> None:
    """By its pixels: without another one for dark pages it stands on white there."""
    page.emulate_media(color_scheme="dark", forced_colors=forced_colors)
    place = shown(page, site)
    rows = rows_of_grey(page, place)
    middle = rows[len(rows) // 2]
    assert len(logos.asked) == 1
    # From left to right: the page, white with its round corners, the black bar, white, the page.
    assert max(middle[0], middle[-1]) < 40
    assert middle[4:9] == middle[-9:-4] == bytes([255] * 5)
    assert set(middle[16:-16]) == {0}
    above = rows[5]
    assert set(above[12:-12]) == {255}
    assert place["height"] == 45


@pytest.mark.parametrize(("scheme", "with_dark"), [("light", False), ("dark", True)])
def test_a_logo_that_is_drawn_for_its_ground_stands_on_it(
    page: Page, service: FakeService, site: str, logos: Logos, scheme: Any, *, with_dark: bool
) -> None:
    """By its pixels: no card."""
    if with_dark:
        service.tenant["brand"]["logo_dark"] = DARK
        logos.files[DARK] = logo('<path fill="#fff" d="M4 16h112v8H4z"/>')
    page.emulate_media(color_scheme=scheme)
    place = shown(page, site)
    rows = rows_of_grey(page, place)
    ground, drawn = (255, 0) if scheme == "light" else (24, 255)
    assert {grey for row in rows[:10] for grey in row} == {ground}
    assert rows[len(rows) // 2][2] == ground
    assert set(rows[len(rows) // 2][10:-10]) == {drawn}
    assert place["height"] == 36
