"""The stored record of a reset, frozen, and the one-time code that opens the next enrolment."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from chalicelib.crockford import ALPHABET, BITS, characters_of, read_as_digits, typed_characters
from chalicelib.errors import ResetCodeExpiredError, ResetCodeMalformedError, ResetNotOpenError
from chalicelib.sessions.session import REPEATABLE_SECONDS
from chalicelib.slow_hash import is_slow_hash_of, slow_hash

RESET_CODE_SECONDS = 24 * 60 * 60
MOST_RESET_CODE_ATTEMPTS = 10
RESET_CODE_CHARACTERS = 8
_SECONDS_PER_HOUR = 60 * 60
_SALT_BYTES = 32
_CODE_BYTES = RESET_CODE_CHARACTERS * BITS // 8


@dataclass(frozen=True)
class ResetCode:
    """What the help desk says to the caller: 40 bits, of which nothing but a slow hash is stored."""

    characters: str = field(repr=False)

    @classmethod
    def of(cls, session_id: str, salt: bytes) -> ResetCode:
        """
        Return the code of the reset that was made with *salt* in the staff's session *session_id*.

        Made like the id of a session's successor, so that a lost answer can be given again
        without the code being stored: whoever lacks one of the two cannot make it.
        """
        made = hmac.digest(salt, f"reset|{session_id}".encode(), hashlib.sha256)
        return cls(characters_of(int.from_bytes(made[:_CODE_BYTES], "big"), RESET_CODE_CHARACTERS))

    @classmethod
    def parse(cls, typed: str) -> ResetCode:
        """
        Return the code that *typed* stands for, in any case, with dashes and spaces or without.

        I and L are read as 1, O as 0.

        Raises:
            ResetCodeMalformedError: It cannot be a code.
        """
        characters = read_as_digits(typed_characters(typed) or "")
        if len(characters) != RESET_CODE_CHARACTERS or set(characters) - set(ALPHABET):
            raise ResetCodeMalformedError
        return cls(characters)

    @property
    def spelled(self) -> str:
        """The code as it is shown and said, in two halves."""
        half = RESET_CODE_CHARACTERS // 2
        return f"{self.characters[:half]}-{self.characters[half:]}"


@dataclass(frozen=True, kw_only=True)
class Reset:
    """
    A reset whose code has not led to a new authenticator yet. Times are epoch seconds.

    The code works from *opens_at* to *expires_at*, in any sign-in of the user, and *attempts*
    counts how often one was given. *by* is who reset, by which request: see `repeats`.
    """

    code_hash: str = field(repr=False)
    salt: bytes = field(repr=False)
    request_hash: str
    reset_at: int
    opens_at: int
    expires_at: int
    by: str
    attempts: int = 0

    @classmethod
    def made(cls, session_id: str, *, by: str, request_hash: str, now: int, wait_hours: int) -> Reset:
        """Return a new reset with a code of its own, made in the session *session_id*; 20 ms of work."""
        salt = secrets.token_bytes(_SALT_BYTES)
        opens_at = now + wait_hours * _SECONDS_PER_HOUR
        return cls(
            code_hash=slow_hash(ResetCode.of(session_id, salt).characters),
            salt=salt,
            request_hash=request_hash,
            reset_at=now,
            opens_at=opens_at,
            expires_at=opens_at + RESET_CODE_SECONDS,
            by=by,
        )

    def repeats(self, request_hash: str, *, now: int) -> bool:
        """Say whether this very request made it a short time ago, so that it is answered as before."""
        is_same = hmac.compare_digest(self.request_hash, request_hash)
        return is_same and now - self.reset_at <= REPEATABLE_SECONDS

    def require_open(self, *, now: int) -> None:
        """
        Return if a code may be tried now.

        Raises:
            ResetNotOpenError: The tenant lets resets wait, and the wait is not over.
            ResetCodeExpiredError: The code is too old, or was tried too often.
        """
        if now < self.opens_at:
            raise ResetNotOpenError(retry_at_epoch_seconds=self.opens_at)
        if now > self.expires_at or self.attempts >= MOST_RESET_CODE_ATTEMPTS:
            raise ResetCodeExpiredError

    def is_ended_by(self, code: ResetCode) -> bool:
        """Say whether *code* is the one that the help desk said; one slow hash."""
        return is_slow_hash_of(self.code_hash, code.characters)
