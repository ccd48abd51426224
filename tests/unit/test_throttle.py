"""How long a guesser waits: the ladder as a drawing, as a table and as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    PASSWORD_LADDER,
    Ladder,
    end_of_month_epoch_seconds,
    month_of,
)

ladders = st.sampled_from([OTP_LADDER, PASSWORD_LADDER])
failures_in_a_row = st.integers(0, 2_000)
until_the_year_9000 = st.integers(0, 221_845_392_000)


@pytest.mark.requirement("L1", "L2")
def test_five_codes_are_free_then_waits_double_from_half_a_minute_to_an_hour() -> None:
    waits = [OTP_LADDER.wait_seconds(failures) for failures in range(20)]
    assert waits == [0] * 5 + [30, 60, 120, 240, 480, 960, 1920] + [3600] * 8


@pytest.mark.requirement("L11")
def test_five_passwords_are_free_then_waits_double_up_to_a_quarter_of_an_hour_for_ever() -> None:
    waits = [PASSWORD_LADDER.wait_seconds(failures) for failures in (*range(12), 1_000_000)]
    assert waits == [0] * 5 + [30, 60, 120, 240, 480, 900, 900, 900]
    assert not PASSWORD_LADDER.disables(1_000_000)


@pytest.mark.requirement("L2")
@pytest.mark.parametrize("failures", [5, 6, 11, 12, 19])
def test_an_attempt_is_refused_a_second_early_and_taken_when_due(failures: int) -> None:
    wait = OTP_LADDER.wait_seconds(failures)
    taken = [
        OTP_LADDER.allows(consecutive_failures=failures, seconds_since_last_attempt=seconds)
        for seconds in (0, wait - 1, wait, wait + 1)
    ]
    assert taken == [False, False, True, True]


@pytest.mark.requirement("L3", "B27")
def test_the_twentieth_failure_ends_it_and_the_nineteenth_does_not() -> None:
    assert not OTP_LADDER.disables(19)
    assert OTP_LADDER.disables(20)
    assert not OTP_LADDER.allows(consecutive_failures=20, seconds_since_last_attempt=10**9)


@pytest.mark.requirement("L3")
def test_twenty_failures_take_more_than_nine_hours() -> None:
    """The quickest guesser tries the very second each wait is over."""
    now, last_attempt_at, failures = 0, 0, 0
    while not OTP_LADDER.disables(failures):
        if OTP_LADDER.allows(
            consecutive_failures=failures, seconds_since_last_attempt=now - last_attempt_at
        ):
            failures, last_attempt_at = failures + 1, now
        else:
            now = last_attempt_at + OTP_LADDER.wait_seconds(failures)
    assert now == 32_610
    assert round(now / 3600, 1) == 9.1


@pytest.mark.requirement("L2", "L11")
@given(ladders, failures_in_a_row)
def test_the_table_says_what_the_arithmetic_says(ladder: Ladder, failures: int) -> None:
    """A store decides by the table, everybody else by `wait_seconds`."""
    rungs = dict(ladder.waiting_rungs())
    if failures < ladder.free_attempts:
        assert failures not in rungs
        assert ladder.wait_seconds(failures) == 0
    else:
        assert ladder.wait_seconds(failures) == rungs.get(failures, rungs[max(rungs)])


@given(ladders, failures_in_a_row)
def test_another_failure_never_shortens_the_wait(ladder: Ladder, failures: int) -> None:
    assert ladder.wait_seconds(failures) <= ladder.wait_seconds(failures + 1) <= ladder.longest_wait_seconds


@pytest.mark.requirement("L4")
def test_the_month_takes_thirty_failures() -> None:
    assert OTP_FAILURES_PER_MONTH == 30


@pytest.mark.parametrize(
    ("now", "month", "following"),
    [
        ("2026-11-01T00:00:00", "2026_11", "2026-12-01T00:00:00"),
        ("2026-11-30T23:59:59", "2026_11", "2026-12-01T00:00:00"),
        ("2026-12-31T23:59:59", "2026_12", "2027-01-01T00:00:00"),
        ("2027-01-31T12:00:00", "2027_01", "2027-02-01T00:00:00"),
        ("2028-02-29T23:59:59", "2028_02", "2028-03-01T00:00:00"),
        ("2100-02-28T23:59:59", "2100_02", "2100-03-01T00:00:00"),
    ],
)
@pytest.mark.requirement("L4")
def test_a_month_ends_where_the_next_begins(now: str, month: str, following: str) -> None:
    epoch_seconds = _epoch_seconds(now)
    assert month_of(epoch_seconds) == month
    assert end_of_month_epoch_seconds(epoch_seconds) == _epoch_seconds(following)


@pytest.mark.requirement("L4")
@given(until_the_year_9000)
def test_every_second_belongs_to_the_month_until_its_end(epoch_seconds: int) -> None:
    end = end_of_month_epoch_seconds(epoch_seconds)
    assert epoch_seconds < end <= epoch_seconds + 31 * 24 * 60 * 60
    assert month_of(end - 1) == month_of(epoch_seconds)
    assert month_of(end) > month_of(epoch_seconds)


def _epoch_seconds(utc: str) -> int:
    return int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp())
