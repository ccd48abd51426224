"""The archive in memory: objects with all their versions, rows, an index, and a key of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

from chalicelib.archive.chain import StoredObject
from chalicelib.archive.manifest import Line
from chalicelib.archive.verification import Noted
from chalicelib.deployment.evidence import verifier_of

Row = Mapping[str, Any]


@dataclass
class MemoryEvidence:
    """
    The `EvidenceStore` that writes, and the `Evidence` that is verified.

    *versions* are an object's, the oldest first; None among them marks it as deleted.
    """

    versions: dict[str, list[bytes | None]] = field(default_factory=dict)

    def put_once(self, name: str, content: bytes) -> bool:
        if self.get(name) is not None:
            return False
        self.versions.setdefault(name, []).append(content)
        return True

    def get(self, name: str) -> bytes | None:
        return self.versions.get(name, [None])[-1]

    def names(self, prefix: str) -> Iterator[str]:
        yield from sorted(
            name for name in self.versions if name.startswith(prefix) and self.get(name) is not None
        )

    def folders(self, prefix: str) -> list[str]:
        behind = (name.removeprefix(prefix) for name in self.names(prefix))
        return sorted({f"{prefix}{name.partition('/')[0]}/" for name in behind if "/" in name})

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        for name, versions in sorted(self.versions.items()):
            if name.startswith(prefix) and any(version is not None for version in versions):
                yield StoredObject(name=name, version="1", was_touched=len(versions) > 1)

    def read(self, stored: StoredObject) -> bytes | None:
        return next((version for version in self.versions[stored.name] if version is not None), None)


@dataclass
class MemoryEvents:
    """The `Events` of a test: rows by their keys."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def between(self, start: int, end: int | None) -> Iterator[Row]:
        for (_, sk), row in sorted(self.rows.items()):
            if f"{start:012d}" <= sk and (end is None or sk <= f"{end:012d}"):
                yield row

    def of(self, keys: list[tuple[str, str]]) -> Iterator[Row]:
        yield from (self.rows[key] for key in keys if key in self.rows)


@dataclass
class MemoryIndex:
    """The `LineIndex` of a test."""

    noted: dict[tuple[str, str], Noted] = field(default_factory=dict)
    marked: set[tuple[str, str]] = field(default_factory=set)

    def note(self, line: Line, *, is_due: bool) -> str | None:
        key = (line.pk, line.sk)
        earlier = self.noted.get(key)
        sha256 = earlier.sha256 if earlier else line.sha256
        self.noted[key] = Noted(
            pk=line.pk,
            sk=line.sk,
            sha256=sha256,
            expires_at=earlier.expires_at if earlier else line.expires_at,
            is_due=is_due or (earlier is not None and earlier.is_due),
        )
        return sha256

    def seen(self, pk: str, sk: str) -> Noted | None:
        self.marked.add((pk, sk))
        return self.noted.get((pk, sk))

    def unseen(self) -> Iterator[list[Noted]]:
        yield [noted for key, noted in self.noted.items() if noted.is_due and key not in self.marked]


@cache
def private_key() -> EllipticCurvePrivateKey:
    """Return the key of these tests, drawn once."""
    return generate_private_key(SECP256R1())


class MemorySigner:
    """The `DigestSigner` of a test."""

    def sign(self, message: bytes) -> bytes:
        return private_key().sign(message, ECDSA(SHA256()))


verifies = verifier_of([private_key().public_key()])
