"""
Recovery codes: made, acknowledged, and spent by reserve, compare and commit, in that order.

A set is shown once and never kept in clear. Whoever lost the answer makes another, which
voids the one before: nothing has to be remembered for it. *Reserve* counts the attempt
before its code is looked at; *compare* is exactly one Argon2id, whatever there is to compare
with; *commit* spends the code, raises the session and tells of it, all or nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import (
    RECOVERY_CODE_USED,
    RECOVERY_CODES_ACKNOWLEDGED,
    RECOVERY_CODES_DISABLED,
    RECOVERY_CODES_MADE,
    EventLog,
)
from chalicelib.authenticators.record import Attempt
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    NotEnrolledError,
    NotFoundError,
    ReauthenticationRequiredError,
    RecoveryCodeMismatchError,
    RecoveryCodesDisabledError,
    RecoveryCodesReplacedError,
    RecoveryCodeUsedError,
    ServiceUnavailableError,
    TooManyAttemptsError,
    VerificationRequiredError,
)
from chalicelib.recovery.code import RecoveryCode, draw_recovery_codes
from chalicelib.recovery_codes.record import LETTERS, RecoveryCodes, RecoveryReservation
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.sessions.session import RECOVERY_CODE, OpenSession, rotate
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from chalicelib.slow_hash import is_slow_hash_of, slow_hash
from chalicelib.standing import Continuation, Standing, find_own_pending, find_standing
from chalicelib.storage.changes import Change, Transactions
from chalicelib.throttle import OTP_LADDER, day_of, end_of_day_epoch_seconds, month_of


@dataclass(frozen=True, kw_only=True)
class NewRecoveryCodes:
    """A set as its owner sees it, this once."""

    set_id: str
    codes: tuple[RecoveryCode, ...]
    made_at: int


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """
    Gives users their recovery codes, and takes them.

    *hash_code* and *is_hash_of* are Argon2id, but for tests that count them.
    """

    recovery_codes: RecoveryCodeStore
    authenticators: AuthenticatorStore
    accounts: AccountStore
    sessions: SessionStore
    events: EventLog
    transactions: Transactions
    method: str
    draw: Callable[[], tuple[RecoveryCode, ...]] = draw_recovery_codes
    hash_code: Callable[[str], str] = slow_hash
    is_hash_of: Callable[[str | None, str], bool] = is_slow_hash_of

    def make(self, caller: Caller, occasion: Occasion) -> NewRecoveryCodes:
        """
        Return a new set of codes, which takes the place of any other.

        Once a new authenticator is bound, its sign-in needs no fresh password until the
        set is acknowledged. One transaction; a fault leaves the old set or the new one.

        Raises:
            NotFoundError: The tenant's users get no recovery codes.
            NotEnrolledError: There is no authenticator that they would stand for.
            AuthenticatorDisabledError: It is disabled: a new one comes first.
            VerificationRequiredError: This session has not proven its second factor.
            ReauthenticationRequiredError: The password was proven too long ago; or it need not
                have been, and the session was replaced, ended or acknowledged meanwhile.
            TooManyAttemptsError: So many sets were made today that the next is made tomorrow (UTC).
            NotSignedInError: Authenticators were changed or reset meanwhile.
            SessionReplacedError: The session was replaced or ended meanwhile.
            ServiceUnavailableError: The codes were disabled and opened under our hands, or it is
                not known whether a set was made.
        """
        session, owner, now = caller.session, caller.owner, occasion.now
        _require_offered(caller)
        bound = self.authenticators.bound(owner, self.method)
        if bound is None:
            raise NotEnrolledError
        if bound.is_disabled:
            raise AuthenticatorDisabledError
        if not session.has_proven_factor:
            raise VerificationRequiredError
        is_fresh = session.password_is_fresh(now=now)
        if not is_fresh and session.enrolled_at is None:
            raise ReauthenticationRequiredError
        before = self._before_another(caller, now=now)  # nothing is hashed for a set that is one too many
        past_days = [] if before is None else [day for day in before.made_by_day if day != day_of(now)]
        codes = self.draw()
        code_hashes = {code.letter: self.hash_code(code.text) for code in codes}
        set_id = secrets.token_hex(16)
        # A set that attempts have disabled is opened by the next one; which it is the condition says.
        for reopens in (False, True):
            with suppress(_OtherStateError):
                self._commit_or_other_state(
                    self.sessions.used(session, awaiting_codes=not is_fresh, now=now),
                    self.accounts.recovery_set_noted(caller.user, set_id),
                    self.recovery_codes.made(
                        owner, set_id, code_hashes, reopens=reopens, now=now, past_days=past_days
                    ),
                    self.events.recorded(occasion.event(RECOVERY_CODES_MADE, session, subject=set_id)),
                )
                return NewRecoveryCodes(set_id=set_id, codes=codes, made_at=now)
        self._before_another(caller, now=now)  # others, made beside this one, may have been the day's last
        raise ServiceUnavailableError

    def _before_another(self, caller: Caller, *, now: int) -> RecoveryCodes | None:
        codes = self.recovery_codes.current(caller.owner)
        if codes is not None and codes.has_reached_day_cap(now=now):
            raise TooManyAttemptsError(retry_at_epoch_seconds=end_of_day_epoch_seconds(now))
        return codes

    def acknowledge(self, caller: Caller, occasion: Occasion, *, set_id: str) -> Standing:
        """
        Note that the user keeps the set of that id, and return where they stand.

        Doing so again changes nothing. One transaction.

        Raises:
            NotFoundError: The tenant's users get no recovery codes.
            VerificationRequiredError: This session has not proven its second factor.
            RecoveryCodesReplacedError: It is not the set in force.
            SessionReplacedError: The session was replaced or ended meanwhile.
        """
        session, owner, now = caller.session, caller.owner, occasion.now
        _require_offered(caller)
        if not session.has_proven_factor:
            raise VerificationRequiredError
        no_longer_due = self.sessions.codes_acknowledged(session)
        try:
            self.transactions.commit(
                no_longer_due,
                self.recovery_codes.acknowledged(owner, set_id, now=now),
                self.events.recorded(occasion.event(RECOVERY_CODES_ACKNOWLEDGED, session, subject=set_id)),
            )
        except RecoveryCodesReplacedError:
            codes = self.recovery_codes.current(owner)
            if codes is None or codes.set_id != set_id:
                raise
            # It was noted before, in an answer that was lost or from another sign-in.
            self.transactions.commit(no_longer_due)
        opened = OpenSession(
            session_id=caller.opened.session_id, session=replace(session, enrolled_at=None)
        )
        caller = replace(caller, opened=opened)
        return find_standing(self.authenticators, caller, method=self.method, now=now)

    def spend(self, caller: Caller, occasion: Occasion, *, code: RecoveryCode) -> Continuation:
        """
        Spend *code*, exactly once, and return the session's fully verified successor.

        The counters of the authenticators stay as they are, but for a month's cap that has
        been reached: it is opened. Whether or not there is a code of that letter, or any, is
        the same work.

        Raises:
            NotFoundError: The tenant's users get no recovery codes.
            TooManyAttemptsError: The next attempt is not due; nothing was counted.
            RecoveryCodesDisabledError: Too many failures in a row; only a new set or a reset helps.
            RecoveryCodeMismatchError: It is none of the codes in force; the attempt stays counted.
            RecoveryCodeUsedError: It was spent before; the attempt stays counted too.
            SessionReplacedError: The session was replaced meanwhile, perhaps by this very request.
            ServiceUnavailableError: The attempt stays counted. Whether the code was spent
                the same request tells when it is asked again.
        """
        _require_offered(caller)
        session, owner = caller.session, caller.owner
        attempt = Attempt(
            caller=session.session_key,
            attempt_id=occasion.request_hash,
            made_at=occasion.now,
            request_id=occasion.request_id,
            reference=session.reference,
        )
        try:
            reservation = self.recovery_codes.reserve_attempt(owner, attempt)
        except RecoveryCodesDisabledError:
            # The count alone ends it; a fault may have kept the mark and its event from being written.
            self._disable(caller, occasion)
            raise
        if reservation.was_accepted:
            raise SessionReplacedError  # in the same transaction, by this very request
        codes = reservation.codes
        stored = codes.codes.get(code.letter) if codes else None
        is_right = self.is_hash_of(stored.code_hash if stored else None, code.text)
        if codes is None or stored is None or not is_right or stored.used_at is not None:
            if OTP_LADDER.disables(reservation.consecutive_failures):
                self._disable(caller, occasion)
                raise RecoveryCodesDisabledError
            raise RecoveryCodeUsedError if is_right else RecoveryCodeMismatchError
        return self._commit(caller, occasion, reservation, codes, code.letter)

    def _commit(
        self,
        caller: Caller,
        occasion: Occasion,
        reservation: RecoveryReservation,
        codes: RecoveryCodes,
        letter: str,
    ) -> Continuation:
        session, owner, now = caller.session, caller.owner, occasion.now
        pending = None
        if session.pending_until is not None:
            pending = find_own_pending(self.authenticators, caller, now=now)
        rotation = rotate(caller.opened, now=now, verified_at=now, verified_by=RECOVERY_CODE)
        successor = replace(caller, opened=rotation.successor)
        # Codes spent at the same moment each say how many are left: the later one counts anew.
        for _ in LETTERS:
            bound = self.authenticators.bound(owner, self.method)
            left = codes.left - 1
            standing = Standing(caller=successor, bound=bound, pending=pending).as_json()
            answer = standing | {"recovery_codes_left": left}
            event = occasion.event(
                RECOVERY_CODE_USED, session, subject=codes.set_id, details={"left": str(left)}
            )
            opened_month: list[Change] = []
            if bound is not None and bound.has_reached_month_cap(now=now):
                opened_month = [self.authenticators.month_opened(owner, self.method, month_of(now))]
            try:
                self._commit_or_other_state(
                    *self.sessions.rotated(
                        rotation, request_hash=occasion.request_hash, answer=answer, now=now
                    ),
                    self.recovery_codes.spent(owner, reservation, codes, letter),
                    *opened_month,
                    self.events.recorded(event),
                )
            except SessionReplacedError:
                # The same request may have run beside itself: its second count goes.
                self.recovery_codes.take_back(owner, reservation)
                raise
            except _OtherStateError:
                codes = self._still_to_spend(caller, codes, letter)
            else:
                return Continuation(opened=rotation.successor, standing=answer)
        raise ServiceUnavailableError

    def _still_to_spend(self, caller: Caller, before: RecoveryCodes, letter: str) -> RecoveryCodes:
        codes = self.recovery_codes.current(caller.owner)
        if codes is None or codes.set_id != before.set_id:
            raise RecoveryCodeMismatchError  # a newer set came in between, or a reset
        if codes.is_disabled:
            raise RecoveryCodesDisabledError
        if codes.codes[letter].used_at is not None:
            raise RecoveryCodeUsedError
        return codes

    def _commit_or_other_state(self, *changes: Change) -> None:
        try:
            self.transactions.commit(*changes)
        except SessionReplacedError:
            raise
        except ConditionRefusedError as error:
            raise _OtherStateError from error

    def _disable(self, caller: Caller, occasion: Occasion) -> None:
        event = occasion.event(RECOVERY_CODES_DISABLED, caller.session)
        with suppress(ConditionRefusedError):  # they are disabled already, or there are none to tell of
            self.transactions.commit(
                self.recovery_codes.disabled(caller.owner), self.events.recorded(event)
            )


class _OtherStateError(Exception):
    """What is stored is not as it was read: look again."""


def _require_offered(caller: Caller) -> None:
    if not caller.profile.recovery_codes:
        raise NotFoundError
