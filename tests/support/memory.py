"""
In-memory doubles of every port, with the promises of the real adapters.

One lock stands for DynamoDB's atomic writes: a verb's condition and its effect
happen under it, and `MemoryTransactions` checks all conditions of a commit
before it lets the first change take effect. `tests/contract` runs one suite
over these and over DynamoDB, which is why other tests may trust them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.accounts.record import ENROLLED, User
from chalicelib.accounts.store import PasswordSubject, UserExistsError
from chalicelib.assertions.signing_keys import KeyRing
from chalicelib.assertions.store import RingChangedError
from chalicelib.audit.event import Event
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
from chalicelib.bootstrap import Stores
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ClientNotAuthenticatedError,
    ConditionRefusedError,
    EnrolmentAttemptsExhaustedError,
    EnrolmentExpiredError,
    EnrolmentNotBegunError,
    EnrolmentReplacedError,
    HandOffExpiredError,
    NotEnrolledError,
    NotFoundError,
    NotSignedInError,
    OtpAlreadyUsedError,
    OtpMismatchError,
    ReauthenticationRequiredError,
    ReturnCodeUsedError,
    SecretIntegrityError,
    TooManyAttemptsError,
    TwoFactorError,
)
from chalicelib.hand_offs.record import Exchange, HandOff, ReturnCode
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.keys.signer import joined_signature, jwk_of
from chalicelib.sessions.session import Replacement, Rotation, Session
from chalicelib.sessions.store import SessionReplacedError
from chalicelib.storage.changes import Change
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import HostTakenError, Tenant, Version
from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    PASSWORD_LADDER,
    STEPS_PER_DAY,
    UNLOCKS_PER_MONTH,
    day_of,
    end_of_month_epoch_seconds,
    month_of,
)
from chalicelib.totp import SharedSecret
from tests.support.memory_browsers import MemoryRememberedBrowsers
from tests.support.memory_lists import MemoryEventHistory, MemoryUserLists
from tests.support.memory_recovery_codes import MemoryRecoveryCodes
from tests.support.memory_resets import MemoryResets
from tests.support.memory_transactions import MemoryTransactions, MemoryWrite


class MemoryTenants:
    """The `TenantStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._tenants: dict[str, Tenant] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._ids_by_host: dict[str, str] = {}

    def get(self, tenant_id: str) -> Tenant:
        with self._lock:
            if tenant_id not in self._tenants:
                raise NotFoundError
            return self._tenants[tenant_id]

    def id_at(self, host: str) -> str | None:
        with self._lock:
            return self._ids_by_host.get(host)

    def apply(
        self,
        profile: Profile,
        *,
        at: int = 0,
        by: str = "operator",
        secret_key_arn: str | None = None,
    ) -> Tenant:
        tenant_id = profile.tenant_id
        with self._lock:
            if any(self._ids_by_host.get(host, tenant_id) != tenant_id for host in profile.hosts):
                raise HostTakenError
            known = self._tenants.get(tenant_id)
            if known is None:
                known = Tenant(profile=profile, version=0, lookup_key=secrets.token_bytes(32))
            for host in known.profile.hosts:
                _forget(self._ids_by_host, host)
            self._ids_by_host |= dict.fromkeys(profile.hosts, tenant_id)
            tenant = replace(
                known,
                profile=profile,
                version=known.version + 1,
                secret_key_arn=secret_key_arn or known.secret_key_arn,
            )
            self._tenants[tenant_id] = tenant
            self._versions[tenant_id, tenant.version] = Version(
                number=tenant.version, applied_at=at, applied_by=by, profile=profile
            )
            return tenant

    def version(self, tenant_id: str, number: int) -> Version:
        with self._lock:
            if (tenant_id, number) not in self._versions:
                raise NotFoundError
            return self._versions[tenant_id, number]

    def suspend(self, tenant_id: str, *, at: int) -> None:
        with self._lock:
            tenant = self.get(tenant_id)
            suspended_at = at if tenant.suspended_at is None else tenant.suspended_at
            self._tenants[tenant_id] = replace(tenant, suspended_at=suspended_at)

    def resume(self, tenant_id: str) -> None:
        with self._lock:
            self._tenants[tenant_id] = replace(self.get(tenant_id), suspended_at=None)


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


class MemorySessions:
    """The `SessionStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._transactions = transactions
        self._sessions: dict[str, Session] = {}

    def get(self, session_key: str) -> Session | None:
        with self._transactions.lock:
            return self._sessions.get(session_key)

    def started(self, session: Session) -> Change:
        def take_effect() -> None:
            self._sessions[session.session_key] = session

        return self._change(session, lambda: session.session_key not in self._sessions, take_effect)

    def rotated(
        self, rotation: Rotation, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> tuple[Change, ...]:
        replaced = rotation.replaced
        mark = self._replaced(
            replaced, salt=rotation.salt, request_hash=request_hash, answer=answer, now=now
        )
        assert isinstance(mark.write, MemoryWrite)

        def is_as_read() -> bool:
            stored = self._sessions.get(replaced.session_key)
            return (
                stored is not None
                and stored.replacement is None
                and (stored.enrolled_at, stored.pending_until)
                == (replaced.enrolled_at, replaced.pending_until)
            )

        write = MemoryWrite(mark.write.row, is_as_read, mark.write.take_effect)
        return Change(write, mark.refused), self.started(rotation.successor.session)

    def finished(
        self, session: Session, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> Change:
        salt = secrets.token_bytes(32)
        return self._replaced(session, salt=salt, request_hash=request_hash, answer=answer, now=now)

    def _replaced(
        self, session: Session, *, salt: bytes, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> Change:
        replacement = Replacement(
            replaced_at=now,
            request_hash=request_hash,
            salt=salt,
            answer=json.loads(json.dumps(answer)),
        )
        return self._update(session, replacement=replacement)

    def pending_until_set(self, session: Session, pending_until: int | None) -> Change:
        return self._update(session, pending_until=pending_until)

    def used(self, session: Session, *, awaiting_codes: bool, now: int) -> Change:
        change = self._update(session, last_seen_at=now)
        if not awaiting_codes:
            return change
        assert isinstance(change.write, MemoryWrite)
        key, take_effect = session.session_key, change.write.take_effect

        def awaits() -> bool:
            return self._is_live(key) and self._sessions[key].enrolled_at is not None

        write = MemoryWrite(change.write.row, awaits, take_effect)
        return Change(write, ReauthenticationRequiredError())

    def acted(self, session: Session, *, request_hash: str, now: int) -> Change:
        change = self._update(session, last_seen_at=now, acted_at=now, acted_by_request=request_hash)
        assert isinstance(change.write, MemoryWrite)
        key, take_effect = session.session_key, change.write.take_effect

        def is_new() -> bool:
            return self._is_live(key) and not self._sessions[key].has_done(request_hash, now=now)

        return Change(MemoryWrite(change.write.row, is_new, take_effect), change.refused)

    def codes_acknowledged(self, session: Session) -> Change:
        return self._update(session, enrolled_at=None)

    def ended(self, session: Session) -> Change:
        key = session.session_key
        return self._change(session, lambda: self._is_live(key), lambda: _forget(self._sessions, key))

    def seen(self, session: Session, *, now: int) -> None:
        self._transactions.commit(self._update(session, last_seen_at=now))

    def _update(self, session: Session, **fields: Any) -> Change:
        key = session.session_key

        def take_effect() -> None:
            self._sessions[key] = replace(self._sessions[key], **fields)

        return self._change(session, lambda: self._is_live(key), take_effect)

    def _is_live(self, key: str) -> bool:
        stored = self._sessions.get(key)
        return stored is not None and stored.replacement is None

    @staticmethod
    def _change(session: Session, allowed: Callable[[], bool], take_effect: Callable[[], None]) -> Change:
        return Change(
            MemoryWrite(("session", session.session_key), allowed, take_effect), SessionReplacedError()
        )


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


class MemoryHandOffs:
    """The `HandOffStore` double."""

    def __init__(self) -> None:
        self._hand_offs: dict[str, HandOff] = {}
        self._spent_jwts: set[str] = set()
        self._codes: dict[str, ReturnCode] = {}

    def get(self, key: str) -> HandOff | None:
        return self._hand_offs.get(key)

    def begun(self, hand_off: HandOff, *, jwt_key: str, jwt_expires_at: int) -> tuple[Change, ...]:
        del jwt_expires_at

        def take_effect() -> None:
            self._hand_offs[hand_off.key] = hand_off

        spent = MemoryWrite(
            ("jwt", jwt_key), lambda: jwt_key not in self._spent_jwts, lambda: self._spent_jwts.add(jwt_key)
        )
        stored = MemoryWrite(
            ("hand-off", hand_off.key), lambda: hand_off.key not in self._hand_offs, take_effect
        )
        return Change(spent, ClientNotAuthenticatedError()), Change(stored, ConditionRefusedError())

    def exchanged(self, hand_off: HandOff, *, request_hash: str, now: int) -> Change:
        key = hand_off.key

        def is_fresh() -> bool:
            stored = self._hand_offs.get(key)
            return stored is not None and stored.exchange is None and stored.valid_until >= now

        def take_effect() -> None:
            exchange = Exchange(exchanged_at=now, request_hash=request_hash)
            self._hand_offs[key] = replace(self._hand_offs[key], exchange=exchange)

        return Change(MemoryWrite(("hand-off", key), is_fresh, take_effect), HandOffExpiredError())

    def issued(self, code: ReturnCode) -> Change:
        def take_effect() -> None:
            self._codes[code.key] = code

        write = MemoryWrite(("return", code.key), lambda: code.key not in self._codes, take_effect)
        return Change(write, ConditionRefusedError())

    def return_code(self, key: str) -> ReturnCode | None:
        return self._codes.get(key)

    def redeemed(self, code: ReturnCode, *, assertion_id: str, jwt_key: str, now: int) -> Change:
        key = code.key

        def is_fresh() -> bool:
            stored = self._codes.get(key)
            return stored is not None and stored.assertion_id is None and stored.valid_until >= now

        def take_effect() -> None:
            self._codes[key] = replace(self._codes[key], assertion_id=assertion_id, redeemed_by=jwt_key)

        return Change(MemoryWrite(("return", key), is_fresh, take_effect), ReturnCodeUsedError())


class MemorySigningKeys:
    """The `SigningKeyStore` double."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ring: KeyRing | None = None

    def ring(self) -> KeyRing | None:
        return self._ring

    def replace(self, before: KeyRing | None, after: KeyRing) -> None:
        with self._lock:
            if self._ring != before:
                raise RingChangedError
            self._ring = after


class MemorySigner:
    """The `Signer` double: real keys on P-256, one for each id it is asked about."""

    def __init__(self) -> None:
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}

    def sign(self, key_id: str, message: bytes) -> bytes:
        return joined_signature(self._key(key_id).sign(message, ec.ECDSA(hashes.SHA256())))

    def public_jwk(self, key_id: str) -> dict[str, str]:
        public = self._key(key_id).public_key()
        return jwk_of(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def _key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        return self._keys.setdefault(key_id, ec.generate_private_key(ec.SECP256R1()))


class MemoryEventLog:
    """The `EventLog` double; *events* are those committed, oldest first."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def recorded(self, event: Event) -> Change:
        def is_new() -> bool:
            return all(known.event_id != event.event_id for known in self.events)

        return Change(
            MemoryWrite(("event", event.event_id), is_new, lambda: self.events.append(event)),
            ConditionRefusedError(),
        )


class MemoryCipher:
    """
    The `SecretCipher` double: reversible for whoever has the instance, bound to its context.

    Not for secrets anybody cares about. *calls* lists ``seal`` and ``open`` as
    they came, for tests that say when the key service may be asked.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self.calls: list[str] = []

    def seal(
        self, secret: SharedSecret, context: SealContext, *, key_arn: str | None = None
    ) -> SealedSecret:
        self.calls.append("seal")
        key_arn = key_arn or "memory"
        nonce = secrets.token_bytes(16)
        body = nonce + self._combined(secret.octets, nonce)
        return SealedSecret(
            ciphertext=body + self._tag(body, context, key_arn), key_arn=key_arn, version=context.version
        )

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        self.calls.append("open")
        body, tag = sealed.ciphertext[:-32], sealed.ciphertext[-32:]
        if not hmac.compare_digest(tag, self._tag(body, context, sealed.key_arn)):
            raise SecretIntegrityError
        return SharedSecret(self._combined(body[16:], body[:16]))

    def _combined(self, octets: bytes, nonce: bytes) -> bytes:
        stream = hashlib.shake_256(self._key + nonce).digest(len(octets))
        return bytes(left ^ right for left, right in zip(octets, stream, strict=False))

    def _tag(self, body: bytes, context: SealContext, key_arn: str) -> bytes:
        where = json.dumps([key_arn, context.as_encryption_context()], sort_keys=True).encode()
        return hmac.digest(self._key, body + where, hashlib.sha256)


@dataclass(frozen=True, kw_only=True)
class MemoryStores(Stores):
    """`Stores` whose events and cipher a test may look into."""

    events: MemoryEventLog
    cipher: MemoryCipher


def memory_stores() -> MemoryStores:
    """Return empty doubles of everything that outlives a request."""
    transactions = MemoryTransactions()
    accounts, events = MemoryAccounts(transactions), MemoryEventLog()
    return MemoryStores(
        tenants=MemoryTenants(transactions),
        accounts=accounts,
        user_lists=MemoryUserLists(accounts.users),
        sessions=MemorySessions(transactions),
        authenticators=MemoryAuthenticators(transactions),
        recovery_codes=MemoryRecoveryCodes(transactions),
        browsers=MemoryRememberedBrowsers(transactions),
        resets=MemoryResets(transactions),
        hand_offs=MemoryHandOffs(),
        signing_keys=MemorySigningKeys(),
        events=events,
        event_history=MemoryEventHistory(events.events),
        transactions=transactions,
        cipher=MemoryCipher(),
        signer=MemorySigner(),
    )
