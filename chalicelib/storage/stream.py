"""Records of a table's stream, as Lambda and GetRecords hand them over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]


def sequence_number(record: Record) -> str:
    """Return by what Lambda knows *record*; of one without a number the empty text: its whole batch."""
    try:
        return str(record["dynamodb"]["SequenceNumber"])
    except (LookupError, TypeError):
        return ""
