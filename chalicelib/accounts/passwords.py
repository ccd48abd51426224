"""
Passwords: hashed with Argon2id, refused when anybody would guess them.

SP 800-63B "Passwords" asks for length and a block list and forbids composition rules.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from chalicelib.errors import PasswordMismatchError
from chalicelib.slow_hash import costs_other_than_today, is_slow_hash_of, slow_hash

LONGEST_PASSWORD_CHARACTERS = 256
SHORTEST_WITH_SECOND_FACTOR = 8
SHORTEST_ALONE = 15


class PasswordRefusedError(ValueError):
    """The password may not be chosen; the message says why."""


def hash_password(password: str) -> str:
    """Return the PHC string of *password* under a salt of its own; about 20 ms of work."""
    return slow_hash(_normalised(password))


def prove_password(password: str, password_hash: str | None) -> None:
    """
    Return if *password* is the one hashed; None stands for a user who does not exist.

    Takes the same work in every case.

    Raises:
        PasswordMismatchError: It is another password, or nobody's.
    """
    if not is_slow_hash_of(password_hash, _normalised(password)):
        raise PasswordMismatchError


def needs_rehash(password_hash: str) -> bool:
    """Say whether *password_hash* was made at another cost than today's."""
    return costs_other_than_today(password_hash)


def check_new_password(password: str, *, second_factor_required: bool, names: Iterable[str]) -> None:
    """
    Return if *password* may be chosen.

    *names* are words that a guesser tries first here: the portal's, the user's.

    Raises:
        PasswordRefusedError: Too short, too long, or among the first guesses.
    """
    normalised = _normalised(password)
    shortest = SHORTEST_WITH_SECOND_FACTOR if second_factor_required else SHORTEST_ALONE
    if len(normalised) < shortest:
        message = f"the password needs at least {shortest} characters"
        raise PasswordRefusedError(message)
    if len(normalised) > LONGEST_PASSWORD_CHARACTERS:
        message = f"the password may have at most {LONGEST_PASSWORD_CHARACTERS} characters"
        raise PasswordRefusedError(message)
    folded = normalised.casefold()
    if folded in common_passwords():
        message = "the password is among the first that guessers try"
        raise PasswordRefusedError(message)
    kernel = folded.strip("0123456789!?.,-_ ")
    if any(kernel == word for name in names for word in _words(name)):
        message = "the password is a name that guessers try here"
        raise PasswordRefusedError(message)


@cache
def common_passwords() -> frozenset[str]:
    """
    Return the passwords that leaks show most often, lower case, eight characters or more.

    Drawn from the frequency data of leaked passwords that zxcvbn (MIT licence)
    counts, and a few Nordic ones added by hand.
    """
    text = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line)


def _words(name: str) -> set[str]:
    folded = _normalised(name).casefold()
    parts = folded.replace("@", " ").replace(".", " ").split()
    return {folded, folded.replace(" ", ""), *parts}


def _normalised(password: str) -> str:
    # The same password typed on another keyboard may come composed otherwise.
    return unicodedata.normalize("NFKC", password)
