"""The port `AccountStore`: users by name and id, and the counts of their password attempts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.accounts.record import BEGUN, DISABLED, ENROLLED, RESET, User
from chalicelib.accounts.store import AccountStore, PasswordSubject, UserExistsError
from chalicelib.bootstrap import Stores
from chalicelib.errors import (
    ConditionRefusedError,
    EnrolmentReplacedError,
    NotSignedInError,
    TooManyAttemptsError,
)
from tests.contract.drafts import NOW, Commit, a_user, outcomes_in_parallel

MIDNIGHT = 1_795_478_400  # 2026-11-24T00:00:00Z
NAME = PasswordSubject.of_name("hash-of-a-name")


@pytest.fixture
def store(stores: Stores) -> AccountStore:
    return stores.accounts


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


def fail(store: AccountStore, times: int, subject: PasswordSubject = NAME, *, start: int = NOW) -> int:
    """Count that many attempts a quarter of an hour apart; return when the last one was."""
    now = start
    for number in range(times):
        now = start + number * 900
        store.count_password_attempt(subject, now=now)
    return now


def test_a_user_is_found_by_name_and_by_id(store: AccountStore) -> None:
    store.add(a_user(), "lookup")
    assert store.find("cozone", "lookup") == a_user()
    assert store.get("cozone", "anna") == a_user()


def test_nobody_else_is_found(store: AccountStore) -> None:
    store.add(a_user(), "lookup")
    assert store.find("cozone", "another lookup") is None
    assert store.find("byra", "lookup") is None
    assert store.get("byra", "anna") is None
    assert store.get("cozone", "nobody") is None


@pytest.mark.parametrize(
    ("second", "lookup"),
    [(a_user(user_id="berit"), "lookup"), (a_user(username="other"), "another lookup")],
    ids=["same name", "same id"],
)
def test_a_name_and_an_id_are_taken_once(store: AccountStore, second: object, lookup: str) -> None:
    store.add(a_user(), "lookup")
    with pytest.raises(UserExistsError):
        store.add(second, lookup)  # type: ignore[arg-type]  # a user
    assert store.find("cozone", "lookup") == a_user()
    assert store.find("cozone", "another lookup") is None
    assert store.get("cozone", "berit") is None


def test_of_parallel_sign_ups_under_one_name_one_stays(store: AccountStore) -> None:
    def add(user_id: str) -> bool:
        try:
            store.add(a_user(user_id=user_id), "lookup")
        except UserExistsError:
            return False
        return True

    added: list[str] = []
    ids = [f"u{number}" for number in range(12)]
    outcomes_in_parallel(
        partial(lambda user_id: added.append(user_id) if add(user_id) else None, user_id) for user_id in ids
    )
    assert len(added) == 1
    assert [user_id for user_id in ids if store.get("cozone", user_id)] == added


@pytest.mark.requirement("P4")
def test_a_hash_is_renewed_unless_it_changed_meanwhile(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    commit(store.rehashed(a_user(), "second"))
    assert store.get("cozone", "anna") == a_user(password_hash="second")
    with pytest.raises(ConditionRefusedError):
        commit(store.rehashed(a_user(), "third"))
    assert store.get("cozone", "anna") == a_user(password_hash="second")


def test_nobodys_hash_is_renewed_for_nobody(store: AccountStore, commit: Commit) -> None:
    with pytest.raises(ConditionRefusedError):
        commit(store.rehashed(a_user(), "second"))
    assert store.get("cozone", "anna") is None


@pytest.mark.requirement("E5", "E8")
def test_a_change_of_the_second_factor_raises_the_epoch_once(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    commit(store.second_factor_changed(a_user(), epoch=0))
    assert store.get("cozone", "anna") == a_user(epoch=1, status=ENROLLED)
    with pytest.raises(EnrolmentReplacedError):
        commit(store.second_factor_changed(a_user(), epoch=0))
    commit(store.second_factor_changed(a_user(), epoch=1))
    assert store.get("cozone", "anna") == a_user(epoch=2, status=ENROLLED)


@pytest.mark.requirement("E5")
def test_of_parallel_changes_one_raises_the_epoch(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    outcomes = outcomes_in_parallel(
        [partial(commit, store.second_factor_changed(a_user(), epoch=0)) for _ in range(12)]
    )
    assert sorted(outcomes) == ["EnrolmentReplacedError"] * 11 + ["ok"]


def take_steps(store: AccountStore, commit: Commit, count: int, *, now: int = NOW) -> User:
    """Count that many steps of Anna's, and return her as she is stored then."""
    for _ in range(count):
        commit(store.step_taken(a_user(), now=now))
    return stored(store)


def stored(store: AccountStore) -> User:
    user = store.get("cozone", "anna")
    assert user is not None
    return user


@pytest.mark.requirement("E7")
def test_forty_steps_are_taken_on_a_day_and_a_change_is_one_of_them(
    store: AccountStore, commit: Commit
) -> None:
    store.add(a_user(), "lookup")
    assert take_steps(store, commit, 39).steps_by_day == {"20261123": 39}
    stored(store).require_step_left(now=NOW)
    commit(store.second_factor_changed(stored(store), epoch=0, step_at=NOW))
    full = stored(store)
    assert (full.epoch, full.steps_by_day) == (1, {"20261123": 40})
    with pytest.raises(TooManyAttemptsError) as refused:
        full.require_step_left(now=NOW)
    assert refused.value.retry_at_epoch_seconds == MIDNIGHT
    with pytest.raises(NotSignedInError):
        commit(store.step_taken(full, now=NOW))
    with pytest.raises(EnrolmentReplacedError):
        commit(store.second_factor_changed(full, epoch=1, step_at=NOW))
    assert stored(store) == full
    assert stored(store).steps_by_day == full.steps_by_day


@pytest.mark.requirement("E7")
def test_a_new_day_begins_anew_and_forgets_the_past_ones(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    user = take_steps(store, commit, 40)
    commit(store.step_taken(user, now=MIDNIGHT))
    assert stored(store).steps_by_day == {"20261124": 1}


@pytest.mark.requirement("E7", "E11")
def test_a_reset_and_an_import_are_no_step_and_a_reset_leaves_room_for_the_next_phone(
    store: AccountStore, commit: Commit
) -> None:
    store.add(a_user(), "lookup")
    full = take_steps(store, commit, 40)
    commit(store.second_factor_changed(full, epoch=0))
    assert stored(store).steps_by_day == {"20261123": 40}
    commit(store.second_factor_changed(stored(store), epoch=1, status=RESET, reset_pending=True))
    assert (stored(store).epoch, stored(store).steps_by_day) == (2, {})


@pytest.mark.requirement("E7", "V3")
def test_of_parallel_steps_forty_are_taken(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    take_steps(store, commit, 32)
    outcomes = outcomes_in_parallel(partial(commit, store.step_taken(a_user(), now=NOW)) for _ in range(12))
    assert sorted(outcomes) == ["NotSignedInError"] * 4 + ["ok"] * 8


@pytest.mark.requirement("E8")
def test_a_step_is_of_whoever_is_still_signed_in_and_shows_in_lists(
    store: AccountStore, commit: Commit
) -> None:
    store.add(a_user(), "lookup")
    commit(store.step_taken(a_user(), now=NOW, status=BEGUN))
    assert stored(store) == a_user(status=BEGUN)
    commit(store.step_taken(a_user(), now=NOW))
    assert stored(store).status == BEGUN
    with pytest.raises(NotSignedInError):
        commit(store.step_taken(a_user(epoch=1), now=NOW))
    assert stored(store).steps_by_day == {"20261123": 2}


@pytest.mark.requirement("R5", "E8")
def test_a_set_and_a_status_are_noted_of_whoever_is_still_who_they_were(
    store: AccountStore, commit: Commit
) -> None:
    """Else a set made in a session that a reset has ended would outlive it."""

    def assert_refused(user: User) -> None:
        with pytest.raises(NotSignedInError):
            commit(store.recovery_set_noted(user, "another"))
        with pytest.raises(EnrolmentReplacedError):
            commit(store.status_noted(user, DISABLED))

    assert_refused(a_user())
    store.add(a_user(epoch=1), "lookup")
    commit(store.recovery_set_noted(a_user(epoch=1), "set"))
    commit(store.status_noted(a_user(epoch=1), BEGUN))
    for epoch in (0, 2):
        assert_refused(a_user(epoch=epoch))
    assert stored(store) == a_user(epoch=1, recovery_set="set", status=BEGUN)


@pytest.mark.requirement("L11")
@pytest.mark.parametrize(
    ("failed", "wait"), [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 900), (11, 900), (40, 900)]
)
def test_the_next_attempt_is_taken_when_its_wait_is_over(
    store: AccountStore, failed: int, wait: int
) -> None:
    last = fail(store, failed)
    for too_early in (0, wait - 1):
        with pytest.raises(TooManyAttemptsError) as caught:
            store.count_password_attempt(NAME, now=last + too_early)
        assert caught.value.retry_at_epoch_seconds == last + wait
    store.count_password_attempt(NAME, now=last + wait)


@pytest.mark.requirement("L11", "L6")
def test_of_any_number_of_parallel_attempts_five_are_counted(store: AccountStore) -> None:
    outcomes = outcomes_in_parallel([partial(store.count_password_attempt, NAME, now=NOW)] * 40)
    assert outcomes.count("ok") == 5
    assert outcomes.count("TooManyAttemptsError") == 35


@pytest.mark.requirement("L11")
@pytest.mark.parametrize(
    "other",
    [
        PasswordSubject.of_name("hash-of-another-name"),
        PasswordSubject.of_user("cozone", "anna"),
        PasswordSubject.of_user("byra", "anna"),
    ],
)
def test_subjects_are_counted_apart(store: AccountStore, other: PasswordSubject) -> None:
    fail(store, 5)
    store.count_password_attempt(other, now=NOW + 4 * 900)


@pytest.mark.requirement("L11")
def test_forgiven_attempts_are_forgotten(store: AccountStore, commit: Commit) -> None:
    last = fail(store, 7)
    commit(store.password_attempts_forgiven(NAME))
    commit(store.password_attempts_forgiven(NAME))  # none is left, and that is no fault
    for _ in range(5):
        store.count_password_attempt(NAME, now=last)
    with pytest.raises(TooManyAttemptsError):
        store.count_password_attempt(NAME, now=last)


@pytest.mark.requirement("L11")
def test_a_wrong_attempt_makes_no_user(store: AccountStore) -> None:
    subject = PasswordSubject.of_user("cozone", "anna")
    store.count_password_attempt(subject, now=NOW)
    store.count_password_attempt(NAME, now=NOW)
    assert store.get("cozone", "anna") is None
    assert store.find("cozone", "hash-of-a-name") is None


A_PORTALS = a_user(username="Anna | Åre", password_hash=None, portal_user="u|å#7")


def test_a_user_whom_a_portal_handed_over_is_stored_once(store: AccountStore, commit: Commit) -> None:
    commit(store.enlisted(A_PORTALS))
    assert store.get("cozone", "anna") == A_PORTALS
    with pytest.raises(ConditionRefusedError):
        commit(store.enlisted(replace(A_PORTALS, username="another")))
    assert store.get("cozone", "anna") == A_PORTALS
    assert store.get("byra", "anna") is None


def test_of_parallel_enlistments_one_stays(store: AccountStore, commit: Commit) -> None:
    users = [replace(A_PORTALS, username=f"name-{number}") for number in range(12)]
    outcomes = outcomes_in_parallel(partial(commit, store.enlisted(user)) for user in users)
    assert sorted(outcomes) == ["ConditionRefusedError"] * 11 + ["ok"]
    assert store.get("cozone", "anna") == users[outcomes.index("ok")]


def test_an_enlisted_user_never_takes_anothers_place(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    with pytest.raises(ConditionRefusedError):
        commit(store.enlisted(A_PORTALS))
    assert store.find("cozone", "lookup") == a_user()


def test_a_new_name_is_noted_and_nothing_else(store: AccountStore, commit: Commit) -> None:
    commit(store.enlisted(A_PORTALS))
    commit(store.second_factor_changed(A_PORTALS, epoch=0))
    commit(store.renamed(A_PORTALS, username="Ny", language="en"))
    assert store.get("cozone", "anna") == replace(
        A_PORTALS, username="Ny", language="en", epoch=1, status=ENROLLED
    )


@pytest.mark.requirement("E7")
def test_addresses_are_noted_and_stay_where_none_are_said(store: AccountStore, commit: Commit) -> None:
    user = replace(A_PORTALS, addresses=("one@firma.se", "two@firma.se"))
    commit(store.enlisted(user))
    commit(store.renamed(user, username="Ny", language="en"))
    kept = store.get(user.tenant_id, user.user_id)
    assert kept == replace(user, username="Ny", language="en")
    commit(store.renamed(kept, addresses=("three@firma.se",)))
    assert store.get(user.tenant_id, user.user_id) == replace(kept, addresses=("three@firma.se",))


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    "meanwhile",
    [
        {"username": "another"},
        {"addresses": ("two@firma.se",)},
        {"former_addresses": {"zero@firma.se": NOW + 30}},
    ],
)
def test_what_says_where_notices_go_is_changed_only_where_they_go_as_when_it_was_read(
    store: AccountStore, commit: Commit, meanwhile: dict[str, Any]
) -> None:
    """A name may be an address, too. The language is none of it."""
    as_read = replace(A_PORTALS, addresses=("one@firma.se",))
    commit(store.enlisted(as_read))
    commit(store.renamed(as_read, **meanwhile))
    others: list[dict[str, Any]] = [
        {"username": "c"},
        {"addresses": ("c@firma.se",)},
        {"former_addresses": {}},
    ]
    for said in others:
        with pytest.raises(ConditionRefusedError):
            commit(store.renamed(as_read, **said))
    commit(store.renamed(as_read, language="en"))
    assert store.get("cozone", "anna") == replace(as_read, language="en", **meanwhile)


@pytest.mark.requirement("E7")
@pytest.mark.parametrize("first", [(), ("one@firma.se",)])
def test_of_two_changes_of_addresses_neither_makes_the_others_former_ones_be_forgotten(
    store: AccountStore, commit: Commit, first: tuple[str, ...]
) -> None:
    as_read = replace(A_PORTALS, addresses=first)
    commit(store.enlisted(as_read))

    def change(address: str, former: dict[str, int]) -> None:
        said = {"addresses": (address,), "former_addresses": former}
        commit(store.renamed(as_read, username="Ny", language="sv", **said))  # type: ignore[arg-type]

    change("two@firma.se", {"one@firma.se": NOW + 30})
    with pytest.raises(ConditionRefusedError):
        change("three@firma.se", {})
    changed = store.get("cozone", "anna")
    assert changed is not None
    assert (changed.addresses, changed.former_addresses) == (("two@firma.se",), {"one@firma.se": NOW + 30})
    as_read = replace(changed, former_addresses={"one@firma.se": NOW + 31})
    with pytest.raises(ConditionRefusedError):
        change("three@firma.se", {})
    as_read = changed
    change("three@firma.se", {})
    assert store.get("cozone", "anna") == replace(
        changed, addresses=("three@firma.se",), former_addresses={}
    )


def test_nobody_is_not_renamed(store: AccountStore, commit: Commit) -> None:
    with pytest.raises(ConditionRefusedError):
        commit(store.renamed(A_PORTALS, username="Ny", language="en"))
    assert store.get("cozone", "anna") is None


@pytest.mark.requirement("B34", "B58")
def test_the_time_that_a_user_has_is_set_once(store: AccountStore) -> None:
    assert store.grace_until("cozone", "anna", due_at=NOW + 100, now=NOW) == NOW + 100
    for due_at in (NOW, NOW + 100, NOW + 5_000):
        assert store.grace_until("cozone", "anna", due_at=due_at, now=NOW + 50) == NOW + 100
    assert store.grace_until("cozone", "berit", due_at=NOW + 7, now=NOW) == NOW + 7
    assert store.grace_until("byra", "anna", due_at=NOW + 9, now=NOW) == NOW + 9
    assert store.get("cozone", "anna") is None, "it makes no user"


@pytest.mark.requirement("B34", "B58")
def test_it_outlives_that_the_user_becomes_known_and_enrolls(store: AccountStore, commit: Commit) -> None:
    store.grace_until("cozone", "anna", due_at=NOW + 100, now=NOW)
    commit(store.enlisted(A_PORTALS))
    commit(store.second_factor_changed(A_PORTALS, epoch=0))
    assert store.grace_until("cozone", "anna", due_at=NOW + 900, now=NOW + 50) == NOW + 100


@pytest.mark.requirement("B34", "B58")
def test_of_parallel_first_meetings_all_are_told_one_time(store: AccountStore) -> None:
    told: list[int] = []
    outcomes_in_parallel(
        partial(
            lambda seconds: told.append(
                store.grace_until("cozone", "anna", due_at=NOW + seconds, now=NOW + seconds)
            ),
            seconds,
        )
        for seconds in range(12)
    )
    assert len(told) == 12
    assert len(set(told)) == 1
    assert store.grace_until("cozone", "anna", due_at=NOW + 900, now=NOW) == told[0]


@pytest.mark.requirement("E11", "K8")
def test_who_a_user_is_can_be_a_condition(store: AccountStore, commit: Commit) -> None:
    store.add(a_user(), "lookup")
    commit(store.unchanged(a_user()))
    commit(store.unchanged(a_user(username="renamed", status="enrolled")))
    assert store.get("cozone", "anna") == a_user()
    for other in (a_user(epoch=1), a_user(created_at=NOW + 1), a_user(user_id="nobody")):
        with pytest.raises(NotSignedInError):
            commit(store.unchanged(other))
    assert store.get("cozone", "nobody") is None
