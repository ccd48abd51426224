"""The port `ResetStore`: one reset for each user, whose code is tried ten times at most."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import ResetCodeExpiredError
from chalicelib.resets.record import RESET_CODE_SECONDS, Reset
from chalicelib.resets.store import ResetStore
from tests.contract.drafts import ANNA, BERIT, NOW, Commit, outcomes_in_parallel

RESET = Reset(
    code_hash="$argon2id$first",
    salt=b"\x00salt\xff",
    request_hash="of a request",
    reset_at=NOW,
    opens_at=NOW + 3_600,
    expires_at=NOW + 3_600 + RESET_CODE_SECONDS,
    by="0123456789abcdef0123456789abcdef",
)
OPEN = RESET.opens_at


@pytest.fixture
def store(stores: Stores) -> ResetStore:
    return stores.resets


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


def test_a_reset_is_kept_for_its_user(store: ResetStore, commit: Commit) -> None:
    assert store.pending(ANNA) is None
    commit(store.begun(ANNA, RESET))
    assert store.pending(ANNA) == RESET
    assert store.pending(BERIT) is None
    assert store.pending(replace(ANNA, tenant_id="byra")) is None


def test_a_new_reset_takes_the_place_of_the_old_one_and_is_tried_anew(
    store: ResetStore, commit: Commit
) -> None:
    commit(store.begun(ANNA, RESET))
    commit(store.attempted(ANNA, RESET, now=OPEN))
    second = replace(RESET, code_hash="$argon2id$second")
    commit(store.begun(ANNA, second))
    assert store.pending(ANNA) == second
    with pytest.raises(ResetCodeExpiredError):
        commit(store.attempted(ANNA, RESET, now=OPEN))
    assert store.pending(ANNA) == second


@pytest.mark.parametrize("now", [OPEN - 1, RESET.expires_at + 1])
def test_outside_its_time_nothing_is_tried(store: ResetStore, commit: Commit, now: int) -> None:
    commit(store.begun(ANNA, RESET))
    with pytest.raises(ResetCodeExpiredError):
        commit(store.attempted(ANNA, RESET, now=now))
    assert store.pending(ANNA) == RESET


@pytest.mark.parametrize("now", [OPEN, RESET.expires_at])
def test_within_its_time_each_try_is_counted(store: ResetStore, commit: Commit, now: int) -> None:
    commit(store.begun(ANNA, RESET))
    commit(store.attempted(ANNA, RESET, now=now))
    assert store.pending(ANNA) == replace(RESET, attempts=1)


@pytest.mark.requirement("L6", "E11")
def test_of_any_number_of_parallel_tries_ten_are_counted(store: ResetStore, commit: Commit) -> None:
    commit(store.begun(ANNA, RESET))
    outcomes = outcomes_in_parallel([partial(commit, store.attempted(ANNA, RESET, now=OPEN))] * 24)
    assert outcomes.count("ok") == 10
    assert outcomes.count("ResetCodeExpiredError") == 14
    assert store.pending(ANNA) == replace(RESET, attempts=10)


def test_nobodys_reset_is_tried_by_nobody(store: ResetStore, commit: Commit) -> None:
    with pytest.raises(ResetCodeExpiredError):
        commit(store.attempted(ANNA, RESET, now=OPEN))
    assert store.pending(ANNA) is None


def test_a_spent_reset_is_forgotten(store: ResetStore, commit: Commit) -> None:
    commit(store.begun(ANNA, RESET))
    commit(store.spent(ANNA))
    commit(store.spent(ANNA))  # none is left, and that is no fault
    assert store.pending(ANNA) is None
