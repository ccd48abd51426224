"""
The time of day in the countries of the Union and Norway, by the rule of Directive 2000/84/EC.

Written out, for Lambda's machines bring no list of time zones. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

_MARCH, _OCTOBER = 3, 10
_SUNDAY = 6


def european_time(epoch_seconds: int, *, hours_ahead_in_winter: int) -> datetime:
    """
    Return the moment as clocks show it that are *hours_ahead_in_winter* of UTC.

    One in Sweden, Norway and Denmark, two in Finland; in summer an hour more.
    """
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    is_summer = _change_in(_MARCH, moment.year) <= moment < _change_in(_OCTOBER, moment.year)
    return moment.astimezone(timezone(timedelta(hours=hours_ahead_in_winter + is_summer)))


def _change_in(month: int, year: int) -> datetime:
    # At one o'clock UTC on the last Sunday, everywhere at once; both months have 31 days.
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() - _SUNDAY) % 7)
