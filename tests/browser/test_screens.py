"""
The pictures in the README, taken of the real wizard.

They are taken anew only when asked: `TVASTEG_UPDATE_SCREENS=1 pytest tests/browser/test_screens.py`.
What is written on each is kept beside them, and tells when they are old.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.product import Product
from tests.browser.visitor import Visitor
from tests.support.browser import PROJECT
from tests.support.pictures import smaller

FOLDER = PROJECT / "docs/screens"
NAMES = (
    "sign-in",
    "method",
    "password",
    "phone",
    "app",
    "code",
    "recovery",
    "done",
    "verify",
    "account",
)
ON_A_PHONE = {"method": "nb", "phone": "da", "code": "fi", "recovery": "en"}
"""Screens that are pictured a second time, narrow and dark, in another language."""
ALL_NAMES = (*NAMES, *(f"{name}-{language}" for name, language in ON_A_PHONE.items()))
WINDOW: Any = {"width": 900, "height": 1100}
PHONE: Any = {"width": 390, "height": 844}
WORDS = FOLDER / "words.json"
LARGEST_BYTES = 60_000
# Masthead and screen without the footer that is the same everywhere.
_CLIP = """
() => {
  const { left, right } = document.querySelector('main').getBoundingClientRect();
  const last = document.querySelector('main').lastElementChild.getBoundingClientRect();
  return { x: left - 8, y: 0, width: right - left + 16, height: Math.ceil(last.bottom + 24) };
}
"""


def _walk(visitor: Visitor, take: Callable[[str], None]) -> None:
    """Go the guide's way and stop at every screen."""
    visitor.open()
    visitor.sees("sign-in")
    take("sign-in")
    visitor.signs_in()
    visitor.sees("method")
    take("method")
    visitor.press("activate")
    visitor.sees("password")
    take("password")
    visitor.gives_password()
    visitor.sees("phone")
    visitor.page.check("#phone-iphone")
    take("phone")
    visitor.press("continue")
    visitor.sees("app")
    take("app")
    phone = visitor.scans()
    visitor.press("continue")
    visitor.sees("code")
    visitor.otp.fill(f"{phone.otp()[:3]} {phone.otp()[3:]}")
    take("code")
    visitor.press("confirm")
    visitor.codes()
    take("recovery")
    visitor.page.check("#kept")
    visitor.press("continue")
    visitor.sees("done", "done.heading")
    take("done")
    visitor.calls("DELETE", "/api/session")
    visitor.open()
    visitor.signs_in()
    visitor.sees("verify")
    take("verify")
    visitor.product.clock.advance(60)
    visitor.enters(phone.otp())
    visitor.sees("account", "account.heading")
    take("account")


def _offer_every_language(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"languages": ["sv", "en", "nb", "da", "fi"]})


def _written(visitor: Visitor) -> str:
    """Return what is read on the screen, apart from keys, codes and numbers: those are others each time."""
    text = visitor.page.evaluate("""() => {
      const unlike = [...document.querySelectorAll('#key, #codes')].map(({ innerText }) => innerText);
      const whole = ['.masthead', 'main'].map((place) => document.querySelector(place).innerText).join(' ');
      return unlike.reduce((rest, part) => rest.replace(part, ''), whole);
    }""")
    return re.sub(r"\d+", "0", " ".join(text.split()))


def _pictured(visitor: Visitor) -> bytes:
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    clip = visitor.page.evaluate(_CLIP)
    return smaller(visitor.page.screenshot(clip=clip, full_page=True))


def _in_language(visitor: Visitor, language: str) -> None:
    visitor.page.click(f'#languages [lang="{language}"]')
    expect(visitor.page.locator("html")).to_have_attribute("lang", language)


def test_every_picture_shows_what_the_wizard_shows_today(new_visitor: NewVisitor, product: Product) -> None:
    """The pictured key and codes belong to a user of an emulated backend that is gone by now."""
    is_wanted = bool(os.environ.get("TVASTEG_UPDATE_SCREENS"))
    visitor = new_visitor(person=product.anna, viewport=WINDOW)
    page = visitor.page
    page.route("**/api/tenant*", _offer_every_language)
    written = {}

    def take(name: str) -> None:
        written[name] = _written(visitor)
        png = _pictured(visitor)
        if is_wanted:
            (FOLDER / f"{name}.png").write_bytes(png)

    def take_all(name: str) -> None:
        take(name)
        if name in ON_A_PHONE:
            page.emulate_media(color_scheme="dark")
            page.set_viewport_size(PHONE)
            _in_language(visitor, ON_A_PHONE[name])
            take(f"{name}-{ON_A_PHONE[name]}")
            _in_language(visitor, "sv")
            page.set_viewport_size(WINDOW)
            page.emulate_media(color_scheme="light")

    _walk(visitor, take_all)
    if is_wanted:
        WORDS.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert sorted(written) == sorted(ALL_NAMES)
    assert written == json.loads(WORDS.read_text("utf-8"))


@pytest.mark.parametrize("name", ALL_NAMES)
def test_the_pictures_are_there_and_small(name: str) -> None:
    """A README is read over slow lines too."""
    png = (FOLDER / f"{name}.png").read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert (600 <= width <= 900) if name in NAMES else (width <= PHONE["width"])
    assert height <= 1800
    assert len(png) < LARGEST_BYTES
