"""
Doubles and adapters side by side: whatever is asked of both, both say the same.

The other suites here ask what somebody thought of; this one asks at random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.accounts.store import PasswordSubject
from chalicelib.authenticators.record import ALL, Place, Reservation
from chalicelib.bootstrap import Stores
from chalicelib.errors import TooManyAttemptsError, TwoFactorError
from chalicelib.throttle import month_of
from tests.contract.drafts import ANNA, METHOD, NOW, a_pending, a_user, an_attempt, an_entry, bind
from tests.support.aws import Moto, moto
from tests.support.memory import memory_stores

sign_ins = st.sampled_from(["one", "two"])
ids = st.sampled_from(["a", "b", "c"])
places = st.sampled_from(
    [
        Place(name="one"),
        Place(name="one more", is_further=True),
        Place(name="two more", is_further=True),
        Place(name="a", replaces="a"),
        Place(name="b", replaces="b"),
        Place(name="all", replaces=ALL),
    ]
)
flags = st.booleans()
attempts = st.sampled_from(["x", "y", "z"])
steps = st.integers(-3, 3)
seconds = st.sampled_from([0, 0, 0, 1, 29, 30, 31, 60, 900, 1_800, 1_801, 3_600, 40 * 86_400])

verbs = st.one_of(
    st.tuples(st.just("begun"), sign_ins, ids, places),
    st.tuples(st.just("offer_again"), sign_ins, places, flags),
    st.tuples(st.just("cancelled"), sign_ins),
    st.tuples(st.just("reserve_confirmation"), sign_ins),
    st.tuples(st.just("confirmed"), ids, places, steps),
    st.tuples(st.just("bound"), sign_ins, ids, places),
    st.tuples(st.just("bound"), sign_ins, ids, places),
    st.tuples(st.just("renamed"), ids, st.sampled_from(["one", "another"])),
    st.tuples(st.just("removed"), ids, flags),
    st.tuples(st.just("dropped")),
    st.tuples(st.just("unlocked")),
    st.tuples(st.just("month_opened")),
    st.tuples(st.just("reserve_attempt"), attempts),
    st.tuples(st.just("reserve_attempt"), attempts),
    st.tuples(st.just("accept_attempt"), ids, steps),
    st.tuples(st.just("accept_attempt"), ids, steps),
    st.tuples(st.just("disabled")),
    st.tuples(st.just("second_factor_changed"), st.integers(0, 2)),
    st.tuples(st.just("step_taken"), st.integers(0, 2)),
    st.tuples(st.just("password"), ids),
    st.tuples(st.just("forgiven"), ids),
)


class Side:
    """One of the two: its stores, and the reservation it made last."""

    def __init__(self, stores: Stores, *, is_enrolled: bool) -> None:
        self.stores = stores
        self.reservation: Reservation | None = None
        stores.accounts.add(a_user(), "lookup")
        if is_enrolled:
            bind(stores.authenticators, stores.transactions.commit, "a")

    def outcome(self, verb: tuple[object, ...], now: int) -> object:
        """Return what *verb* answers, or which error it raises."""
        name, *arguments = verb
        perform: Callable[..., object] = getattr(self, f"_{name}")
        try:
            return perform(*arguments, now=now)
        except TooManyAttemptsError as error:
            return type(error), error.retry_at_epoch_seconds
        except TwoFactorError as error:
            return type(error)

    def state(self) -> object:
        store = self.stores.authenticators
        return store.pending(ANNA), store.bound(ANNA, METHOD), self.stores.accounts.get("cozone", "anna")

    def _begun(self, sign_in: str, authenticator_id: str, place: Place, *, now: int) -> None:
        pending = a_pending(
            authenticator_id, sign_in_id=sign_in, begun_at=now, expires_at=now + 1_800, **asdict(place)
        )
        self.stores.transactions.commit(self.stores.authenticators.begun(ANNA, pending))

    def _offer_again(self, sign_in: str, place: Place, may_move: bool, *, now: int) -> object:  # noqa: FBT001 - drawn
        return self.stores.authenticators.offer_again(
            ANNA,
            sign_in_id=sign_in,
            phone="iphone",
            same_phone=True,
            place=place,
            may_move=may_move,
            now=now,
        )

    def _cancelled(self, sign_in: str, *, now: int) -> None:
        del now
        self.stores.transactions.commit(self.stores.authenticators.cancelled(ANNA, sign_in_id=sign_in))

    def _reserve_confirmation(self, sign_in: str, *, now: int) -> object:
        return self.stores.authenticators.reserve_confirmation(ANNA, sign_in_id=sign_in, now=now)

    def _bound(self, sign_in: str, authenticator_id: str, place: Place, *, now: int) -> None:
        self._begun(sign_in, authenticator_id, place, now=now)
        self._confirmed(authenticator_id, place, 0, now=now)

    def _renamed(self, authenticator_id: str, name: str, *, now: int) -> None:
        del now
        self.stores.transactions.commit(
            self.stores.authenticators.renamed(ANNA, METHOD, authenticator_id, name=name)
        )

    def _removed(self, authenticator_id: str, is_last: bool, *, now: int) -> None:  # noqa: FBT001 - drawn
        del now
        self.stores.transactions.commit(
            *self.stores.authenticators.removed(ANNA, METHOD, authenticator_id, is_last=is_last)
        )

    def _dropped(self, *, now: int) -> None:
        del now
        self.stores.transactions.commit(*self.stores.authenticators.dropped(ANNA, METHOD))

    def _unlocked(self, *, now: int) -> None:
        self.stores.transactions.commit(
            self.stores.authenticators.unlocked(ANNA, METHOD, month=month_of(now))
        )

    def _month_opened(self, *, now: int) -> None:
        self.stores.transactions.commit(
            self.stores.authenticators.month_opened(ANNA, METHOD, month_of(now))
        )

    def _confirmed(self, authenticator_id: str, place: Place, step: int, *, now: int) -> None:
        if place.replaces == authenticator_id:
            return  # no id is drawn twice
        pending = a_pending(authenticator_id, **asdict(place))
        entry = an_entry(authenticator_id, last_accepted_time_step=now // 30 + step)
        self.stores.transactions.commit(
            *self.stores.authenticators.confirmed(ANNA, pending, entry, now=now)
        )

    def _reserve_attempt(self, attempt: str, *, now: int) -> object:
        self.reservation = self.stores.authenticators.reserve_attempt(
            ANNA, METHOD, an_attempt(attempt, made_at=now)
        )
        return self.reservation

    def _accept_attempt(self, authenticator_id: str, step: int, *, now: int) -> object:
        if self.reservation is None:
            return None
        return self.stores.authenticators.accept_attempt(
            ANNA, self.reservation, authenticator_id, time_step=now // 30 + step
        )

    def _disabled(self, *, now: int) -> None:
        del now
        self.stores.transactions.commit(self.stores.authenticators.disabled(ANNA, METHOD))

    def _second_factor_changed(self, epoch: int, *, now: int) -> None:
        self.stores.transactions.commit(
            self.stores.accounts.second_factor_changed(a_user(), epoch=epoch, step_at=now)
        )

    def _step_taken(self, epoch: int, *, now: int) -> None:
        self.stores.transactions.commit(self.stores.accounts.step_taken(a_user(epoch=epoch), now=now))

    def _password(self, name: str, *, now: int) -> None:
        self.stores.accounts.count_password_attempt(PasswordSubject.of_name(name), now=now)

    def _forgiven(self, name: str, *, now: int) -> None:
        del now
        self.stores.transactions.commit(
            self.stores.accounts.password_attempts_forgiven(PasswordSubject.of_name(name))
        )


@pytest.mark.requirement("L2", "L4", "T6", "E3")
def test_both_answer_alike_whatever_is_asked() -> None:
    with moto() as aws:
        compare(aws)


def compare(aws: Moto) -> None:
    empty = aws.state()

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(
        asked=st.lists(st.tuples(seconds, verbs), min_size=10, max_size=30),
        is_enrolled=st.sampled_from([True, True, False]),
    )
    def alike(*, asked: list[tuple[int, tuple[object, ...]]], is_enrolled: bool) -> None:
        aws.restore(empty)
        double = Side(memory_stores(), is_enrolled=is_enrolled)
        adapter = Side(aws.stores, is_enrolled=is_enrolled)
        now = NOW
        for waited, verb in asked:
            now += waited
            assert double.outcome(verb, now) == adapter.outcome(verb, now), verb
            assert double.state() == adapter.state(), verb

    alike()
