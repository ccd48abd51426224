"""
What a recovery code is: drawn, shown and typed. Pure: no clock, no storage.

SP 800-63B "Look-Up Secrets" asks for 64 bits before a code needs no throttle of its
own; thirteen characters of Crockford's base32 are 65, and ours has the throttle too.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field

from chalicelib.errors import RecoveryCodeMalformedError, ServiceUnavailableError
from chalicelib.recovery_codes.record import LETTERS
from chalicelib.totp import Entropy

# Crockford's: no I, L or O, which are read as digits, and no U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHARACTERS = 13

_BITS = 5 * CHARACTERS
_BYTES = -(-_BITS // 8)
_LONGEST_TYPED_CODE = 64
_READ_AS_DIGITS = str.maketrans("OIL", "011")
_CODE = re.compile(f"[{LETTERS}][{ALPHABET}]{{{CHARACTERS}}}", re.ASCII)
_MINUS_SIGN = "\u2212"


@dataclass(frozen=True)
class RecoveryCode:
    """A letter that says which code of its set it is, and thirteen characters. Never shown by repr."""

    letter: str
    characters: str = field(repr=False)

    @classmethod
    def parse(cls, typed: str) -> RecoveryCode:
        """
        Return the code that *typed* stands for, in any case, with dashes and spaces or without.

        Behind the letter O counts as 0, and I and L count as 1.

        Raises:
            RecoveryCodeMalformedError: It is no letter of ours and thirteen characters.
        """
        # Before anything else: whoever sends a book shall not have it read.
        if len(typed) > _LONGEST_TYPED_CODE:
            raise RecoveryCodeMalformedError
        # Printed, copied and corrected on the way, a dash may have become another.
        compact = "".join(character for character in typed if not _is_gap(character))
        if not compact.isascii():
            raise RecoveryCodeMalformedError
        compact = compact.upper()
        code = compact[:1] + compact[1:].translate(_READ_AS_DIGITS)
        if not _CODE.fullmatch(code):
            raise RecoveryCodeMalformedError
        return cls(code[0], code[1:])

    @property
    def text(self) -> str:
        """The one form that is hashed."""
        return self.letter + self.characters

    @property
    def shown(self) -> str:
        """The code as its owner sees it: ``A-XXXXX-XXXXX-XXX``."""
        return "-".join([self.letter, self.characters[:5], self.characters[5:10], self.characters[10:]])


def draw_recovery_codes(entropy: Entropy = secrets.token_bytes) -> tuple[RecoveryCode, ...]:
    """
    Return ten new codes of 65 bits each from the operating system's generator.

    Raises:
        ServiceUnavailableError: The generator gives nothing; no other is tried.
    """
    try:
        return tuple(RecoveryCode(letter, _characters(entropy(_BYTES))) for letter in LETTERS)
    except OSError as error:
        raise ServiceUnavailableError from error


def _characters(random_bytes: bytes) -> str:
    number = int.from_bytes(random_bytes)
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(0, _BITS, 5))


def _is_gap(character: str) -> bool:
    return character.isspace() or character == _MINUS_SIGN or unicodedata.category(character) == "Pd"
