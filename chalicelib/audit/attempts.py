"""
Attempts at a code, as the stream of the table ``state`` tells of them.

A verification writes the row ``TOTP`` of its user and nothing else, so that it
stays two writes; each of these writes is one record of the stream, with the row
before and after it. A recovery code is counted in the row ``RECOVERY``; that it was
used, the transaction that spends it tells. Pure: no clock, no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.audit.event import ATTEMPT_ACCEPTED, ATTEMPT_COUNTED, Event
from chalicelib.errors import NewerRowError
from chalicelib.storage.rows import FORMAT_VERSION
from chalicelib.storage.stream import Record

_Image = Mapping[str, Any]  # a row in DynamoDB's own notation

_RECOVERY = "RECOVERY"
# Sort keys of the rows that count attempts: one for each method, and that of recovery codes.
ATTEMPT_ROWS = frozenset({"TOTP", _RECOVERY})
_BY_RECOVERY_CODE = {"by": "recovery_code"}

_PARTITION = re.compile(r"T#(?P<tenant>[^#]+)#U#(?P<user>[^#]+)")


def attempt_event(record: Record) -> Event | None:
    """
    Return the event that *record* tells of; None if it is about no attempt.

    Counted: one failure in a row more than before. Accepted: an authenticator that
    was there before has spent a later time step. No write is both,
    for an acceptance forgives the failures. Confirming, replacing and disabling have
    events of their own, in their own transactions. The event's id is the record's
    sequence number: the same record makes the same event again.

    Raises:
        NewerRowError: A newer release wrote the row.
        LookupError, TypeError, ValueError: It is no such record.
    """
    change = record["dynamodb"]
    keys = change["Keys"]
    kind = record["eventName"]
    if keys["sk"]["S"] == _RECOVERY and kind in {"INSERT", "MODIFY"}:
        return _recovery_attempt(change, is_first=kind == "INSERT")
    if kind != "MODIFY" or keys["sk"]["S"] not in ATTEMPT_ROWS:
        return None
    before, after = change["OldImage"], change["NewImage"]
    if _number(after, "format_version") > FORMAT_VERSION:
        raise NewerRowError
    if _number(after, "consecutive_failures") > _number(before, "consecutive_failures"):
        return _event(ATTEMPT_COUNTED, change, occurred_at=_number(after, "last_attempt_at"))
    for authenticator_id, entry in _entries(after).items():
        earlier = _entries(before).get(authenticator_id)
        if earlier is not None and _accepted_step(entry["M"]) > _accepted_step(earlier["M"]):
            used_at = _number(entry["M"], "last_used_at")
            return _event(ATTEMPT_ACCEPTED, change, occurred_at=used_at, subject=authenticator_id)
    return None


def _recovery_attempt(change: _Image, *, is_first: bool) -> Event | None:
    # A user without a set is counted, too: their first attempt makes the row.
    after = change["NewImage"]
    if _number(after, "format_version") > FORMAT_VERSION:
        raise NewerRowError
    failures_before = 0 if is_first else _number(change["OldImage"], "consecutive_failures")
    if _number(after, "consecutive_failures") <= failures_before:
        return None
    occurred_at = _number(after, "last_attempt_at")
    return _event(ATTEMPT_COUNTED, change, occurred_at=occurred_at, details=_BY_RECOVERY_CODE)


def _event(
    kind: str,
    change: _Image,
    *,
    occurred_at: int,
    subject: str | None = None,
    details: Mapping[str, str] | None = None,
) -> Event:
    owner = _PARTITION.fullmatch(change["Keys"]["pk"]["S"])
    if owner is None:
        raise ValueError("not the partition of a user")
    return Event(
        kind=kind,
        tenant_id=owner["tenant"],
        user_id=owner["user"],
        occurred_at=occurred_at,
        actor=owner["user"],
        # Rows written by earlier releases do not say who asked.
        request_id=_text(change["NewImage"], "last_attempt_request_id"),
        reference=_text(change["NewImage"], "last_attempt_reference"),
        subject=subject,
        details=details,
        event_id=_sequence_number(change),
    )


def _entries(image: _Image) -> _Image:
    entries: _Image = image["entries"]["M"]
    return entries


def _accepted_step(entry: _Image) -> int:
    return _number(entry, "last_accepted_time_step")


def _sequence_number(change: _Image) -> str:
    number: str = change["SequenceNumber"]
    if not number.isdecimal():
        raise ValueError("not a sequence number")
    return number


def _number(image: _Image, name: str) -> int:
    return int(image[name]["N"])


def _text(image: _Image, name: str) -> str | None:
    return str(image[name]["S"]) if name in image else None
