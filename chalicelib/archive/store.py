"""The port: objects that are written once, and by us never changed or removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class EvidenceStore(Protocol):
    """Where manifests, digests and signatures lie. Every call may raise `ServiceUnavailableError`."""

    def put_once(self, name: str, content: bytes) -> bool:
        """
        Put *content* under *name*; return False, and change nothing, if there is something already.

        One conditional write: of several callers at once one writes.
        """

    def get(self, name: str) -> bytes | None:
        """Return what lies under *name*; None if nothing does."""

    def names(self, prefix: str) -> Iterator[str]:
        """Yield all names that begin with *prefix*, in their order."""

    def folders(self, prefix: str) -> list[str]:
        """Return how names go on behind *prefix*, up to and with the next slash; each once, in order."""


class DigestSigner(Protocol):
    """Signs with ECDSA over P-256 and SHA-256, under the key that signs digests and nothing else."""

    def sign(self, message: bytes) -> bytes:
        """
        Return the signature of *message* in DER, as OpenSSL takes it.

        Raises:
            ServiceUnavailableError: The key service did not answer as it should.
        """
