"""Whatever is done to events or to their archive is named, and a sound archive is called sound."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.archive import findings as found
from chalicelib.archive.digest import Digest, digest_in, digest_name, signature_name, signed_message
from chalicelib.archive.findings import MEANINGS, Finding
from chalicelib.archive.hours import HOUR_SECONDS, told
from chalicelib.archive.manifest import lines_in
from tests.support.memory.archive import MemorySigner
from tests.unit.archive.history import (
    BEGIN,
    DAY_SECONDS,
    History,
    a_record,
    an_event,
    kinds,
)

HOURS = 5


@cache
def _some_hours() -> History:
    history = History()
    history.lives(HOURS)
    return history


def some_hours() -> History:
    """Return five hours of a service, of one's own."""
    return deepcopy(_some_hours())


def hour(number: int) -> int:
    return BEGIN + number * HOUR_SECONDS


def row_of(finding: Finding) -> tuple[str, str]:
    pk, _, sk = finding.what.partition(" / ")
    return pk, sk


def test_what_nobody_touched_is_sound() -> None:
    history = some_hours()
    verification = history.verification()

    assert list(verification.findings()) == []
    counts = verification.counts
    assert (counts.hours, counts.manifests, counts.lines, counts.rows) == (5, 10, 20, 20)
    assert (counts.expired, counts.open) == (0, 0)


def test_every_finding_has_a_meaning() -> None:
    named = {value for name, value in vars(found).items() if name.isupper() and isinstance(value, str)}
    assert named == set(MEANINGS)


# -- Rows


@pytest.mark.requirement("A4")
@given(data=st.data())
def test_a_row_that_is_gone_is_named(data: st.DataObject) -> None:
    history = some_hours()
    key = data.draw(st.sampled_from(sorted(history.events.rows)))
    del history.events.rows[key]

    (finding,) = history.findings()
    assert (finding.kind, row_of(finding)) == (found.ROW_MISSING, key)


@pytest.mark.requirement("A4")
@given(data=st.data())
def test_a_row_of_which_anything_is_changed_is_named(data: st.DataObject) -> None:
    history = some_hours()
    key = data.draw(st.sampled_from(sorted(history.events.rows)))
    name = data.draw(st.sampled_from(["kind", "occurred_at", "expires_at", "format_version", "new"]))
    history.events.rows[key] = dict(history.events.rows[key]) | {name: {"S": "forged"}}

    (finding,) = history.findings()
    assert (finding.kind, row_of(finding)) == (found.ROW_CHANGED, key)


@pytest.mark.requirement("A4")
def test_a_row_that_no_manifest_tells_of_is_named() -> None:
    history = some_hours()
    row = an_event(4_711, at=hour(2))
    history.events.rows[row["pk"]["S"], row["sk"]["S"]] = row

    (finding,) = history.findings()
    assert (finding.kind, row_of(finding)) == (found.ROW_UNKNOWN, (row["pk"]["S"], row["sk"]["S"]))


@pytest.mark.requirement("A4")
@pytest.mark.parametrize(("kind", "named"), [("MODIFY", found.ROW_CHANGED), ("REMOVE", found.ROW_REMOVED)])
def test_what_the_stream_has_seen_done_to_a_row_is_named_for_ever(kind: str, named: str) -> None:
    """Even if the row was put back as it was."""
    history = some_hours()
    row: Any = next(iter(history.events.rows.values()))
    history.streams([a_record(row, number=90, kind=kind)])
    history.lives(1)

    assert kinds(history.findings()) == {named}


@pytest.mark.requirement("A4")
def test_a_row_replaced_by_another_is_named_with_both_of_its_hashes() -> None:
    """By a put, which no policy can forbid: the stream tells of it, and of what it put there."""
    history = some_hours()
    key, row = next(iter(history.events.rows.items()))
    forged = dict(row) | {"kind": {"S": "session.ended"}}
    history.events.rows[key] = forged
    history.streams([a_record(forged, number=90, kind="MODIFY")])
    history.lives(1)

    findings = history.findings()
    assert kinds(findings) == {found.ROW_CHANGED}
    assert {row_of(finding) for finding in findings} == {key}
    assert len(findings) == 2


@pytest.mark.requirement("K8")
def test_a_row_may_go_when_its_time_is_over_and_not_before() -> None:
    history = History()
    (row,) = history.writes(days_kept=400)
    history.lives(1)
    del history.events.rows[row["pk"]["S"], row["sk"]["S"]]
    expiry = int(row["expires_at"]["N"])

    period = {"end": hour(1)}
    assert kinds(history.findings(now=expiry - 1, **period)) == {found.ROW_MISSING}
    verification = history.verification(now=expiry, **period)
    assert list(verification.findings()) == []
    assert verification.counts.expired == 1


def test_a_row_that_waits_for_its_sweep_is_no_finding() -> None:
    history = History()
    history.writes(days_kept=1)
    history.lives(1)

    assert history.findings(now=hour(1) + 2 * DAY_SECONDS, end=hour(1)) == []


def test_what_is_too_new_for_a_manifest_or_a_digest_is_only_counted() -> None:
    history = some_hours()
    history.clock.advance(600)
    history.writes()  # its manifest is there, its digest is not
    late = an_event(99, at=int(history.clock()) + 5)  # neither is
    history.events.rows[late["pk"]["S"], late["sk"]["S"]] = late

    verification = history.verification(now=history.clock() + 60)
    assert list(verification.findings()) == []
    assert verification.counts.open == 1


def test_an_event_written_late_is_found_in_a_later_hour() -> None:
    """The outbox may have had to wait. Its event belongs to the day on which it happened."""
    history = some_hours()
    row = an_event(99, at=hour(1))
    history.events.rows[row["pk"]["S"], row["sk"]["S"]] = row
    history.streams([a_record(row, number=99)])
    history.lives(1)

    assert history.findings() == []
    assert history.findings(start=hour(1), end=hour(2)) == []
    assert history.findings(start=hour(5), end=hour(6)) == []


def test_an_event_that_claims_the_far_future_is_named() -> None:
    history = some_hours()
    row = an_event(99, at=hour(1_000_000))
    history.events.rows[row["pk"]["S"], row["sk"]["S"]] = row

    assert kinds(history.findings()) == {found.ROW_UNKNOWN}


def test_rows_from_before_the_chain_are_not_covered() -> None:
    history = some_hours()
    row = an_event(99, at=hour(-1))
    del row["expires_at"]
    history.events.rows[row["pk"]["S"], row["sk"]["S"]] = row

    assert history.findings() == []


# -- Digests


@pytest.mark.requirement("A4")
@given(data=st.data())
def test_any_flipped_byte_of_the_archive_is_named(data: st.DataObject) -> None:
    history = some_hours()
    name = data.draw(st.sampled_from(sorted(history.evidence.versions)))
    (content,) = history.evidence.versions[name]
    assert content is not None
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[place] ^ data.draw(st.integers(1, 255))])
    history.evidence.versions[name] = [content[:place] + flipped + content[place + 1 :]]

    findings = history.findings()
    stem = name.removesuffix(".sig").removesuffix(".json")
    assert any(finding.what.startswith(stem) for finding in findings), findings


@pytest.mark.requirement("A4")
@given(number=st.integers(0, HOURS - 1))
def test_a_dropped_digest_is_named_wherever_it_was(number: int) -> None:
    history = some_hours()
    for name in (digest_name(hour(number)), signature_name(hour(number))):
        del history.evidence.versions[name]

    findings = history.findings()
    # Without its first link, the chain begins one later, and that one names a digest before it.
    assert kinds(findings) == {found.DIGEST_UNCHAINED if number == 0 else found.DIGEST_MISSING}
    assert [finding.what for finding in history.findings(start=BEGIN)] == [told(hour(number))]


@pytest.mark.requirement("A4")
@given(left=st.integers(0, HOURS - 1))
def test_a_chain_whose_tail_was_cut_is_named(left: int) -> None:
    """With all that it told of: what is left is signed and chained, and too short."""
    history = some_hours()
    for name in list(history.evidence.versions):
        if name.startswith(("digests/", "manifests/")) and _number_of(name) >= left:
            del history.evidence.versions[name]
    for key in list(history.events.rows):
        if int(key[1].partition("#")[0]) >= hour(left):
            del history.events.rows[key]

    named = [finding.what for finding in history.findings() if finding.kind == found.DIGEST_MISSING]
    assert named == ([told(hour(number)) for number in range(left, HOURS)] if left else ["all of them"])


def _number_of(name: str) -> int:
    first = digest_name(BEGIN)[len("digests/") : -len(".json")]
    return int(name.partition("/")[2][: len(first)][-2:]) - int(first[-2:])


@pytest.mark.requirement("A4")
@given(data=st.data())
def test_digests_in_another_order_are_named(data: st.DataObject) -> None:
    history = some_hours()
    one, other = sorted(data.draw(st.sets(st.integers(0, HOURS - 1), min_size=2, max_size=2)))
    for name in (digest_name, signature_name):
        first, second = name(hour(one)), name(hour(other))
        versions = history.evidence.versions
        versions[first], versions[second] = versions[second], versions[first]

    findings = history.findings(start=BEGIN)
    misplaced = {finding.what for finding in findings if finding.kind == found.DIGEST_MISPLACED}
    assert misplaced == {digest_name(hour(one)), digest_name(hour(other))}
    # The signature names the hour too.
    assert misplaced == {finding.what for finding in findings if finding.kind == found.DIGEST_FORGED}


@pytest.mark.requirement("A4")
def test_an_old_digest_in_the_place_of_a_newer_one_is_named() -> None:
    history = some_hours()
    for name in (digest_name, signature_name):
        history.evidence.versions[name(hour(3))] = history.evidence.versions[name(hour(1))]

    findings = history.findings()
    assert {found.DIGEST_MISPLACED, found.DIGEST_FORGED, found.DIGEST_UNCHAINED} <= kinds(findings)


@pytest.mark.requirement("A4")
@pytest.mark.parametrize(
    "name",
    [
        "digests/2026/11/23/12.txt",
        "digests/2026/11/23/12-again.json",
        "digests/9999/12/31/23.json",
        "digests/letter-to-the-auditor.pdf",
    ],
)
def test_a_digest_more_is_named(name: str) -> None:
    history = some_hours()
    history.evidence.versions[name] = [b"{}"]

    assert kinds(history.findings()) == {found.DIGEST_UNKNOWN}


@pytest.mark.requirement("A4")
def test_a_digest_of_another_archive_is_named() -> None:
    """Of another stage, say, under the same key."""
    history = some_hours()
    last = hour(HOURS - 1)
    there = digest_in(history.evidence.get(digest_name(last)) or b"")
    other = Digest(
        archive="another", hour=there.hour, manifests=there.manifests, previous=there.previous
    ).as_bytes()
    history.evidence.versions[digest_name(last)] = [other]
    history.evidence.versions[signature_name(last)] = [MemorySigner().sign(signed_message(last, other))]

    assert kinds(history.findings()) == {found.DIGEST_MISPLACED}


@pytest.mark.requirement("A4")
def test_a_digest_without_signature_and_one_that_is_none_are_named() -> None:
    history = some_hours()
    del history.evidence.versions[signature_name(hour(1))]
    history.evidence.versions[digest_name(hour(3))] = [b"{}"]

    findings = history.findings()
    assert kinds(findings) == {
        found.DIGEST_UNSIGNED,
        found.DIGEST_FORGED,
        found.DIGEST_UNREADABLE,
    }


def test_without_any_digest_nothing_is_sound() -> None:
    assert kinds(History().findings()) == {found.DIGEST_MISSING}


# -- Manifests


@pytest.mark.requirement("A4")
@given(data=st.data())
def test_a_manifest_that_is_gone_is_named(data: st.DataObject) -> None:
    history = some_hours()
    name = data.draw(st.sampled_from(history.of_manifests()))
    del history.evidence.versions[name]

    findings = history.findings()
    assert name in {finding.what for finding in findings if finding.kind == found.MANIFEST_MISSING}
    # Its rows are there, and nothing speaks for them any more.
    assert kinds(findings) == {found.MANIFEST_MISSING, found.ROW_UNKNOWN}


@pytest.mark.requirement("A4")
def test_a_manifest_more_in_a_closed_hour_is_named() -> None:
    history = some_hours()
    name = history.of_manifests()[0]
    history.evidence.versions[name.replace(".ndjson", "-more.ndjson")] = history.evidence.versions[name]

    assert kinds(history.findings()) == {found.MANIFEST_UNKNOWN}


@pytest.mark.requirement("A4")
@given(data=st.data(), by=st.sampled_from([b"forged\n", None]))
def test_whatever_is_put_over_an_object_is_named_and_the_first_version_counts(
    data: st.DataObject, by: bytes | None
) -> None:
    """Object Lock keeps what was written; it does not keep anybody from writing over it."""
    history = some_hours()
    name = data.draw(st.sampled_from(sorted(history.evidence.versions)))
    history.evidence.versions[name].append(by)

    assert history.findings() == [Finding(kind=found.OBJECT_OVERWRITTEN, what=name)]


# -- Periods


def test_a_period_is_verified_by_itself() -> None:
    """Its first digest is held against the one before it, and rows of other hours are nobody's business."""
    history = some_hours()
    outside = min(history.events.rows, key=lambda key: key[1])
    del history.events.rows[outside]

    verification = history.verification(start=hour(2), end=hour(4))
    assert list(verification.findings()) == []
    assert (verification.counts.hours, verification.counts.lines) == (2, 8)
    assert kinds(history.findings(start=hour(0), end=hour(1))) == {found.ROW_MISSING}


def test_a_period_whose_digest_before_was_changed_does_not_begin_soundly() -> None:
    history = some_hours()
    name = digest_name(hour(1))
    (content,) = history.evidence.versions[name]
    history.evidence.versions[name] = [(content or b"").replace(b'"lines":3', b'"lines":4')]

    assert kinds(history.findings(start=hour(2), end=hour(4))) == {found.DIGEST_UNCHAINED}


def test_a_period_that_began_before_the_service_begins_with_it() -> None:
    history = some_hours()

    verification = history.verification(start=hour(-100))
    assert list(verification.findings()) == []
    assert verification.start == BEGIN


def test_a_batch_that_came_twice_is_told_twice_and_sound() -> None:
    history = some_hours()
    name = history.of_manifests()[0]
    content = history.evidence.get(name) or b""
    history.clock.advance(60)
    again = [
        a_record(history.events.rows[line.pk, line.sk], number=n)  # type: ignore[arg-type]
        for n, line in enumerate(lines_in(content))
    ]
    history.streams(again)
    history.clock.advance(-60)
    history.lives(1)

    assert history.findings() == []
