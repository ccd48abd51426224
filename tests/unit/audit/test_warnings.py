"""Which wrong codes their owner is warned of, by what the rows say."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.audit.event import ATTEMPTS_WARNED
from chalicelib.audit.warnings import FAILURES_IN_A_ROW, warning_events
from chalicelib.throttle import OTP_FAILURES_PER_MONTH
from tests.support.stream import Record, a_record

NOON = 1_795_435_200
MONTH = "failures_2026_11"


def a_row(
    method: str = "TOTP", *, failures: int = 0, month: int = 0, request: str = "r-1"
) -> dict[str, Any]:
    return {
        "pk": {"S": "T#cozone#U#anna"},
        "sk": {"S": method},
        "format_version": {"N": "1"},
        "consecutive_failures": {"N": str(failures)},
        MONTH: {"N": str(month)},
        "last_attempt_at": {"N": str(NOON)},
        "last_attempt_request_id": {"S": request},
        "last_attempt_reference": {"S": "7f3k9abc"},
        "entries": {"M": {}},
    }


def counted(failures: int, *, month: int = 1, method: str = "TOTP", request: str = "r-1") -> Record:
    """Return the record of an attempt that made it so many in a row, and so many in the month."""
    before = a_row(method, failures=failures - 1, month=month - 1, request="r-0")
    after = a_row(method, failures=failures, month=month, request=request)
    return a_record(before, after, sequence_number="1001")


def taken_back(failures: int, *, request: str = "r-1", method: str = "TOTP") -> Record:
    """Return the record of what follows a right code: the failures in a row are forgiven."""
    before = a_row(method, failures=failures, month=1, request=request)
    after = a_row(method, failures=0, month=0, request=request)
    return a_record(before, after, sequence_number="1002")


def warned(record: Record, *later: Record) -> list[dict[str, str]]:
    return [dict(event.details or {}) for event in warning_events(record, later=later)]


def test_the_numbers_are_those_of_the_ladder() -> None:
    assert (*FAILURES_IN_A_ROW, OTP_FAILURES_PER_MONTH) == (5, 19, 30)


@pytest.mark.requirement("L9")
@pytest.mark.parametrize("method", ["TOTP", "RECOVERY"])
def test_the_fifth_and_the_nineteenth_in_a_row_warn_and_no_other(method: str) -> None:
    told = {
        failures: warned(counted(failures, method=method))
        for failures in range(1, 21)
        if warned(counted(failures, method=method))
    }
    of = method.lower()
    assert told == {5: [{"failures": "5", "of": of}], 19: [{"failures": "19", "of": of}]}


@pytest.mark.requirement("L9", "L4")
def test_the_thirtieth_of_a_month_warns_and_no_other() -> None:
    told = [month for month in range(1, 31) if warned(counted(1, month=month))]
    assert told == [30]
    assert warned(counted(5, month=30)) == [
        {"failures": "5", "of": "totp"},
        {"failures": "30", "of": "totp"},
    ]


@pytest.mark.requirement("L9")
def test_a_right_code_after_four_wrong_ones_warns_nobody() -> None:
    """It was counted before it was looked at, and taken back when it was right."""
    assert warned(counted(5), taken_back(5)) == []
    assert warned(counted(5), counted(6, request="r-2"), taken_back(6, request="r-2")) != []
    assert warned(counted(5), taken_back(5, method="RECOVERY")) != []


@pytest.mark.requirement("L9")
def test_a_warning_says_whose_attempt_it_was_and_is_the_same_event_each_time() -> None:
    (event,) = warning_events(counted(5))
    assert (event.kind, event.tenant_id, event.user_id) == (ATTEMPTS_WARNED, "cozone", "anna")
    assert (event.occurred_at, event.request_id, event.reference) == (NOON, "r-1", "7f3k9abc")
    assert event.event_id == "1001-warned-5"
    assert warning_events(counted(5)) == (event,)
    assert {e.event_id for e in warning_events(counted(5, month=30))} == {"1001-warned-5", "1001-warned-30"}


def test_a_row_that_was_just_made_or_unlocked_warns_nobody() -> None:
    assert warning_events(a_record(None, a_row(failures=5), sequence_number="1")) == ()
    assert warning_events(a_record(a_row(failures=7), a_row(failures=0), sequence_number="1")) == ()
