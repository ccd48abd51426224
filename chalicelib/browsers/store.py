"""The port: where remembered browsers are kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from chalicelib.authenticators.record import Owner
from chalicelib.browsers.record import Binding, RememberedBrowser
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Change


class BrowsersChangedError(ConditionRefusedError):
    """Another browser was remembered or forgotten while the request ran: look again."""


class RememberedBrowserStore(Protocol):
    """Remembered browsers of each user. What has expired may still be among them: nothing waits for TTL."""

    def all(self, owner: Owner) -> tuple[RememberedBrowser, ...]:
        """Return all that are kept for *owner*, strongly read, whether or not they still count."""

    def remembered(
        self,
        owner: Owner,
        browser: RememberedBrowser,
        *,
        known: Collection[RememberedBrowser],
        in_place_of: Collection[RememberedBrowser],
    ) -> Change:
        """
        Return the change that keeps *browser* too, and those of *in_place_of* no more.

        *known* are all, as they were read. Refused with `BrowsersChangedError` if others have come
        or gone since, so far that there would be more than `MOST_BROWSERS`.
        """

    def used(
        self, owner: Owner, browser_key: str, *, binding: Binding, remembered_since: int, now: int
    ) -> Change:
        """
        Return the change that notes the use of a browser in place of a code.

        Refused with `BrowsersChangedError` unless it is kept, bound as *binding* says, has not
        expired and was remembered no earlier than *remembered_since*.
        """

    def forgotten(self, owner: Owner, browser_key: str) -> Change:
        """Return the change that keeps one no more; refused with `BrowsersChangedError` if it was none."""

    def all_forgotten(self, owner: Owner, *, known: Collection[RememberedBrowser]) -> Change:
        """
        Return the change that keeps none of *known* any more, which are all, as they were read.

        Refused with `BrowsersChangedError` if one has come or gone since.
        """

    def voided(self, owner: Owner) -> Change:
        """Return the change that keeps none of *owner*'s, if any; it is never refused."""
