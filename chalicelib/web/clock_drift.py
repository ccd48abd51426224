"""
How far our clock is from that of AWS: seen in passing, told to the operator, used for nothing else.

A code is right for half a minute. On Lambda the clock is right too; should it ever
not be, the operator learns of it before the users do.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from chalicelib.web import request_log

SEEN_AT_MOST_EVERY_SECONDS = 60
# The header tells the second that has begun: on average its middle.
_HALF_A_SECOND = 0.5


class ClockDrift:
    """Compares *clock* (epoch seconds) with the answers of AWS, at most once a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen_at = float("-inf")

    def see(self, http_response: Any, **_: Any) -> None:  # noqa: ANN401 - botocore's event arguments
        """Note the difference in the log of the request at hand; botocore's event ``after-call``."""
        now = self._clock()
        if abs(now - self._seen_at) < SEEN_AT_MOST_EVERY_SECONDS or not request_log.is_begun():
            return
        try:
            theirs = parsedate_to_datetime(http_response.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return  # an answer without a time that can be read
        self._seen_at = now
        request_log.note_clock_drift(abs(now - theirs - _HALF_A_SECOND))
