"""The stored record of a remembered browser, frozen. Times are epoch seconds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from chalicelib.accounts.record import User

MOST_BROWSERS = 10
_DAY_SECONDS = 24 * 60 * 60
_KEY_DIGITS = 32


@dataclass(frozen=True, kw_only=True)
class Binding:
    """
    What a remembered browser is bound to: it stands for the code only while neither changes.

    *epoch* is the user's, which every change of authenticators and every reset raises.
    *password* changes with the password's hash and tells nothing of it; where the portal holds
    the password it is the same for ever, for the portal proves the password at each sign-in.
    """

    epoch: int
    password: str = field(repr=False)

    @classmethod
    def of(cls, user: User) -> Binding:
        """Return what a browser remembered now for *user* would be bound to."""
        fingerprint = hashlib.sha256(f"browser|{user.password_hash or ''}".encode()).hexdigest()
        return cls(epoch=user.epoch, password=fingerprint[:_KEY_DIGITS])


@dataclass(frozen=True, kw_only=True)
class RememberedBrowser:
    """A browser in which a code was given once. *browser_key* is the hash of what its cookie holds."""

    browser_key: str
    binding: Binding
    remembered_at: int
    expires_at: int
    last_used_at: int | None = None

    def counts(self, user: User, *, remember_days: int | None, now: int) -> bool:
        """Say whether it still stands for *user*'s code, where the tenant allows *remember_days*."""
        return (
            self.binding == Binding.of(user)
            and now <= self.expires_at
            and self.remembered_at >= earliest(remember_days, now=now)
        )


def earliest(remember_days: int | None, *, now: int) -> int:
    """
    Return since when a browser must have been remembered to count at *now*.

    A tenant that allows fewer days than before, or none, means those remembered before too.
    """
    return now - remember_days * _DAY_SECONDS if remember_days else now + 1


def remembered_until(remember_days: int, *, now: int) -> int:
    """Return when a browser that is remembered at *now* has to give a code again."""
    return now + remember_days * _DAY_SECONDS


def browser_key_of(browser_id: str) -> str:
    """Return what the store knows a browser by: half a SHA-256 of its cookie's 256 bits."""
    return hashlib.sha256(browser_id.encode()).hexdigest()[:_KEY_DIGITS]
