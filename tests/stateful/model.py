"""
What the service should do, said once more in plain sequential code.

Written from the requirements, not from the product: no conditions on rows, no
ports, no hashes. One request at a time changes these objects and says which
problem, if any, must be answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import mintotp

MINUTE, HOUR, DAY = 60, 3_600, 86_400
MOST_FACTORS = 5
MOST_BROWSERS = 10
STEPS_PER_DAY = 40
REMEMBER_DAYS = 30
CODE, REMEMBERED_BROWSER = "code", "remembered_browser"


class Fault(StrEnum):
    """What goes wrong with one request."""

    NONE = "none"
    ANSWER_LOST = "the answer is lost on its way to the browser"
    COMMIT_FAILS = "the transaction does not reach the store"
    COMMIT_UNANSWERED = "the transaction takes effect and its answer is lost"
    ACCEPTANCE_UNANSWERED = "the acceptance of a code takes effect and its answer is lost"


@dataclass
class Waits:
    """Attempts at one thing, and from when on the next is taken."""

    longest_seconds: int
    failures: int = 0
    last_at: int = 0

    def due_at(self) -> int:
        if self.failures < 5:
            return 0
        wait: int = min(30 * 2 ** (self.failures - 5), self.longest_seconds)
        return self.last_at + wait

    def count(self, now: int) -> None:
        self.failures += 1
        self.last_at = now


@dataclass(eq=False)
class Factor:
    """A bound authenticator: its key, the last time step that was accepted, and its name."""

    key: str
    last_step: int
    name: str


@dataclass
class Pending:
    """A key that waits to be confirmed, by the sign-in that began it, perhaps to replace another."""

    key: str
    sign_in: int
    expires_at: int
    name: str
    replaces: Factor | None
    attempts: int = 0

    def is_live(self, now: int) -> bool:
        return now <= self.expires_at and self.attempts < 10


@dataclass(eq=False)
class Remembered:
    """A browser that stands for the code; *key* is filled in by the caller."""

    generation: int
    since: int
    used_at: int | None = None
    key: str = ""

    def counts(self, user: ModelUser, now: int) -> bool:
        return self.generation == user.generation and now <= self.since + REMEMBER_DAYS * DAY


@dataclass
class ModelUser:
    """
    One user; *generation* rises when the authenticators change and ends older sessions.

    *may_be_without* says what the tenant's policy is.
    """

    name: str
    may_be_without: bool
    generation: int = 0
    factors: list[Factor] = field(default_factory=list)
    remembered: list[Remembered] = field(default_factory=list)
    accepted: tuple[str, int] | None = None
    pending: Pending | None = None
    otp_waits: Waits = field(default_factory=lambda: Waits(HOUR))
    name_waits: Waits = field(default_factory=lambda: Waits(15 * MINUTE))
    password_waits: Waits = field(default_factory=lambda: Waits(15 * MINUTE))
    failures_by_month: Counter[str] = field(default_factory=Counter)
    steps_by_day: Counter[int] = field(default_factory=Counter)
    accepted_request: tuple[int, str] | None = None
    is_marked_disabled: bool = False

    def is_disabled(self) -> bool:
        return bool(self.factors) and self.otp_waits.failures >= 20


@dataclass
class ModelSession:
    """What one cookie stands for."""

    user: ModelUser
    sign_in: int
    generation: int
    created_at: int
    seen_at: int
    password_at: int | None = None
    verified_by: str | None = None
    pending_until: int = 0
    is_over: bool = False
    replaced_at: int = 0
    replaced_by: tuple[str, str] | None = None
    successor: ModelSession | None = None
    remembered: Remembered | None = None  # with the request that replaced it

    def is_live(self, now: int) -> bool:
        idle_until = max(self.seen_at + 15 * MINUTE, self.pending_until)
        return (
            not self.is_over
            and self.successor is None
            and now <= min(idle_until, self.created_at + HOUR)
            and self.generation == self.user.generation
        )


@dataclass
class Expected:
    """
    The problem's code or None; the session that the answer's cookie stands for, if it sets one.

    *remembered* is what its other cookie stands for, if it sets that one, and
    *forgets* whether it takes it away.
    """

    problem: str | None = None
    session: ModelSession | None = None
    remembered: Remembered | None = None
    forgets: bool = False
    is_repetition: bool = False
    drift_seconds: int | None = None


class Model:
    """All sign-ins; *now*, *fault* and what the browser presents are set before each request."""

    def __init__(self) -> None:
        self.now = 0
        self.fault = Fault.NONE
        self.presented: Remembered | None = None
        self._sign_ins = 0

    # -- who is asking

    def sign_in(self, user: ModelUser, *, is_right: bool) -> Expected:
        problem = self._prove(user.name_waits, is_right=is_right)
        if problem:
            return Expected(problem)
        self._sign_ins += 1
        session = ModelSession(
            user=user,
            sign_in=self._sign_ins,
            generation=user.generation,
            created_at=self.now,
            seen_at=self.now,
        )

        browser = self.presented
        if browser not in user.remembered or not user.factors or user.is_disabled():
            browser = None
        if browser is not None and browser.counts(user, self.now):
            session.verified_by = REMEMBERED_BROWSER

        def take_effect() -> None:
            user.name_waits.failures = 0
            if browser is not None and session.verified_by:
                browser.used_at = self.now

        return self._committed(take_effect, session)

    def prove_again(self, session: ModelSession | None, key: str, *, is_right: bool) -> Expected:
        refused = self._arrived(session, "password", key)
        if refused or session is None:
            return refused or Expected()
        waits = session.user.password_waits
        problem = self._prove(waits, is_right=is_right)
        if problem:
            return Expected(problem)
        successor = self._successor(session)
        successor.password_at = self.now

        def take_effect() -> None:
            waits.failures = 0
            self._replace(session, successor, "password", key)

        return self._committed(take_effect, successor)

    def sign_out(self, session: ModelSession | None) -> Expected:
        if session is None or session.is_over:
            return Expected()

        def take_effect() -> None:
            session.is_over = True

        return self._committed(take_effect)

    def look(self, session: ModelSession | None) -> Expected:
        return self._arrived(session, "look", "") or Expected()

    # -- enrolment

    def begin(  # noqa: PLR0911 - each refusal as it is told
        self, session: ModelSession | None, key: str, replaces: Factor | None
    ) -> Expected:
        """Leave the new key empty: the caller fills in what the service drew."""
        refused = self._arrived(session, "begin", key)
        if refused or session is None:
            return refused or Expected()
        user = session.user
        if user.is_disabled():
            return Expected("authenticator_disabled")
        if user.factors and session.verified_by != CODE:
            return Expected("verification_required")
        if replaces is not None and replaces not in user.factors:
            return Expected("not_found")
        if replaces is None and len(user.factors) == MOST_FACTORS:
            return Expected("too_many_authenticators")
        name = replaces.name if replaces else self._free_name(user)
        own = self.own_pending(session, now=self.now)
        if own and (self._password_is_fresh(session) or own.replaces is replaces):
            if self._password_is_fresh(session):
                own.replaces, own.name = replaces, name
            return Expected()
        unready = self._unready(session)
        if unready:
            return unready

        def take_effect() -> None:
            self._count_step(user)
            user.pending = Pending("", session.sign_in, self.now + 30 * MINUTE, name, replaces)
            session.pending_until = self.now + 30 * MINUTE

        return self._committed(take_effect)

    def offer(self, session: ModelSession | None) -> Expected:
        refused = self._arrived(session, "offer", "")
        if refused or session is None:
            return refused or Expected()
        return Expected(self._why_not_confirmable(session))

    def cancel(self, session: ModelSession | None, key: str) -> Expected:
        refused = self._arrived(session, "cancel", key)
        if refused or session is None:
            return refused or Expected()
        user = session.user
        if user.pending is None or user.pending.sign_in != session.sign_in:
            # That nothing waits is found out by the transaction itself.
            return Expected("service_unavailable" if self.fault is Fault.COMMIT_FAILS else None)

        def take_effect() -> None:
            user.pending = None
            session.pending_until = 0

        return self._committed(take_effect)

    def confirm(self, session: ModelSession | None, key: str, otp: str) -> Expected:
        refused = self._arrived(session, "confirm", key)
        if refused or session is None:
            return refused or Expected()
        user = session.user
        problem = "too_many_attempts" if self._day_is_full(user) else self._why_not_confirmable(session)
        if problem or user.pending is None:
            return Expected(problem)
        pending = user.pending
        pending.attempts += 1
        step = self._matching_step(pending.key, otp, range(-1, 2))
        if step is None:
            skewed = self._matching_step(pending.key, otp, [*range(-10, -1), *range(2, 11)])
            if skewed is None:
                return Expected("otp_mismatch")
            return Expected("clock_skew", drift_seconds=(skewed - self.now // 30) * 30)
        if user.is_disabled():
            # Disabled by another sign-in since this one began.
            unreached = self.fault is Fault.COMMIT_FAILS
            return Expected("service_unavailable" if unreached else "enrolment_replaced")
        successor = self._successor(session)
        successor.generation = user.generation + 1
        successor.verified_by = CODE
        successor.password_at = None
        successor.pending_until = 0

        def take_effect() -> None:
            self._count_step(user)
            if not user.factors:
                user.otp_waits = Waits(HOUR)
            if pending.replaces is not None:
                user.factors.remove(pending.replaces)
            user.factors.append(Factor(pending.key, step, pending.name))
            user.accepted = (pending.key, step)
            user.pending = None
            user.generation += 1
            self._replace(session, successor, "confirm", key)

        return self._committed(take_effect, successor)

    # -- verification

    def verify(self, session: ModelSession | None, key: str, otp: str, *, remember: bool) -> Expected:
        """Leave the key of a browser that is remembered empty: the caller fills it in."""
        refused = self._arrived(session, "verify", key)
        if refused or session is None:
            return refused or Expected()
        user = session.user
        if not user.factors:
            return Expected("not_enrolled")
        request = (id(session), key)
        if user.accepted_request != request:
            problem = self._count_and_compare(user, otp)
            if problem:
                return Expected(problem)
            user.accepted_request = request
            if self.fault is Fault.ACCEPTANCE_UNANSWERED:
                return Expected("service_unavailable")
        successor = self._successor(session)
        successor.verified_by = CODE
        browser = Remembered(user.generation, self.now) if remember else None

        def take_effect() -> None:
            if browser is not None:
                self._remember(user, browser)
                session.remembered = browser
            self._replace(session, successor, "verify", key)

        expected = self._committed(take_effect, successor)
        expected.remembered = browser if expected.problem is None else None
        return expected

    def _remember(self, user: ModelUser, browser: Remembered) -> None:
        staying = [
            one for one in user.remembered if one is not self.presented and one.counts(user, self.now)
        ]
        staying.sort(key=lambda one: one.used_at or one.since)
        staying = staying[-(MOST_BROWSERS - 1) :]
        user.remembered = [one for one in user.remembered if one in staying] + [browser]

    # -- what there is, changed by its owner

    def see(self, session: ModelSession | None) -> Expected:
        refused = self._arrived(session, "see", "")
        if refused or session is None:
            return refused or Expected()
        return Expected(None if session.verified_by else "verification_required")

    def rename(self, session: ModelSession | None, key: str, factor: Factor | None, name: str) -> Expected:
        refused = self._arrived(session, "rename", key) or self._unproven(session)
        if refused or session is None:
            return refused or Expected()
        if factor is None or factor not in session.user.factors:
            return Expected("not_found")
        if factor.name == name:
            # That it is called so already is found out by the transaction itself.
            return Expected("service_unavailable" if self.fault is Fault.COMMIT_FAILS else None)

        def take_effect() -> None:
            self._count_step(session.user)
            factor.name = name

        return self._committed(take_effect)

    def remove(self, session: ModelSession | None, key: str, factor: Factor | None) -> Expected:
        refused = self._arrived(session, "remove", key) or self._unproven(session)
        if refused or session is None:
            return refused or Expected()
        user = session.user
        if factor is None or factor not in user.factors:
            return Expected("not_found")
        if user.is_disabled():
            return Expected("authenticator_disabled")
        is_last = len(user.factors) == 1
        if is_last and not user.may_be_without:
            return Expected("last_authenticator")
        successor = self._successor(session)
        successor.generation = user.generation + 1
        successor.password_at = None
        successor.pending_until = 0
        if is_last:
            successor.verified_by = None

        def take_effect() -> None:
            self._count_step(user)
            user.factors.remove(factor)
            user.remembered = []
            user.pending = None
            user.generation += 1
            if is_last:
                user.otp_waits, user.accepted_request = Waits(HOUR), None
                user.failures_by_month.clear()
            self._replace(session, successor, "remove", key)

        return self._committed(take_effect, successor)

    def forget(self, session: ModelSession | None, key: str, browser: Remembered | None) -> Expected:
        """*browser* None stands for all of them."""
        refused = self._arrived(session, "forget", key)
        if refused or session is None:
            return refused or Expected()
        user = session.user
        if session.verified_by is None:
            return Expected("verification_required")
        leaving = [one for one in user.remembered if browser is None or one is browser]
        is_own = browser is None or browser is self.presented
        if not leaving or (browser is None and not any(one.counts(user, self.now) for one in leaving)):
            # Of all, those that count are looked for first; one is looked for by the transaction itself.
            unreached = self.fault is Fault.COMMIT_FAILS and browser is not None
            return Expected("service_unavailable") if unreached else Expected(forgets=is_own)

        def take_effect() -> None:
            user.remembered = [one for one in user.remembered if one not in leaving]

        expected = self._committed(take_effect)
        expected.forgets = is_own and expected.problem is None
        return expected

    def _unproven(self, session: ModelSession | None) -> Expected | None:
        if session is None or session.verified_by != CODE:
            return Expected("verification_required")
        return self._unready(session)

    def _unready(self, session: ModelSession) -> Expected | None:
        if not self._password_is_fresh(session):
            return Expected("reauthentication_required")
        return Expected("too_many_attempts") if self._day_is_full(session.user) else None

    def _day_is_full(self, user: ModelUser) -> bool:
        return user.steps_by_day[self.now // DAY] >= STEPS_PER_DAY

    def _count_step(self, user: ModelUser) -> None:
        user.steps_by_day[self.now // DAY] += 1

    def _password_is_fresh(self, session: ModelSession) -> bool:
        return session.password_at is not None and self.now <= session.password_at + 5 * MINUTE

    def _free_name(self, user: ModelUser) -> str:
        usual = "Google Authenticator"
        taken = {factor.name for factor in user.factors}
        names = [usual, *(f"{usual} {number}" for number in range(2, MOST_FACTORS + 2))]
        return next(name for name in names if name not in taken)

    def _count_and_compare(self, user: ModelUser, otp: str) -> str | None:
        month = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m")
        if user.is_disabled():
            return self._marked_disabled(user)
        if self.now < user.otp_waits.due_at() or user.failures_by_month[month] >= 30:
            return "too_many_attempts"
        user.otp_waits.count(self.now)
        user.failures_by_month[month] += 1
        matching = [(factor, self._matching_step(factor.key, otp, range(-1, 2))) for factor in user.factors]
        factor, step = next(((one, at) for one, at in matching if at is not None), (None, None))
        if factor is None or step is None:
            return self._marked_disabled(user) if user.is_disabled() else "otp_mismatch"
        if step <= factor.last_step:
            return "otp_already_used"
        factor.last_step = step
        user.accepted = (factor.key, step)
        user.otp_waits.failures = 0
        user.failures_by_month[month] -= 1
        return None

    def _marked_disabled(self, user: ModelUser) -> str:
        if self.fault is Fault.COMMIT_FAILS:
            return "service_unavailable"
        was_marked, user.is_marked_disabled = user.is_marked_disabled, True
        unknown = self.fault is Fault.COMMIT_UNANSWERED and not was_marked
        return "service_unavailable" if unknown else "authenticator_disabled"

    # -- what all of them share

    def own_pending(self, session: ModelSession, *, now: int) -> Pending | None:
        """Return the live key that *session*'s own sign-in has begun."""
        pending = session.user.pending
        if pending is None or pending.sign_in != session.sign_in or not pending.is_live(now):
            return None
        return pending

    def _arrived(self, session: ModelSession | None, action: str, key: str) -> Expected | None:
        if session is None or session.is_over:
            return Expected("not_signed_in")
        if session.successor is not None:
            if session.replaced_by == (action, key) and self.now <= session.replaced_at + 60:
                return Expected(
                    session=session.successor, remembered=session.remembered, is_repetition=True
                )
            return Expected("not_signed_in")
        if not session.is_live(self.now):
            return Expected("not_signed_in")
        if self.now >= session.seen_at + 60:
            session.seen_at = self.now
        return None

    def _prove(self, waits: Waits, *, is_right: bool) -> str | None:
        if self.now < waits.due_at():
            return "too_many_attempts"
        waits.count(self.now)
        return None if is_right else "password_mismatch"

    def _why_not_confirmable(self, session: ModelSession) -> str | None:
        pending = session.user.pending
        if pending is None:
            is_done = session.verified_by is not None and bool(session.user.factors)
            return "enrolment_already_confirmed" if is_done else "enrolment_not_begun"
        if pending.sign_in != session.sign_in:
            return "enrolment_replaced"
        if self.now > pending.expires_at:
            return "enrolment_expired"
        return None if pending.is_live(self.now) else "enrolment_attempts_exhausted"

    def _matching_step(self, key: str, otp: str, steps: range | list[int]) -> int | None:
        today = self.now // 30
        matching = [today + steps_off for steps_off in steps if mintotp.hotp(key, today + steps_off) == otp]
        return max(matching, default=None)

    def _successor(self, session: ModelSession) -> ModelSession:
        return ModelSession(
            user=session.user,
            sign_in=session.sign_in,
            generation=session.generation,
            created_at=session.created_at,
            seen_at=self.now,
            password_at=session.password_at,
            verified_by=session.verified_by,
            pending_until=session.pending_until,
        )

    def _replace(self, session: ModelSession, successor: ModelSession, action: str, key: str) -> None:
        session.successor = successor
        session.replaced_by = (action, key)
        session.replaced_at = self.now

    def _committed(self, take_effect: Callable[[], None], session: ModelSession | None = None) -> Expected:
        if self.fault is Fault.COMMIT_FAILS:
            return Expected("service_unavailable")
        take_effect()
        if self.fault is Fault.COMMIT_UNANSWERED:
            return Expected("service_unavailable")
        return Expected(session=session)
