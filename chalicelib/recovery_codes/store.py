"""
The port: where recovery codes are kept.

No verb here reads and then writes: each is one conditional write, so parallel
requests are decided by the store and by nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.recovery_codes.record import RecoveryCodes, RecoveryReservation
from chalicelib.storage.changes import Change


class RecoveryCodeStore(Protocol):
    """One set of recovery codes for each user, with a budget for guessing of its own."""

    def current(self, owner: Owner) -> RecoveryCodes | None:
        """Return the set in force and what is left of it, strongly read; None if there is none."""

    def made(
        self,
        owner: Owner,
        set_id: str,
        code_hashes: Mapping[str, str],
        *,
        reopens: bool,
        now: int,
        past_days: Collection[str] = (),
    ) -> Change:
        """
        Return the change that puts a new set, by letters, in the place of any other.

        The counts of attempts stay: a new set is no new budget for guessing. One that finds
        the codes disabled *reopens* them, with no failures in a row. Refused with
        `ConditionRefusedError` unless they are disabled exactly where *reopens* says so, and
        once so many sets were made on this UTC day. The counts of *past_days* go.
        """

    def acknowledged(self, owner: Owner, set_id: str, *, now: int) -> Change:
        """
        Return the change that notes, once, that the user keeps this set.

        Refused with `RecoveryCodesReplacedError` if another is in force, and if it was noted before.
        """

    def reserve_attempt(self, owner: Owner, attempt: Attempt) -> RecoveryReservation:
        """
        Count one attempt at *owner*'s codes, before its code is looked at.

        One conditional write holding state, throttle and month cap; its answer brings the
        set. Safe under concurrent callers: of any number, only as many are counted as the
        throttle allows. Not retried, for it adds. A user without a set is counted like any
        other. What is stored says where the attempt came from: its event is made of that.

        Raises:
            RecoveryCodesDisabledError: Too many failures in a row.
            TooManyAttemptsError: The next attempt is not due yet; nothing was counted.
        """

    def spent(
        self, owner: Owner, reservation: RecoveryReservation, codes: RecoveryCodes, letter: str
    ) -> Change:
        """
        Return the change that spends the code of *letter*, and forgives the failures before it.

        *codes* is the set as last read. The month's count gets this attempt back. Refused with
        `ConditionRefusedError` unless that set is still in force with as many codes left, and
        this one among them.
        """

    def take_back(self, owner: Owner, reservation: RecoveryReservation) -> None:
        """
        Give the month's count an attempt back that ran beside itself and was accepted once.

        One conditional write; nothing happens if it was not accepted.
        """

    def disabled(self, owner: Owner) -> Change:
        """
        Return the change that ends the use of *owner*'s codes until a new set.

        Refused with `ConditionRefusedError` unless the failures in a row ask for it, and where
        there is no set whose use could end.
        """

    def unlocked(self, owner: Owner, *, month: str) -> Change:
        """
        Return the change that forgives the failures in a row and those of *month*.

        Refused with `ConditionRefusedError` if nothing was ever counted, or the codes are disabled.
        """

    def voided(self, owner: Owner) -> Change:
        """Return the change that removes the set, if there is one, and all that was counted."""
