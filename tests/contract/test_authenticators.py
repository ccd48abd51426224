"""The port `AuthenticatorStore`: each verb, each refusal, and who wins a race."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import pytest

from chalicelib.authenticators.record import (
    ALL,
    MOST_AUTHENTICATORS,
    BoundAuthenticators,
    PendingAuthenticator,
    Place,
    Reservation,
)
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.bootstrap import Stores
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    EnrolmentAttemptsExhaustedError,
    EnrolmentExpiredError,
    EnrolmentNotBegunError,
    EnrolmentReplacedError,
    NotEnrolledError,
    OtpAlreadyUsedError,
    OtpMismatchError,
    TooManyAttemptsError,
)
from chalicelib.throttle import OTP_FAILURES_PER_MONTH
from tests.contract.drafts import (
    ANNA,
    BERIT,
    HOUR,
    METHOD,
    NOW,
    STEP,
    Commit,
    a_pending,
    an_attempt,
    an_entry,
    bind,
    outcomes_in_parallel,
)

DECEMBER = NOW + (7 * 24 + 15) * HOUR
FIRST = Place(name="Google Authenticator")
ONE_MORE = Place(name="Google Authenticator 2", is_further=True)
INSTEAD = Place(name="Google Authenticator", replaces="old")
INSTEAD_OF_ALL = Place(name="Google Authenticator", replaces=ALL)


@pytest.fixture
def store(stores: Stores) -> AuthenticatorStore:
    return stores.authenticators


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


def reserve(store: AuthenticatorStore, attempt: str = "a", *, now: int = NOW) -> Reservation:
    return store.reserve_attempt(ANNA, METHOD, an_attempt(attempt, made_at=now))


def fail(store: AuthenticatorStore, times: int, *, start: int = NOW) -> int:
    """Count that many attempts an hour apart; return when the last one was."""
    now = start
    for number in range(times):
        now = start + number * HOUR
        reserve(store, f"failure-{now}", now=now)
    return now


def accept(store: AuthenticatorStore, reservation: Reservation, *, step: int = STEP) -> None:
    store.accept_attempt(ANNA, reservation, "new", time_step=step)


def bound_now(store: AuthenticatorStore) -> BoundAuthenticators:
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    return bound


def failures(store: AuthenticatorStore) -> int:
    return bound_now(store).consecutive_failures


def names(store: AuthenticatorStore) -> list[str]:
    return [entry.name for entry in bound_now(store).entries]


def offer_again(
    store: AuthenticatorStore, *, place: Place = FIRST, may_move: bool = False, now: int = NOW
) -> PendingAuthenticator | None:
    return store.offer_again(
        ANNA, sign_in_id="sign-in", phone="iphone", same_phone=True, place=place, may_move=may_move, now=now
    )


def bind_as(store: AuthenticatorStore, commit: Commit, authenticator_id: str, place: Place) -> None:
    """Begin an authenticator for *place* and confirm it there."""
    pending = a_pending(authenticator_id, **asdict(place))
    commit(store.begun(ANNA, pending))
    commit(*store.confirmed(ANNA, pending, an_entry(authenticator_id, name=place.name), now=NOW))


def bind_several(store: AuthenticatorStore, commit: Commit, count: int) -> None:
    """Bind "0", "1" and so on, each called like its id."""
    bind_as(store, commit, "0", Place(name="0"))
    for number in range(1, count):
        bind_as(store, commit, str(number), Place(name=str(number), is_further=True))


# -- what waits to be confirmed


def test_at_first_nothing_waits_and_nothing_is_bound(store: AuthenticatorStore) -> None:
    assert store.pending(ANNA) is None
    assert store.bound(ANNA, METHOD) is None


@pytest.mark.parametrize("replaces", [None, "old"])
@pytest.mark.parametrize("same_phone", [True, False])
def test_what_was_begun_is_read_back_as_it_was(
    store: AuthenticatorStore, commit: Commit, replaces: str | None, *, same_phone: bool
) -> None:
    pending = a_pending(replaces=replaces, same_phone=same_phone)
    commit(store.begun(ANNA, pending))
    assert store.pending(ANNA) == pending
    assert store.pending(BERIT) is None


@pytest.mark.requirement("B36")
def test_one_sign_in_has_one_key(store: AuthenticatorStore, commit: Commit) -> None:
    commit(store.begun(ANNA, a_pending("first")))
    with pytest.raises(ConditionRefusedError):
        commit(store.begun(ANNA, a_pending("second", begun_at=NOW + 1_800)))
    assert store.pending(ANNA) == a_pending("first")


@pytest.mark.requirement("E3", "V5")
@pytest.mark.parametrize(
    "waiting",
    [
        a_pending("first", sign_in_id="another sign-in"),
        a_pending("first", expires_at=NOW - 1),
        a_pending("first", attempts=10),
    ],
    ids=["another's", "expired", "exhausted"],
)
def test_what_waits_gives_way(
    store: AuthenticatorStore, commit: Commit, waiting: PendingAuthenticator
) -> None:
    commit(store.begun(ANNA, waiting))
    commit(store.begun(ANNA, a_pending("second")))
    assert store.pending(ANNA) == a_pending("second")


@pytest.mark.requirement("B36", "B38")
def test_of_parallel_begins_of_one_sign_in_one_makes_the_key(
    store: AuthenticatorStore, commit: Commit
) -> None:
    drafts = [a_pending(f"key-{number}") for number in range(12)]
    outcomes = outcomes_in_parallel(partial(commit, store.begun(ANNA, draft)) for draft in drafts)
    assert sorted(outcomes) == ["ConditionRefusedError"] * 11 + ["ok"]
    assert store.pending(ANNA) == drafts[outcomes.index("ok")]


@pytest.mark.requirement("B36")
def test_the_same_key_is_offered_again_with_the_phone_last_chosen(
    store: AuthenticatorStore, commit: Commit
) -> None:
    commit(store.begun(ANNA, a_pending()))
    again = offer_again(store)
    assert again == a_pending(phone="iphone", same_phone=True)
    assert store.pending(ANNA) == again


@pytest.mark.requirement("E3", "V5")
@pytest.mark.parametrize(
    ("pending", "now", "is_offered"),
    [
        (None, NOW, False),
        (a_pending(sign_in_id="another sign-in"), NOW, False),
        (a_pending(), NOW + 1_800, True),
        (a_pending(), NOW + 1_801, False),
        (a_pending(attempts=9), NOW, True),
        (a_pending(attempts=10), NOW, False),
    ],
)
def test_only_an_own_live_key_is_offered_again(
    store: AuthenticatorStore,
    commit: Commit,
    pending: PendingAuthenticator | None,
    now: int,
    *,
    is_offered: bool,
) -> None:
    if pending is not None:
        commit(store.begun(ANNA, pending))
    again = offer_again(store, now=now)
    assert (again is not None) is is_offered
    if not is_offered:
        assert store.pending(ANNA) == pending, "a refusal changes nothing"


@pytest.mark.requirement("E1", "B36")
@pytest.mark.parametrize("begun_for", [FIRST, ONE_MORE, INSTEAD, INSTEAD_OF_ALL])
@pytest.mark.parametrize("chosen", [FIRST, ONE_MORE, INSTEAD, INSTEAD_OF_ALL])
def test_the_same_key_goes_to_another_place_only_where_it_may_move(
    store: AuthenticatorStore, commit: Commit, begun_for: Place, chosen: Place
) -> None:
    commit(store.begun(ANNA, a_pending(**asdict(begun_for))))
    stays = begun_for == chosen
    again = offer_again(store, place=chosen)
    assert (again is not None) is stays
    moved = offer_again(store, place=chosen, may_move=True)
    assert moved == a_pending(phone="iphone", same_phone=True, **asdict(chosen))
    assert moved.place == chosen
    assert store.pending(ANNA) == moved


def test_a_sign_in_drops_its_own_key_and_no_other(store: AuthenticatorStore, commit: Commit) -> None:
    with pytest.raises(ConditionRefusedError):
        commit(store.cancelled(ANNA, sign_in_id="sign-in"))
    commit(store.begun(ANNA, a_pending()))
    with pytest.raises(ConditionRefusedError):
        commit(store.cancelled(ANNA, sign_in_id="another sign-in"))
    assert store.pending(ANNA) == a_pending()
    commit(store.cancelled(ANNA, sign_in_id="sign-in"))
    assert store.pending(ANNA) is None


@pytest.mark.requirement("E3")
def test_an_attempt_to_confirm_is_counted_and_brings_the_key(
    store: AuthenticatorStore, commit: Commit
) -> None:
    commit(store.begun(ANNA, a_pending()))
    for attempts in range(1, 11):
        reserved = store.reserve_confirmation(ANNA, sign_in_id="sign-in", now=NOW)
        assert reserved == a_pending(attempts=attempts)
    with pytest.raises(EnrolmentAttemptsExhaustedError):
        store.reserve_confirmation(ANNA, sign_in_id="sign-in", now=NOW)
    assert store.pending(ANNA) == a_pending(attempts=10)


@pytest.mark.requirement("E3", "V5", "B37")
def test_a_key_waits_for_1800_seconds_whatever_ttl_has_swept(
    store: AuthenticatorStore, commit: Commit
) -> None:
    commit(store.begun(ANNA, a_pending()))
    store.reserve_confirmation(ANNA, sign_in_id="sign-in", now=NOW + 1_800)
    with pytest.raises(EnrolmentExpiredError):
        store.reserve_confirmation(ANNA, sign_in_id="sign-in", now=NOW + 1_801)
    assert store.pending(ANNA) == a_pending(attempts=1), "still there, and not counted"


@pytest.mark.parametrize(
    ("pending", "now", "error"),
    [
        (None, NOW, EnrolmentNotBegunError),
        (a_pending(sign_in_id="another sign-in"), NOW, EnrolmentReplacedError),
        (a_pending(sign_in_id="another sign-in", attempts=10), NOW + 1_801, EnrolmentReplacedError),
        (a_pending(attempts=10), NOW + 1_801, EnrolmentExpiredError),
        (a_pending(attempts=10), NOW, EnrolmentAttemptsExhaustedError),
    ],
)
def test_why_nothing_can_be_confirmed_is_told(
    store: AuthenticatorStore,
    commit: Commit,
    pending: PendingAuthenticator | None,
    now: int,
    error: type[Exception],
) -> None:
    if pending is not None:
        commit(store.begun(ANNA, pending))
    with pytest.raises(error):
        store.reserve_confirmation(ANNA, sign_in_id="sign-in", now=now)
    assert store.pending(ANNA) == pending


@pytest.mark.requirement("E3", "L6")
def test_of_any_number_of_parallel_confirmations_ten_are_counted(
    store: AuthenticatorStore, commit: Commit
) -> None:
    commit(store.begun(ANNA, a_pending()))
    outcomes = outcomes_in_parallel(
        [partial(store.reserve_confirmation, ANNA, sign_in_id="sign-in", now=NOW)] * 30
    )
    assert outcomes.count("ok") == 10
    assert outcomes.count("EnrolmentAttemptsExhaustedError") == 20


# -- from pending to bound


@pytest.mark.requirement("E5")
def test_confirming_turns_what_waits_into_what_is_bound(store: AuthenticatorStore, commit: Commit) -> None:
    commit(store.begun(ANNA, a_pending()))
    commit(*store.confirmed(ANNA, a_pending(), an_entry(), now=NOW))
    assert store.pending(ANNA) is None
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    assert bound.entries == (an_entry(),)
    assert (bound.is_disabled, bound.consecutive_failures) == (False, 0)
    assert store.bound(BERIT, METHOD) is None


@pytest.mark.requirement("E5", "E10")
def test_a_replacement_takes_the_place_of_the_old_and_keeps_the_count(
    store: AuthenticatorStore, commit: Commit
) -> None:
    """A new authenticator is no new budget for guessing."""
    bind(store, commit, "old")
    fail(store, 3)
    replacing = a_pending("new", replaces="old")
    commit(store.begun(ANNA, replacing))
    commit(*store.confirmed(ANNA, replacing, an_entry("new"), now=NOW))
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    assert bound.entries == (an_entry("new"),)
    assert bound.consecutive_failures == 3


@pytest.mark.requirement("E5", "B38")
@pytest.mark.parametrize(
    ("waiting", "now"),
    [
        (None, NOW),
        (a_pending("another"), NOW),
        (a_pending(), NOW + 1_801),
    ],
    ids=["gone", "replaced", "expired"],
)
def test_nothing_is_bound_unless_the_very_key_still_waits(
    store: AuthenticatorStore, commit: Commit, waiting: PendingAuthenticator | None, now: int
) -> None:
    if waiting is not None:
        commit(store.begun(ANNA, waiting))
    with pytest.raises(EnrolmentReplacedError):
        commit(*store.confirmed(ANNA, a_pending(), an_entry(), now=now))
    assert store.bound(ANNA, METHOD) is None
    assert store.pending(ANNA) == waiting


@pytest.mark.requirement("E3")
def test_a_key_can_be_bound_in_its_last_second(store: AuthenticatorStore, commit: Commit) -> None:
    commit(store.begun(ANNA, a_pending()))
    commit(*store.confirmed(ANNA, a_pending(), an_entry(), now=NOW + 1_800))
    assert store.bound(ANNA, METHOD) is not None


@pytest.mark.requirement("E5")
@pytest.mark.parametrize(
    ("bound_already", "place"),
    [
        ("old", FIRST),
        (None, INSTEAD),
        ("another", INSTEAD),
        (None, ONE_MORE),
        (None, INSTEAD_OF_ALL),
        ("old", INSTEAD_OF_ALL),
    ],
)
def test_nothing_is_bound_where_its_place_is_not_there(
    store: AuthenticatorStore, commit: Commit, bound_already: str | None, place: Place
) -> None:
    """What was bound when the change began must be what is bound when it ends."""
    if bound_already is not None:
        bind(store, commit, bound_already)
    before = store.bound(ANNA, METHOD)
    pending = a_pending(**asdict(place))
    commit(store.begun(ANNA, pending))
    with pytest.raises(EnrolmentReplacedError):
        commit(*store.confirmed(ANNA, pending, an_entry(), now=NOW))
    assert store.bound(ANNA, METHOD) == before
    assert store.pending(ANNA) == pending


@pytest.mark.requirement("L3")
@pytest.mark.parametrize("is_written_down", [True, False])
def test_a_disabled_authenticator_cannot_be_replaced(
    store: AuthenticatorStore, commit: Commit, *, is_written_down: bool
) -> None:
    """The count alone says so, should writing it down have failed."""
    bind(store, commit, "old")
    fail(store, 20)
    if is_written_down:
        commit(store.disabled(ANNA, METHOD))
    pending = a_pending(replaces="old")
    commit(store.begun(ANNA, pending))
    with pytest.raises(EnrolmentReplacedError):
        commit(*store.confirmed(ANNA, pending, an_entry(), now=NOW))


@pytest.mark.requirement("E5", "E1")
def test_nothing_is_bound_in_a_place_that_was_chosen_no_more(
    store: AuthenticatorStore, commit: Commit
) -> None:
    """Another tab of the sign-in may choose otherwise while a code is looked at."""
    bind(store, commit, "old")
    pending = a_pending("new", **asdict(INSTEAD))
    commit(store.begun(ANNA, pending))
    offer_again(store, place=ONE_MORE, may_move=True)
    with pytest.raises(EnrolmentReplacedError):
        commit(*store.confirmed(ANNA, pending, an_entry("new"), now=NOW))
    assert bound_now(store).entries == (an_entry("old"),)


@pytest.mark.requirement("E10")
def test_up_to_five_are_bound_beside_each_other_and_counted_together(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit, "0")
    fail(store, 3)
    for number in range(1, MOST_AUTHENTICATORS):
        bind_as(store, commit, str(number), ONE_MORE)
    assert {entry.authenticator_id for entry in bound_now(store).entries} == {"0", "1", "2", "3", "4"}
    assert failures(store) == 3
    pending = a_pending("5", **asdict(ONE_MORE))
    commit(store.begun(ANNA, pending))
    with pytest.raises(EnrolmentReplacedError):
        commit(*store.confirmed(ANNA, pending, an_entry("5"), now=NOW))
    assert len(bound_now(store).entries) == MOST_AUTHENTICATORS
    assert store.pending(ANNA) == pending


@pytest.mark.requirement("E10")
def test_one_of_five_is_replaced_and_the_others_stay(store: AuthenticatorStore, commit: Commit) -> None:
    bind_several(store, commit, MOST_AUTHENTICATORS)
    bind_as(store, commit, "new", Place(name="2", replaces="2"))
    assert {entry.authenticator_id for entry in bound_now(store).entries} == {"0", "1", "3", "4", "new"}


@pytest.mark.requirement("L3", "E5")
@pytest.mark.parametrize("is_written_down", [True, False])
def test_all_that_are_disabled_give_way_together_and_their_counts_too(
    store: AuthenticatorStore, commit: Commit, *, is_written_down: bool
) -> None:
    """What was guessed at is gone, so its count says nothing of the new one."""
    bind_several(store, commit, 2)
    last = fail(store, 20)
    if is_written_down:
        commit(store.disabled(ANNA, METHOD))
    bind_as(store, commit, "new", INSTEAD_OF_ALL)
    bound = bound_now(store)
    assert bound.entries == (an_entry("new", name=INSTEAD_OF_ALL.name),)
    assert (bound.is_disabled, bound.consecutive_failures) == (False, 0)
    assert reserve(store, now=last).past_months == ()


@pytest.mark.requirement("B38")
def test_of_parallel_confirmations_one_binds(store: AuthenticatorStore, commit: Commit) -> None:
    commit(store.begun(ANNA, a_pending()))
    outcomes = outcomes_in_parallel(
        partial(commit, *store.confirmed(ANNA, a_pending(), an_entry(), now=NOW)) for _ in range(12)
    )
    assert sorted(outcomes) == ["EnrolmentReplacedError"] * 11 + ["ok"]
    assert store.bound(ANNA, METHOD) is not None


# -- an attempt is counted


def test_without_an_authenticator_nothing_is_counted(store: AuthenticatorStore) -> None:
    with pytest.raises(NotEnrolledError):
        reserve(store)
    assert store.bound(ANNA, METHOD) is None


@pytest.mark.requirement("B19", "L6")
def test_an_attempt_is_counted_and_brings_what_is_bound(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    reservation = reserve(store)
    assert not reservation.was_accepted
    assert reservation.month == "2026_11"
    assert reservation.past_months == ()
    assert reservation.bound.entries == (an_entry(),)
    assert reservation.bound.consecutive_failures == 1
    assert failures(store) == 1


@pytest.mark.requirement("L1", "L5", "L6", "B14", "B18", "B26")
def test_of_any_number_of_parallel_attempts_five_are_counted(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    outcomes = outcomes_in_parallel(partial(reserve, store, f"a{number}") for number in range(60))
    assert outcomes.count("ok") == 5
    assert outcomes.count("TooManyAttemptsError") == 55
    assert failures(store) == 5


@pytest.mark.requirement("L2")
@pytest.mark.parametrize(
    ("failed", "wait"),
    [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 960), (11, 1_920), (12, 3_600), (19, 3_600)],
)
def test_the_next_attempt_is_taken_when_its_wait_is_over(
    store: AuthenticatorStore, commit: Commit, failed: int, wait: int
) -> None:
    bind(store, commit)
    last = fail(store, failed)
    for too_early in (0, wait - 1):
        with pytest.raises(TooManyAttemptsError) as caught:
            reserve(store, now=last + too_early)
        assert caught.value.retry_at_epoch_seconds == last + wait
    assert failures(store) == failed, "what is refused is not counted"
    reserve(store, now=last + wait)
    assert failures(store) == failed + 1


@pytest.mark.requirement("L3", "B27")
def test_after_twenty_failures_no_attempt_is_taken(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    last = fail(store, 20)
    with pytest.raises(AuthenticatorDisabledError):
        reserve(store, now=last + 1_000_000)
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    assert bound.is_disabled, "the count alone says so"
    assert bound.consecutive_failures == 20


@pytest.mark.requirement("L3")
def test_what_is_disabled_stays_so(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    fail(store, 19)
    with pytest.raises(ConditionRefusedError):
        commit(store.disabled(ANNA, METHOD))
    last = fail(store, 1, start=NOW + 20 * HOUR)
    commit(store.disabled(ANNA, METHOD))
    with pytest.raises(ConditionRefusedError):
        commit(store.disabled(ANNA, METHOD))
    with pytest.raises(AuthenticatorDisabledError):
        reserve(store, now=last + 1_000_000)


@pytest.mark.requirement("L3")
def test_nothing_bound_is_nothing_to_disable(store: AuthenticatorStore, commit: Commit) -> None:
    with pytest.raises(ConditionRefusedError):
        commit(store.disabled(ANNA, METHOD))
    assert store.bound(ANNA, METHOD) is None, "a refused update makes no row"


@pytest.mark.requirement("L4")
def test_a_month_takes_thirty_failures_and_forgets_what_succeeded(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    now = NOW
    for _ in range(2):
        now = fail(store, 10, start=now + HOUR) + HOUR
        accept(store, reserve(store, f"good-{now}", now=now), step=now // 30)
    now = fail(store, 10, start=now + HOUR)
    with pytest.raises(TooManyAttemptsError) as caught:
        reserve(store, now=now + HOUR)
    assert caught.value.retry_at_epoch_seconds == DECEMBER
    with pytest.raises(TooManyAttemptsError):
        reserve(store, now=DECEMBER - 1)
    reserve(store, now=DECEMBER)


@pytest.mark.requirement("L4")
def test_any_number_of_right_codes_leaves_the_month_as_it_was(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    for number in range(40):
        now = NOW + number * 30
        accept(store, reserve(store, f"good-{number}", now=now), step=now // 30)
    assert failures(store) == 0


@pytest.mark.requirement("L4")
def test_past_months_are_told_and_swept_by_the_next_success(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    fail(store, 2)
    reservation = reserve(store, "good", now=DECEMBER)
    assert reservation.past_months == ("2026_11",)
    accept(store, reservation, step=DECEMBER // 30)
    assert reserve(store, "next", now=DECEMBER + 30).past_months == ()


@pytest.mark.requirement("L4")
def test_a_success_that_comes_after_its_month_was_swept_harms_nothing(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    slow = reserve(store, "slow", now=DECEMBER - 1)
    accept(store, reserve(store, "quick", now=DECEMBER), step=DECEMBER // 30)
    accept(store, slow, step=DECEMBER // 30 + 1)
    assert reserve(store, "next", now=DECEMBER + 30).past_months == ("2026_11",)
    assert failures(store) == 1


# -- and accepted once


@pytest.mark.requirement("T6")
def test_an_accepted_step_is_kept_and_forgives_the_failures(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    fail(store, 4)
    later = NOW + 4 * HOUR
    reservation = reserve(store, "good", now=later)
    accepted = store.accept_attempt(ANNA, reservation, "new", time_step=STEP + 480)
    assert accepted.entries == (an_entry(last_accepted_time_step=STEP + 480, last_used_at=later),)
    assert accepted.consecutive_failures == 0
    assert store.bound(ANNA, METHOD) == accepted


@pytest.mark.requirement("T6", "B01", "B05", "B06")
@pytest.mark.parametrize(("step", "is_accepted"), [(-2, False), (-1, False), (0, False), (1, True)])
def test_a_step_must_be_later_than_the_last(
    store: AuthenticatorStore, commit: Commit, step: int, *, is_accepted: bool
) -> None:
    bind(store, commit)
    accept(store, reserve(store, "first"), step=STEP)
    second = reserve(store, "second")
    if is_accepted:
        accept(store, second, step=STEP + step)
        return
    with pytest.raises(OtpAlreadyUsedError):
        accept(store, second, step=STEP + step)
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    assert bound.entries[0].last_accepted_time_step == STEP
    assert bound.consecutive_failures == 1, "a replay stays counted"


@pytest.mark.requirement("T6", "B02")
def test_of_parallel_acceptances_of_one_step_one_wins(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    reservations = [reserve(store, f"a{number}") for number in range(5)]
    outcomes = outcomes_in_parallel(partial(accept, store, reservation) for reservation in reservations)
    assert sorted(outcomes) == ["OtpAlreadyUsedError"] * 4 + ["ok"]


@pytest.mark.requirement("B06")
def test_steps_accepted_in_any_order_never_go_back(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    reservations = [reserve(store, f"a{number}") for number in range(5)]
    outcomes_in_parallel(
        partial(accept, store, reservation, step=STEP + number)
        for number, reservation in enumerate(reservations)
    )
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    assert bound.entries[0].last_accepted_time_step == STEP + 4


@pytest.mark.requirement("E6", "V2")
def test_an_accepted_attempt_made_again_is_told_so_and_costs_nothing(
    store: AuthenticatorStore, commit: Commit
) -> None:
    """Its first answer may have been lost on the way."""
    bind(store, commit)
    accept(store, reserve(store, "the same"))
    again = reserve(store, "the same", now=NOW + 5)
    assert again.was_accepted
    assert failures(store) == 0
    assert again.bound == store.bound(ANNA, METHOD)


@pytest.mark.requirement("E6", "V2")
def test_an_attempt_that_runs_beside_itself_is_accepted_once_and_costs_nothing(
    store: AuthenticatorStore, commit: Commit
) -> None:
    """Both are counted, both are accepted as one; more often than the month has failures."""
    bind(store, commit)
    for day in range(OTP_FAILURES_PER_MONTH + 1):
        twins = [reserve(store, f"twins {day}") for _ in range(2)]
        answers = [store.accept_attempt(ANNA, twin, "new", time_step=STEP + day) for twin in twins]
        assert answers[0] == answers[1] == store.bound(ANNA, METHOD)


@pytest.mark.requirement("E6")
def test_only_the_attempt_accepted_last_may_be_made_again(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    accept(store, reserve(store, "first"), step=STEP)
    accept(store, reserve(store, "second"), step=STEP + 1)
    assert not reserve(store, "first").was_accepted
    assert failures(store) == 1


@pytest.mark.requirement("E10")
def test_what_was_replaced_meanwhile_accepts_nothing(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit, "old")
    reservation = reserve(store)
    replacing = a_pending("new", replaces="old")
    commit(store.begun(ANNA, replacing))
    commit(*store.confirmed(ANNA, replacing, an_entry("new"), now=NOW))
    with pytest.raises(OtpMismatchError):
        store.accept_attempt(ANNA, reservation, "old", time_step=STEP)


@pytest.mark.requirement("L3")
def test_what_was_disabled_meanwhile_accepts_nothing(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    last = fail(store, 19)
    reservation = reserve(store, "the twentieth", now=last + HOUR)
    commit(store.disabled(ANNA, METHOD))
    with pytest.raises(AuthenticatorDisabledError):
        accept(store, reservation, step=STEP + 10_000)


@pytest.mark.requirement("L5")
def test_one_users_failures_are_nobody_elses(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    bind(store, commit, owner=BERIT)
    for number in range(5):
        reserve(store, f"a{number}")
    store.reserve_attempt(BERIT, METHOD, an_attempt("b"))
    bound = store.bound(BERIT, METHOD)
    assert bound is not None
    assert bound.consecutive_failures == 1


# -- what its owner and the help desk change


@pytest.mark.requirement("E10")
def test_a_name_is_changed_once_and_nothing_else(store: AuthenticatorStore, commit: Commit) -> None:
    bind_several(store, commit, 2)
    commit(store.renamed(ANNA, METHOD, "1", name="Arbetsmobil \N{MOBILE PHONE}"))
    assert names(store) == ["0", "Arbetsmobil \N{MOBILE PHONE}"]
    for authenticator_id, name in (("1", "Arbetsmobil \N{MOBILE PHONE}"), ("2", "gone"), ("*", "none")):
        with pytest.raises(ConditionRefusedError):
            commit(store.renamed(ANNA, METHOD, authenticator_id, name=name))
    with pytest.raises(ConditionRefusedError):
        commit(store.renamed(BERIT, METHOD, "1", name="hers"))
    assert store.bound(BERIT, METHOD) is None, "a refused update makes no row"


@pytest.mark.requirement("E10", "B40")
def test_what_is_removed_is_gone_and_the_rest_keep_their_count(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind_several(store, commit, 3)
    fail(store, 3)
    commit(store.begun(ANNA, a_pending("waiting")))
    commit(*store.removed(ANNA, METHOD, "1", is_last=False))
    assert names(store) == ["0", "2"]
    assert failures(store) == 3
    assert store.pending(ANNA) is None
    commit(*store.removed(ANNA, METHOD, "0", is_last=False))
    commit(*store.removed(ANNA, METHOD, "2", is_last=True))
    assert store.bound(ANNA, METHOD) is None


@pytest.mark.requirement("B40")
@pytest.mark.parametrize(
    ("count", "authenticator_id", "is_last"),
    [(1, "0", False), (2, "0", True), (2, "x", False), (0, "0", True)],
)
def test_the_last_one_goes_only_as_the_last_and_what_is_not_there_not_at_all(
    store: AuthenticatorStore, commit: Commit, count: int, authenticator_id: str, *, is_last: bool
) -> None:
    if count:
        bind_several(store, commit, count)
    before = store.bound(ANNA, METHOD)
    commit(store.begun(ANNA, a_pending("waiting")))
    with pytest.raises(ConditionRefusedError):
        commit(*store.removed(ANNA, METHOD, authenticator_id, is_last=is_last))
    assert store.bound(ANNA, METHOD) == before
    assert store.pending(ANNA) == a_pending("waiting")


@pytest.mark.requirement("L3")
@pytest.mark.parametrize("count", [1, 2])
def test_what_is_disabled_is_not_removed(store: AuthenticatorStore, commit: Commit, count: int) -> None:
    """Or a guesser's owner would hand out a new budget."""
    bind_several(store, commit, count)
    fail(store, 20)
    with pytest.raises(ConditionRefusedError):
        commit(*store.removed(ANNA, METHOD, "0", is_last=count == 1))
    assert len(bound_now(store).entries) == count


@pytest.mark.requirement("E10")
def test_what_was_removed_meanwhile_accepts_nothing(store: AuthenticatorStore, commit: Commit) -> None:
    """Also in the middle of a verification."""
    bind_several(store, commit, 2)
    reservation = reserve(store)
    commit(*store.removed(ANNA, METHOD, "0", is_last=False))
    with pytest.raises(OtpMismatchError):
        store.accept_attempt(ANNA, reservation, "0", time_step=STEP)
    reservation = reserve(store, "another")
    commit(*store.removed(ANNA, METHOD, "1", is_last=True))
    with pytest.raises(OtpMismatchError):
        store.accept_attempt(ANNA, reservation, "1", time_step=STEP)
    assert store.bound(ANNA, METHOD) is None, "a refused update makes no row"


@pytest.mark.requirement("B40")
def test_of_parallel_removals_one_takes_place(store: AuthenticatorStore, commit: Commit) -> None:
    bind_several(store, commit, 2)
    outcomes = outcomes_in_parallel(
        partial(commit, *store.removed(ANNA, METHOD, str(number % 2), is_last=False))
        for number in range(12)
    )
    assert sorted(outcomes) == ["ConditionRefusedError"] * 11 + ["ok"]
    assert len(bound_now(store).entries) == 1


@pytest.mark.requirement("E11")
@pytest.mark.parametrize("count", [0, 2])
def test_everything_is_dropped_whatever_there_is(
    store: AuthenticatorStore, commit: Commit, count: int
) -> None:
    if count:
        bind_several(store, commit, count)
        commit(store.begun(ANNA, a_pending("waiting")))
    commit(*store.dropped(ANNA, METHOD))
    assert store.bound(ANNA, METHOD) is None
    assert store.pending(ANNA) is None


@pytest.mark.requirement("E11", "L4")
def test_unlocking_forgives_the_failures_in_a_row_and_those_of_the_month(
    store: AuthenticatorStore, commit: Commit
) -> None:
    bind(store, commit)
    last = fail(store, 10)
    commit(store.unlocked(ANNA, METHOD, month="2026_11"))
    assert failures(store) == 0
    for number in range(5):
        reserve(store, f"again-{number}", now=last)
    assert reserve(store, "in December", now=DECEMBER).past_months == ("2026_11",)


@pytest.mark.requirement("L4", "L7", "E11")
def test_three_times_a_month_it_is_unlocked_and_no_more(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    for _ in range(3):
        commit(store.unlocked(ANNA, METHOD, month="2026_11"))
    reserve(store)
    with pytest.raises(AuthenticatorDisabledError):
        commit(store.unlocked(ANNA, METHOD, month="2026_11"))
    bound = store.bound(ANNA, METHOD)
    assert bound is not None
    assert (bound.consecutive_failures, bound.unlocks_by_month) == (1, {"2026_11": 3})
    assert bound.has_reached_unlock_cap(now=NOW)
    assert not bound.has_reached_unlock_cap(now=DECEMBER)
    in_december = reserve(store, "in December", now=DECEMBER)
    assert in_december.past_months == ("2026_11",)
    accepted = store.accept_attempt(ANNA, in_december, "new", time_step=STEP + 1)
    assert accepted.unlocks_by_month == {}
    commit(store.unlocked(ANNA, METHOD, month="2026_12"))


@pytest.mark.requirement("L7", "E11")
def test_of_parallel_unlocks_three_succeed(store: AuthenticatorStore, commit: Commit) -> None:
    bind(store, commit)
    outcomes = outcomes_in_parallel(
        lambda: commit(store.unlocked(ANNA, METHOD, month="2026_11")) for _ in range(12)
    )
    assert sorted(outcomes) == ["AuthenticatorDisabledError"] * 9 + ["ok"] * 3


@pytest.mark.requirement("L3", "E11")
@pytest.mark.parametrize("is_written_down", [True, False])
def test_what_is_disabled_is_never_unlocked(
    store: AuthenticatorStore, commit: Commit, *, is_written_down: bool
) -> None:
    with pytest.raises(AuthenticatorDisabledError):
        commit(store.unlocked(ANNA, METHOD, month="2026_11"))
    assert store.bound(ANNA, METHOD) is None
    bind(store, commit)
    fail(store, 20)
    if is_written_down:
        commit(store.disabled(ANNA, METHOD))
    with pytest.raises(AuthenticatorDisabledError):
        commit(store.unlocked(ANNA, METHOD, month="2026_11"))
    assert failures(store) == 20


@pytest.mark.requirement("L4")
def test_opening_a_month_forgives_its_failures_and_leaves_the_ladder(
    store: AuthenticatorStore, commit: Commit
) -> None:
    with pytest.raises(ConditionRefusedError):
        commit(store.month_opened(ANNA, METHOD, "2026_11"))
    assert store.bound(ANNA, METHOD) is None
    bind(store, commit)
    now = NOW
    for _ in range(2):
        now = fail(store, 10, start=now + HOUR) + HOUR
        accept(store, reserve(store, f"good-{now}", now=now), step=now // 30)
    now = fail(store, 10, start=now + HOUR) + HOUR
    with pytest.raises(TooManyAttemptsError):
        reserve(store, now=now)
    commit(store.month_opened(ANNA, METHOD, "2026_11"))
    assert failures(store) == 10
    reserve(store, now=now)
