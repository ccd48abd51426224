"""The port `HandOffStore`: links, their clients' JWTs and return codes each work once, and in time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import (
    ClientNotAuthenticatedError,
    ConditionRefusedError,
    HandOffExpiredError,
    ReturnCodeUsedError,
)
from chalicelib.hand_offs.record import Exchange, HandOff, ReturnCode
from chalicelib.hand_offs.store import HandOffStore
from tests.contract.drafts import NOW, Commit, outcomes_in_parallel


@pytest.fixture
def store(stores: Stores) -> HandOffStore:
    return stores.hand_offs


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


def a_hand_off(key: str = "link", **differences: Any) -> HandOff:
    hand_off = HandOff(
        key=key,
        tenant_id="cozone",
        client_name="web",
        user_id="anna",
        auth_time=NOW - 17,
        purpose="sign-in",
        return_url="https://portal.example/return?å=1",
        state="state of the portal, åäö \u2028",
        nonce="nonce of the portal",
        begun_at=NOW,
        salt=b"\x00salt\xff" * 4,
    )
    return replace(hand_off, **differences)


def a_code(key: str = "code", **differences: Any) -> ReturnCode:
    code = ReturnCode(
        key=key,
        tenant_id="cozone",
        client_name="web",
        user_id="anna",
        portal_user="Anna | å # 7",
        nonce="nonce of the portal",
        verified_at=NOW - 5,
        verified_by="remembered_browser",
        reference="7f3k9abc",
        issued_at=NOW,
    )
    return replace(code, **differences)


def begin(store: HandOffStore, commit: Commit, hand_off: HandOff, *, jwt_key: str = "jwt") -> None:
    commit(*store.begun(hand_off, jwt_key=jwt_key, jwt_expires_at=NOW + 60))


def test_what_was_never_stored_is_nothing(store: HandOffStore) -> None:
    assert store.get("link") is None
    assert store.return_code("code") is None


def test_what_was_begun_is_read_back_as_it_was(store: HandOffStore, commit: Commit) -> None:
    begin(store, commit, a_hand_off())
    assert store.get("link") == a_hand_off()
    assert store.get("another link") is None
    assert store.return_code("link") is None


@pytest.mark.requirement("M3")
def test_a_jwt_begins_one_hand_off(store: HandOffStore, commit: Commit) -> None:
    begin(store, commit, a_hand_off("first"))
    with pytest.raises(ClientNotAuthenticatedError):
        begin(store, commit, a_hand_off("second"))
    assert store.get("second") is None
    begin(store, commit, a_hand_off("second"), jwt_key="another jwt")
    assert store.get("first") == a_hand_off("first")


@pytest.mark.requirement("M3")
def test_of_parallel_hand_offs_by_one_jwt_one_is_stored(store: HandOffStore, commit: Commit) -> None:
    keys = [f"link-{number}" for number in range(12)]
    outcomes = outcomes_in_parallel(partial(begin, store, commit, a_hand_off(key)) for key in keys)
    assert sorted(outcomes) == ["ClientNotAuthenticatedError"] * 11 + ["ok"]
    assert [key for key in keys if store.get(key)] == [keys[outcomes.index("ok")]]


def test_a_link_is_stored_once(store: HandOffStore, commit: Commit) -> None:
    begin(store, commit, a_hand_off())
    with pytest.raises(ConditionRefusedError):
        begin(store, commit, a_hand_off(user_id="berit"), jwt_key="another jwt")
    assert store.get("link") == a_hand_off()
    begin(store, commit, a_hand_off("another link"), jwt_key="another jwt")  # which was not spent by it


@pytest.mark.requirement("M3", "V5")
@pytest.mark.parametrize("seconds", [0, 120])
def test_a_link_is_used_once_and_remembers_by_what(
    store: HandOffStore, commit: Commit, seconds: int
) -> None:
    begin(store, commit, a_hand_off())
    commit(store.exchanged(a_hand_off(), request_hash="request", now=NOW + seconds))
    used = a_hand_off(exchange=Exchange(exchanged_at=NOW + seconds, request_hash="request"))
    assert store.get("link") == used
    for again in ("request", "another request"):
        with pytest.raises(HandOffExpiredError):
            commit(store.exchanged(a_hand_off(), request_hash=again, now=NOW + seconds))
    assert store.get("link") == used


@pytest.mark.requirement("M3", "V5")
def test_a_link_too_old_or_unknown_is_not_used(store: HandOffStore, commit: Commit) -> None:
    begin(store, commit, a_hand_off())
    for link, now in ((a_hand_off(), NOW + 121), (a_hand_off("unknown"), NOW)):
        with pytest.raises(HandOffExpiredError):
            commit(store.exchanged(link, request_hash="request", now=now))
    assert store.get("link") == a_hand_off()
    assert store.get("unknown") is None


@pytest.mark.requirement("M3", "B02")
def test_of_parallel_exchanges_one_uses_the_link(store: HandOffStore, commit: Commit) -> None:
    begin(store, commit, a_hand_off())
    changes = [store.exchanged(a_hand_off(), request_hash=f"r{n}", now=NOW) for n in range(12)]
    outcomes = outcomes_in_parallel(partial(commit, change) for change in changes)
    assert sorted(outcomes) == ["HandOffExpiredError"] * 11 + ["ok"]
    used = store.get("link")
    assert used is not None
    assert used.exchange is not None
    assert used.exchange.request_hash == f"r{outcomes.index('ok')}"


def test_an_issued_code_is_read_back_as_it_was_and_issued_once(store: HandOffStore, commit: Commit) -> None:
    commit(store.issued(a_code()))
    with pytest.raises(ConditionRefusedError):
        commit(store.issued(a_code(portal_user="berit")))
    assert store.return_code("code") == a_code()
    assert store.return_code("another code") is None
    assert store.get("code") is None


@pytest.mark.requirement("M4", "B60", "V5")
@pytest.mark.parametrize("seconds", [0, 60])
def test_a_code_is_redeemed_once_and_remembers_for_what(
    store: HandOffStore, commit: Commit, seconds: int
) -> None:
    commit(store.issued(a_code()))
    commit(store.redeemed(a_code(), assertion_id="first", jwt_key="jwt", now=NOW + seconds))
    assert store.return_code("code") == a_code(assertion_id="first", redeemed_by="jwt")
    for assertion_id in ("first", "second"):
        with pytest.raises(ReturnCodeUsedError):
            commit(store.redeemed(a_code(), assertion_id=assertion_id, jwt_key="jwt", now=NOW + seconds))
    assert store.return_code("code") == a_code(assertion_id="first", redeemed_by="jwt")


@pytest.mark.requirement("M4", "V5")
def test_a_code_too_old_or_unknown_is_not_redeemed(store: HandOffStore, commit: Commit) -> None:
    commit(store.issued(a_code()))
    for code, now in ((a_code(), NOW + 61), (a_code("unknown"), NOW)):
        with pytest.raises(ReturnCodeUsedError):
            commit(store.redeemed(code, assertion_id="first", jwt_key="jwt", now=now))
    assert store.return_code("code") == a_code()
    assert store.return_code("unknown") is None


@pytest.mark.requirement("M4", "B60", "B02")
def test_of_parallel_redemptions_one_gets_the_assertion(store: HandOffStore, commit: Commit) -> None:
    commit(store.issued(a_code()))
    changes = [store.redeemed(a_code(), assertion_id=f"a{n}", jwt_key="jwt", now=NOW) for n in range(12)]
    outcomes = outcomes_in_parallel(partial(commit, change) for change in changes)
    assert sorted(outcomes) == ["ReturnCodeUsedError"] * 11 + ["ok"]
    assert store.return_code("code") == a_code(assertion_id=f"a{outcomes.index('ok')}", redeemed_by="jwt")
