"""Labels and errors are the words that were agreed on for each language, before there was a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.static.texts import languages, words

AGREED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "agreed_words.json").read_text("utf-8")
)
"""Texts by key and language. One heading was mended in Norwegian and Finnish on reading it again:
"Det er et problem" says that something is one, and "Tarkista tiedot" blames users for a broken line."""


def plain(text: str) -> str:
    """Return *text* without what nobody sees, and without the full stop that sentences on a page have."""
    return text.replace("\u2060", "").removesuffix(".")


@pytest.mark.parametrize("language", languages())
def test_every_label_and_error_is_as_agreed(language: str) -> None:
    assert len(AGREED) >= 30
    agreed = {key: plain(texts[language]) for key, texts in AGREED.items()}
    assert {key: plain(words(language)[key]) for key in AGREED} == agreed
