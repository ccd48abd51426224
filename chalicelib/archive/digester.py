"""Once an hour: a digest for every hour that has closed since the last one, however long ago that was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chalicelib.archive import manifest
from chalicelib.archive.digest import (
    DIGEST_ENDING,
    PREFIX,
    Digest,
    ManifestEntry,
    Previous,
    digest_name,
    link_to,
    signature_name,
    signed_message,
)
from chalicelib.archive.hours import HOUR_SECONDS, hour_at, hour_of, hours_between, path_of, told
from chalicelib.archive.manifest import prefix_of
from chalicelib.archive.store import DigestSigner, EvidenceStore

# A manifest is begun within its hour and written within the minute that its function may run.
SETTLE_SECONDS = 5 * 60
_LEVELS = 3  # of folders: year, month and day


class EvidenceConflictError(Exception):
    """What lies in the archive is not what we would have written there; nothing is signed over it."""


@dataclass(frozen=True, kw_only=True)
class Digester:
    """Makes digests in *archive*, the name of the bucket behind *store*."""

    archive: str
    store: EvidenceStore
    signer: DigestSigner

    def catch_up(self, *, now: float, may_go_on: Callable[[], bool]) -> Iterator[int]:
        """
        Make the digest of each closed hour that has none, oldest first; yield each hour that is done.

        None is skipped, be there events or not. It ends early when *may_go_on* says no; the
        next call goes on from there. Two at once, or one repeated, make each digest once.

        Raises:
            EvidenceConflictError: Something else lies where a digest belongs.
            ServiceUnavailableError: Storage or key service failed; what was done is done.
        """
        end = hour_of(now - SETTLE_SECONDS)
        begin = self._first_to_make(end)
        previous = self._link_before(begin)
        for hour in hours_between(begin, end):
            if not may_go_on():
                return
            previous = self._made(hour, previous)
            yield hour

    def _first_to_make(self, end: int) -> int:
        last = self._last_hour(PREFIX, before=end)
        if last is None:
            return min(self._first_hour_of_manifests() or end, end - HOUR_SECONDS)
        # One that was written and not signed is made once more, and is the same.
        return last if self.store.get(signature_name(last)) is None else last + HOUR_SECONDS

    def _last_hour(self, prefix: str, *, before: int) -> int | None:
        """Return the last hour before *before* that has a digest, looking at one branch of folders."""
        limit = digest_name(before)
        for day in self._days(prefix, limit):
            names = [name for name in self.store.names(day) if name < limit]
            hours = [
                name.removeprefix(PREFIX).removesuffix(DIGEST_ENDING)
                for name in names
                if name.endswith(DIGEST_ENDING)
            ]
            if hours:
                return hour_at(hours[-1])
        return None

    def _days(self, prefix: str, limit: str, level: int = 0) -> Iterator[str]:
        if level == _LEVELS:
            yield prefix
            return
        for folder in reversed(self.store.folders(prefix)):
            if folder <= limit:
                yield from self._days(folder, limit, level + 1)

    def _first_hour_of_manifests(self) -> int | None:
        first = next(iter(self.store.names(manifest.PREFIX)), None)
        if first is None:
            return None
        return hour_at(first.removeprefix(manifest.PREFIX).rpartition("/")[0])

    def _link_before(self, begin: int) -> Previous | None:
        hour = begin - HOUR_SECONDS
        stored, signature = self.store.get(digest_name(hour)), self.store.get(signature_name(hour))
        if stored is None:
            return None  # the first of all
        if signature is None:
            raise EvidenceConflictError(f"the digest of {told(hour)} has no signature")
        return link_to(hour, stored, signature)

    def _made(self, hour: int, previous: Previous | None) -> Previous:
        digest = Digest(
            archive=self.archive,
            hour=told(hour),
            manifests=tuple(self._entries(hour)),
            previous=previous,
        )
        stored = digest.as_bytes()
        if not self.store.put_once(digest_name(hour), stored) and (
            self.store.get(digest_name(hour)) != stored
        ):
            raise EvidenceConflictError(f"another digest lies under {path_of(hour)}")
        signature = self.signer.sign(signed_message(hour, stored))
        if not self.store.put_once(signature_name(hour), signature):
            # Somebody else of us was quicker: the chain goes on from what is stored.
            signature = self.store.get(signature_name(hour)) or signature
        return link_to(hour, stored, signature)

    def _entries(self, hour: int) -> Iterator[ManifestEntry]:
        for name in self.store.names(prefix_of(hour)):
            content = self.store.get(name)
            if content is None:
                raise EvidenceConflictError(f"{name} is listed and not there")
            yield ManifestEntry(
                name=name, sha256=hashlib.sha256(content).hexdigest(), lines=content.count(b"\n")
            )
