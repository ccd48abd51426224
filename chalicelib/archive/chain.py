"""The chain of digests, from hour to hour: who signed each, and whether it names the one before. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.archive.digest import (
    Digest,
    DigestError,
    Previous,
    digest_in,
    digest_name,
    signature_name,
    signed_message,
)
from chalicelib.archive.findings import (
    DIGEST_FORGED,
    DIGEST_MISPLACED,
    DIGEST_MISSING,
    DIGEST_UNCHAINED,
    DIGEST_UNREADABLE,
    DIGEST_UNSIGNED,
    OBJECT_OVERWRITTEN,
    Finding,
)
from chalicelib.archive.hours import HOUR_SECONDS, told


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object as it was first written; *was_touched* if anything was put over it since."""

    name: str
    version: str
    was_touched: bool = False


@dataclass(kw_only=True)
class Chain:
    """
    Where one has come to.

    *verifies* says whether a signature, in DER, is of that message by the key.
    """

    archive: str
    verifies: Callable[[bytes, bytes], bool]
    read: Callable[[StoredObject], bytes | None]
    _before: tuple[int, dict[str, StoredObject]] | None = None  # of the period, not read yet
    _hour: int | None = None  # of the digest before; None: there is none
    _sha256: str | None = None  # of it; None: it is missing, or was not readable
    _signature: bytes | None = None  # likewise

    def remember(self, hour: int, found: dict[str, StoredObject]) -> None:
        """Take the digest of *hour* for the one before the period."""
        self._before = (hour, found)

    def begins_with(self, hour: int, found: dict[str, StoredObject]) -> bool:
        """Say whether the digest of *hour* is the first of all, by what the key has signed."""
        if self._before is not None:
            return False
        stored, signature = self._contents(hour, found)
        try:
            return (
                stored is not None
                and signature is not None
                and self.verifies(signed_message(hour, stored), signature)
                and digest_in(stored).previous is None
            )
        except DigestError:
            return False

    def lose(self, hour: int) -> None:
        """Go on over *hour*, of which there is no digest that can be read."""
        self._before = None
        self._hour, self._sha256, self._signature = hour, None, None

    def of(self, hour: int, found: dict[str, StoredObject]) -> tuple[Digest | None, list[Finding]]:
        """Return the digest of *hour*, if it can be read, and whatever is wrong with it."""
        self._catch_up(hour)
        name = digest_name(hour)
        wrong = [
            Finding(kind=OBJECT_OVERWRITTEN, what=stored.name)
            for stored in found.values()
            if stored.was_touched
        ]
        stored, signature = self._contents(hour, found)
        if stored is None:
            self.lose(hour)
            return None, [
                *wrong,
                Finding(kind=DIGEST_MISSING, what=told(hour), why="its signature is there"),
            ]
        if signature is None:
            wrong.append(Finding(kind=DIGEST_UNSIGNED, what=name))
        elif not self.verifies(signed_message(hour, stored), signature):
            wrong.append(Finding(kind=DIGEST_FORGED, what=name))
        try:
            read = digest_in(stored)
        except DigestError:
            self.lose(hour)
            return None, [*wrong, Finding(kind=DIGEST_UNREADABLE, what=name)]
        if (read.archive, read.hour) != (self.archive, told(hour)):
            why = f"it says {read.hour} of {read.archive}"
            wrong.append(Finding(kind=DIGEST_MISPLACED, what=name, why=why))
        if not self._continues(read.previous):
            wrong.append(Finding(kind=DIGEST_UNCHAINED, what=name))
        self._hour, self._signature = hour, signature
        self._sha256 = hashlib.sha256(stored).hexdigest()
        return read, wrong

    def _continues(self, previous: Previous | None) -> bool:
        if self._hour is None or previous is None:
            return self._hour is None and previous is None
        return (
            previous.hour == told(self._hour)
            # What is missing is named as that; what follows it cannot be held against it.
            and self._sha256 in {None, previous.sha256}
            and self._signature in {None, previous.signature}
        )

    def _catch_up(self, hour: int) -> None:
        """Read the digest before the period, of which only hash and signature count."""
        if self._before is None:
            return
        before, found = self._before
        self.lose(hour - HOUR_SECONDS)
        if before == hour - HOUR_SECONDS:
            stored, self._signature = self._contents(before, found)
            self._sha256 = None if stored is None else hashlib.sha256(stored).hexdigest()

    def _contents(self, hour: int, found: dict[str, StoredObject]) -> tuple[bytes | None, bytes | None]:
        digest_object, signature_object = found.get(digest_name(hour)), found.get(signature_name(hour))
        return (
            self.read(digest_object) if digest_object else None,
            self.read(signature_object) if signature_object else None,
        )
