"""The port `RecoveryCodeStore`: each verb, each refusal, and who wins a race."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import (
    ConditionRefusedError,
    RecoveryCodesDisabledError,
    RecoveryCodesReplacedError,
    TooManyAttemptsError,
)
from chalicelib.recovery_codes.record import LETTERS, RecoveryCodes, RecoveryReservation
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.throttle import OTP_FAILURES_PER_MONTH
from tests.contract.drafts import ANNA, BERIT, HOUR, NOW, Commit, an_attempt, outcomes_in_parallel

DECEMBER = NOW + (7 * 24 + 15) * HOUR
HASHES = {letter: f"$argon2id${letter}" for letter in LETTERS}


@pytest.fixture
def store(stores: Stores) -> RecoveryCodeStore:
    return stores.recovery_codes


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


def make(store: RecoveryCodeStore, commit: Commit, set_id: str = "set", *, now: int = NOW) -> None:
    commit(store.made(ANNA, set_id, HASHES, reopens=False, now=now))


def reserve(store: RecoveryCodeStore, attempt: str = "a", *, now: int = NOW) -> RecoveryReservation:
    return store.reserve_attempt(ANNA, an_attempt(attempt, made_at=now))


def fail(store: RecoveryCodeStore, times: int, *, start: int = NOW) -> int:
    """Count that many attempts an hour apart; return when the last one was."""
    now = start
    for number in range(times):
        now = start + number * HOUR
        reserve(store, f"failure-{now}", now=now)
    return now


def codes_in_force(store: RecoveryCodeStore) -> RecoveryCodes:
    codes = store.current(ANNA)
    assert codes is not None
    return codes


def spend(store: RecoveryCodeStore, commit: Commit, reservation: RecoveryReservation, letter: str) -> None:
    commit(store.spent(ANNA, reservation, codes_in_force(store), letter))


# -- the set


def test_at_first_there_is_no_set(store: RecoveryCodeStore) -> None:
    assert store.current(ANNA) is None


def test_a_set_is_read_back_as_it_was_made(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit)
    codes = codes_in_force(store)
    assert (codes.set_id, codes.made_at, codes.acknowledged_at) == ("set", NOW, None)
    assert {letter: code.code_hash for letter, code in codes.codes.items()} == HASHES
    assert {code.used_at for code in codes.codes.values()} == {None}
    assert codes.left == 10
    assert not codes.is_disabled
    assert store.current(BERIT) is None


@pytest.mark.requirement("R5")
def test_a_new_set_takes_the_whole_place_of_the_old(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit, "old")
    commit(store.acknowledged(ANNA, "old", now=NOW))
    spend(store, commit, reserve(store), "A")
    make(store, commit, "new", now=NOW + 60)
    codes = codes_in_force(store)
    assert (codes.set_id, codes.made_at, codes.acknowledged_at, codes.left) == ("new", NOW + 60, None, 10)
    assert codes.codes["A"].used_at is None


@pytest.mark.requirement("R5")
def test_a_set_is_acknowledged_once_and_no_other_in_its_name(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    for set_id in ("set", "another"):
        with pytest.raises(RecoveryCodesReplacedError):
            commit(store.acknowledged(ANNA, set_id, now=NOW))
    assert store.current(ANNA) is None
    make(store, commit)
    with pytest.raises(RecoveryCodesReplacedError):
        commit(store.acknowledged(ANNA, "another", now=NOW))
    assert codes_in_force(store).acknowledged_at is None
    commit(store.acknowledged(ANNA, "set", now=NOW + 5))
    with pytest.raises(RecoveryCodesReplacedError):
        commit(store.acknowledged(ANNA, "set", now=NOW + 9))
    assert codes_in_force(store).acknowledged_at == NOW + 5


def test_a_voided_set_is_gone_and_voiding_again_changes_nothing(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    make(store, commit)
    commit(store.voided(ANNA))
    assert store.current(ANNA) is None
    commit(store.voided(ANNA))


@pytest.mark.requirement("R5")
def test_ten_sets_are_made_on_a_day_and_the_count_of_past_days_goes(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    for number in range(10):
        make(store, commit, f"set {number}")
    fail(store, 20)
    for reopens in (False, True):
        with pytest.raises(ConditionRefusedError):
            commit(store.made(ANNA, "eleventh", HASHES, reopens=reopens, now=NOW))
    codes = codes_in_force(store)
    assert (codes.set_id, codes.made_by_day) == ("set 9", {"20261123": 10})
    assert codes.has_reached_day_cap(now=NOW)
    assert not codes.has_reached_day_cap(now=NOW + 24 * HOUR)
    commit(
        store.made(ANNA, "tomorrow's", HASHES, reopens=True, now=NOW + 24 * HOUR, past_days=["20261123"])
    )
    assert codes_in_force(store).made_by_day == {"20261124": 1}


@pytest.mark.requirement("R5")
def test_of_parallel_makings_ten_succeed(store: RecoveryCodeStore, commit: Commit) -> None:
    outcomes = outcomes_in_parallel(partial(make, store, commit, f"set {number}") for number in range(16))
    assert sorted(outcomes) == ["ConditionRefusedError"] * 6 + ["ok"] * 10


# -- attempts


@pytest.mark.requirement("R4", "L6")
def test_an_attempt_is_counted_and_brings_the_set(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit)
    for failures in (1, 2, 3):
        reservation = reserve(store, f"a{failures}")
        assert reservation.consecutive_failures == failures
        assert reservation.codes == codes_in_force(store)
        assert not reservation.was_accepted


@pytest.mark.requirement("R4")
def test_a_user_without_a_set_is_counted_like_any_other(store: RecoveryCodeStore, commit: Commit) -> None:
    for failures in range(1, 6):
        reservation = reserve(store, f"a{failures}")
        assert (reservation.codes, reservation.consecutive_failures) == (None, failures)
    with pytest.raises(TooManyAttemptsError):
        reserve(store)
    assert store.current(ANNA) is None
    make(store, commit)
    with pytest.raises(TooManyAttemptsError):
        reserve(store)


@pytest.mark.requirement("R4", "L1", "L2")
@pytest.mark.parametrize("wait_seconds", [29, 30])
def test_the_sixth_attempt_waits_for_its_second(
    store: RecoveryCodeStore, commit: Commit, wait_seconds: int
) -> None:
    make(store, commit)
    for number in range(5):
        reserve(store, f"a{number}")
    if wait_seconds < 30:
        with pytest.raises(TooManyAttemptsError) as refused:
            reserve(store, "late", now=NOW + wait_seconds)
        assert refused.value.retry_at_epoch_seconds == NOW + 30
    else:
        assert reserve(store, "late", now=NOW + wait_seconds).consecutive_failures == 6


@pytest.mark.requirement("R4", "L5", "L6")
def test_of_parallel_attempts_exactly_five_are_counted(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit)
    outcomes = outcomes_in_parallel(partial(reserve, store, f"a{number}") for number in range(40))
    assert outcomes.count("ok") == 5
    assert set(outcomes) == {"ok", "TooManyAttemptsError"}


@pytest.mark.requirement("R4", "L4")
def test_a_month_takes_thirty_failures_and_forgets_what_succeeded(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    make(store, commit)
    for day, letter in enumerate("ABC"):
        now = fail(store, 9, start=NOW + day * 24 * HOUR) + HOUR
        spend(store, commit, reserve(store, f"right-{letter}", now=now), letter)
        assert codes_in_force(store).codes[letter].used_at == now
    fail(store, OTP_FAILURES_PER_MONTH - 27, start=NOW + 72 * HOUR)
    with pytest.raises(TooManyAttemptsError) as refused:
        reserve(store, "one more", now=NOW + 96 * HOUR)
    assert refused.value.retry_at_epoch_seconds == DECEMBER
    in_december = reserve(store, "next month", now=DECEMBER)
    assert in_december.past_months == ("2026_11",)
    spend(store, commit, in_december, "D")
    assert reserve(store, "later", now=DECEMBER + HOUR).past_months == ()


@pytest.mark.requirement("R4", "L3")
def test_twenty_failures_in_a_row_end_it_until_a_new_set(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit)
    last = fail(store, 19)
    with pytest.raises(ConditionRefusedError):
        commit(store.disabled(ANNA))
    with pytest.raises(ConditionRefusedError):
        commit(store.made(ANNA, "new", HASHES, reopens=True, now=NOW))
    twentieth = reserve(store, "the twentieth", now=last + HOUR)
    assert codes_in_force(store).is_disabled, "by the count alone"
    with pytest.raises(RecoveryCodesDisabledError):
        reserve(store, "after", now=last + 100 * HOUR)
    commit(store.disabled(ANNA))
    with pytest.raises(ConditionRefusedError):
        commit(store.disabled(ANNA))
    with pytest.raises(ConditionRefusedError):
        spend(store, commit, twentieth, "A")
    with pytest.raises(ConditionRefusedError):
        make(store, commit, "new")
    commit(store.made(ANNA, "new", HASHES, reopens=True, now=last + HOUR))
    assert not codes_in_force(store).is_disabled
    assert reserve(store, "again", now=last + 2 * HOUR).consecutive_failures == 1


@pytest.mark.requirement("R4", "L3")
def test_where_there_is_no_set_none_is_disabled_and_guessing_ends_all_the_same(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    last = fail(store, 20)
    with pytest.raises(ConditionRefusedError):
        commit(store.disabled(ANNA))
    with pytest.raises(RecoveryCodesDisabledError):
        reserve(store, "after", now=last + 100 * HOUR)
    commit(store.made(ANNA, "first", HASHES, reopens=True, now=last + HOUR))
    assert reserve(store, "again", now=last + 2 * HOUR).consecutive_failures == 1


@pytest.mark.requirement("R4", "L7")
def test_a_new_set_is_no_new_budget_for_guessing(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit, "old")
    for number in range(5):
        reserve(store, f"a{number}")
    make(store, commit, "new")
    with pytest.raises(TooManyAttemptsError):
        reserve(store, "sixth")
    assert reserve(store, "later", now=NOW + 30).consecutive_failures == 6


def test_unlocking_forgets_the_failures_and_opens_nothing_that_is_disabled(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    with pytest.raises(ConditionRefusedError):
        commit(store.unlocked(ANNA, month="2026_11"))
    for day in range(4):
        fail(store, 15, start=NOW + day * 24 * HOUR)
        commit(store.unlocked(ANNA, month="2026_11"))
    make(store, commit)
    fail(store, 20, start=NOW + 96 * HOUR)
    with pytest.raises(ConditionRefusedError):
        commit(store.unlocked(ANNA, month="2026_11"))
    assert codes_in_force(store).is_disabled


# -- spending


@pytest.mark.requirement("R3", "B11")
def test_a_code_is_spent_once(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit)
    first, second = reserve(store, "first"), reserve(store, "second")
    seen = codes_in_force(store)
    commit(store.spent(ANNA, first, seen, "A"))
    codes = codes_in_force(store)
    assert (codes.codes["A"].used_at, codes.left) == (NOW, 9)
    for as_seen in (seen, codes):
        with pytest.raises(ConditionRefusedError):
            commit(store.spent(ANNA, second, as_seen, "A"))
    assert codes_in_force(store) == codes
    assert reserve(store, "third").consecutive_failures == 1


@pytest.mark.requirement("R3", "B11")
def test_of_parallel_spendings_of_one_code_exactly_one_succeeds(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    make(store, commit)
    reserved = [reserve(store, f"a{number}") for number in range(5)]
    outcomes = outcomes_in_parallel(
        partial(spend, store, commit, reservation, "A") for reservation in reserved for _ in range(8)
    )
    assert sorted(outcomes) == ["ConditionRefusedError"] * 39 + ["ok"]
    assert codes_in_force(store).left == 9


@pytest.mark.requirement("B12")
def test_a_late_writer_brings_no_spent_code_back(store: RecoveryCodeStore, commit: Commit) -> None:
    """Two read the set, both spend: the later one is told to look again and spoils nothing."""
    make(store, commit)
    first, second = reserve(store, "first"), reserve(store, "second")
    seen = codes_in_force(store)
    commit(store.spent(ANNA, first, seen, "A"))
    with pytest.raises(ConditionRefusedError):
        commit(store.spent(ANNA, second, seen, "B"))
    spend(store, commit, second, "B")
    codes = codes_in_force(store)
    assert {letter for letter, code in codes.codes.items() if code.used_at} == {"A", "B"}
    assert codes.left == 8


@pytest.mark.requirement("R5")
def test_what_was_read_of_an_older_set_spends_nothing(store: RecoveryCodeStore, commit: Commit) -> None:
    make(store, commit, "old")
    reservation, seen = reserve(store), codes_in_force(store)
    make(store, commit, "new")
    with pytest.raises(ConditionRefusedError):
        commit(store.spent(ANNA, reservation, seen, "A"))
    commit(store.voided(ANNA))
    with pytest.raises(ConditionRefusedError):
        commit(store.spent(ANNA, reservation, seen, "A"))
    assert store.current(ANNA) is None


def test_an_attempt_that_was_accepted_is_known_again_and_not_counted(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    make(store, commit)
    twins = [reserve(store, "same"), reserve(store, "same")]
    spend(store, commit, twins[0], "A")
    again = reserve(store, "same")
    assert (again.was_accepted, again.consecutive_failures) == (True, 0)
    store.take_back(ANNA, twins[1])
    store.take_back(ANNA, reserve(store, "another"))
    fail(store, 14, start=NOW + HOUR)
    spend(store, commit, reserve(store, "right", now=NOW + 48 * HOUR), "B")
    fail(store, OTP_FAILURES_PER_MONTH - 15, start=NOW + 49 * HOUR)
    with pytest.raises(TooManyAttemptsError) as refused:
        reserve(store, "the thirty-first", now=NOW + 96 * HOUR)
    assert refused.value.retry_at_epoch_seconds == DECEMBER


def test_a_disabled_set_still_knows_the_attempt_that_spent_a_code(
    store: RecoveryCodeStore, commit: Commit
) -> None:
    make(store, commit)
    spend(store, commit, reserve(store, "same"), "A")
    fail(store, 20, start=NOW + HOUR)
    assert reserve(store, "same", now=NOW + 30).was_accepted
