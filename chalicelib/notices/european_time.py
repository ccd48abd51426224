"""
Swedish time, by the rule of Directive 2000/84/EC.

Written out, for Lambda's machines bring no list of time zones. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

_WINTER = timezone(timedelta(hours=1))
_SUMMER = timezone(timedelta(hours=2))
_MARCH, _OCTOBER = 3, 10
_SUNDAY = 6


def swedish_time(epoch_seconds: int) -> datetime:
    """Return the moment as clocks in Sweden show it."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    is_summer = _change_in(_MARCH, moment.year) <= moment < _change_in(_OCTOBER, moment.year)
    return moment.astimezone(_SUMMER if is_summer else _WINTER)


def _change_in(month: int, year: int) -> datetime:
    # At one o'clock UTC on the last Sunday; both months have 31 days.
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() - _SUNDAY) % 7)
