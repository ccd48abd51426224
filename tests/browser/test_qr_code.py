"""The QR code as a camera meets it: a white card and whole black modules, in every theme."""

from __future__ import annotations

from itertools import groupby

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.pictures import Picture, picture_of

FINDER_MODULES = 7
QUIET_MODULES = 4
SMALLEST_MODULE_CSS_PIXELS = 4

THEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"color_scheme": "dark", "forced_colors": "active"},
}


def runs(line: bytes) -> list[tuple[int, int]]:
    """Return the stretches of equal pixels in *line*: (light, length)."""
    return [(light, len(list(same))) for light, same in groupby(line)]


def module_pixels(picture: Picture) -> float:
    """Return the width of a module in *picture*, measured at the first finder pattern's upper edge."""
    for y in range(picture.height):
        stretches = runs(picture.row(y))
        if len(stretches) > 1:
            return stretches[1][1] / FINDER_MODULES
    raise AssertionError("nothing is drawn")


def card(visitor: Visitor) -> Picture:
    """Return the drawing alone, as the screen shows it."""
    return picture_of(visitor.page.locator("#qr svg").screenshot()).without_frame()


@pytest.mark.requirement("B65", "T11")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("density", [1, 2])
def test_it_is_black_on_a_white_card_with_an_edge_of_four_modules(
    new_visitor: NewVisitor, theme: str, density: int
) -> None:
    """And no pixel is anything between: cameras need sharp edges."""
    visitor = new_visitor(device_scale_factor=density, **THEMES[theme])
    phone = visitor.is_at("app")
    picture = card(visitor)
    assert set(picture.light) == {0, 255}
    module = module_pixels(picture)
    assert module >= SMALLEST_MODULE_CSS_PIXELS * density
    quiet = int(QUIET_MODULES * module)
    for edge in (
        *[picture.row(y) for y in (*range(quiet), *range(picture.height - quiet, picture.height))],
        *[picture.column(x) for x in (*range(quiet), *range(picture.width - quiet, picture.width))],
    ):
        assert set(edge) == {255}
    assert phone.key in picture.qr_text()


@pytest.mark.requirement("W5", "B65")
@pytest.mark.parametrize("density", [1, 2])
def test_on_the_smallest_screen_it_is_still_large_enough(new_visitor: NewVisitor, density: int) -> None:
    """At 320 CSS pixels the modules keep four of them, and the code is read."""
    visitor = new_visitor(viewport={"width": 320, "height": 640}, device_scale_factor=density)
    phone = visitor.is_at("app")
    picture = card(visitor)
    assert module_pixels(picture) >= SMALLEST_MODULE_CSS_PIXELS * density
    assert phone.key in picture.qr_text()


def test_larger_on_demand(visitor: Visitor) -> None:
    """Eight CSS pixels a module, and back."""
    visitor.is_at("app")
    before = module_pixels(card(visitor))
    visitor.press("enlarge")
    expect(visitor.page.locator('[data-action="enlarge"]')).to_have_attribute("aria-pressed", "true")
    assert module_pixels(card(visitor)) == 8
    visitor.press("enlarge")
    assert module_pixels(card(visitor)) == before == 5


@pytest.mark.parametrize("width", [360, 390, 430])
def test_larger_as_far_as_a_phone_has_room_for_it(new_visitor: NewVisitor, width: int) -> None:
    """Somebody holds another phone before this one."""
    visitor = new_visitor(viewport={"width": width, "height": 800})
    visitor.is_at("app")
    drawing = visitor.page.locator("#qr svg")
    before = drawing.bounding_box()
    visitor.press("enlarge")
    after = drawing.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.1 * before["width"]


def test_nothing_that_has_no_room_is_offered(new_visitor: NewVisitor) -> None:
    """A window of 320 pixels, or one that is seen at 400 %."""
    visitor = new_visitor(viewport={"width": 320, "height": 640})
    visitor.is_at("app")
    expect(visitor.page.locator("#qr svg")).to_be_visible()
    expect(visitor.page.locator('[data-action="enlarge"]')).to_be_hidden()


@pytest.mark.requirement("W6", "S8")
def test_its_name_leads_to_the_key_without_saying_it(visitor: Visitor) -> None:
    """Names are read aloud, and logged by helpers."""
    phone = visitor.is_at("app")
    drawing = visitor.page.get_by_role("img", name="QR-\u2060kod för Google Authenticator")
    expect(drawing).to_be_visible()
    heard = visitor.page.locator("body").aria_snapshot()
    assert phone.key not in heard.replace(" ", "")
    assert "otpauth" not in visitor.page.content()


@pytest.mark.requirement("S8")
def test_on_paper_there_is_no_key(visitor: Visitor) -> None:
    """Somebody who prints the page gets a word about it instead."""
    visitor.is_at("app")
    visitor.page.click("main summary")
    visitor.page.emulate_media(media="print")
    for secret in ("#qr", "#key"):
        expect(visitor.page.locator(secret)).to_be_hidden()
    expect(visitor.page.locator(".print-only")).to_be_visible()
