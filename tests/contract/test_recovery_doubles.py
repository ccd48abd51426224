"""Recovery codes' double and adapter side by side: whatever is asked of both, both say the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.bootstrap import Stores
from chalicelib.errors import TooManyAttemptsError, TwoFactorError
from chalicelib.recovery_codes.record import RecoveryReservation
from chalicelib.throttle import month_of
from tests.contract.drafts import ANNA, HOUR, NOW, an_attempt
from tests.support.aws import Moto, moto
from tests.support.memory import memory_stores

sets = st.sampled_from(["one", "two"])
letters = st.sampled_from("AB")
attempts = st.sampled_from(["x", "y", "z"])
seconds = st.sampled_from([0, 0, 0, 1, 29, 30, 31, 60, 900, 3_600, 40 * 86_400])
verbs = st.one_of(
    st.tuples(st.just("made"), sets, st.booleans()),
    st.tuples(st.just("acknowledged"), sets),
    st.tuples(st.just("reserve"), attempts),
    st.tuples(st.just("reserve"), attempts),
    st.tuples(st.just("reserve"), attempts),
    st.tuples(st.just("spent"), letters),
    st.tuples(st.just("spent"), letters),
    st.tuples(st.just("take_back")),
    st.tuples(st.just("fail_often")),
    st.tuples(st.just("disabled")),
    st.tuples(st.just("unlocked")),
    st.tuples(st.just("voided")),
)


class Side:
    """One of the two, and the reservation it made last."""

    def __init__(self, stores: Stores) -> None:
        self._store = stores.recovery_codes
        self._commit = stores.transactions.commit
        self._reservation: RecoveryReservation | None = None

    def outcome(self, verb: tuple[object, ...], now: int) -> object:
        """Return what *verb* answers, or which error it raises, and what is stored then."""
        name, *arguments = verb
        perform: Callable[..., object] = getattr(self, f"_{name}")
        try:
            answer = perform(*arguments, now=now)
        except TooManyAttemptsError as error:
            answer = type(error), error.retry_at_epoch_seconds
        except TwoFactorError as error:
            answer = type(error)
        codes = self._store.current(ANNA)
        return answer, codes, codes and codes.made_by_day

    def _made(self, set_id: str, reopens: bool, *, now: int) -> None:  # noqa: FBT001 - drawn
        hashes = {letter: f"hash of {letter}" for letter in "AB"}
        self._commit(self._store.made(ANNA, set_id, hashes, reopens=reopens, now=now))

    def _acknowledged(self, set_id: str, *, now: int) -> None:
        self._commit(self._store.acknowledged(ANNA, set_id, now=now))

    def _reserve(self, attempt: str, *, now: int) -> object:
        self._reservation = self._store.reserve_attempt(ANNA, an_attempt(attempt, made_at=now))
        return self._reservation

    def _spent(self, letter: str, *, now: int) -> None:
        del now
        codes = self._store.current(ANNA)
        if self._reservation is not None and codes is not None:
            self._commit(self._store.spent(ANNA, self._reservation, codes, letter))

    def _take_back(self, *, now: int) -> None:
        del now
        if self._reservation is not None:
            self._store.take_back(ANNA, self._reservation)

    def _fail_often(self, *, now: int) -> None:
        for number in range(12):
            self._store.reserve_attempt(ANNA, an_attempt(f"{now} {number}", made_at=now + number * HOUR))

    def _disabled(self, *, now: int) -> None:
        del now
        self._commit(self._store.disabled(ANNA))

    def _unlocked(self, *, now: int) -> None:
        self._commit(self._store.unlocked(ANNA, month=month_of(now)))

    def _voided(self, *, now: int) -> None:
        del now
        self._commit(self._store.voided(ANNA))


@pytest.mark.requirement("R3", "R4", "L2", "L4")
def test_both_answer_alike_whatever_is_asked() -> None:
    with moto() as aws:
        compare(aws)


def compare(aws: Moto) -> None:
    empty = aws.state()

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(asked=st.lists(st.tuples(seconds, verbs), min_size=10, max_size=30))
    def alike(asked: list[tuple[int, tuple[object, ...]]]) -> None:
        aws.restore(empty)
        double, adapter = Side(memory_stores()), Side(aws.stores)
        now = NOW
        for waited, verb in asked:
            now += waited
            assert double.outcome(verb, now) == adapter.outcome(verb, now), verb
            if verb == ("fail_often",):
                now += 12 * HOUR

    alike()
