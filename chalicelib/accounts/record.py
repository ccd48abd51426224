"""The stored record of a user, frozen, and the name it is found by."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass, field

NOT_ENROLLED = "not_enrolled"
ENROLLED = "enrolled"
LONGEST_USERNAME_CHARACTERS = 254


@dataclass(frozen=True, kw_only=True)
class User:
    """
    One user of a tenant.

    *epoch* rises with every change of authenticators and ends the sessions of
    before. *password_hash* is an Argon2id PHC string.
    """

    tenant_id: str
    user_id: str
    username: str
    language: str
    status: str
    epoch: int
    created_at: int
    password_hash: str = field(repr=False)


def normalised_username(typed: str) -> str:
    """Return *typed* as it is stored and looked up: NFKC, trimmed, case folded."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def lookup_hash(lookup_key: bytes, username: str) -> str:
    """Return the key by which a normalised user name is found; it tells nothing of the name."""
    return hmac.new(lookup_key, f"username|{username}".encode(), hashlib.sha256).hexdigest()
