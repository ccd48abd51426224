"""
The port: where authenticators are kept.

No verb here reads and then writes: each is one conditional write, so parallel
requests are decided by the store and by nothing else.
"""

from __future__ import annotations

from typing import Protocol

from chalicelib.authenticators.record import (
    Attempt,
    Authenticator,
    BoundAuthenticators,
    Owner,
    PendingAuthenticator,
    Place,
    Reservation,
)
from chalicelib.storage.changes import Change


class AuthenticatorStore(Protocol):
    """Bound and pending authenticators of each user."""

    def bound(self, owner: Owner, method: str) -> BoundAuthenticators | None:
        """Return what *owner* has bound, strongly read; None if nothing."""

    def pending(self, owner: Owner) -> PendingAuthenticator | None:
        """Return what waits to be confirmed, strongly read, expired or not; None if nothing."""

    def offer_again(
        self,
        owner: Owner,
        *,
        sign_in_id: str,
        phone: str,
        same_phone: bool,
        place: Place,
        may_move: bool,
        now: int,
    ) -> PendingAuthenticator | None:
        """
        Note the phone and the place chosen and return this sign-in's live pending authenticator.

        None if it has none that can still be confirmed, or one that was begun for another place
        and *may_move* is false. One conditional write.
        """

    def begun(self, owner: Owner, pending: PendingAuthenticator) -> Change:
        """
        Return the change that makes *pending* the user's only one.

        Another sign-in's gives way; refused with `ConditionRefusedError` only if
        the same sign-in has a live one already.
        """

    def cancelled(self, owner: Owner, *, sign_in_id: str) -> Change:
        """Return the change that drops this sign-in's pending authenticator, and no other's."""

    def reserve_confirmation(self, owner: Owner, *, sign_in_id: str, now: int) -> PendingAuthenticator:
        """
        Count one attempt to confirm, before its code is looked at.

        One conditional write; safe under concurrent callers.

        Raises:
            EnrolmentNotBegunError: Nothing is pending.
            EnrolmentReplacedError: What is pending belongs to another sign-in.
            EnrolmentExpiredError: It is too old, whether or not TTL has swept it.
            EnrolmentAttemptsExhaustedError: All attempts are spent.
        """

    def confirmed(
        self, owner: Owner, pending: PendingAuthenticator, entry: Authenticator, *, now: int
    ) -> tuple[Change, ...]:
        """
        Return the changes that turn *pending* into *entry* and revoke what it replaces.

        The counters survive, unless it takes the place of all, which are disabled. Refused with
        `EnrolmentReplacedError` unless *pending* is still as it was and there is the place that
        it was begun for: nothing bound, room for one more, or what it replaces.
        """

    def imported(self, owner: Owner, method: str, entry: Authenticator) -> Change:
        """
        Return the change that binds *entry*, proven elsewhere, as *owner*'s first authenticator.

        Refused with `ConditionRefusedError` if anything is bound.
        """

    def reserve_attempt(self, owner: Owner, method: str, attempt: Attempt) -> Reservation:
        """
        Count one attempt at *owner*'s authenticators, before its code is looked at.

        One conditional write holding state, throttle and month cap; its answer
        brings the entries. Safe under concurrent callers: of any number, only as
        many are counted as the throttle allows. Not retried, for it adds. What is
        stored says where the attempt came from: its event is made of that.

        Raises:
            NotEnrolledError: Nothing is bound.
            AuthenticatorDisabledError: Too many failures in a row.
            TooManyAttemptsError: The next attempt is not due yet; nothing was counted.
        """

    def accept_attempt(
        self, owner: Owner, reservation: Reservation, authenticator_id: str, *, time_step: int
    ) -> BoundAuthenticators:
        """
        Accept *time_step* once, forgive the failures before it, and return what is bound.

        One conditional write: the step must be later than any accepted before. The
        month's count gets this attempt back. Accepting the same attempt again
        changes nothing and succeeds.

        Raises:
            OtpAlreadyUsedError: That step or a later one was accepted before.
            OtpMismatchError: The authenticator is no longer bound.
            AuthenticatorDisabledError: Too many failures in a row came in between.
        """

    def disabled(self, owner: Owner, method: str) -> Change:
        """
        Return the change that ends the use of *owner*'s authenticators until a reset.

        Refused with `ConditionRefusedError` unless the failures in a row ask for it.
        """

    def renamed(self, owner: Owner, method: str, authenticator_id: str, *, name: str) -> Change:
        """
        Return the change that gives a bound authenticator another *name*.

        Refused with `ConditionRefusedError` unless it is bound and called otherwise.
        """

    def removed(
        self, owner: Owner, method: str, authenticator_id: str, *, is_last: bool
    ) -> tuple[Change, ...]:
        """
        Return the changes that end the use of one authenticator, and drop what waits.

        The others keep their counters. Refused with `ConditionRefusedError` unless it is bound,
        alone if *is_last* and beside others if not, and they are not disabled.
        """

    def dropped(self, owner: Owner, method: str) -> tuple[Change, ...]:
        """Return the changes that take away whatever is bound and whatever waits, if anything."""

    def unlocked(self, owner: Owner, method: str, *, month: str) -> Change:
        """
        Return the change that forgives the failures in a row and those of *month*, and counts itself.

        Refused with `AuthenticatorDisabledError` unless something is bound and not disabled, and
        once it was unlocked `UNLOCKS_PER_MONTH` times in *month*: what is bound then says which.
        """

    def month_opened(self, owner: Owner, method: str, month: str) -> Change:
        """
        Return the change that forgives the failures of *month*, and nothing else.

        Refused with `ConditionRefusedError` unless something is bound.
        """
