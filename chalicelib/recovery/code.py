"""
What a recovery code is: drawn, shown and typed. Pure: no clock, no storage.

SP 800-63B "Look-Up Secrets" asks for 64 bits before a code needs no throttle of its
own; thirteen characters of Crockford's base32 are 65, and ours has the throttle too.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from chalicelib.crockford import ALPHABET, BITS, characters_of, read_as_digits, typed_characters
from chalicelib.errors import RecoveryCodeMalformedError, ServiceUnavailableError
from chalicelib.recovery_codes.record import LETTERS
from chalicelib.totp import Entropy

CHARACTERS = 13
_BYTES = -(-BITS * CHARACTERS // 8)
_CODE = re.compile(f"[{LETTERS}][{ALPHABET}]{{{CHARACTERS}}}", re.ASCII)


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
        characters = typed_characters(typed) or ""
        code = characters[:1] + read_as_digits(characters[1:])
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
        return tuple(
            RecoveryCode(letter, characters_of(int.from_bytes(entropy(_BYTES)), CHARACTERS))
            for letter in LETTERS
        )
    except OSError as error:
        raise ServiceUnavailableError from error
