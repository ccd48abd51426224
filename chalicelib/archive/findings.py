"""What can be wrong with evidence, each by a name of its own; docs/runbook.md says what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

DIGEST_MISSING = "digest.missing"
DIGEST_UNSIGNED = "digest.unsigned"
DIGEST_FORGED = "digest.forged"
DIGEST_UNREADABLE = "digest.unreadable"
DIGEST_MISPLACED = "digest.misplaced"
DIGEST_UNCHAINED = "digest.unchained"
DIGEST_UNKNOWN = "digest.unknown"
MANIFEST_MISSING = "manifest.missing"
MANIFEST_CHANGED = "manifest.changed"
MANIFEST_UNKNOWN = "manifest.unknown"
MANIFEST_UNREADABLE = "manifest.unreadable"
OBJECT_OVERWRITTEN = "object.overwritten"
ROW_MISSING = "row.missing"
ROW_CHANGED = "row.changed"
ROW_REMOVED = "row.removed"
ROW_UNKNOWN = "row.unknown"

MEANINGS = {
    DIGEST_MISSING: "an hour has closed and has no digest",
    DIGEST_UNSIGNED: "a digest has no signature beside it",
    DIGEST_FORGED: "the key has not signed this digest for this hour",
    DIGEST_UNREADABLE: "what lies there is not written as a digest is",
    DIGEST_MISPLACED: "a digest says that it is of another hour or another archive",
    DIGEST_UNCHAINED: "a digest does not name the one before it by its hash and signature",
    DIGEST_UNKNOWN: "an object lies among the digests that belongs to no hour",
    MANIFEST_MISSING: "a digest lists a manifest that is not there",
    MANIFEST_CHANGED: "a manifest is not what its digest has hashed",
    MANIFEST_UNKNOWN: "a manifest lies in a closed hour whose digest does not list it",
    MANIFEST_UNREADABLE: "what lies there is not written as a manifest is",
    OBJECT_OVERWRITTEN: "something was put over the object, or it was marked as deleted",
    ROW_MISSING: "a manifest lists an event that is not in the table, and that nobody may have swept yet",
    ROW_CHANGED: "an event is not as it was written",
    ROW_REMOVED: "the stream told that an event was removed before its time",
    ROW_UNKNOWN: "an event is in the table and in no manifest",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it was written: its kind, which it is, and what is known of it."""

    kind: str
    what: str
    why: str = ""
