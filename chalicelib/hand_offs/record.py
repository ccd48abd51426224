"""
The stored records of the way from a portal and back, frozen. Times are epoch seconds.

A link holds 256 random bits and works once; the store knows their SHA-256. The
session that it opens has an id derived from those bits and a salt in the row:
so the exchange can be answered again with the same cookie if its answer was lost,
while neither the table nor a used link alone yields it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from chalicelib.sessions.session import REPEATABLE_SECONDS, successor_id

HAND_OFF_SECONDS = 120
RETURN_CODE_SECONDS = 60
PURPOSES = ("sign-in", "manage")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """How the link came to be used: when, and by which request."""

    exchanged_at: int
    request_hash: str

    def repeats(self, request_hash: str, *, now: int) -> bool:
        """Say whether this request is the one that used it, still within its time."""
        is_same = secrets.compare_digest(self.request_hash, request_hash)
        return is_same and now - self.exchanged_at <= REPEATABLE_SECONDS


@dataclass(frozen=True, kw_only=True)
class HandOff:
    """
    A user whom a portal's client sends to us, once.

    *auth_time* is when the portal proved the password. *return_url*, *state* and
    *nonce* are the client's own, given back to it at the end.
    """

    key: str
    tenant_id: str
    client_name: str
    user_id: str
    auth_time: int
    purpose: str
    return_url: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    begun_at: int
    salt: bytes = field(repr=False)
    exchange: Exchange | None = None

    @property
    def valid_until(self) -> int:
        """The last second in which the link works."""
        return self.begun_at + HAND_OFF_SECONDS

    def session_id(self, token: str) -> str:
        """Return the id of the session that *token* opens."""
        return successor_id(token, self.salt)


@dataclass(frozen=True, kw_only=True)
class ReturnCode:
    """
    What a finished user takes back to the portal, to be redeemed by its client once.

    *verified_by* is what stood for the second factor, and *verified_at* when it was really
    given: of a remembered browser, the code at an earlier sign-in. *assertion_id* is that of
    the assertion it was redeemed for, and *redeemed_by* stands for the client's JWT that did;
    both None before.
    """

    key: str
    tenant_id: str
    client_name: str
    user_id: str
    portal_user: str
    nonce: str = field(repr=False)
    verified_at: int
    verified_by: str
    reference: str
    issued_at: int
    assertion_id: str | None = None
    redeemed_by: str | None = None

    @property
    def valid_until(self) -> int:
        """The last second in which it can be redeemed."""
        return self.issued_at + RETURN_CODE_SECONDS


def new_token() -> str:
    """Return 256 random bits for a link or a code."""
    return secrets.token_urlsafe(32)


def key_of_token(token: str) -> str:
    """Return what the store knows a link or a code by."""
    return hashlib.sha256(token.encode()).hexdigest()
