"""Clocks in Sweden, as their owners know them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.notices.swedish_time import swedish_time


# Days on which clocks change, as published.
@pytest.mark.parametrize(
    ("spring", "autumn"),
    [
        ((2026, 3, 29), (2026, 10, 25)),
        ((2027, 3, 28), (2027, 10, 31)),
        ((2028, 3, 26), (2028, 10, 29)),
        ((2030, 3, 31), (2030, 10, 27)),
    ],
)
def test_clocks_go_forward_in_march_and_back_in_october(
    spring: tuple[int, int, int], autumn: tuple[int, int, int]
) -> None:
    def shown(moment: int) -> str:
        return swedish_time(moment).strftime("%H:%M")

    forward, back = (int(datetime(*day, 1, tzinfo=UTC).timestamp()) for day in (spring, autumn))
    assert (shown(forward - 1), shown(forward)) == ("01:59", "03:00")
    assert (shown(back - 1), shown(back)) == ("02:59", "02:00")
    assert swedish_time(forward - 86_400).utcoffset() == swedish_time(back).utcoffset()
