"""Every closed hour gets one digest, in order, chained and signed, whatever happened meanwhile."""

from __future__ import annotations

import hashlib
import json

import pytest

from chalicelib.archive.digest import (
    Digest,
    DigestError,
    ManifestEntry,
    digest_in,
    digest_name,
    signature_name,
    signed_message,
)
from chalicelib.archive.digester import SETTLE_SECONDS, EvidenceConflictError
from chalicelib.archive.hours import HOUR_SECONDS, told
from chalicelib.errors import ServiceUnavailableError
from tests.support.memory.archive import MemoryEvidence, verifies
from tests.unit.archive.history import BEGIN, History


def stored(history: History, hour: int) -> bytes:
    content = history.evidence.get(digest_name(hour))
    assert content is not None
    return content


@pytest.mark.requirement("A4")
def test_a_digest_lists_its_hours_manifests_and_is_signed() -> None:
    history = History()
    history.lives(1)

    digest = digest_in(stored(history, BEGIN))
    assert digest.hour == told(BEGIN)
    assert [(entry.name, entry.lines) for entry in digest.manifests] == list(
        zip(history.of_manifests(), (3, 1), strict=True)
    )
    for entry in digest.manifests:
        assert entry.sha256 == hashlib.sha256(history.evidence.get(entry.name) or b"").hexdigest()
    signature = history.evidence.get(signature_name(BEGIN)) or b""
    assert verifies(signed_message(BEGIN, stored(history, BEGIN)), signature)


@pytest.mark.requirement("A4")
def test_each_digest_names_the_one_before_by_hash_and_signature() -> None:
    history = History()
    history.lives(3)

    assert digest_in(stored(history, BEGIN)).previous is None
    for hour in (BEGIN + HOUR_SECONDS, BEGIN + 2 * HOUR_SECONDS):
        previous = digest_in(stored(history, hour)).previous
        assert previous is not None
        assert previous.hour == told(hour - HOUR_SECONDS)
        assert previous.sha256 == hashlib.sha256(stored(history, hour - HOUR_SECONDS)).hexdigest()
        assert previous.signature == history.evidence.get(signature_name(hour - HOUR_SECONDS))


def test_an_hour_without_events_has_a_digest_too() -> None:
    history = History()
    history.lives(1)
    history.clock.advance(2 * HOUR_SECONDS + SETTLE_SECONDS)

    assert history.digests() == [BEGIN + HOUR_SECONDS, BEGIN + 2 * HOUR_SECONDS]
    assert digest_in(stored(history, BEGIN + HOUR_SECONDS)).manifests == ()


def test_an_hour_is_closed_some_minutes_after_its_end() -> None:
    """A manifest that is begun in the last second is written by then."""
    history = History()
    history.lives(1)
    history.clock.advance(HOUR_SECONDS + SETTLE_SECONDS - 1)
    assert history.digests() == []
    history.clock.advance(1)
    assert history.digests() == [BEGIN + HOUR_SECONDS]
    assert history.digests() == []


def test_after_an_outage_every_hour_is_made_up_for() -> None:
    """Also one longer than a function may run: each call goes on where the last one ended."""
    history = History()
    history.lives(1)
    history.clock.advance(20 * 24 * HOUR_SECONDS + SETTLE_SECONDS)

    made = [*history.digests(most=200), *history.digests(most=200), *history.digests()]

    assert made == [BEGIN + n * HOUR_SECONDS for n in range(1, 20 * 24 + 1)]
    assert history.findings() == []


def test_what_came_before_the_first_digest_is_in_it() -> None:
    history = History()
    history.writes()
    history.clock.advance(5 * HOUR_SECONDS + SETTLE_SECONDS)

    assert history.digests() == [BEGIN + n * HOUR_SECONDS for n in range(5)]


def test_before_anything_has_happened_the_chain_begins_with_the_last_hour() -> None:
    history = History()
    history.clock.advance(SETTLE_SECONDS)

    assert history.digests() == [BEGIN - HOUR_SECONDS]


def test_a_digest_that_was_not_signed_is_made_again_and_is_the_same() -> None:
    history = History()
    history.lives(2)
    last = BEGIN + HOUR_SECONDS
    before = stored(history, last)
    del history.evidence.versions[signature_name(last)]

    history.clock.advance(SETTLE_SECONDS)
    assert history.digests() == [last]
    assert stored(history, last) == before
    assert history.findings() == []


@pytest.mark.requirement("A4")
def test_nothing_is_signed_over_what_somebody_else_put_there() -> None:
    history = History()
    history.lives(1)
    forged = Digest(archive="x", hour=told(BEGIN + HOUR_SECONDS), manifests=(), previous=None).as_bytes()
    history.evidence.put_once(digest_name(BEGIN + HOUR_SECONDS), forged)
    history.clock.advance(HOUR_SECONDS + SETTLE_SECONDS)

    with pytest.raises(EvidenceConflictError):
        history.digests()
    assert history.evidence.get(signature_name(BEGIN + HOUR_SECONDS)) is None


def test_a_digest_of_the_future_stops_nobody() -> None:
    history = History()
    history.lives(1)
    history.evidence.put_once("digests/9999/12/31/23.json", b"{}")
    history.clock.advance(HOUR_SECONDS + SETTLE_SECONDS)

    assert history.digests() == [BEGIN + HOUR_SECONDS]


def test_two_at_once_make_one_chain() -> None:
    """The second signs too, but what is stored first counts for both."""

    class Racing(MemoryEvidence):
        other: History | None = None

        def put_once(self, name: str, content: bytes) -> bool:
            other, self.other = self.other, None
            if other is not None:
                other.digests()
            return super().put_once(name, content)

    evidence = Racing()
    history = History(evidence=evidence)
    history.lives(1)
    evidence.other = history
    history.clock.advance(3 * HOUR_SECONDS + SETTLE_SECONDS)

    assert len(history.digests()) == 3
    assert {len(versions) for versions in evidence.versions.values()} == {1}
    assert history.findings() == []


def test_storage_that_fails_stops_the_chain_and_skips_nothing() -> None:
    class Failing(MemoryEvidence):
        fails = False

        def put_once(self, name: str, content: bytes) -> bool:
            if self.fails:
                raise ServiceUnavailableError
            return super().put_once(name, content)

    evidence = Failing()
    history = History(evidence=evidence)
    history.lives(1)
    history.clock.advance(2 * HOUR_SECONDS + SETTLE_SECONDS)
    evidence.fails = True
    with pytest.raises(ServiceUnavailableError):
        history.digests()
    evidence.fails = False

    assert len(history.digests()) == 2


@pytest.mark.requirement("A4")
def test_what_is_signed_can_be_nothing_else_of_ours() -> None:
    """Words of its own at the beginning: no JWT of ours begins so, and it is short enough for KMS."""
    entries = tuple(ManifestEntry(name="n" * 100, sha256="0" * 64, lines=1) for _ in range(1_000))
    long = Digest(archive="a", hour=told(BEGIN), manifests=entries, previous=None).as_bytes()

    message = signed_message(BEGIN, long)
    assert message.startswith(b"tvasteg digest of events, form 1\n2026-11-23T")
    assert message != signed_message(BEGIN + HOUR_SECONDS, long)
    assert len(message) < 4_096 < len(long)


@pytest.mark.parametrize(("old", "new"), [(b"}", b"} "), (b'"form":1', b'"form":2'), (b"null", b"0")])
def test_a_digest_is_read_as_it_was_written_or_not_at_all(old: bytes, new: bytes) -> None:
    written = Digest(archive="a", hour=told(BEGIN), manifests=(), previous=None).as_bytes()

    assert digest_in(written).archive == "a"
    with pytest.raises(DigestError):
        digest_in(written.replace(old, new))
    assert json.loads(written)["lines"] == 0
