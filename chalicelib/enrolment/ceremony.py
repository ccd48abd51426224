"""
The ceremony that binds an authenticator: nothing counts until a code has proven it.

The secret is drawn and sealed here and never comes from outside. Until it is
confirmed, what was bound before keeps working; what waits belongs to the one
sign-in that began it, so that nobody can plant a secret for the owner to confirm.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from chalicelib.accounts.record import BEGUN, ENROLLED, NOT_ENROLLED
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import (
    AUTHENTICATOR_BOUND,
    AUTHENTICATOR_REVOKED,
    ENROLMENT_BEGUN,
    ENROLMENT_CANCELLED,
    EventLog,
)
from chalicelib.authenticators.record import (
    ALL,
    MOST_AUTHENTICATORS,
    PENDING_SECONDS,
    Authenticator,
    BoundAuthenticators,
    Owner,
    PendingAuthenticator,
    Place,
    free_name,
)
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ClockSkewError,
    ConditionRefusedError,
    EnrolmentAlreadyConfirmedError,
    EnrolmentAttemptsExhaustedError,
    EnrolmentError,
    EnrolmentExpiredError,
    EnrolmentNotBegunError,
    EnrolmentReplacedError,
    NotFoundError,
    OtpMismatchError,
    ReauthenticationRequiredError,
    ResetCodeRequiredError,
    TooManyAuthenticatorsError,
    VerificationRequiredError,
)
from chalicelib.keys.cipher import SEAL_VERSION, SecretCipher
from chalicelib.methods import Method, Offer
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.resets.store import ResetStore
from chalicelib.sessions.session import CODE, RECOVERY_CODE, rotate
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from chalicelib.standing import Continuation, Standing
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.profile import Profile
from chalicelib.totp import OneTimePassword, SharedSecret

PHONES = ("android", "iphone")


@dataclass(frozen=True, kw_only=True)
class PendingOffer:
    """What waits to be confirmed, and what the app must be given for it."""

    pending: PendingAuthenticator
    offer: Offer


@dataclass(frozen=True, kw_only=True)
class EnrolmentCeremony:
    """Binds authenticators of one method."""

    authenticators: AuthenticatorStore
    accounts: AccountStore
    sessions: SessionStore
    resets: ResetStore
    recovery_codes: RecoveryCodeStore
    events: EventLog
    transactions: Transactions
    cipher: SecretCipher
    method: Method

    def begin(
        self,
        caller: Caller,
        occasion: Occasion,
        *,
        phone: str,
        same_phone: bool,
        replaces: str | None = None,
    ) -> PendingOffer:
        """
        Return the offer of a new authenticator, or this sign-in's own once more.

        It is to take the place and the name of the one that it *replaces*; without that it is
        the first or one more. After a recovery code it takes the place of all, if they are
        disabled. Another sign-in's pending authenticator gives way. At most three
        DynamoDB calls and one to KMS.

        Raises:
            ResetCodeRequiredError: The help desk has reset the second factor, and this
                session has not given the code that they said.
            AuthenticatorDisabledError: Only a recovery code or a reset opens enrolment again.
            VerificationRequiredError: An authenticator is active and this session
                has not used it.
            NotFoundError: The user has no authenticator of the id *replaces*.
            TooManyAuthenticatorsError: There is no room for one more.
            ReauthenticationRequiredError: The password was proven too long ago.
            TooManyAttemptsError: Today's steps with authenticators are taken.
            NotSignedInError: Authenticators were changed or reset meanwhile.
            SessionReplacedError: The session was replaced or ended meanwhile.
            ConditionRefusedError: This sign-in began and cancelled beside itself: ask again.
        """
        session, now = caller.session, occasion.now
        place = self._place(caller, replaces)
        again = self._offer_again(caller, place, phone=phone, same_phone=same_phone, now=now)
        if again is not None:
            return again
        if not session.password_is_fresh(now=now):
            raise ReauthenticationRequiredError
        caller.user.require_step_left(now=now)
        authenticator_id = secrets.token_hex(16)
        secret = self.method.draw_secret()
        pending = PendingAuthenticator(
            authenticator_id=authenticator_id,
            method=self.method.name,
            name=place.name,
            sign_in_id=session.sign_in_id,
            sealed=self.cipher.seal(
                secret,
                caller.owner.seal_context(authenticator_id, SEAL_VERSION),
                key_arn=caller.tenant.secret_key_arn,
            ),
            phone=phone,
            same_phone=same_phone,
            begun_at=now,
            expires_at=now + PENDING_SECONDS,
            epoch=caller.user.epoch,
            replaces=place.replaces,
            is_further=place.is_further,
        )
        # Lists tell of a first attempt; of a reset they tell until it is made good.
        status = BEGUN if caller.user.status == NOT_ENROLLED else None
        try:
            self.transactions.commit(
                self.authenticators.begun(caller.owner, pending),
                self.sessions.pending_until_set(session, pending.expires_at),
                self.accounts.step_taken(caller.user, now=now, status=status),
                self.events.recorded(occasion.event(ENROLMENT_BEGUN, session, subject=authenticator_id)),
            )
        except SessionReplacedError:
            raise
        except ConditionRefusedError:
            # The same sign-in began beside us, in another tab: its key is the one.
            again = self._offer_again(caller, place, phone=phone, same_phone=same_phone, now=now)
            if again is None:
                raise
            return again
        return PendingOffer(pending=pending, offer=self._made(secret, caller))

    def offer(self, caller: Caller, *, now: int) -> PendingOffer:
        """
        Return the same offer again: same key, same QR code.

        Raises:
            EnrolmentNotBegunError: This sign-in has begun nothing.
            EnrolmentReplacedError: Another sign-in began its own.
            EnrolmentAlreadyConfirmedError: It is active by now and never shown again.
            EnrolmentExpiredError: It waited too long.
            EnrolmentAttemptsExhaustedError: Too many wrong codes.
        """
        pending = self.authenticators.pending(caller.owner)
        if pending is None:
            raise self._why_nothing_waits(caller)
        if pending.sign_in_id != caller.session.sign_in_id:
            raise EnrolmentReplacedError
        if pending.expires_at < now:
            raise EnrolmentExpiredError
        if not pending.is_confirmable(now=now):
            raise EnrolmentAttemptsExhaustedError
        return self._offer(caller, pending)

    def cancel(self, caller: Caller, occasion: Occasion) -> None:
        """
        Drop what this sign-in has begun, if anything; nothing else changes.

        Raises:
            SessionReplacedError: The session was replaced or ended meanwhile.
        """
        session = caller.session
        try:
            self.transactions.commit(
                self.authenticators.cancelled(caller.owner, sign_in_id=session.sign_in_id),
                self.sessions.pending_until_set(session, None),
                self.events.recorded(occasion.event(ENROLMENT_CANCELLED, session)),
            )
        except SessionReplacedError:
            raise
        except ConditionRefusedError:
            return  # nothing of ours waits: cancelled before, replaced or confirmed

    def confirm(self, caller: Caller, occasion: Occasion, *, otp: OneTimePassword) -> Continuation:
        """
        Bind the authenticator that *otp* proves, and return a fully verified session.

        The attempt is counted before it is looked at. One transaction then makes it
        active with its time step spent, revokes what it replaces, makes good a reset and ends
        every other session and remembered browser; a fault leaves all of it done or none.

        Raises:
            EnrolmentNotBegunError, EnrolmentReplacedError, EnrolmentExpiredError,
            EnrolmentAttemptsExhaustedError, EnrolmentAlreadyConfirmedError: Nothing
                waits here that could be confirmed, or it no longer did when it was to be.
            ClockSkewError: The code is right for another time: the phone's clock is off.
            OtpMismatchError: The code is wrong.
            TooManyAttemptsError: Today's steps with authenticators are taken; nothing was counted.
            SessionReplacedError: The session was replaced or changed meanwhile, perhaps by this
                very request.
            ServiceUnavailableError: The attempt stays counted. Whether it was confirmed the same
                request tells when it is asked again.
        """
        session, owner, now = caller.session, caller.owner, occasion.now
        caller.user.require_step_left(now=now)
        try:
            pending = self.authenticators.reserve_confirmation(
                owner, sign_in_id=session.sign_in_id, now=now
            )
        except EnrolmentNotBegunError as error:
            raise self._why_nothing_waits(caller) from error
        time_step = self._proven_step(self._open(owner, pending), otp, caller.profile, now=now)
        entry = Authenticator(
            authenticator_id=pending.authenticator_id,
            name=pending.name,
            sealed=pending.sealed,
            last_accepted_time_step=time_step,
            bound_at=now,
            last_used_at=now,
        )
        # The password proof is spent with what it was given for.
        rotation = rotate(
            caller.opened,
            now=now,
            epoch=pending.epoch + 1,
            verified_at=now,
            verified_by=CODE,
            enrolled_at=now if self._needs_recovery_codes(caller) else None,
            reset_proven_at=None,
            reauthenticated_at=None,
            pending_until=None,
        )
        user = replace(caller.user, status=ENROLLED, epoch=pending.epoch + 1, reset_pending=False)
        answer = Standing(
            caller=replace(caller, opened=rotation.successor, user=user),
            bound=BoundAuthenticators(
                method=pending.method, is_disabled=False, consecutive_failures=0, entries=(entry,)
            ),
        ).as_json()
        told = [
            occasion.event(AUTHENTICATOR_BOUND, session, subject=entry.authenticator_id),
            *(
                occasion.event(AUTHENTICATOR_REVOKED, session, subject=revoked)
                for revoked in self._revoked_by(owner, pending)
            ),
        ]
        self.transactions.commit(
            *self.authenticators.confirmed(owner, pending, entry, now=now),
            self.accounts.second_factor_changed(caller.user, epoch=pending.epoch, step_at=now),
            *([self.resets.spent(owner)] if caller.user.reset_pending else []),
            *self.sessions.rotated(rotation, request_hash=occasion.request_hash, answer=answer, now=now),
            *[self.events.recorded(event) for event in told],
        )
        return Continuation(opened=rotation.successor, standing=answer)

    def _place(self, caller: Caller, replaces: str | None) -> Place:
        """Return where a new authenticator would go, if the caller's session opens that at all."""
        session = caller.session
        if caller.user.reset_pending and session.reset_proven_at is None:
            raise ResetCodeRequiredError
        usual_name = self.method.default_authenticator_name
        bound = self.authenticators.bound(caller.owner, self.method.name)
        if bound is None:
            if replaces is not None:
                raise NotFoundError
            return Place(name=usual_name)
        if bound.is_disabled and session.verified_by != RECOVERY_CODE:
            raise AuthenticatorDisabledError
        if not session.has_proven_factor:
            raise VerificationRequiredError
        replaced = None if replaces is None else bound.entry(replaces)
        if replaces is not None and replaced is None:
            raise NotFoundError
        if bound.is_disabled:
            return Place(name=replaced.name if replaced else usual_name, replaces=ALL)
        if replaced is not None:
            return Place(name=replaced.name, replaces=replaced.authenticator_id)
        if len(bound.entries) >= MOST_AUTHENTICATORS:
            raise TooManyAuthenticatorsError
        names = {entry.name for entry in bound.entries}
        return Place(name=free_name(usual_name, taken=names), is_further=True)

    def _revoked_by(self, owner: Owner, pending: PendingAuthenticator) -> tuple[str, ...]:
        if pending.replaces is None:
            return ()
        if pending.replaces != ALL:
            return (pending.replaces,)
        # None can come or go before the commit: that would raise the epoch, which it holds.
        bound = self.authenticators.bound(owner, pending.method)
        return tuple(entry.authenticator_id for entry in bound.entries) if bound else ()

    def _offer_again(
        self, caller: Caller, place: Place, *, phone: str, same_phone: bool, now: int
    ) -> PendingOffer | None:
        # What was begun goes on after the five minutes; to have it replace another takes the password.
        pending = self.authenticators.offer_again(
            caller.owner,
            sign_in_id=caller.session.sign_in_id,
            phone=phone,
            same_phone=same_phone,
            place=place,
            may_move=caller.session.password_is_fresh(now=now),
            now=now,
        )
        return None if pending is None else self._offer(caller, pending)

    def _offer(self, caller: Caller, pending: PendingAuthenticator) -> PendingOffer:
        secret = self._open(caller.owner, pending)
        return PendingOffer(pending=pending, offer=self._made(secret, caller))

    def _made(self, secret: SharedSecret, caller: Caller) -> Offer:
        return self.method.offer(secret, issuer=caller.profile.issuer, account_name=caller.user.username)

    def _open(self, owner: Owner, pending: PendingAuthenticator) -> SharedSecret:
        context = owner.seal_context(pending.authenticator_id, pending.sealed.version)
        return self.cipher.open(pending.sealed, context)

    def _proven_step(
        self, secret: SharedSecret, otp: OneTimePassword, profile: Profile, *, now: int
    ) -> int:
        try:
            return self.method.match(secret, otp, at_epoch_seconds=now, strict=profile.strict_window)
        except OtpMismatchError:
            drift_seconds = self.method.drift_seconds(secret, otp, at_epoch_seconds=now)
            raise ClockSkewError(drift_seconds=drift_seconds) from None

    def _why_nothing_waits(self, caller: Caller) -> EnrolmentError:
        if caller.session.is_verified and self.authenticators.bound(caller.owner, self.method.name):
            return EnrolmentAlreadyConfirmedError()
        return EnrolmentNotBegunError()

    def _needs_recovery_codes(self, caller: Caller) -> bool:
        """Say whether a set of codes is the next step: not where one that is kept stays in force."""
        if caller.user.recovery_set is None:
            return True
        if caller.session.verified_by == RECOVERY_CODE:
            return True  # one of it is spent, and the rest may be lost too
        codes = self.recovery_codes.current(caller.owner)
        # Made and never said to be kept, be it in a sign-in of long ago: nobody may have it.
        return codes is None or codes.acknowledged_at is None or codes.is_disabled
