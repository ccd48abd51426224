"""The wizard's texts as the tests read them: files, templates, and the keys that the code asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.static_site import STATIC_FOLDER

I18N_FOLDER = STATIC_FOLDER / "i18n"
PARTS = ("setup", "account")
"""Parts of the page that are loaded once they are needed: each with its markup, texts and scripts."""
INDEX = (STATIC_FOLDER / "index.html").read_text("utf-8")
MARKUP = INDEX + "".join((STATIC_FOLDER / f"{part}.html").read_text("utf-8") for part in PARTS)
SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted((STATIC_FOLDER / "js").rglob("*.js"))}

BLUNT = re.compile(
    r"ogiltig|vänligen|hoppsan|tyvärr"
    r"|invalid|please try|oops|sorry"
    r"|ugyldig|vennligst|venligst|dessverre|desværre|beklager"
    r"|virheelli|valitettavasti|pahoittel",
    re.IGNORECASE,
)
"""Words that plead or blame, which no error text has: GOV.UK's rule, and ours."""

_WORD_JOINER = "\u2060"


def languages() -> list[str]:
    """Return the languages that have a file."""
    return sorted(path.stem for path in I18N_FOLDER.glob("*.json") if "." not in path.stem)


def words(name: str) -> dict[str, str]:
    """Return the texts of a language with those of all parts, or of `i18n/{name}.json`; none twice."""
    if "." in name:
        return _file(name)
    together: dict[str, str] = {}
    for file in (name, *[f"{part}.{name}" for part in PARTS]):
        texts = _file(file)
        assert not texts.keys() & together.keys(), file
        together |= texts
    return together


def _file(name: str) -> dict[str, str]:
    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        assert len(dict(pairs)) == len(pairs), f"a key stands twice in {name}.json"
        return dict(pairs)

    text: dict[str, str] = json.loads(
        (I18N_FOLDER / f"{name}.json").read_text("utf-8"), object_pairs_hook=once
    )
    return text


def placeholders(text: str) -> list[str]:
    """Return the names of the places in *text*."""
    return sorted(re.findall(r"\{([a-z_]+)\}", text))


def keys_in(markup: str) -> set[str]:
    """Return the keys that *markup* shows."""
    return set(re.findall(r'data-t(?:-label)?="([^"]+)"', markup))


def template(name: str) -> str:
    """Return the markup of a screen with the parts that it is put together from."""
    markup = re.search(rf'<template id="{name}">(.*?)</template>', MARKUP, re.DOTALL)
    assert markup is not None, name
    parts = re.findall(r'data-part="([a-z]+)"', markup[1])
    return markup[1] + "".join(template(f"p-{part}") for part in parts)


def rendered(key: str, texts: dict[str, str], values: dict[str, str]) -> str:
    """Return the text of *key* with its places filled."""
    return re.sub(r"\{([a-z_]+)\}", lambda place: values.get(place[1], place[0]), texts[key])


def normalised(text: str) -> str:
    """Return *text* without what a reader does not see: case, spacing, hyphens and joiners."""
    plain = text.replace(_WORD_JOINER, "").replace("-", " ").casefold()
    return " ".join(plain.split())


GUIDE = (Path(__file__).parent / "guide.sv.txt").read_text("utf-8")
