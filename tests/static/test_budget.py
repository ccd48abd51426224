"""The first visit stays light on a slow line: sizes as sent, held from above."""

from __future__ import annotations

import gzip

import pytest

from tests.static.texts import languages
from tests.support.static_site import STATIC_FOLDER

KILOBYTE = 1024


def sent_bytes(pattern: str) -> int:
    """Return what the files cost with gzip, which brotli in front of the bucket only betters."""
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in STATIC_FOLDER.glob(pattern))


def test_style_and_markup_take_four_kilobytes_each() -> None:
    """They stand before anything is seen."""
    assert sent_bytes("app.css") <= 4 * KILOBYTE
    assert sent_bytes("index.html") <= 4 * KILOBYTE


def test_a_first_visit_takes_no_more_than_35_kilobytes() -> None:
    """Everything up to the question which phone it is, in the largest language."""
    largest = max(sent_bytes(f"i18n/{name}.json") for name in languages())
    assets = [sent_bytes(pattern) for pattern in ("index.html", "app.css", "favicon.svg", "js/*.js")]
    assert sum(assets) + largest <= 35 * KILOBYTE


@pytest.mark.parametrize(("part", "kilobytes"), [("setup", 7), ("account", 11)])
def test_what_comes_later_is_light_too(part: str, kilobytes: int) -> None:
    """Each part of the page is loaded once, while the user reads the screen before it."""
    largest = max(
        sent_bytes(f"i18n/{part}.{name}.json")
        + (sent_bytes(f"i18n/ga.{name}.json") if part == "setup" else 0)
        for name in languages()
    )
    assert sent_bytes(f"{part}.html") + sent_bytes(f"js/{part}/*.js") + largest <= kilobytes * KILOBYTE
