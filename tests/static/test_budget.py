"""
The first visit stays light on a slow line: sizes as sent, held from above.

What is measured is what `make deploy` publishes, each file compressed by itself as CloudFront does it.
"""

from __future__ import annotations

import pytest

from chalicelib.tenants.logo import MOST_BYTES
from tests.static.texts import languages
from tests.support.published_site import published, sent

KILOBYTE = 1024


def sent_bytes(*paths: str) -> int:
    """Return what viewers get for the files that were `static/{path}`."""
    return sum(len(sent(published(path).content)) for path in paths)


def largest_locale(part: str = "") -> int:
    """Return what the texts of *part*, else those of the first screens, cost in their largest language."""
    return max(sent_bytes(f"i18n/{part}{name}.json") for name in languages())


def test_the_scripts_of_a_first_visit_take_no_more_than_12_kilobytes() -> None:
    """All that the first screen needs, and what everybody meets next."""
    assert sent_bytes("js/app.js") <= 12 * KILOBYTE


def test_style_markup_and_texts_take_no_more_than_four_kilobytes_each() -> None:
    """They stand before anything is seen."""
    assert sent_bytes("app.css") <= 4 * KILOBYTE
    assert sent_bytes("index.html") <= 4 * KILOBYTE
    assert largest_locale() <= 4 * KILOBYTE


def test_a_first_visit_takes_no_more_than_35_kilobytes() -> None:
    """Everything up to the question which phone it is, with the largest logo, in the largest language."""
    files = sent_bytes("index.html", "app.css", "favicon.svg", "js/app.js")
    assert files + largest_locale() + MOST_BYTES <= 35 * KILOBYTE


@pytest.mark.parametrize(("part", "kilobytes"), [("setup", 6), ("account", 8)])
def test_what_comes_later_is_light_too(part: str, kilobytes: int) -> None:
    """Each part of the page is loaded once, while the user reads the screen before it."""
    texts = largest_locale(f"{part}.") + (largest_locale("ga.") if part == "setup" else 0)
    assert sent_bytes(f"{part}.html", f"js/{part}/{part}.js") + texts <= kilobytes * KILOBYTE


def test_the_help_desks_page_is_no_heavier_than_all_of_the_wizards() -> None:
    """Staff open it each day, mostly from the browser's own store."""
    files = sent_bytes("help-desk/index.html", "app.css", "help-desk/help-desk.css", "help-desk/js/app.js")
    texts = max(sent_bytes(f"help-desk/i18n/{name}.json") for name in languages())
    assert files + texts <= 30 * KILOBYTE
