"""The port `RememberedBrowserStore`: each verb, each refusal, and who wins a race."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.browsers.record import (
    MOST_BROWSERS,
    Binding,
    RememberedBrowser,
    browser_key_of,
    earliest,
    remembered_until,
)
from chalicelib.browsers.store import BrowsersChangedError, RememberedBrowserStore
from chalicelib.sessions.session import new_session_id
from tests.contract.drafts import ANNA, BERIT, NOW, Commit, a_user, outcomes_in_parallel

DAY = 86_400
BINDING = Binding.of(a_user(epoch=1))


@pytest.fixture
def store(stores: Stores) -> RememberedBrowserStore:
    return stores.browsers


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


def a_browser(key: str = "one", **differences: Any) -> RememberedBrowser:
    browser = RememberedBrowser(
        browser_key=key, binding=BINDING, remembered_at=NOW, expires_at=NOW + 30 * DAY
    )
    return replace(browser, **differences)


def remember(
    store: RememberedBrowserStore,
    commit: Commit,
    browser: RememberedBrowser,
    *leaving: RememberedBrowser,
) -> None:
    commit(store.remembered(ANNA, browser, known=store.all(ANNA), in_place_of=leaving))


def use(store: RememberedBrowserStore, commit: Commit, key: str = "one", **how: Any) -> None:
    with_all: dict[str, Any] = {"binding": BINDING, "remembered_since": NOW - 30 * DAY, "now": NOW + 60}
    with_all |= how
    commit(store.used(ANNA, key, **with_all))


def keys(store: RememberedBrowserStore) -> set[str]:
    return {browser.browser_key for browser in store.all(ANNA)}


def test_what_is_remembered_is_read_back_as_it_was(store: RememberedBrowserStore, commit: Commit) -> None:
    assert store.all(ANNA) == ()
    remember(store, commit, a_browser("one"))
    remember(store, commit, a_browser("two", last_used_at=NOW + 1))
    assert set(store.all(ANNA)) == {a_browser("one"), a_browser("two", last_used_at=NOW + 1)}
    assert store.all(BERIT) == ()


def test_what_leaves_makes_room_and_there_are_never_more_than_ten(
    store: RememberedBrowserStore, commit: Commit
) -> None:
    for number in range(MOST_BROWSERS):
        remember(store, commit, a_browser(f"b{number}"))
    with pytest.raises(BrowsersChangedError):
        remember(store, commit, a_browser("one more"))
    remember(store, commit, a_browser("one more"), a_browser("b0"), a_browser("b1"))
    assert keys(store) == {"one more"} | {f"b{number}" for number in range(2, MOST_BROWSERS)}


def test_whoever_remembers_by_what_has_changed_is_refused(
    store: RememberedBrowserStore, commit: Commit
) -> None:
    first = store.remembered(ANNA, a_browser("one"), known=(), in_place_of=())
    second = store.remembered(ANNA, a_browser("two"), known=(), in_place_of=())
    commit(first)
    with pytest.raises(BrowsersChangedError):
        commit(second)
    replacing = store.remembered(
        ANNA, a_browser("three"), known=store.all(ANNA), in_place_of=[a_browser("one")]
    )
    commit(store.forgotten(ANNA, "one"))
    with pytest.raises(BrowsersChangedError):
        commit(replacing)
    remember(store, commit, a_browser("four"))
    assert keys(store) == {"four"}


@pytest.mark.requirement("B02")
def test_of_parallel_first_ones_one_is_remembered_by_what_it_saw(
    store: RememberedBrowserStore, commit: Commit
) -> None:
    changes = [
        store.remembered(ANNA, a_browser(f"b{number}"), known=(), in_place_of=()) for number in range(12)
    ]
    outcomes = outcomes_in_parallel(partial(commit, change) for change in changes)
    assert sorted(outcomes) == ["BrowsersChangedError"] * 11 + ["ok"]
    assert len(keys(store)) == 1


def test_a_use_is_noted(store: RememberedBrowserStore, commit: Commit) -> None:
    remember(store, commit, a_browser())
    use(store, commit)
    assert store.all(ANNA) == (a_browser(last_used_at=NOW + 60),)


@pytest.mark.requirement("B29", "V5")
@pytest.mark.parametrize(
    ("how", "is_taken"),
    [
        ({}, True),
        ({"key": "another"}, False),
        ({"binding": replace(BINDING, epoch=2)}, False),
        ({"binding": replace(BINDING, password="0" * 32)}, False),
        ({"now": NOW + 30 * DAY}, True),
        ({"now": NOW + 30 * DAY + 1}, False),
        ({"remembered_since": NOW}, True),
        ({"remembered_since": NOW + 1}, False),
    ],
)
def test_it_is_used_only_while_everything_is_as_it_was(
    store: RememberedBrowserStore, commit: Commit, how: dict[str, Any], *, is_taken: bool
) -> None:
    """Held by the condition: its row is there long after."""
    remember(store, commit, a_browser())
    if is_taken:
        use(store, commit, **how)
        return
    with pytest.raises(BrowsersChangedError):
        use(store, commit, **how)
    assert store.all(ANNA) == (a_browser(),)


def test_one_is_forgotten_once_and_all_at_any_time(store: RememberedBrowserStore, commit: Commit) -> None:
    with pytest.raises(BrowsersChangedError):
        commit(store.forgotten(ANNA, "one"))
    assert store.all(ANNA) == ()
    remember(store, commit, a_browser("one"))
    remember(store, commit, a_browser("two"))
    commit(store.forgotten(ANNA, "one"))
    with pytest.raises(BrowsersChangedError):
        commit(store.forgotten(ANNA, "one"))
    with pytest.raises(BrowsersChangedError):
        use(store, commit)
    assert keys(store) == {"two"}
    for _ in range(2):
        commit(store.voided(ANNA))
        assert store.all(ANNA) == ()
    remember(store, commit, a_browser("three"))
    assert keys(store) == {"three"}


def test_all_are_forgotten_as_they_were_read_or_not_at_all(
    store: RememberedBrowserStore, commit: Commit
) -> None:
    remember(store, commit, a_browser("one"))
    alone = store.all(ANNA)
    remember(store, commit, a_browser("two"))
    both = store.all(ANNA)
    with pytest.raises(BrowsersChangedError):
        commit(store.all_forgotten(ANNA, known=alone))
    commit(store.forgotten(ANNA, "one"))
    remember(store, commit, a_browser("three"))
    with pytest.raises(BrowsersChangedError):
        commit(store.all_forgotten(ANNA, known=both))
    assert keys(store) == {"two", "three"}
    commit(store.all_forgotten(ANNA, known=store.all(ANNA)))
    assert store.all(ANNA) == ()
    with pytest.raises(BrowsersChangedError):
        commit(store.all_forgotten(ANNA, known=both))
    remember(store, commit, a_browser("four"))


@pytest.mark.requirement("B02")
def test_all_are_forgotten_by_one_of_many_at_once(store: RememberedBrowserStore, commit: Commit) -> None:
    for key in ("one", "two"):
        remember(store, commit, a_browser(key))
    known = store.all(ANNA)
    outcomes = outcomes_in_parallel(
        partial(commit, store.all_forgotten(ANNA, known=known)) for _ in range(12)
    )
    assert sorted(outcomes) == ["BrowsersChangedError"] * 11 + ["ok"]


class TestRecord:
    """The record alone: what it is bound to, and until when it counts."""

    @pytest.mark.requirement("B29")
    @pytest.mark.parametrize(
        ("differences", "counts"),
        [
            ({"status": "enrolled", "language": "en", "recovery_set": "x"}, True),
            ({"epoch": 2}, False),
            ({"password_hash": "$argon2id$second"}, False),
            ({"password_hash": None}, False),
        ],
    )
    def test_it_is_bound_to_authenticators_and_password(
        self, differences: dict[str, Any], *, counts: bool
    ) -> None:
        user = a_user(
            epoch=1, **{"status": "not_enrolled"} | {k: v for k, v in differences.items() if k != "epoch"}
        )
        user = replace(user, epoch=differences.get("epoch", 1))
        assert a_browser().counts(user, remember_days=30, now=NOW) is counts

    @pytest.mark.parametrize(
        ("remember_days", "after", "counts"),
        [
            (30, 0, True),
            (30, 30 * DAY, True),
            (30, 30 * DAY + 1, False),
            (90, 30 * DAY + 1, False),
            (7, 7 * DAY, True),
            (7, 7 * DAY + 1, False),
            (0, 0, False),
            (None, 0, False),
        ],
    )
    def test_it_counts_until_it_ends_or_the_tenant_allows_less(
        self, remember_days: int | None, after: int, *, counts: bool
    ) -> None:
        user = a_user(epoch=1)
        assert a_browser().counts(user, remember_days=remember_days, now=NOW + after) is counts
        assert (earliest(remember_days, now=NOW + after) <= NOW) is (counts or remember_days == 90)

    def test_neither_the_key_nor_the_binding_tells_what_it_was_made_of(self) -> None:
        browser_id = new_session_id()
        assert len(browser_key_of(browser_id)) == 32
        assert browser_key_of(browser_id) not in browser_id
        user = a_user(password_hash="$argon2id$canary")
        assert "canary" not in repr(Binding.of(user))
        assert Binding.of(user).password not in repr(Binding.of(user))

    def test_it_lasts_as_many_days_as_the_tenant_allows(self) -> None:
        assert remembered_until(30, now=NOW) == NOW + 30 * DAY
