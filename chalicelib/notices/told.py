"""Events as the stream of the table ``events`` hands them over. Pure: no clock, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.audit.event import Event
from chalicelib.errors import NewerRowError
from chalicelib.storage.rows import FORMAT_VERSION
from chalicelib.storage.stream import Record


def told_event(record: Record) -> Event | None:
    """
    Return the event that *record* adds; None if it adds none, as where an old one expired.

    Raises:
        NewerRowError: A newer release wrote it.
        LookupError, TypeError, ValueError: It is no such record.
    """
    if record["eventName"] != "INSERT":
        return None
    row = record["dynamodb"]["NewImage"]
    if int(row["format_version"]["N"]) > FORMAT_VERSION:
        raise NewerRowError
    _, _, event_id = row["sk"]["S"].partition("#")
    return Event(
        kind=row["kind"]["S"],
        tenant_id=row["tenant"]["S"],
        user_id=row["user"]["S"],
        occurred_at=int(row["occurred_at"]["N"]),
        actor=row["actor"]["S"],
        request_id=_text(row, "request_id"),
        reference=_text(row, "reference"),
        subject=_text(row, "subject"),
        source=_text(row, "source"),
        details=json.loads(row["details"]["S"]) if "details" in row else None,
        event_id=event_id,
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    return str(row[name]["S"]) if name in row else None
