"""A few hours of a service, as its archive tells them, and how it looks to who verifies."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from chalicelib.archive.archive import Archive
from chalicelib.archive.digester import SETTLE_SECONDS, Digester
from chalicelib.archive.findings import Finding
from chalicelib.archive.hours import HOUR_SECONDS
from chalicelib.archive.verification import PATIENCE_SECONDS, Verification
from tests.support.clock import ManualClock
from tests.support.memory.archive import (
    MemoryEvents,
    MemoryEvidence,
    MemoryIndex,
    MemorySigner,
    verifies,
)

BEGIN = 1_795_435_200 // HOUR_SECONDS * HOUR_SECONDS  # an hour of 23 November 2026
ARCHIVE = "archive-of-a-test"
DAY_SECONDS = 24 * HOUR_SECONDS

Row = dict[str, Any]
Record = dict[str, Any]


def an_event(number: int, *, at: int, days_kept: int = 400) -> Row:
    """Return the row of an event."""
    return {
        "pk": {"S": f"T#cozone#20261123#{number % 8}"},
        "sk": {"S": f"{at:012d}#{number:032x}"},
        "format_version": {"N": "1"},
        "kind": {"S": "session.started"},
        "occurred_at": {"N": str(at)},
        "expires_at": {"N": str(at + days_kept * DAY_SECONDS)},
    }


def a_record(row: Row, *, number: int, kind: str = "INSERT", **more: Any) -> Record:
    """Return the stream's record of *row*."""
    change: dict[str, Any] = {
        "Keys": {name: row[name] for name in ("pk", "sk")},
        "SequenceNumber": str(1_100_000_000_017_454_423_009 + number),
    }
    if kind != "REMOVE":
        change["NewImage"] = row
    return {"eventName": kind, "dynamodb": change} | more


@dataclass
class History:
    """A table, its stream's reader and the digests, by a clock that a test turns."""

    evidence: MemoryEvidence = field(default_factory=MemoryEvidence)
    events: MemoryEvents = field(default_factory=MemoryEvents)
    clock: ManualClock = field(default_factory=lambda: ManualClock(BEGIN))
    lines: list[str] = field(default_factory=list)
    _number: int = 0

    def writes(self, count: int = 1, **differences: Any) -> list[Row]:
        """Let *count* events happen now, in one batch of the stream."""
        rows = []
        for _ in range(count):
            self._number += 1
            rows.append(an_event(self._number, at=int(self.clock()), **differences))
        for row in rows:
            self.events.rows[row["pk"]["S"], row["sk"]["S"]] = row
        self.streams([a_record(deepcopy(row), number=self._number + n) for n, row in enumerate(rows)])
        return rows

    def streams(self, records: Sequence[Record]) -> list[str]:
        """Hand *records* to the archive."""
        archive = Archive(store=self.evidence, stage="dev", clock=self.clock, write_line=self.lines.append)
        return archive.deliver(records, request_id="an invocation")

    def digests(self, *, most: int | None = None) -> list[int]:
        """Let the hourly function run now."""
        digester = Digester(archive=ARCHIVE, store=self.evidence, signer=MemorySigner())
        made: list[int] = []
        may_go_on = (lambda: len(made) < most) if most is not None else (lambda: True)
        for hour in digester.catch_up(now=self.clock(), may_go_on=may_go_on):
            made.append(hour)  # noqa: PERF402 - how many there are decides whether it goes on
        return made

    def lives(self, hours: int, *, events: int = 3) -> None:
        """Let hours go by: each with events in two batches, then its digest."""
        for _ in range(hours):
            self.clock.advance(600)
            self.writes(events)
            self.clock.advance(1_200)
            self.writes(1)
            self.clock.advance(HOUR_SECONDS - 1_800)
            self.clock.advance(SETTLE_SECONDS + 60)
            self.digests()
            self.clock.advance(-SETTLE_SECONDS - 60)

    def findings(self, **differences: Any) -> list[Finding]:
        """Verify, an hour and a half later."""
        return list(self.verification(**differences).findings())

    def verification(self, **differences: Any) -> Verification:
        """Return what would be verified, an hour and a half from now."""
        usual: dict[str, Any] = {
            "evidence": self.evidence,
            "events": self.events,
            "index": MemoryIndex(),
            "archive": ARCHIVE,
            "verifies": verifies,
            "now": self.clock() + PATIENCE_SECONDS,
        }
        return Verification(**usual | differences)

    def of_digests(self, ending: str = ".json") -> list[str]:
        return [
            name
            for name in sorted(self.evidence.versions)
            if name.startswith("digests/") and name.endswith(ending)
        ]

    def of_manifests(self) -> list[str]:
        return list(self.evidence.names("manifests/"))


def kinds(findings: Sequence[Finding]) -> set[str]:
    return {finding.kind for finding in findings}
