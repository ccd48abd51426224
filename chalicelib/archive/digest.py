"""
Digests: what a closed hour's manifests were, chained to the hour before and signed. Pure.

Signed is not the digest itself, which may be longer than the key service takes, but a
short message with its hash. The words at its beginning are nowhere else signed by us:
neither can a signature of anything else pass for a digest's, nor a digest's for anything else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from chalicelib.archive.canonical import canonical_json
from chalicelib.archive.hours import path_of, told

PREFIX = "digests/"
DIGEST_ENDING, SIGNATURE_ENDING = ".json", ".sig"

_FORM = 1
_DOMAIN = "tvasteg digest of events, form 1"


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """One manifest of the hour: the object's name, its SHA-256 in hex and how many lines it has."""

    name: str
    sha256: str
    lines: int


@dataclass(frozen=True, kw_only=True)
class Previous:
    """The digest of the hour before: SHA-256 of its bytes in hex, and its signature."""

    hour: str
    sha256: str
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class Digest:
    """
    Everything that was written down within one closed hour.

    *archive* names the bucket, so that no other stage's digest stands for it;
    *previous* is None in the first of all.
    """

    archive: str
    hour: str
    manifests: tuple[ManifestEntry, ...]
    previous: Previous | None

    def as_bytes(self) -> bytes:
        """Return the digest as it is stored, hashed and signed: the same facts give the same bytes."""
        before = self.previous and {
            "hour": self.previous.hour,
            "sha256": self.previous.sha256,
            "signature": base64.b64encode(self.previous.signature).decode(),
        }
        return canonical_json(
            {
                "form": _FORM,
                "archive": self.archive,
                "hour": self.hour,
                "manifests": [vars(entry) for entry in self.manifests],
                "lines": sum(entry.lines for entry in self.manifests),
                "previous": before,
            }
        )


class DigestError(ValueError):
    """These bytes are no digest of ours."""


def digest_in(stored: bytes) -> Digest:
    """
    Return the digest that *stored* holds.

    Raises:
        DigestError: It is none, or not written as ours are, to the byte.
    """
    try:
        fields = json.loads(stored)
        digest = Digest(
            archive=fields["archive"],
            hour=fields["hour"],
            manifests=tuple(ManifestEntry(**entry) for entry in fields["manifests"]),
            previous=_previous_in(fields["previous"]),
        )
        is_ours = digest.as_bytes() == stored
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DigestError from error
    if not is_ours:
        raise DigestError
    return digest


def _previous_in(fields: dict[str, Any] | None) -> Previous | None:
    if fields is None:
        return None
    try:
        signature = base64.b64decode(fields["signature"], validate=True)
    except binascii.Error as error:
        raise DigestError from error
    return Previous(hour=fields["hour"], sha256=fields["sha256"], signature=signature)


def link_to(hour: int, stored: bytes, signature: bytes) -> Previous:
    """Return how the next digest names the one of *hour*."""
    return Previous(hour=told(hour), sha256=hashlib.sha256(stored).hexdigest(), signature=signature)


def signed_message(hour: int, stored: bytes) -> bytes:
    """Return what is signed for the digest of *hour* that *stored* holds."""
    return f"{_DOMAIN}\n{told(hour)}\n{hashlib.sha256(stored).hexdigest()}\n".encode()


def digest_name(hour: int) -> str:
    """Return what the object is called that holds the digest of *hour*."""
    return f"{PREFIX}{path_of(hour)}{DIGEST_ENDING}"


def signature_name(hour: int) -> str:
    """Return what the object beside it is called that holds the signature."""
    return f"{PREFIX}{path_of(hour)}{SIGNATURE_ENDING}"
