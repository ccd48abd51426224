"""
Crockford's base 32: what people copy, say and type back. Pure: no clock, no storage.

There is no I, L or O, which are read as digits, and no U.
"""

from __future__ import annotations

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS = 5  # of each character

_LONGEST_TYPED = 64
_READ_AS_DIGITS = str.maketrans("OIL", "011")
_MINUS_SIGN = "\u2212"


def characters_of(number: int, count: int) -> str:
    """Return the last *count* times five bits of *number*, the lowest first."""
    return "".join(ALPHABET[number >> BITS * place & len(ALPHABET) - 1] for place in range(count))


def typed_characters(typed: str) -> str | None:
    """
    Return what *typed* holds beside white space and dashes, in capitals, if it may be a code at all.

    None for what is too long to be one, and where anything but ASCII is left.
    """
    # Before anything else: whoever sends a book shall not have it read.
    if len(typed) > _LONGEST_TYPED:
        return None
    # Printed, copied and corrected on the way, a dash may have become another.
    compact = "".join(character for character in typed if not _is_gap(character))
    # Before the case is looked at: some letters of other alphabets fold to ours.
    return compact.upper() if compact.isascii() else None


def read_as_digits(characters: str) -> str:
    """Return *characters* with O read as 0, and I and L as 1."""
    return characters.translate(_READ_AS_DIGITS)


def _is_gap(character: str) -> bool:
    return character.isspace() or character == _MINUS_SIGN or unicodedata.category(character) == "Pd"
