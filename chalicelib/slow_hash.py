"""
Argon2id: what a copy of the table must not let anybody guess back.

OWASP's Password Storage Cheat Sheet gives the cost (19 MiB, 2 passes, 1 lane).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# The hash of random text that nobody knows, at the same cost: what is compared with
# where there is nothing to compare with, so that both take as long.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$lynakHIVNj7AcpPo0jDtMQ$TSIL5N/0TGmDkQStFbyxTDPT4Jj4S/e0+4pi7i8YIFM"
)


def slow_hash(text: str) -> str:
    """Return the PHC string of *text* under a salt of its own; about 20 ms of work."""
    return _hasher().hash(text)


def is_slow_hash_of(slow: str | None, text: str) -> bool:
    """
    Say whether *slow* was made of *text*; None is made of nothing.

    Takes the same work in every case.
    """
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - see `_hasher`

    try:
        _hasher().verify(slow or _NOBODYS_HASH, text)
    except (VerificationError, InvalidHashError):
        return False
    return slow is not None


def costs_other_than_today(slow: str) -> bool:
    """Say whether *slow* was made at another cost than today's."""
    return _hasher().check_needs_rehash(slow)


@cache
def _hasher() -> PasswordHasher:
    # No start of a process should wait for what only some requests need.
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # 19 MiB
