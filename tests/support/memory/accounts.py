"""The in-memory double of accounts and of the attempts at their passwords."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.accounts.record import ENROLLED, User
from chalicelib.accounts.store import PasswordSubject, UserExistsError
from chalicelib.errors import (
    ConditionRefusedError,
    EnrolmentReplacedError,
    NotSignedInError,
    TooManyAttemptsError,
    TwoFactorError,
)
from chalicelib.storage.changes import Change
from chalicelib.throttle import (
    PASSWORD_LADDER,
    STEPS_PER_DAY,
    day_of,
)
from tests.support.memory.transactions import MemoryTransactions, MemoryWrite


@dataclass
class _PasswordAttempts:
    consecutive_failures: int = 0
    last_attempt_at: int = 0


class MemoryAccounts:
    """The `AccountStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._users: dict[tuple[str, str], User] = {}
        self._ids_by_lookup: dict[str, str] = {}
        self._attempts: dict[str, _PasswordAttempts] = {}
        self._grace_until: dict[tuple[str, str], int] = {}

    def users(self) -> list[User]:
        """Return everybody, for the double of lists."""
        with self._lock:
            return list(self._users.values())

    def find(self, tenant_id: str, lookup: str) -> User | None:
        with self._lock:
            return self.get(tenant_id, self._ids_by_lookup.get(lookup, "nobody"))

    def get(self, tenant_id: str, user_id: str) -> User | None:
        with self._lock:
            return self._users.get((tenant_id, user_id))

    def add(self, user: User, lookup: str) -> None:
        with self._lock:
            if lookup in self._ids_by_lookup or _key(user) in self._users:
                raise UserExistsError
            self._ids_by_lookup[lookup] = user.user_id
            self._users[_key(user)] = user

    def added(self, user: User, lookup: str) -> tuple[Change, ...]:
        def take_effect() -> None:
            self._ids_by_lookup[lookup] = user.user_id

        found_by = MemoryWrite(("name", lookup), lambda: lookup not in self._ids_by_lookup, take_effect)
        return Change(found_by, ConditionRefusedError()), self.enlisted(user)

    def enlisted(self, user: User) -> Change:
        def take_effect() -> None:
            self._users[_key(user)] = user

        write = MemoryWrite(("user", *_key(user)), lambda: _key(user) not in self._users, take_effect)
        return Change(write, ConditionRefusedError())

    def renamed(
        self,
        user: User,
        *,
        username: str | None = None,
        language: str | None = None,
        addresses: tuple[str, ...] | None = None,
        former_addresses: Mapping[str, int] | None = None,
    ) -> Change:
        telling = {"username": username, "addresses": addresses, "former_addresses": former_addresses}
        said: dict[str, Any] = {name: value for name, value in telling.items() if value is not None}

        def is_told_as_before(stored: User) -> bool:
            return not said or all(getattr(stored, name) == getattr(user, name) for name in telling)

        return self._user_change(
            user,
            is_told_as_before,
            lambda stored: replace(stored, language=language or stored.language, **said),
            refused=ConditionRefusedError(),
        )

    def grace_until(self, tenant_id: str, user_id: str, *, due_at: int, now: int) -> int:
        del now
        with self._lock:
            return self._grace_until.setdefault((tenant_id, user_id), due_at)

    def rehashed(self, user: User, password_hash: str) -> Change:
        return self._user_change(
            user,
            lambda stored: stored.password_hash == user.password_hash,
            lambda stored: replace(stored, password_hash=password_hash),
            refused=ConditionRefusedError(),
        )

    def second_factor_changed(
        self,
        user: User,
        *,
        epoch: int,
        status: str = ENROLLED,
        reset_pending: bool = False,
        keeps_recovery_codes: bool = True,
        step_at: int | None = None,
    ) -> Change:
        def changed(stored: User) -> User:
            steps = {} if reset_pending else stored.steps_by_day
            return replace(
                stored,
                epoch=epoch + 1,
                status=status,
                reset_pending=reset_pending,
                recovery_set=stored.recovery_set if keeps_recovery_codes else None,
                steps_by_day=steps if step_at is None else _with_step(steps, now=step_at),
            )

        return self._user_change(
            user,
            lambda stored: (
                stored.epoch == epoch and (step_at is None or _has_step_left(stored, now=step_at))
            ),
            changed,
            refused=EnrolmentReplacedError(),
        )

    def step_taken(self, user: User, *, now: int, status: str | None = None) -> Change:
        return self._user_change(
            user,
            lambda stored: stored.epoch == user.epoch and _has_step_left(stored, now=now),
            lambda stored: replace(
                stored,
                status=status or stored.status,
                steps_by_day=_with_step(stored.steps_by_day, now=now),
            ),
            refused=NotSignedInError(),
        )

    def status_noted(self, user: User, status: str) -> Change:
        return self._user_change(
            user,
            lambda stored: stored.epoch == user.epoch,
            lambda stored: replace(stored, status=status),
            refused=EnrolmentReplacedError(),
        )

    def unchanged(self, user: User) -> Change:
        return self._user_change(
            user,
            lambda stored: (stored.epoch, stored.created_at) == (user.epoch, user.created_at),
            lambda stored: stored,
            refused=NotSignedInError(),
        )

    def recovery_set_noted(self, user: User, set_id: str) -> Change:
        return self._user_change(
            user,
            lambda stored: stored.epoch == user.epoch,
            lambda stored: replace(stored, recovery_set=set_id),
            refused=NotSignedInError(),
        )

    def count_password_attempt(self, subject: PasswordSubject, *, now: int) -> None:
        with self._lock:
            attempts = self._attempts.setdefault(subject.partition, _PasswordAttempts())
            failures = attempts.consecutive_failures
            if not PASSWORD_LADDER.allows(
                consecutive_failures=failures,
                seconds_since_last_attempt=now - attempts.last_attempt_at,
            ):
                retry_at = attempts.last_attempt_at + PASSWORD_LADDER.wait_seconds(failures)
                raise TooManyAttemptsError(retry_at_epoch_seconds=max(retry_at, now + 1))
            attempts.consecutive_failures += 1
            attempts.last_attempt_at = now

    def password_attempts_forgiven(self, subject: PasswordSubject) -> Change:
        return Change(
            MemoryWrite(
                ("password", subject.partition),
                lambda: True,
                lambda: _forget(self._attempts, subject.partition),
            ),
            ConditionRefusedError(),
        )

    def _user_change(
        self,
        user: User,
        only_if: Callable[[User], bool],
        changed: Callable[[User], User],
        *,
        refused: TwoFactorError,
    ) -> Change:
        key = _key(user)

        def take_effect() -> None:
            self._users[key] = changed(self._users[key])

        write = MemoryWrite(
            ("user", *key), lambda: key in self._users and only_if(self._users[key]), take_effect
        )
        return Change(write, refused)


def _has_step_left(user: User, *, now: int) -> bool:
    return user.steps_by_day.get(day_of(now), 0) < STEPS_PER_DAY


def _with_step(steps: Mapping[str, int], *, now: int) -> dict[str, int]:
    return {day_of(now): steps.get(day_of(now), 0) + 1}


def _key(user: User) -> tuple[str, str]:
    return user.tenant_id, user.user_id


def _forget(rows: dict[Any, Any], key: object) -> None:
    rows.pop(key, None)
