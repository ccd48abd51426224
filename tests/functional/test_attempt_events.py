"""From the writes of verifications to their events: the whole story, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import count, takewhile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.audit.event import ATTEMPT_ACCEPTED, ATTEMPT_COUNTED
from chalicelib.authenticators.record import BoundAuthenticators, Reservation
from chalicelib.bootstrap import Stores
from chalicelib.errors import TwoFactorError
from tests.contract.drafts import ANNA, METHOD, NOW, a_pending, an_attempt, an_entry, bind
from tests.support import aws as faults
from tests.support.aws import Moto, Row, moto
from tests.support.memory import memory_stores
from tests.support.stream import Record, deliver_all, outbox_over, recorded_stream
from tests.support.wizard import Phone, Wizard
from tests.support.world import World

ATTEMPTS = {ATTEMPT_COUNTED, ATTEMPT_ACCEPTED}


def attempt_events(aws: Moto) -> list[Row]:
    """Return the events of attempts as they are listed: by time, and by number within a second."""
    rows = [row for row in aws.events() if row["kind"]["S"] in ATTEMPTS]
    return sorted(rows, key=lambda row: row["sk"]["S"])


def values(row: Row) -> dict[str, Any]:
    """Return *row* without DynamoDB's type letters."""
    return {name: next(iter(value.values())) for name, value in row.items()}


@pytest.fixture
def phone(world: World, wizard: Wizard) -> Phone:
    """Anna's phone; she is signed in and has not given a code yet."""
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    return phone


def three_attempts(world: World, wizard: Wizard, phone: Phone) -> list[Record]:
    """Let Anna give a wrong code, the right one, and that again; return the records of it."""
    with recorded_stream(world.aws) as stream:
        for otp in (phone.wrong_otp(), phone.otp(), phone.otp()):
            world.clock.advance(1)
            wizard.verify(otp)
    return [record for record in stream.records if record["dynamodb"]["Keys"]["sk"]["S"] == "TOTP"]


@pytest.mark.requirement("A1")
def test_an_event_says_when_who_on_which_request_and_with_which_authenticator(
    world: World, wizard: Wizard, phone: Phone
) -> None:
    before = world.clock()
    records = three_attempts(world, wizard, phone)
    deliver_all(world.stores, records)
    wrong, right, again = (json.loads(line) for line in world.log_lines[-3:])
    row = world.row("TOTP")
    assert row is not None
    (authenticator_id,) = row["entries"]["M"]
    told = [values(event) for event in attempt_events(world.aws)]
    expected = [
        (ATTEMPT_COUNTED, 1, wrong, None),
        (ATTEMPT_COUNTED, 2, right, None),
        (ATTEMPT_ACCEPTED, 2, right, authenticator_id),
        (ATTEMPT_COUNTED, 3, again, None),
    ]
    for event, record, (kind, seconds, line, subject) in zip(told, records, expected, strict=True):
        number = record["dynamodb"]["SequenceNumber"]
        assert event.pop("pk").startswith("T#cozone#20261123#")
        assert event.pop("sk") == f"{int(before) + seconds:012d}#{number}"
        assert event.pop("subject", None) == subject
        assert event == {
            "format_version": "1",
            "kind": kind,
            "tenant": "cozone",
            "user": world.user.user_id,
            "occurred_at": str(int(before) + seconds),
            "actor": world.user.user_id,
            "request_id": line["request_id"],
            "reference": line["reference"],
            "expires_at": str(int(before) + seconds + 400 * 24 * 60 * 60),
        }


@pytest.mark.requirement("A1")
def test_events_are_listed_in_the_order_of_the_stream_within_a_second_too(
    world: World, wizard: Wizard, phone: Phone
) -> None:
    with recorded_stream(world.aws) as stream:
        for _ in range(4):
            wizard.verify(phone.wrong_otp())
        wizard.verify(phone.otp())
    deliver_all(world.stores, list(reversed(stream.records)))
    kinds = [event["kind"]["S"] for event in attempt_events(world.aws)]
    assert kinds == [ATTEMPT_COUNTED] * 5 + [ATTEMPT_ACCEPTED]


@pytest.mark.requirement("A1")
def test_the_same_batch_twice_makes_the_same_events(world: World, wizard: Wizard, phone: Phone) -> None:
    records = three_attempts(world, wizard, phone)
    deliver_all(world.stores, records)
    once = attempt_events(world.aws)
    deliver_all(world.stores, records)
    deliver_all(world.stores, records[1:])
    assert attempt_events(world.aws) == once
    assert len(once) == 4


FAULTS = [faults.unreachable, faults.broken, faults.throttled, faults.malformed, faults.answer_lost]


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at_call", [1, 2, 3, 4])
def test_when_dynamodb_fails_the_rest_is_recorded_and_a_repetition_completes_it(
    world: World, wizard: Wizard, phone: Phone, fault: faults.Interference, at_call: int
) -> None:
    records = three_attempts(world, wizard, phone)
    lines: list[str] = []
    outbox = outbox_over(world.stores, lines)
    world.aws.interfere(fault, at_call=at_call)
    failed = outbox.deliver(records, request_id="first")
    assert failed == [records[at_call - 1]["dynamodb"]["SequenceNumber"]]
    assert world.aws.calls == ["PutItem"] * 4
    took_effect = fault in {faults.malformed, faults.answer_lost}
    assert len(attempt_events(world.aws)) == (4 if took_effect else 3)

    from_the_failed_one = records[at_call - 1 :]
    assert outbox.deliver(from_the_failed_one, request_id="second") == []
    told = [event["kind"]["S"] for event in attempt_events(world.aws)]
    assert told == [ATTEMPT_COUNTED, ATTEMPT_COUNTED, ATTEMPT_ACCEPTED, ATTEMPT_COUNTED]
    assert "canary" not in "".join(lines)


@pytest.mark.requirement("A1")
def test_while_dynamodb_is_away_every_attempt_is_kept_for_later(
    world: World, wizard: Wizard, phone: Phone
) -> None:
    records = three_attempts(world, wizard, phone)
    world.aws.interfere(*[faults.unreachable] * 4)
    failed = outbox_over(world.stores, []).deliver(records, request_id="first")
    assert failed == [record["dynamodb"]["SequenceNumber"] for record in records]
    assert attempt_events(world.aws) == []
    deliver_all(world.stores, records)
    assert len(attempt_events(world.aws)) == 4


# -- any interleaving

slots = st.integers(0, 3)
attempts = st.sampled_from("abc")  # few, so that one is often sent again, or beside itself
steps = st.integers(-2, 4)
moves = st.one_of(
    st.tuples(st.just("reserve"), slots, attempts),
    st.tuples(st.just("reserve"), slots, attempts),
    st.tuples(st.just("commit"), slots, steps),
    st.tuples(st.just("commit"), slots, steps),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 3_600, 10 * 86_400])),
    st.tuples(st.just("replace")),
    st.tuples(st.just("disable")),
)


class Interleaved:
    """Requests whose reserves and commits meet in any order, and what each of them achieved."""

    def __init__(self, stores: Stores) -> None:
        self._authenticators = stores.authenticators
        self._commit_changes = stores.transactions.commit
        self._now = NOW
        self._phone = "phone 0"
        self._numbers = count(1)
        self._reserved: dict[int, Reservation] = {}
        self.counted: list[tuple[str | None, int]] = []
        self.accepted: list[tuple[str | None, int, str | None]] = []
        bind(self._authenticators, self._commit_changes, self._phone)

    def perform(self, move: str, *arguments: Any) -> None:
        """Make one move; what is refused achieves nothing."""
        make: Callable[..., None] = getattr(self, f"_{move}")
        with suppress(TwoFactorError):
            make(*arguments)

    def bound(self) -> BoundAuthenticators:
        bound = self._authenticators.bound(ANNA, METHOD)
        assert bound is not None
        return bound

    def _reserve(self, slot: int, attempt_id: str) -> None:
        request_id = f"request {next(self._numbers)}"
        attempt = an_attempt(attempt_id, made_at=self._now, request_id=request_id)
        reservation = self._authenticators.reserve_attempt(ANNA, METHOD, attempt)
        if not reservation.was_accepted:
            self._reserved[slot] = reservation
            self.counted.append((request_id, self._now))

    def _commit(self, slot: int, step: int) -> None:
        reservation = self._reserved.pop(slot, None)
        if reservation is None:
            return
        (entry,) = reservation.bound.entries
        before = self.bound()
        after = self._authenticators.accept_attempt(
            ANNA, reservation, entry.authenticator_id, time_step=NOW // 30 + step
        )
        if after != before:  # else its twin was accepted for both
            attempt = reservation.attempt
            self.accepted.append((attempt.request_id, attempt.made_at, entry.authenticator_id))

    def _wait(self, seconds: int) -> None:
        self._now += seconds

    def _replace(self) -> None:
        old, new = self._phone, f"phone {next(self._numbers)}"
        pending = a_pending(new, replaces=old, begun_at=self._now, expires_at=self._now + 1_800)
        self._commit_changes(self._authenticators.begun(ANNA, pending))
        entry = an_entry(new, last_accepted_time_step=NOW // 30 - 2)
        self._commit_changes(*self._authenticators.confirmed(ANNA, pending, entry, now=self._now))
        self._phone = new

    def _disable(self) -> None:
        self._commit_changes(self._authenticators.disabled(ANNA, METHOD))


@pytest.mark.requirement("A1", "L6")
def test_whatever_the_interleaving_the_events_tell_the_rows_own_story() -> None:
    with moto() as aws:
        tell_of_any_interleaving(aws)


def tell_of_any_interleaving(aws: Moto) -> None:
    empty = aws.state()

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(plan=st.lists(moves, min_size=5, max_size=40))
    def alike(plan: list[tuple[Any, ...]]) -> None:
        aws.restore(empty)
        told = memory_stores()
        with recorded_stream(aws) as stream:
            story = Interleaved(aws.stores)
            for move in plan:
                story.perform(*move)
        deliver_all(told, stream.records)
        # Warnings stand beside the story: tests/unit/audit/test_warnings.py.
        events = [event for event in told.events.events if event.kind in ATTEMPTS]
        counted = [event for event in events if event.kind == ATTEMPT_COUNTED]
        accepted = [event for event in events if event.kind == ATTEMPT_ACCEPTED]

        assert [(event.request_id, event.occurred_at) for event in counted] == story.counted
        assert [(e.request_id, e.occurred_at, e.subject) for e in accepted] == story.accepted
        assert len(events) == len(counted) + len(accepted)
        kinds = [event.kind for event in events]
        since_the_last_acceptance = list(takewhile(lambda kind: kind == ATTEMPT_COUNTED, reversed(kinds)))
        assert story.bound().consecutive_failures == len(since_the_last_acceptance)

    alike()
