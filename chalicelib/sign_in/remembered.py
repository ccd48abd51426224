"""A browser in which a code was given before may stand for the code, where the tenant allows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.record import User
from chalicelib.authenticators.record import BoundAuthenticators, Owner
from chalicelib.browsers.record import Binding, browser_key_of, earliest
from chalicelib.browsers.store import RememberedBrowserStore
from chalicelib.sessions.session import REMEMBERED_BROWSER
from chalicelib.storage.changes import Change
from chalicelib.tenants.profile import Policy


@dataclass(frozen=True, kw_only=True)
class KnownBrowser:
    """
    A browser that stands for the code at this sign-in.

    *proofs* are fields of the `Session` that begins, *used* the change that belongs in its
    transaction: refused with `BrowsersChangedError`, the browser stands for nothing any more.
    """

    browser_key: str
    proofs: dict[str, Any]
    used: Change


@dataclass(frozen=True, kw_only=True)
class BrowserRecognition:
    """Finds out whether a browser is remembered."""

    browsers: RememberedBrowserStore

    def known(
        self,
        browser_id: str | None,
        user: User,
        policy: Policy,
        bound: BoundAuthenticators | None,
        *,
        now: int,
    ) -> KnownBrowser | None:
        """
        Return what *browser_id* stands for at the sign-in of *user*; None if for nothing.

        Nothing is read unless the browser presents an id, the tenant remembers browsers and
        the user has an authenticator that is not disabled. The help desk's are never remembered.
        """
        if browser_id is None or user.is_staff or not policy.remember_days:
            return None
        if bound is None or bound.is_disabled:
            return None
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        key = browser_key_of(browser_id)
        remember_days = policy.remember_days
        browser = next((one for one in self.browsers.all(owner) if one.browser_key == key), None)
        if browser is None or not browser.counts(user, remember_days=remember_days, now=now):
            return None
        return KnownBrowser(
            browser_key=key,
            proofs={
                "verified_at": now,
                "verified_by": REMEMBERED_BROWSER,
                "remembered_at": browser.remembered_at,
            },
            used=self.browsers.used(
                owner,
                key,
                binding=Binding.of(user),
                remembered_since=earliest(remember_days, now=now),
                now=now,
            ),
        )
