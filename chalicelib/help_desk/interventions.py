"""What the help desk does to one user at a time: reset, and unlock. It never sets or sees a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.accounts.record import RESET, User, lookup_hash, normalised_username
from chalicelib.accounts.store import AccountStore, PasswordSubject
from chalicelib.audit.event import SECOND_FACTOR_RESET, SECOND_FACTOR_UNLOCKED, EventLog
from chalicelib.authenticators.record import BoundAuthenticators
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.store import RememberedBrowserStore
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    EnrolmentReplacedError,
    NotEnrolledError,
    TooManyAttemptsError,
)
from chalicelib.help_desk.people import find_user, owner_of
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.resets.record import Reset, ResetCode
from chalicelib.resets.store import ResetStore
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from chalicelib.storage.changes import Change, Transactions
from chalicelib.throttle import end_of_month_epoch_seconds, month_of

IDENTITY_CHECKS = ("call_back", "bankid", "in_person", "manager", "other")


@dataclass(frozen=True, kw_only=True)
class Given:
    """A reset that has taken effect, and the *code* to say to the caller: it is shown this once."""

    code: ResetCode = field(repr=False)
    reset: Reset


@dataclass(frozen=True, kw_only=True)
class Interventions:
    """Resets and unlocks users of the staff's own tenant."""

    accounts: AccountStore
    authenticators: AuthenticatorStore
    recovery_codes: RecoveryCodeStore
    browsers: RememberedBrowserStore
    resets: ResetStore
    sessions: SessionStore
    events: EventLog
    transactions: Transactions
    method: str

    def reset(
        self,
        staff: Caller,
        occasion: Occasion,
        *,
        user_id: str,
        identity_check: str,
        reason: str,
        ticket: str,
    ) -> Given:
        """
        Take away all that stands for the user's second factor, and return the code for the next one.

        One transaction: authenticators, what waits to be confirmed, recovery codes and remembered
        browsers go, every sign-in ends, an earlier code works no more, and the event says who, why
        and how they checked whom they spoke to. A fault leaves all of it done or none; if the
        answer was lost, the same request gets the same code again for 60 seconds.

        Raises:
            NotFoundError: There is no such user here.
            NotEnrolledError: They never had a second factor: there is nothing to reset.
            EnrolmentReplacedError: They have just bound another authenticator, or somebody else
                has just reset them. Nothing was changed.
            NotSignedInError, SessionReplacedError: The staff's own sign-in has just ended, or they
                have been removed. Nothing was changed.
        """
        user = find_user(self.accounts, staff, user_id)
        given = self._given_before(staff, occasion, user)
        if given is not None:
            return given
        if not user.was_enrolled:
            raise NotEnrolledError
        session_id, now = staff.opened.session_id, occasion.now
        reset = Reset.made(
            session_id,
            by=staff.user.user_id,
            request_hash=occasion.request_hash,
            now=now,
            wait_hours=staff.profile.policy.reset_wait_hours or 0,
        )
        said = {"identity_check": identity_check, "reason": reason, "ticket": ticket}
        try:
            self._commit(staff, occasion, user, reset, said)
        except EnrolmentReplacedError:
            # The same request may have run beside this one and won.
            given = self._given_before(staff, occasion, user)
            if given is None:
                raise
            return given
        return Given(code=ResetCode.of(session_id, reset.salt), reset=reset)

    def _given_before(self, staff: Caller, occasion: Occasion, user: User) -> Given | None:
        reset = self.resets.pending(owner_of(user))
        if reset is None or not reset.repeats(occasion.request_hash, now=occasion.now):
            return None
        return Given(code=ResetCode.of(staff.opened.session_id, reset.salt), reset=reset)

    def _commit(
        self, staff: Caller, occasion: Occasion, user: User, reset: Reset, said: Mapping[str, str]
    ) -> None:
        owner = owner_of(user)
        details = {**said, "opens_at": str(reset.opens_at)}
        event = occasion.event_by_staff(staff, SECOND_FACTOR_RESET, user_id=user.user_id, details=details)
        self.transactions.commit(
            # Nothing takes effect unless the staff are still signed in as when the request came.
            self.sessions.used(staff.session, awaiting_codes=False, now=occasion.now),
            self.accounts.unchanged(staff.user),
            # The epoch that this raises is what a confirmation running beside it would have to find.
            self.accounts.second_factor_changed(
                user, epoch=user.epoch, status=RESET, reset_pending=True, keeps_recovery_codes=False
            ),
            *self.authenticators.dropped(owner, self.method),
            self.recovery_codes.voided(owner),
            self.browsers.voided(owner),
            self.resets.begun(owner, reset),
            self.events.recorded(event),
        )

    def unlock(self, staff: Caller, occasion: Occasion, *, user_id: str, reason: str, ticket: str) -> None:
        """
        Forgive the user's failed codes, recovery codes and passwords, so that the next is looked at now.

        One transaction with its event. Nothing is taken away and nobody is signed out. Recovery
        codes that were disabled stay so, as the user's detail says: their owner makes a new set.
        If the answer was lost, the same request changes nothing more for 60 seconds.

        Raises:
            NotFoundError: There is no such user here.
            AuthenticatorDisabledError: Twenty wrong codes in a row: only a reset helps.
            TooManyAttemptsError: Unlocked three times this month (UTC): until its end only a
                reset helps.
            NotSignedInError, SessionReplacedError: The staff's own sign-in has just ended, or they
                have been removed. Nothing was changed.
        """
        user = find_user(self.accounts, staff, user_id)
        if staff.session.has_done(occasion.request_hash, now=occasion.now):
            return
        try:
            self._unlock(staff, occasion, user, {"reason": reason, "ticket": ticket})
        except (SessionReplacedError, TooManyAttemptsError):
            # The same request may have run beside this one and won, as the month's last unlock.
            session = self.sessions.get(staff.session.session_key)
            if session is None or not session.has_done(occasion.request_hash, now=occasion.now):
                raise

    def _unlock(self, staff: Caller, occasion: Occasion, user: User, said: Mapping[str, str]) -> None:
        owner, month = owner_of(user), month_of(occasion.now)
        event = occasion.event_by_staff(staff, SECOND_FACTOR_UNLOCKED, user_id=user.user_id, details=said)
        forgiven = [
            self.sessions.acted(staff.session, request_hash=occasion.request_hash, now=occasion.now),
            self.accounts.unchanged(staff.user),
            *self._passwords_forgiven(staff, user),
            self.events.recorded(event),
        ]
        bound = self.authenticators.bound(owner, self.method)
        if bound is not None:
            _require_unlockable(bound, now=occasion.now)
            forgiven.append(self.authenticators.unlocked(owner, self.method, month=month))
        try:
            self._commit_unlock(forgiven, self.recovery_codes.unlocked(owner, month=month))
        except AuthenticatorDisabledError:
            # It tells of the month's last unlock too, which a colleague may just have made.
            bound = self.authenticators.bound(owner, self.method)
            if bound is not None:
                _require_unlockable(bound, now=occasion.now)
            raise

    def _commit_unlock(self, forgiven: Sequence[Change], recovery_codes: Change) -> None:
        try:
            self.transactions.commit(*forgiven, recovery_codes)
        except ConditionRefusedError:
            # None was ever tried, or they are disabled, which only a new set ends. The rest is
            # forgiven all the same.
            self.transactions.commit(*forgiven)

    def _passwords_forgiven(self, staff: Caller, user: User) -> list[Change]:
        subjects = [PasswordSubject.of_user(user.tenant_id, user.user_id)]
        # Of a portal's users the name is for show: whoever signs in by it with us is somebody else.
        if user.password_hash is not None:
            lookup = lookup_hash(staff.tenant.lookup_key, normalised_username(user.username))
            subjects.append(PasswordSubject.of_name(lookup))
        return [self.accounts.password_attempts_forgiven(subject) for subject in subjects]


def _require_unlockable(bound: BoundAuthenticators, *, now: int) -> None:
    if bound.is_disabled:
        raise AuthenticatorDisabledError
    if bound.has_reached_unlock_cap(now=now):
        raise TooManyAttemptsError(retry_at_epoch_seconds=end_of_month_epoch_seconds(now))
