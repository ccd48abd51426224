"""The port: where the names and public halves of signing keys are kept."""

from __future__ import annotations

from typing import Protocol

from chalicelib.assertions.signing_keys import KeyRing


class RingChangedError(Exception):
    """Somebody else changed the ring meanwhile; nothing was written."""


class SigningKeyStore(Protocol):
    """The one ring of signing keys of a stage."""

    def ring(self) -> KeyRing | None:
        """Return the ring, strongly read; None while the stage's first key is the only one."""

    def replace(self, before: KeyRing | None, after: KeyRing) -> None:
        """
        Put *after* in the place of *before*. One conditional write, the operator's alone.

        Raises:
            RingChangedError: It is another one by now.
        """
