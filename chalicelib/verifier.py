"""
Reserve, compare, commit: the three moves of a verification, in that order.

*Reserve* counts the attempt before its code is looked at, so that parallel
guesses all pay and a crash counts as a failure. *Compare* opens the secrets.
*Commit* accepts a time step later than any before it, once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.accounts.record import DISABLED, User
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import Event, EventLog
from chalicelib.authenticators.record import (
    Attempt,
    Authenticator,
    BoundAuthenticators,
    Owner,
    Reservation,
)
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    EnrolmentReplacedError,
    OtpMismatchError,
)
from chalicelib.keys.cipher import SecretCipher
from chalicelib.methods import Method
from chalicelib.storage.changes import Transactions
from chalicelib.throttle import OTP_LADDER
from chalicelib.totp import OneTimePassword


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Checks codes of one method, for the wizard and for portals alike."""

    authenticators: AuthenticatorStore
    accounts: AccountStore
    events: EventLog
    transactions: Transactions
    cipher: SecretCipher
    method: Method

    def verify(
        self,
        owner: Owner,
        otp: OneTimePassword,
        attempt: Attempt,
        *,
        strict: bool,
        disabled_event: Event,
        find_user: Callable[[], User | None],
    ) -> BoundAuthenticators:
        """
        Return what is bound, once *otp* has been accepted, exactly once.

        Two writes and one KMS call for each authenticator tried. Repeating an
        accepted *attempt* gives the same answer and counts nothing. When the attempts allowed
        are spent, *disabled_event* is recorded, once, and the user whom *find_user* then
        returns is listed as disabled.

        Raises:
            NotEnrolledError: The user has no authenticator.
            AuthenticatorDisabledError: Too many failures in a row; only a reset helps.
            TooManyAttemptsError: The next attempt is not due; nothing was counted.
            OtpMismatchError: The code is wrong; the attempt stays counted.
            OtpAlreadyUsedError: The code is right and spent; it stays counted too.
            ServiceUnavailableError: Nothing was accepted; it stays counted.
        """
        try:
            reservation = self.authenticators.reserve_attempt(owner, self.method.name, attempt)
        except AuthenticatorDisabledError:
            # The count alone ends it; a fault may have kept the mark and its event from being written.
            self._disable(owner, disabled_event, find_user())
            raise
        if reservation.was_accepted:
            return reservation.bound
        matched = self._matching(owner, reservation, otp, strict=strict)
        if matched is None:
            if OTP_LADDER.disables(reservation.bound.consecutive_failures):
                self._disable(owner, disabled_event, find_user())
                raise AuthenticatorDisabledError
            raise OtpMismatchError
        entry, time_step = matched
        return self.authenticators.accept_attempt(
            owner, reservation, entry.authenticator_id, time_step=time_step
        )

    def _matching(
        self, owner: Owner, reservation: Reservation, otp: OneTimePassword, *, strict: bool
    ) -> tuple[Authenticator, int] | None:
        now = reservation.attempt.made_at
        # The one used last is the likeliest, and each one tried costs a KMS call.
        likeliest_first = sorted(
            reservation.bound.entries, key=lambda entry: entry.last_used_at or 0, reverse=True
        )
        for entry in likeliest_first:
            context = owner.seal_context(entry.authenticator_id, entry.sealed.version)
            secret = self.cipher.open(entry.sealed, context)
            try:
                return entry, self.method.match(secret, otp, at_epoch_seconds=now, strict=strict)
            except OtpMismatchError:
                continue
        return None

    def _disable(self, owner: Owner, event: Event, user: User | None) -> None:
        # Refused: it is disabled already, or the user has changed and the next attempt will find out.
        with suppress(ConditionRefusedError, EnrolmentReplacedError):
            self.transactions.commit(
                self.authenticators.disabled(owner, self.method.name),
                *([] if user is None else [self.accounts.status_noted(user, DISABLED)]),
                self.events.recorded(event),
            )
