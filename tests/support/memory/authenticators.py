"""The in-memory double of authenticators, those that wait and those that are bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.authenticators.record import (
    ALL,
    MOST_AUTHENTICATORS,
    Attempt,
    Authenticator,
    BoundAuthenticators,
    Owner,
    PendingAuthenticator,
    Place,
    Reservation,
)
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    EnrolmentAttemptsExhaustedError,
    EnrolmentExpiredError,
    EnrolmentNotBegunError,
    EnrolmentReplacedError,
    NotEnrolledError,
    OtpAlreadyUsedError,
    OtpMismatchError,
    TooManyAttemptsError,
    TwoFactorError,
)
from chalicelib.storage.changes import Change
from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    UNLOCKS_PER_MONTH,
    end_of_month_epoch_seconds,
    month_of,
)
from tests.support.memory.transactions import MemoryTransactions, MemoryWrite


@dataclass
class _BoundRow:
    entries: dict[str, Authenticator]
    is_disabled: bool = False
    consecutive_failures: int = 0
    last_attempt_at: int = 0
    accepted_attempt: str | None = None
    failures_by_month: dict[str, int] = field(default_factory=dict)
    unlocks_by_month: dict[str, int] = field(default_factory=dict)

    def read(self, method: str) -> BoundAuthenticators:
        return BoundAuthenticators(
            method=method,
            is_disabled=self.is_disabled or OTP_LADDER.disables(self.consecutive_failures),
            consecutive_failures=self.consecutive_failures,
            entries=tuple(self.entries.values()),
            last_attempt_at=self.last_attempt_at,
            failures_by_month=dict(self.failures_by_month),
            unlocks_by_month=dict(self.unlocks_by_month),
        )


class MemoryAuthenticators:
    """The `AuthenticatorStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._pending: dict[Owner, PendingAuthenticator] = {}
        self._bound: dict[tuple[Owner, str], _BoundRow] = {}

    # -- what waits to be confirmed

    def pending(self, owner: Owner) -> PendingAuthenticator | None:
        with self._lock:
            return self._pending.get(owner)

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
        with self._lock:
            pending = self._pending.get(owner)
            if pending is None or pending.sign_in_id != sign_in_id or not pending.is_confirmable(now=now):
                return None
            if may_move:
                pending = replace(
                    pending, name=place.name, replaces=place.replaces, is_further=place.is_further
                )
            elif _goes_elsewhere(pending, place):
                return None
            self._pending[owner] = replace(pending, phone=phone, same_phone=same_phone)
            return self._pending[owner]

    def begun(self, owner: Owner, pending: PendingAuthenticator) -> Change:
        def gives_way() -> bool:
            waiting = self._pending.get(owner)
            return (
                waiting is None
                or waiting.sign_in_id != pending.sign_in_id
                or not waiting.is_confirmable(now=pending.begun_at)
            )

        def take_effect() -> None:
            self._pending[owner] = pending

        return self._pending_change(owner, gives_way, take_effect, refused=ConditionRefusedError())

    def cancelled(self, owner: Owner, *, sign_in_id: str) -> Change:
        def is_own() -> bool:
            waiting = self._pending.get(owner)
            return waiting is not None and waiting.sign_in_id == sign_in_id

        return self._pending_change(
            owner, is_own, lambda: _forget(self._pending, owner), refused=ConditionRefusedError()
        )

    def reserve_confirmation(self, owner: Owner, *, sign_in_id: str, now: int) -> PendingAuthenticator:
        with self._lock:
            pending = self._pending.get(owner)
            if pending is None:
                raise EnrolmentNotBegunError
            if pending.sign_in_id != sign_in_id:
                raise EnrolmentReplacedError
            if pending.expires_at < now:
                raise EnrolmentExpiredError
            if not pending.is_confirmable(now=now):
                raise EnrolmentAttemptsExhaustedError
            self._pending[owner] = replace(pending, attempts=pending.attempts + 1)
            return self._pending[owner]

    def confirmed(
        self, owner: Owner, pending: PendingAuthenticator, entry: Authenticator, *, now: int
    ) -> tuple[Change, ...]:
        def still_waits() -> bool:
            waiting = self._pending.get(owner)
            return (
                waiting is not None
                and waiting.authenticator_id == pending.authenticator_id
                and waiting.expires_at >= now
                and not _goes_elsewhere(waiting, pending.place)
            )

        gone = self._pending_change(
            owner, still_waits, lambda: _forget(self._pending, owner), refused=EnrolmentReplacedError()
        )
        return gone, self._entry_bound(owner, pending, entry)

    def _entry_bound(self, owner: Owner, pending: PendingAuthenticator, entry: Authenticator) -> Change:
        key, old = (owner, pending.method), pending.replaces

        def place_is_as_asked() -> bool:
            row = self._bound.get(key)
            if row is None:
                return old is None and not pending.is_further
            if row.read(pending.method).is_disabled:
                return old == ALL
            return len(row.entries) < MOST_AUTHENTICATORS if pending.is_further else old in row.entries

        def take_effect() -> None:
            if not pending.is_further and old in {None, ALL}:
                self._bound[key] = _BoundRow({entry.authenticator_id: entry})
                return
            entries = self._bound[key].entries
            if old is not None:
                del entries[old]
            entries[entry.authenticator_id] = entry

        return Change(
            MemoryWrite(("bound", owner.tenant_id, owner.user_id), place_is_as_asked, take_effect),
            EnrolmentReplacedError(),
        )

    @staticmethod
    def _pending_change(
        owner: Owner,
        allowed: Callable[[], bool],
        take_effect: Callable[[], None],
        *,
        refused: TwoFactorError,
    ) -> Change:
        return Change(
            MemoryWrite(("pending", owner.tenant_id, owner.user_id), allowed, take_effect), refused
        )

    def imported(self, owner: Owner, method: str, entry: Authenticator) -> Change:
        key = (owner, method)

        def take_effect() -> None:
            self._bound[key] = _BoundRow({entry.authenticator_id: entry})

        return Change(
            MemoryWrite(
                ("bound", owner.tenant_id, owner.user_id), lambda: key not in self._bound, take_effect
            ),
            ConditionRefusedError(),
        )

    # -- what is bound

    def bound(self, owner: Owner, method: str) -> BoundAuthenticators | None:
        with self._lock:
            row = self._bound.get((owner, method))
            return None if row is None else row.read(method)

    def reserve_attempt(self, owner: Owner, method: str, attempt: Attempt) -> Reservation:
        now = attempt.made_at
        month = month_of(now)
        with self._lock:
            row = self._bound.get((owner, method))
            if row is None:
                raise NotEnrolledError
            if row.accepted_attempt == attempt.digest:
                return Reservation(attempt=attempt, month=month, bound=row.read(method), was_accepted=True)
            self._refuse_unless_due(row, now=now)
            row.last_attempt_at = now
            row.consecutive_failures += 1
            row.failures_by_month[month] = row.failures_by_month.get(month, 0) + 1
            return Reservation(
                attempt=attempt,
                month=month,
                past_months=tuple(sorted((row.failures_by_month | row.unlocks_by_month).keys() - {month})),
                bound=row.read(method),
                was_accepted=False,
            )

    @staticmethod
    def _refuse_unless_due(row: _BoundRow, *, now: int) -> None:
        failures = row.consecutive_failures
        if row.is_disabled or OTP_LADDER.disables(failures):
            raise AuthenticatorDisabledError
        retry_at = row.last_attempt_at + OTP_LADDER.wait_seconds(failures)
        is_due = OTP_LADDER.allows(
            consecutive_failures=failures, seconds_since_last_attempt=now - row.last_attempt_at
        )
        if row.failures_by_month.get(month_of(now), 0) >= OTP_FAILURES_PER_MONTH:
            is_due = False
            retry_at = max(retry_at, end_of_month_epoch_seconds(now))
        if not is_due:
            raise TooManyAttemptsError(retry_at_epoch_seconds=max(retry_at, now + 1))

    def accept_attempt(
        self, owner: Owner, reservation: Reservation, authenticator_id: str, *, time_step: int
    ) -> BoundAuthenticators:
        method, attempt = reservation.bound.method, reservation.attempt
        with self._lock:
            row = self._bound.get((owner, method))
            entry = row.entries.get(authenticator_id) if row else None
            if (
                row is None
                or entry is None
                or row.is_disabled
                or entry.last_accepted_time_step >= time_step
            ):
                if row is not None and row.accepted_attempt == attempt.digest:
                    row.failures_by_month[reservation.month] -= 1
                    return row.read(method)
                raise _why_not_accepted(row, entry)
            row.entries[authenticator_id] = replace(
                entry, last_accepted_time_step=time_step, last_used_at=attempt.made_at
            )
            row.consecutive_failures = 0
            row.accepted_attempt = attempt.digest
            counted = row.failures_by_month.get(reservation.month, 0)
            row.failures_by_month[reservation.month] = counted - 1
            for past in reservation.past_months:
                row.failures_by_month.pop(past, None)
                row.unlocks_by_month.pop(past, None)
            return row.read(method)

    def disabled(self, owner: Owner, method: str) -> Change:
        def is_at_the_end() -> bool:
            row = self._bound.get((owner, method))
            return row is not None and not row.is_disabled and OTP_LADDER.disables(row.consecutive_failures)

        def take_effect() -> None:
            self._bound[owner, method].is_disabled = True

        return self._bound_change(owner, is_at_the_end, take_effect)

    # -- what its owner and the help desk change

    def renamed(self, owner: Owner, method: str, authenticator_id: str, *, name: str) -> Change:
        def is_called_otherwise() -> bool:
            entry = self._entry(owner, method, authenticator_id)
            return entry is not None and entry.name != name

        def take_effect() -> None:
            entries = self._bound[owner, method].entries
            entries[authenticator_id] = replace(entries[authenticator_id], name=name)

        return self._bound_change(owner, is_called_otherwise, take_effect)

    def removed(
        self, owner: Owner, method: str, authenticator_id: str, *, is_last: bool
    ) -> tuple[Change, ...]:
        def is_as_asked() -> bool:
            row = self._bound.get((owner, method))
            if row is None or row.read(method).is_disabled or authenticator_id not in row.entries:
                return False
            return (len(row.entries) == 1) is is_last

        def take_effect() -> None:
            if is_last:
                del self._bound[owner, method]
            else:
                del self._bound[owner, method].entries[authenticator_id]

        return self._bound_change(owner, is_as_asked, take_effect), self._nothing_pending(owner)

    def dropped(self, owner: Owner, method: str) -> tuple[Change, ...]:
        nothing_bound = self._bound_change(
            owner, lambda: True, lambda: _forget(self._bound, (owner, method))
        )
        return nothing_bound, self._nothing_pending(owner)

    def _nothing_pending(self, owner: Owner) -> Change:
        return self._pending_change(
            owner, lambda: True, lambda: _forget(self._pending, owner), refused=ConditionRefusedError()
        )

    def unlocked(self, owner: Owner, method: str, *, month: str) -> Change:
        def is_unlockable() -> bool:
            row = self._bound.get((owner, method))
            if row is None or row.read(method).is_disabled:
                return False
            return row.unlocks_by_month.get(month, 0) < UNLOCKS_PER_MONTH

        def take_effect() -> None:
            row = self._bound[owner, method]
            row.consecutive_failures = 0
            row.failures_by_month.pop(month, None)
            row.unlocks_by_month[month] = row.unlocks_by_month.get(month, 0) + 1

        return self._bound_change(owner, is_unlockable, take_effect, refused=AuthenticatorDisabledError())

    def month_opened(self, owner: Owner, method: str, month: str) -> Change:
        return self._bound_change(
            owner,
            lambda: (owner, method) in self._bound,
            lambda: _forget(self._bound[owner, method].failures_by_month, month),
        )

    def _entry(self, owner: Owner, method: str, authenticator_id: str) -> Authenticator | None:
        row = self._bound.get((owner, method))
        return row.entries.get(authenticator_id) if row else None

    @staticmethod
    def _bound_change(
        owner: Owner,
        allowed: Callable[[], bool],
        take_effect: Callable[[], None],
        *,
        refused: TwoFactorError | None = None,
    ) -> Change:
        write = MemoryWrite(("bound", owner.tenant_id, owner.user_id), allowed, take_effect)
        return Change(write, refused or ConditionRefusedError())


def _goes_elsewhere(pending: PendingAuthenticator, place: Place) -> bool:
    return (pending.replaces, pending.is_further) != (place.replaces, place.is_further)


def _why_not_accepted(row: _BoundRow | None, entry: Authenticator | None) -> TwoFactorError:
    if row is None or entry is None:
        return OtpMismatchError()
    return AuthenticatorDisabledError() if row.is_disabled else OtpAlreadyUsedError()


def _forget(rows: dict[Any, Any], key: object) -> None:
    rows.pop(key, None)
