"""The port: where hand-offs, return codes and the JWTs that began them are kept."""

from __future__ import annotations

from typing import Protocol

from chalicelib.hand_offs.record import HandOff, ReturnCode
from chalicelib.storage.changes import Change


class HandOffStore(Protocol):
    """Everything that works once between a portal and us. Each decision is one conditional write."""

    def get(self, key: str) -> HandOff | None:
        """Return the hand-off of that key, strongly read, used or not; None if there is none."""

    def begun(self, hand_off: HandOff, *, jwt_key: str, jwt_expires_at: int) -> tuple[Change, ...]:
        """
        Return the changes that store *hand_off* and spend the client's JWT.

        Refused with `ClientNotAuthenticatedError` if a JWT of *jwt_key* was spent before.
        """

    def exchanged(self, hand_off: HandOff, *, request_hash: str, now: int) -> Change:
        """
        Return the change that uses up the link.

        Refused with `HandOffExpiredError` if it was used before or is too old.
        """

    def issued(self, code: ReturnCode) -> Change:
        """Return the change that stores a new return code."""

    def return_code(self, key: str) -> ReturnCode | None:
        """Return the code of that key, strongly read, redeemed or not; None if there is none."""

    def redeemed(self, code: ReturnCode, *, assertion_id: str, jwt_key: str, now: int) -> Change:
        """
        Return the change that redeems *code* for the assertion of that id, asked for by that JWT.

        Refused with `ReturnCodeUsedError` if it was redeemed before or is too old.
        """
