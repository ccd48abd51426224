"""
Whether all is still as it was written: digests, manifests and rows held against each other. Pure.

Everything is read once and in order, and nothing is kept but what `LineIndex` keeps, so
that a year of events needs no more memory than a day. What is wrong is named as it is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from chalicelib.archive.canonical import row_hash
from chalicelib.archive.chain import Chain, StoredObject
from chalicelib.archive.digest import PREFIX, Digest, ManifestEntry, digest_name, signature_name
from chalicelib.archive.findings import (
    DIGEST_MISSING,
    DIGEST_UNKNOWN,
    MANIFEST_CHANGED,
    MANIFEST_MISSING,
    MANIFEST_UNKNOWN,
    MANIFEST_UNREADABLE,
    OBJECT_OVERWRITTEN,
    ROW_CHANGED,
    ROW_MISSING,
    ROW_REMOVED,
    ROW_UNKNOWN,
    Finding,
)
from chalicelib.archive.hours import HOUR_SECONDS, hour_at, hour_of, hours_between, told
from chalicelib.archive.manifest import ADDED, CHANGED, Line, ManifestError, lines_in, prefix_of

# A digest is made ten minutes after its hour. Until this long after it, none is missed.
PATIENCE_SECONDS = 30 * 60
# An event may be written so much later than it happened, when outbox and archive had to wait.
LATE_SECONDS = 48 * HOUR_SECONDS


class Evidence(Protocol):
    """What the archive holds."""

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all objects whose names begin so, in the order of names, marked as deleted or not."""

    def read(self, stored: StoredObject) -> bytes | None:
        """Return the object's content as it was first written; None if that is gone."""


class Events(Protocol):
    """What the table holds."""

    def between(self, start: int, end: int | None) -> Iterator[Mapping[str, Any]]:
        """Yield all rows of events that say they occurred from *start* to before *end*, in any order."""

    def of(self, keys: list[tuple[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Yield those of these rows that are there, strongly read."""


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What manifests say of a row. *is_due*: it is of the period and must be found."""

    pk: str
    sk: str
    sha256: str | None
    expires_at: int | None
    is_due: bool


class LineIndex(Protocol):
    """The lines of manifests, to be found again by their rows; kept outside of memory."""

    def note(self, line: Line, *, is_due: bool) -> str | None:
        """Keep *line*, unless its row has one; return the hash that is kept for the row."""

    def seen(self, pk: str, sk: str) -> Noted | None:
        """Return what is kept of a row, and mark that the row is there."""

    def unseen(self) -> Iterator[list[Noted]]:
        """Yield, some at a time, what is due and not marked."""


@dataclass(kw_only=True)
class Counts:
    """How much was looked at. *expired*: swept in their time; *open*: of hours without a digest yet."""

    hours: int = 0
    manifests: int = 0
    lines: int = 0
    rows: int = 0
    expired: int = 0
    open: int = 0


Progress = Callable[[str, int, int], None]  # what is being done, how much of it, of how much (0: unknown)


def _silent(_doing: str, _done: int, _whole: int) -> None:
    pass


@dataclass(kw_only=True)
class Verification:
    """
    One look through the period from *start* to before *end*, both whole hours; None for all there is.

    *verifies* says whether a signature, in DER, is of that message by the one key.
    """

    evidence: Evidence
    events: Events
    index: LineIndex
    archive: str
    verifies: Callable[[bytes, bytes], bool]
    now: float
    start: int | None = None
    end: int | None = None
    progress: Progress = _silent
    counts: Counts = field(default_factory=Counts)
    _covered: int = 0  # from where on there is no digest

    def findings(self) -> Iterator[Finding]:
        """Yield whatever is wrong; once exhausted, `counts` says what was looked at."""
        yield from self._of_the_chain()
        if self.start is not None:
            yield from self._of_the_table(self.start)
            yield from self._of_missing_rows()

    # -- Digests and manifests

    def _of_the_chain(self) -> Iterator[Finding]:
        chain = Chain(archive=self.archive, verifies=self.verifies, read=self.evidence.read)
        if self.start is not None:
            # A clock that runs ahead may tell a later time than that at which an event was written.
            yield from self._of_manifests(self.start - HOUR_SECONDS, None)
        self._covered = self.start or 0
        for hour, found in self._hours_with_digests():
            if isinstance(found, Finding):
                yield found
            elif self.start is not None and hour < self.start:
                chain.remember(hour, found)
            elif self._is_behind(hour):
                break
            else:
                self._begin_no_earlier_than(hour, found, chain)
                for missing in hours_between(self._covered, hour):
                    yield from self._of_a_missing(missing, chain)
                yield from self._of_an_hour(hour, found, chain)
                self._covered = hour + HOUR_SECONDS
        if self.start is None:
            yield Finding(kind=DIGEST_MISSING, what="all of them", why="no digest was ever made here")
            return
        for missing in hours_between(self._covered, self._expected_end()):
            yield from self._of_a_missing(missing, chain)
        self._covered = max(self._covered, self._expected_end())
        yield from self._of_hours_without_digest()

    def _begin_no_earlier_than(self, hour: int, found: dict[str, StoredObject], chain: Chain) -> None:
        """Let the period begin with the first digest of all, where the service is younger than that."""
        if self.start is None or (self._covered == self.start and chain.begins_with(hour, found)):
            self.start = self._covered = hour

    def _expected_end(self) -> int:
        closed = hour_of(self.now - PATIENCE_SECONDS)
        return closed if self.end is None else min(closed, self.end + LATE_SECONDS)

    def _is_behind(self, hour: int) -> bool:
        return self.end is not None and hour >= self.end + LATE_SECONDS

    def _is_due(self, hour: int) -> bool:
        is_late_enough = self.start is None or hour >= self.start
        return is_late_enough and (self.end is None or hour < self.end)

    def _hours_with_digests(self) -> Iterator[tuple[int, dict[str, StoredObject] | Finding]]:
        """Yield each hour that has a digest or a signature, in order, and what is no hour's."""
        by_stem = groupby(self.evidence.objects(PREFIX), key=lambda stored: stored.name.partition(".")[0])
        for stem, objects in by_stem:
            try:
                hour = hour_at(stem.removeprefix(PREFIX))
            except ValueError:
                for stored in objects:
                    yield 0, Finding(kind=DIGEST_UNKNOWN, what=stored.name)
                continue
            named = {}
            for stored in objects:
                if stored.name in {digest_name(hour), signature_name(hour)}:
                    named[stored.name] = stored
                else:
                    yield 0, Finding(kind=DIGEST_UNKNOWN, what=stored.name)
            if hour + HOUR_SECONDS > self.now:
                yield 0, Finding(kind=DIGEST_UNKNOWN, what=stem, why="its hour has not closed yet")
            elif named:
                yield hour, named

    def _of_a_missing(self, hour: int, chain: Chain) -> Iterator[Finding]:
        chain.lose(hour)
        if self._is_due(hour):
            yield Finding(kind=DIGEST_MISSING, what=told(hour))
        # What was written in the hour still tells which rows there should be.
        yield from self._of_manifests(hour, None)

    def _of_an_hour(self, hour: int, found: dict[str, StoredObject], chain: Chain) -> Iterator[Finding]:
        is_due = self._is_due(hour)
        read, wrong = chain.of(hour, found)
        if is_due:
            self.counts.hours += 1
            yield from wrong
        yield from self._of_manifests(hour, read)
        whole = (self._expected_end() - (self.start or hour)) // HOUR_SECONDS
        self.progress("hours", (hour - (self.start or hour)) // HOUR_SECONDS + 1, whole)

    def _of_hours_without_digest(self) -> Iterator[Finding]:
        """Let the hours that are open excuse their rows: no digest can list them yet."""
        last = hour_of(self.now)
        if self.end is None or self.end + LATE_SECONDS > self._covered:
            for hour in hours_between(self._covered, last + HOUR_SECONDS):
                for finding in self._of_manifests(hour, None, is_open=True):
                    if finding.kind != MANIFEST_UNKNOWN:
                        yield finding

    def _of_manifests(
        self, hour: int, listed: Digest | None, *, is_open: bool = False
    ) -> Iterator[Finding]:
        is_due = self._is_due(hour) and not is_open
        wanted = {entry.name: entry for entry in listed.manifests} if listed else {}
        for stored in self.evidence.objects(prefix_of(hour)):
            entry = wanted.pop(stored.name, None)
            wrong = list(self._of_a_manifest(stored, entry, is_due=is_due))
            if is_due:
                yield from wrong
                if entry is None and listed is not None:
                    yield Finding(kind=MANIFEST_UNKNOWN, what=stored.name)
        if is_due:
            for name in wanted:
                yield Finding(kind=MANIFEST_MISSING, what=name, why=f"listed by {told(hour)}")

    def _of_a_manifest(
        self, stored: StoredObject, entry: ManifestEntry | None, *, is_due: bool
    ) -> Iterator[Finding]:
        if stored.was_touched:
            yield Finding(kind=OBJECT_OVERWRITTEN, what=stored.name)
        content = self.evidence.read(stored)
        if content is None:
            yield Finding(kind=MANIFEST_MISSING, what=stored.name)
            return
        if entry is not None and hashlib.sha256(content).hexdigest() != entry.sha256:
            yield Finding(kind=MANIFEST_CHANGED, what=stored.name)
            return  # its lines would only accuse rows that are as they were
        self.counts.manifests += is_due
        try:
            for line in lines_in(content):
                self.counts.lines += is_due
                yield from self._of_a_line(line, stored.name, is_due=is_due)
        except ManifestError:
            yield Finding(kind=MANIFEST_UNREADABLE, what=stored.name)

    def _of_a_line(self, line: Line, name: str, *, is_due: bool) -> Iterator[Finding]:
        what = _told_row(line.pk, line.sk)
        if line.what == ADDED:
            kept = self.index.note(line, is_due=is_due)
            if kept != line.sha256:
                yield Finding(kind=ROW_CHANGED, what=what, why=f"{name} tells it differently than before")
        elif line.what == CHANGED:
            yield Finding(kind=ROW_CHANGED, what=what, why=f"the stream told so: {name}")
        else:
            yield Finding(kind=ROW_REMOVED, what=what, why=f"the stream told so: {name}")

    # -- Rows

    def _of_the_table(self, start: int) -> Iterator[Finding]:
        for row in self.events.between(start, self.end):
            self.counts.rows += 1
            self.progress("events", self.counts.rows, self.counts.lines)
            yield from self._of_a_row(row)

    def _of_a_row(self, row: Mapping[str, Any]) -> Iterator[Finding]:
        pk, sk = row["pk"]["S"], row["sk"]["S"]
        noted = self.index.seen(pk, sk)
        if noted is None:
            if self._covered <= _occurred_at(sk) <= self.now + HOUR_SECONDS:
                self.counts.open += 1  # its manifest is on its way
            else:
                yield Finding(kind=ROW_UNKNOWN, what=_told_row(pk, sk))
        elif noted.sha256 != row_hash(row):
            yield Finding(
                kind=ROW_CHANGED, what=_told_row(pk, sk), why="it is not what its manifest hashed"
            )

    def _of_missing_rows(self) -> Iterator[Finding]:
        for some in self.index.unseen():
            there = {
                (row["pk"]["S"], row["sk"]["S"]): row
                for row in self.events.of([(noted.pk, noted.sk) for noted in some])
            }
            for noted in some:
                row = there.get((noted.pk, noted.sk))
                if row is not None:
                    self.counts.rows += 1
                    if row_hash(row) != noted.sha256:
                        yield Finding(
                            kind=ROW_CHANGED,
                            what=_told_row(noted.pk, noted.sk),
                            why="it is not what its manifest hashed",
                        )
                elif noted.expires_at is not None and noted.expires_at <= self.now:
                    self.counts.expired += 1
                else:
                    yield Finding(kind=ROW_MISSING, what=_told_row(noted.pk, noted.sk))


def _told_row(pk: str, sk: str) -> str:
    return f"{pk} / {sk}"


def _occurred_at(sk: str) -> int:
    seconds = sk.partition("#")[0]
    return int(seconds) if seconds.isdecimal() else 0
