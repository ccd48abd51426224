"""The `RecoveryCodeStore` double."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.errors import (
    ConditionRefusedError,
    RecoveryCodesDisabledError,
    RecoveryCodesReplacedError,
    TooManyAttemptsError,
    TwoFactorError,
)
from chalicelib.recovery_codes.record import RecoveryCodes, RecoveryReservation, StoredCode
from chalicelib.storage.changes import Change
from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    RECOVERY_SETS_PER_DAY,
    day_of,
    end_of_month_epoch_seconds,
    month_of,
)
from tests.support.memory.transactions import MemoryTransactions, MemoryWrite


@dataclass
class _Row:
    codes: RecoveryCodes | None = None
    is_disabled: bool = False
    consecutive_failures: int = 0
    last_attempt_at: int = 0
    accepted_attempt: str | None = None
    failures_by_month: dict[str, int] = field(default_factory=dict)
    made_by_day: dict[str, int] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.is_disabled or OTP_LADDER.disables(self.consecutive_failures)

    def read(self) -> RecoveryCodes | None:
        if self.codes is None:
            return None
        return replace(self.codes, is_disabled=self.has_ended, made_by_day=dict(self.made_by_day))


class MemoryRecoveryCodes:
    """The `RecoveryCodeStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._rows: dict[Owner, _Row] = {}

    def current(self, owner: Owner) -> RecoveryCodes | None:
        with self._lock:
            row = self._rows.get(owner)
            return None if row is None else row.read()

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
        today = day_of(now)

        def is_as_said() -> bool:
            row = self._rows.get(owner)
            has_room = row is None or row.made_by_day.get(today, 0) < RECOVERY_SETS_PER_DAY
            return has_room and (row is not None and row.has_ended) is reopens

        def take_effect() -> None:
            row = self._rows.setdefault(owner, _Row())
            if reopens:
                row.is_disabled, row.consecutive_failures = False, 0
            row.made_by_day[today] = row.made_by_day.get(today, 0) + 1
            for past in past_days:
                row.made_by_day.pop(past, None)
            row.codes = RecoveryCodes(
                set_id=set_id,
                made_at=now,
                acknowledged_at=None,
                is_disabled=False,
                left=len(code_hashes),
                codes={
                    letter: StoredCode(code_hash=code_hash) for letter, code_hash in code_hashes.items()
                },
            )

        return self._change(owner, is_as_said, take_effect)

    def acknowledged(self, owner: Owner, set_id: str, *, now: int) -> Change:
        def waits() -> bool:
            codes = self.current(owner)
            return codes is not None and codes.set_id == set_id and codes.acknowledged_at is None

        def take_effect() -> None:
            row = self._rows[owner]
            assert row.codes is not None
            row.codes = replace(row.codes, acknowledged_at=now)

        return self._change(owner, waits, take_effect, refused=RecoveryCodesReplacedError())

    def reserve_attempt(self, owner: Owner, attempt: Attempt) -> RecoveryReservation:
        now = attempt.made_at
        month = month_of(now)
        with self._lock:
            row = self._rows.get(owner) or _Row()
            was_accepted = row.accepted_attempt == attempt.digest
            if not was_accepted:
                _refuse_unless_due(row, now=now)
                self._rows[owner] = row
                row.last_attempt_at = now
                row.consecutive_failures += 1
                row.failures_by_month[month] = row.failures_by_month.get(month, 0) + 1
            return RecoveryReservation(
                attempt=attempt,
                month=month,
                codes=row.read(),
                consecutive_failures=row.consecutive_failures,
                was_accepted=was_accepted,
                past_months=tuple(past for past in row.failures_by_month if past != month),
            )

    def spent(
        self, owner: Owner, reservation: RecoveryReservation, codes: RecoveryCodes, letter: str
    ) -> Change:
        def is_unspent() -> bool:
            row = self._rows.get(owner)
            now_stored = row.codes if row else None
            return (
                row is not None
                and not row.is_disabled
                and now_stored is not None
                and (now_stored.set_id, now_stored.left) == (codes.set_id, codes.left)
                and letter in now_stored.codes
                and now_stored.codes[letter].used_at is None
            )

        def take_effect() -> None:
            row, attempt = self._rows[owner], reservation.attempt
            assert row.codes is not None
            used = replace(row.codes.codes[letter], used_at=attempt.made_at)
            row.codes = replace(row.codes, left=row.codes.left - 1, codes={**row.codes.codes, letter: used})
            row.consecutive_failures = 0
            row.accepted_attempt = attempt.digest
            row.failures_by_month[reservation.month] = row.failures_by_month.get(reservation.month, 0) - 1
            for past in reservation.past_months:
                row.failures_by_month.pop(past, None)

        return self._change(owner, is_unspent, take_effect)

    def take_back(self, owner: Owner, reservation: RecoveryReservation) -> None:
        with self._lock:
            row = self._rows.get(owner)
            if row is not None and row.accepted_attempt == reservation.attempt.digest:
                counted = row.failures_by_month.get(reservation.month, 0)
                row.failures_by_month[reservation.month] = counted - 1

    def disabled(self, owner: Owner) -> Change:
        def is_at_the_end() -> bool:
            row = self._rows.get(owner)
            return (
                row is not None
                and row.codes is not None
                and not row.is_disabled
                and OTP_LADDER.disables(row.consecutive_failures)
            )

        def take_effect() -> None:
            self._rows[owner].is_disabled = True

        return self._change(owner, is_at_the_end, take_effect)

    def unlocked(self, owner: Owner, *, month: str) -> Change:
        def is_open() -> bool:
            row = self._rows.get(owner)
            return row is not None and not row.has_ended

        def take_effect() -> None:
            row = self._rows[owner]
            row.consecutive_failures = 0
            row.failures_by_month.pop(month, None)

        return self._change(owner, is_open, take_effect)

    def voided(self, owner: Owner) -> Change:
        def take_effect() -> None:
            self._rows.pop(owner, None)

        return self._change(owner, lambda: True, take_effect)

    @staticmethod
    def _change(
        owner: Owner,
        allowed: Callable[[], bool],
        take_effect: Callable[[], None],
        *,
        refused: TwoFactorError | None = None,
    ) -> Change:
        write = MemoryWrite(("recovery", owner.tenant_id, owner.user_id), allowed, take_effect)
        return Change(write, refused or ConditionRefusedError())


def _refuse_unless_due(row: _Row, *, now: int) -> None:
    failures = row.consecutive_failures
    if row.has_ended:
        raise RecoveryCodesDisabledError
    retry_at = row.last_attempt_at + OTP_LADDER.wait_seconds(failures)
    is_due = OTP_LADDER.allows(
        consecutive_failures=failures, seconds_since_last_attempt=now - row.last_attempt_at
    )
    if row.failures_by_month.get(month_of(now), 0) >= OTP_FAILURES_PER_MONTH:
        is_due = False
        retry_at = max(retry_at, end_of_month_epoch_seconds(now))
    if not is_due:
        raise TooManyAttemptsError(retry_at_epoch_seconds=max(retry_at, now + 1))
