"""The port: where the help desk's resets wait for their code."""

from __future__ import annotations

from typing import Protocol

from chalicelib.authenticators.record import Owner
from chalicelib.resets.record import Reset
from chalicelib.storage.changes import Change


class ResetStore(Protocol):
    """The one reset that each user may have pending."""

    def pending(self, owner: Owner) -> Reset | None:
        """Return the reset that waits for its code, strongly read, expired or not; None if none does."""

    def begun(self, owner: Owner, reset: Reset) -> Change:
        """Return the change that makes *reset* the user's only one; no earlier code works any more."""

    def attempted(self, owner: Owner, reset: Reset, *, now: int) -> Change:
        """
        Return the change that counts one try at *reset*'s code, before the code is looked at.

        Refused with `ResetCodeExpiredError` unless it is still this reset, open at *now*, not
        expired, and tried fewer than ten times.
        """

    def spent(self, owner: Owner) -> Change:
        """Return the change that forgets the reset, if there is any."""
