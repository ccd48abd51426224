"""How far our clock is from that of AWS: seen once a minute, told to the request at hand."""

from __future__ import annotations

from contextvars import Context
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from chalicelib.web import request_log
from chalicelib.web.clock_drift import ClockDrift
from chalicelib.web.request_log import RequestLog
from tests.support.clock import A_MONDAY_MORNING, ManualClock


def answer_at(epoch_seconds: float | None) -> SimpleNamespace:
    headers = {} if epoch_seconds is None else {"date": formatdate(epoch_seconds, usegmt=True)}
    return SimpleNamespace(headers=headers)


def drift_seen(drift: ClockDrift, answer: SimpleNamespace) -> float | None:
    log = RequestLog(request_id="r", method="GET", route="/")
    request_log.begin(log)
    drift.see(answer, parsed={}, model=None)
    return log.clock_drift_seconds


@pytest.mark.requirement("V8")
@pytest.mark.parametrize("ahead", [-86_400, -31, -5, 0, 5, 31, 86_400])
def test_the_drift_is_how_far_the_clocks_are_apart(ahead: int) -> None:
    drift = ClockDrift(ManualClock(A_MONDAY_MORNING + ahead + 0.5))
    assert drift_seen(drift, answer_at(A_MONDAY_MORNING)) == abs(ahead)


@pytest.mark.requirement("V8")
@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 0.75, 0.99])
def test_a_header_of_whole_seconds_hides_half_a_second(fraction: float) -> None:
    now = A_MONDAY_MORNING + fraction
    seen = drift_seen(ClockDrift(ManualClock(now)), answer_at(now))
    assert seen is not None
    assert seen <= 0.5


@pytest.mark.requirement("V8")
def test_one_answer_a_minute_is_looked_at() -> None:
    clock = ManualClock()
    drift = ClockDrift(clock)
    seen = []
    for _ in range(121):
        seen.append(drift_seen(drift, answer_at(clock())) is not None)
        clock.advance(1)
    assert [second for second, was_seen in enumerate(seen) if was_seen] == [0, 60, 120]


@pytest.mark.requirement("V8")
def test_a_clock_that_is_set_back_is_looked_at_too() -> None:
    clock = ManualClock()
    drift = ClockDrift(clock)
    assert drift_seen(drift, answer_at(clock())) == 0.5
    clock.advance(-3_600)
    assert drift_seen(drift, answer_at(A_MONDAY_MORNING)) == 3_600.5


@pytest.mark.parametrize(
    "date",
    [
        *(None, "", "yesterday", "99 Foo 2026", "Mon, 99 Nov 2026 99:00:00 GMT"),
        "Mon, 23 Nov 99999999999999 10:00:00 GMT",
    ],
)
def test_an_answer_without_a_time_tells_nothing_and_the_next_one_does(date: str | None) -> None:
    drift = ClockDrift(ManualClock())
    assert drift_seen(drift, SimpleNamespace(headers={} if date is None else {"date": date})) is None
    assert drift_seen(drift, answer_at(A_MONDAY_MORNING)) is not None


def test_an_answer_outside_a_request_does_not_use_up_the_minute() -> None:
    drift = ClockDrift(ManualClock())
    Context().run(drift.see, answer_at(A_MONDAY_MORNING))
    assert drift_seen(drift, answer_at(A_MONDAY_MORNING)) is not None
