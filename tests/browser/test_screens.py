"""
The pictures in the README, taken of the real wizard.

They are taken anew only when asked: `TVASTEG_UPDATE_SCREENS=1 pytest tests/browser/test_screens.py`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

import pytest

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
WINDOW = {"width": 900, "height": 1100}
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


def test_every_screen_of_the_guide_can_be_pictured(new_visitor: NewVisitor, product: Product) -> None:
    """The pictured key and codes belong to a user of an emulated backend that is gone by now."""
    is_wanted = bool(os.environ.get("TVASTEG_UPDATE_SCREENS"))
    visitor = new_visitor(person=product.anna, viewport=WINDOW)
    taken = []

    def take(name: str) -> None:
        visitor.page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
        clip = visitor.page.evaluate(_CLIP)
        png = visitor.page.screenshot(clip=clip, full_page=True)
        if is_wanted:
            (FOLDER / f"{name}.png").write_bytes(smaller(png))
        taken.append(name)

    _walk(visitor, take)
    assert tuple(taken) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_pictures_are_there_and_small(name: str) -> None:
    """A README is read over slow lines too."""
    png = (FOLDER / f"{name}.png").read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert 600 <= width <= 900
    assert height <= 1800
    assert len(png) < LARGEST_BYTES
