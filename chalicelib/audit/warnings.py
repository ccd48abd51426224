"""
Wrong codes that their owner is to know of, as the stream of the table ``state`` tells of them.

RTS (EU) 2018/389 Art. 4(3) asks that the user is alerted before the block is made permanent.
Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.audit.attempts import attempt_event
from chalicelib.audit.event import ATTEMPT_COUNTED, ATTEMPTS_WARNED, Event
from chalicelib.storage.stream import Record
from chalicelib.throttle import OTP_FAILURES_PER_MONTH, OTP_LADDER, month_of

# From the first of them each further attempt waits; after the second, the next ends the matter for good.
FAILURES_IN_A_ROW = (OTP_LADDER.free_attempts, (OTP_LADDER.disabled_at or 0) - 1)


def warning_events(record: Record, *, later: Sequence[Record] = ()) -> tuple[Event, ...]:
    """
    Return the warnings that *record* gives cause for, each with an id made of the record's own.

    An attempt is counted before its code is looked at. *later* are the records behind this one:
    where one of them takes the attempt back, the code was right, and nobody is warned.

    Raises:
        NewerRowError: A newer release wrote the row.
        LookupError, TypeError, ValueError: It is no record of an attempt.
    """
    counted = attempt_event(record)
    if counted is None or counted.kind != ATTEMPT_COUNTED:
        return ()
    reached = _reached(record, month=month_of(counted.occurred_at))
    if not reached or any(_takes_back(other, record) for other in later):
        return ()
    of = record["dynamodb"]["Keys"]["sk"]["S"].lower()
    return tuple(
        replace(
            counted,
            kind=ATTEMPTS_WARNED,
            details={"failures": str(failures), "of": of},
            event_id=f"{counted.event_id}-warned-{failures}",
        )
        for failures in reached
    )


def _reached(record: Record, *, month: str) -> tuple[int, ...]:
    reached = [n for n in FAILURES_IN_A_ROW if _passes(record, "consecutive_failures", n)]
    if _passes(record, f"failures_{month}", OTP_FAILURES_PER_MONTH):
        reached.append(OTP_FAILURES_PER_MONTH)
    return tuple(reached)


def _passes(record: Record, name: str, threshold: int) -> bool:
    change = record["dynamodb"]
    # Of a user without recovery codes the first attempt at one makes the row.
    images = change.get("OldImage", {}), change["NewImage"]
    before, after = (int(image[name]["N"]) if name in image else 0 for image in images)
    return before < threshold <= after


def _takes_back(later: Record, record: Record) -> bool:
    mine, other = record["dynamodb"], later.get("dynamodb", {})
    if other.get("Keys") != mine["Keys"] or "NewImage" not in other:
        return False
    before, after = mine["NewImage"], other["NewImage"]
    asked = before.get("last_attempt_request_id")
    return (
        asked is not None
        and after.get("last_attempt_request_id") == asked
        and int(after["consecutive_failures"]["N"]) < int(before["consecutive_failures"]["N"])
    )
