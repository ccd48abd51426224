"""The in-memory double of remembered browsers; see `tests.support.memory`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from chalicelib.authenticators.record import Owner
from chalicelib.browsers.record import MOST_BROWSERS, Binding, RememberedBrowser
from chalicelib.browsers.store import BrowsersChangedError
from chalicelib.storage.changes import Change
from tests.support.memory.transactions import MemoryTransactions, MemoryWrite


class MemoryRememberedBrowsers:
    """The `RememberedBrowserStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._browsers: dict[Owner, dict[str, RememberedBrowser]] = {}

    def all(self, owner: Owner) -> tuple[RememberedBrowser, ...]:
        with self._lock:
            return tuple(self._browsers.get(owner, {}).values())

    def remembered(
        self,
        owner: Owner,
        browser: RememberedBrowser,
        *,
        known: Collection[RememberedBrowser],
        in_place_of: Collection[RememberedBrowser],
    ) -> Change:
        leaving = {old.browser_key for old in in_place_of}

        def has_room() -> bool:
            kept = self._browsers.get(owner, {}).keys()
            if not known:
                return not kept
            return bool(kept) and leaving <= kept and len(kept - leaving) < MOST_BROWSERS

        def take_effect() -> None:
            kept = self._browsers.setdefault(owner, {})
            for key in leaving:
                del kept[key]
            kept[browser.browser_key] = browser

        return self._change(owner, has_room, take_effect)

    def used(
        self, owner: Owner, browser_key: str, *, binding: Binding, remembered_since: int, now: int
    ) -> Change:
        def counts() -> bool:
            browser = self._browsers.get(owner, {}).get(browser_key)
            return (
                browser is not None
                and browser.binding == binding
                and browser.expires_at >= now
                and browser.remembered_at >= remembered_since
            )

        def take_effect() -> None:
            kept = self._browsers[owner]
            kept[browser_key] = replace(kept[browser_key], last_used_at=now)

        return self._change(owner, counts, take_effect)

    def forgotten(self, owner: Owner, browser_key: str) -> Change:
        return self._change(
            owner,
            lambda: browser_key in self._browsers.get(owner, {}),
            lambda: self._forget(owner, browser_key),
        )

    def all_forgotten(self, owner: Owner, *, known: Collection[RememberedBrowser]) -> Change:
        keys = {one.browser_key for one in known}
        return self._change(
            owner,
            lambda: self._browsers.get(owner, {}).keys() == keys,
            lambda: self._forget_all(owner),
        )

    def voided(self, owner: Owner) -> Change:
        return self._change(owner, lambda: True, lambda: self._forget_all(owner))

    def _forget(self, owner: Owner, browser_key: str) -> None:
        del self._browsers[owner][browser_key]

    def _forget_all(self, owner: Owner) -> None:
        self._browsers.pop(owner, None)

    def _change(self, owner: Owner, allowed: Callable[[], bool], take_effect: Callable[[], None]) -> Change:
        row = ("browsers", owner.tenant_id, owner.user_id)
        return Change(MemoryWrite(row, allowed, take_effect), BrowsersChangedError())
