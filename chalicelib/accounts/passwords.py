"""
Passwords: hashed with Argon2id, refused when anybody would guess them.

OWASP's Password Storage Cheat Sheet gives the cost (19 MiB, 2 passes, 1 lane);
SP 800-63B "Passwords" asks for length and a block list and forbids composition rules.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.errors import PasswordMismatchError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LONGEST_PASSWORD_CHARACTERS = 256
SHORTEST_WITH_SECOND_FACTOR = 8
SHORTEST_ALONE = 15

# The hash of a random password nobody knows, at the same cost: what an unknown
# user's password is compared with, so that both take as long.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$lynakHIVNj7AcpPo0jDtMQ$TSIL5N/0TGmDkQStFbyxTDPT4Jj4S/e0+4pi7i8YIFM"
)


class PasswordRefusedError(ValueError):
    """The password may not be chosen; the message says why."""


def hash_password(password: str) -> str:
    """Return the PHC string of *password* under a salt of its own; about 20 ms of work."""
    return _hasher().hash(_normalised(password))


def prove_password(password: str, password_hash: str | None) -> None:
    """
    Return if *password* is the one hashed; None stands for a user who does not exist.

    Takes the same work in every case.

    Raises:
        PasswordMismatchError: It is another password, or nobody's.
    """
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - see `_hasher`

    try:
        _hasher().verify(password_hash or _NOBODYS_HASH, _normalised(password))
    except (VerificationError, InvalidHashError) as error:
        raise PasswordMismatchError from error
    if password_hash is None:
        raise PasswordMismatchError


def needs_rehash(password_hash: str) -> bool:
    """Say whether *password_hash* was made at another cost than today's."""
    return _hasher().check_needs_rehash(password_hash)


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
def _hasher() -> PasswordHasher:
    # No start of a process should wait for what only passwords need.
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # 19 MiB


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
