"""The ladder as a DynamoDB condition says for every count and second what the ladder says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.dynamodb import ladder_condition, ladder_values
from chalicelib.throttle import OTP_LADDER, PASSWORD_LADDER, Ladder

NOW = 1_795_424_400
_PLACES = re.compile(r":\w+|consecutive_failures|last_attempt_at")


def holds(ladder: Ladder, *, failures: int, last_attempt_at: int) -> bool:
    """Evaluate the condition as DynamoDB would: its grammar is Python's, but for ``=`` and capitals."""
    values = {name: int(value["N"]) for name, value in ladder_values(ladder, now=NOW).items()}
    row = {"consecutive_failures": failures, "last_attempt_at": last_attempt_at}
    text = _PLACES.sub(lambda place: str({**values, **row}[place[0]]), ladder_condition(ladder))
    text = re.sub(r"(?<![<>])=", "==", text).replace("AND", "and").replace("OR", "or")
    return bool(eval(text))  # noqa: S307 - made of digits and operators above


@pytest.mark.requirement("L1", "L2", "L3", "L11")
@given(
    st.sampled_from([OTP_LADDER, PASSWORD_LADDER]),
    st.integers(0, 40),
    st.sampled_from([0, 29, 30, 59, 60, 119, 120, 899, 900, 959, 960, 3_599, 3_600])
    | st.integers(0, 8_000),
)
def test_condition_and_ladder_agree(ladder: Ladder, failures: int, seconds: int) -> None:
    assert holds(ladder, failures=failures, last_attempt_at=NOW - seconds) == ladder.allows(
        consecutive_failures=failures, seconds_since_last_attempt=seconds
    )


@pytest.mark.parametrize("ladder", [OTP_LADDER, PASSWORD_LADDER], ids=["otp", "password"])
def test_the_condition_names_no_value_in_vain(ladder: Ladder) -> None:
    """DynamoDB refuses a request with a value that its expression does not use."""
    assert set(re.findall(r":\w+", ladder_condition(ladder))) == set(ladder_values(ladder, now=NOW))
    assert len(ladder_condition(ladder)) < 4_096
