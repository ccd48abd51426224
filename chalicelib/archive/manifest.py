"""
Manifests: what the stream of the table ``events`` has told, one line for each row. Pure.

A line holds the row's key, the SHA-256 of all of it, when it may be swept, and what
happened to it. Of an event that can only be that it was added. That one was changed or
removed is written down all the same: it is what nobody may do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.archive.canonical import canonical_json, row_hash
from chalicelib.archive.hours import path_of
from chalicelib.storage.stream import Record

PREFIX = "manifests/"
ADDED, CHANGED, REMOVED = "added", "changed", "removed"

_WHAT = {"INSERT": ADDED, "MODIFY": CHANGED, "REMOVE": REMOVED}
_FORM = 1  # of a line, and of what its hash is of
# As Lambda tells of it, and as GetRecords does, of which an operator makes up for a lost batch.
_SWEEPERS = (
    {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
)
_SHOWN_OF_HASH = 16


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row, as it was written; of a removed one *sha256* is None, for the stream keeps no old image."""

    pk: str
    sk: str
    sha256: str | None
    expires_at: int | None
    what: str = ADDED


class ManifestError(ValueError):
    """These bytes are no manifest of ours."""


def line_of(record: Record) -> Line | None:
    """
    Return the line that *record* of the stream makes; None where DynamoDB's sweep took an expired row.

    Raises:
        LookupError, TypeError, ValueError: It is no such record.
    """
    what = _WHAT[record["eventName"]]
    change = record["dynamodb"]
    pk, sk = change["Keys"]["pk"]["S"], change["Keys"]["sk"]["S"]
    if what == REMOVED:
        was_swept = record.get("userIdentity") in _SWEEPERS
        return None if was_swept else Line(pk=pk, sk=sk, sha256=None, expires_at=None, what=what)
    row = change["NewImage"]
    return Line(pk=pk, sk=sk, sha256=row_hash(row), expires_at=expiry_of(row), what=what)


def expiry_of(row: Mapping[str, Any]) -> int | None:
    """Return from when on *row* may be swept; None for never, as of rows from before there were classes."""
    return int(row["expires_at"]["N"]) if "expires_at" in row else None


def manifest_of(lines: Sequence[Line]) -> bytes:
    """Return the manifest of *lines*: one JSON object on each line, in their order."""
    return b"".join(canonical_json({"form": _FORM, **vars(line)}) + b"\n" for line in lines)


def lines_in(manifest: bytes) -> Iterator[Line]:
    """
    Yield the lines of *manifest*.

    Raises:
        ManifestError: It is none; lines before may have been yielded.
    """
    if manifest and not manifest.endswith(b"\n"):
        raise ManifestError
    for text in manifest.split(b"\n")[:-1]:
        try:
            fields = json.loads(text)
            if fields.pop("form") != _FORM:
                raise ManifestError
            yield Line(**fields)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ManifestError from error


def manifest_name(hour: int, *, first: str, last: str, manifest: bytes) -> str:
    """
    Return what the object is called that holds *manifest*.

    *hour* is that of writing, *first* and *last* are sequence numbers of the batch.
    The same batch, brought again within the hour, gives the same name and the same
    content; brought again later it is written once more, and says the same.
    """
    shown = hashlib.sha256(manifest).hexdigest()[:_SHOWN_OF_HASH]
    return f"{prefix_of(hour)}{first}-{last}-{shown}.ndjson"


def prefix_of(hour: int) -> str:
    """Return how the names of all manifests begin that were written within *hour*."""
    return f"{PREFIX}{path_of(hour)}/"
