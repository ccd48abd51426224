"""What stands on the pages of a PDF that Chromium wrote."""

from __future__ import annotations

import re
import unicodedata
import zlib

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\s(.*?)\sendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)\r?\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(F\d+) (\d+) 0 R")
_LETTERS_OF_FONT = re.compile(rb"/ToUnicode (\d+) 0 R")
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|<([0-9A-Fa-f]+)>")
_ONE_LETTER = re.compile(r"^<([0-9A-F]+)> <([0-9A-F]+)>$", re.MULTILINE | re.IGNORECASE)
_LETTERS = re.compile(r"^<([0-9A-F]+)> <([0-9A-F]+)> <([0-9A-F]+)>$", re.MULTILINE | re.IGNORECASE)


def letters_on_paper(pdf: bytes) -> str:
    """Return all letters on the pages of *pdf* as they are drawn, without the gaps between words."""
    objects = {int(number): content for number, content in _OBJECT.findall(pdf)}
    fonts = {
        name: _letters_of(_unpacked(objects[int(found[1])]))
        for name, number in set(_FONT.findall(pdf))
        if (found := _LETTERS_OF_FONT.search(objects[int(number)])) is not None
    }
    drawings = [_unpacked(content) for _, content in sorted(objects.items()) if b"stream" in content]
    text = "".join(_written(drawing, fonts) for drawing in drawings if b" Tf" in drawing)
    assert text, "nothing is written there"
    # Some fonts draw two letters as one.
    return re.sub(r"[\s\u2060]", "", unicodedata.normalize("NFKC", text))


def _unpacked(content: bytes) -> bytes:
    stream = _STREAM.search(content)
    assert stream is not None
    return zlib.decompress(stream[1]) if b"/FlateDecode" in content else stream[1]


def _letters_of(table: bytes) -> dict[str, str]:
    """Return the letter of each glyph of a font, by the number under which it is drawn."""
    lines = table.decode("ascii")
    letters = {glyph.upper(): _text(letter) for glyph, letter in _ONE_LETTER.findall(lines)}
    for first, last, letter in _LETTERS.findall(lines):
        for at in range(int(last, 16) - int(first, 16) + 1):
            letters[f"{int(first, 16) + at:0{len(first)}X}"] = chr(int(letter, 16) + at)
    return letters


def _text(letter: str) -> str:
    return bytes.fromhex(letter).decode("utf-16-be")


def _written(drawing: bytes, fonts: dict[bytes, dict[str, str]]) -> str:
    written = []
    letters: dict[str, str] = {}
    for font, glyphs in _SHOWN.findall(drawing):
        if font:
            letters = fonts[font]
            continue
        digits = len(next(iter(letters)))
        numbers = glyphs.decode("ascii").upper()
        written += [letters.get(numbers[at : at + digits], "") for at in range(0, len(numbers), digits)]
    return "".join(written)
