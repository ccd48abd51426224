"""Clocks in Sweden and Finland, as their owners know them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.notices.european_time import european_time


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
        return european_time(moment, hours_ahead_in_winter=1).strftime("%H:%M")

    forward, back = (int(datetime(*day, 1, tzinfo=UTC).timestamp()) for day in (spring, autumn))
    assert (shown(forward - 1), shown(forward)) == ("01:59", "03:00")
    assert (shown(back - 1), shown(back)) == ("02:59", "02:00")


def test_finland_is_an_hour_ahead_of_sweden_on_every_day_of_the_year() -> None:
    new_year = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
    for day in range(365):
        moment = new_year + day * 86_400
        in_sweden, in_finland = (european_time(moment, hours_ahead_in_winter=hours) for hours in (1, 2))
        assert in_finland.replace(tzinfo=None) - in_sweden.replace(tzinfo=None) == timedelta(hours=1)
        assert in_finland == in_sweden
