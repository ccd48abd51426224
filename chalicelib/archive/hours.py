"""Hours, as evidence is kept by them: whole, in UTC, told by their first second. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

HOUR_SECONDS = 60 * 60

_FORMAT = "%Y/%m/%d/%H"
_PATH = re.compile(r"\d{4}/\d{2}/\d{2}/\d{2}", re.ASCII)


def hour_of(epoch_seconds: float) -> int:
    """Return the hour that holds that moment."""
    return int(epoch_seconds) // HOUR_SECONDS * HOUR_SECONDS


def hours_between(start: int, end: int) -> Iterator[int]:
    """Yield every hour from *start* to before *end*."""
    yield from range(start, end, HOUR_SECONDS)


def path_of(hour: int) -> str:
    """Return *hour* as it stands in names of objects; in order of time they stand in order."""
    return datetime.fromtimestamp(hour, UTC).strftime(_FORMAT)


def hour_at(path: str) -> int:
    """
    Return the hour whose path that is.

    Raises:
        ValueError: It is none's.
    """
    if not _PATH.fullmatch(path):
        raise ValueError("not the path of an hour")
    return int(datetime.strptime(path, _FORMAT).replace(tzinfo=UTC).timestamp())


def told(hour: int) -> str:
    """Return *hour* for people, and as it stands within a digest."""
    return datetime.fromtimestamp(hour, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
