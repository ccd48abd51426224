"""Records of a stream, as small as they may be; what nobody may tell says ``canary``."""

from __future__ import annotations

from typing import Any

from chalicelib.storage.rows import user_partition
from tests.support.stream import FIRST_SEQUENCE_NUMBER, Record, a_record

NOON = 1_795_435_200
STEP = NOON // 30


def _row(**differences: Any) -> dict[str, Any]:
    entry = {"last_accepted_time_step": {"N": str(STEP - 10)}, "last_used_at": {"N": str(NOON - 300)}}
    row = {
        "pk": {"S": user_partition("canary-tenant", "canary-user")},
        "sk": {"S": "TOTP"},
        "format_version": {"N": "1"},
        "consecutive_failures": {"N": "0"},
        "last_attempt_at": {"N": str(NOON)},
        "last_attempt_request_id": {"S": "canary-request"},
        "entries": {"M": {"canary-phone": {"M": entry}}},
    }
    return row | differences


def counted(failures: int, *, number: int) -> Record:
    """Return the record of the attempt that made it so many failures in a row."""
    before, after = (_row(consecutive_failures={"N": str(n)}) for n in (failures - 1, failures))
    return a_record(before, after, sequence_number=str(FIRST_SEQUENCE_NUMBER + number))


def accepted(*, number: int) -> Record:
    """Return the record of an acceptance."""
    entry = {"last_accepted_time_step": {"N": str(STEP)}, "last_used_at": {"N": str(NOON)}}
    after = _row(accepted_attempt={"S": "digest"}, entries={"M": {"canary-phone": {"M": entry}}})
    return a_record(
        _row(consecutive_failures={"N": "1"}), after, sequence_number=str(FIRST_SEQUENCE_NUMBER + number)
    )


def confirmed(*, number: int) -> Record:
    """Return the record of a new row: no attempt."""
    return a_record(None, _row(), sequence_number=str(FIRST_SEQUENCE_NUMBER + number))


def poison(*, number: int) -> Record:
    """Return a record that can never be understood."""
    record = counted(1, number=number)
    record["dynamodb"]["NewImage"]["consecutive_failures"] = {"S": "canary-of-poison"}
    return record


def sequence_number(number: int) -> str:
    return str(FIRST_SEQUENCE_NUMBER + number)
