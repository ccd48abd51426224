"""
The whole journey, in every order that Hypothesis can think of.

Three browsers, two users, wrong and old codes, lost answers, outages and hours
passing; every answer must be the one that `model` says, and what no order may
ever break is checked on its own, from the answers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mintotp
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chalicelib.authenticators.record import BoundAuthenticators, Owner, Reservation
from chalicelib.errors import ServiceUnavailableError
from chalicelib.storage.changes import Change
from tests.stateful.model import Expected, Fault, Model, ModelSession, ModelUser
from tests.support.memory import MemoryAuthenticators, MemoryStores, MemoryTransactions, memory_stores
from tests.support.wizard import Answer, Wizard, new_idempotency_key
from tests.support.world import ANNA, ANNAS_PASSWORD, BERIT, BERITS_PASSWORD, World

browsers = st.integers(0, 2)
users = st.sampled_from(["anna", "anna", "anna", "berit"])
mostly_right = st.sampled_from([True, True, True, True, False])
faults = st.sampled_from([Fault.NONE] * 8 + list(Fault))
seconds_or_minutes = st.sampled_from([1, 29, 30, 30, 30, 31, 59, 60, 61, 120, 240, 300, 301])
up_to_days = st.sampled_from([480, 899, 901, 1_800, 1_801, 3_600, 3_601, 90_000])
codes = st.sampled_from(["now", "now", "now", "before", "next", "skewed", "wrong", "wrong", "used"])


class FaultyTransactions(MemoryTransactions):
    """Transactions that fail, or whose answer is lost, as *fault* says."""

    fault = Fault.NONE

    def commit(self, *changes: Change) -> None:
        if self.fault is Fault.COMMIT_FAILS:
            raise ServiceUnavailableError
        super().commit(*changes)
        if self.fault is Fault.COMMIT_UNANSWERED:
            raise ServiceUnavailableError


class FaultyAuthenticators(MemoryAuthenticators):
    """Authenticators of which the answer to an acceptance can be lost."""

    fault = Fault.NONE

    def accept_attempt(
        self, owner: Owner, reservation: Reservation, authenticator_id: str, *, time_step: int
    ) -> BoundAuthenticators:
        accepted = super().accept_attempt(owner, reservation, authenticator_id, time_step=time_step)
        if self.fault is Fault.ACCEPTANCE_UNANSWERED:
            raise ServiceUnavailableError
        return accepted


@dataclass
class Browser:
    """A wizard, what its cookie stands for in the model, and its last request, to repeat."""

    wizard: Wizard
    session: ModelSession | None = None
    repeat: Callable[[], None] | None = None


class Journey(RuleBasedStateMachine):
    """Every rule sends one request, or lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        stores = memory_stores()
        transactions = stores.transactions
        assert isinstance(transactions, MemoryTransactions)
        self.faulty_transactions = FaultyTransactions()
        self.faulty_transactions.lock = transactions.lock
        self.authenticators = FaultyAuthenticators(transactions)
        self.stores: MemoryStores = replace(
            stores, transactions=self.faulty_transactions, authenticators=self.authenticators
        )
        self.world = World(self.stores)
        berit = self.world.add_byra_with_berit()
        self.model = Model()
        self.users = {"anna": ModelUser("anna"), "berit": ModelUser("berit")}
        self.owners = {
            "anna": Owner(tenant_id="cozone", user_id=self.world.user.user_id),
            "berit": Owner(tenant_id="byra", user_id=berit.user_id),
        }
        self.browsers = [Browser(self.world.wizard()) for _ in range(3)]
        self.answers: dict[str, Answer] = {}  # first answers, by Idempotency-Key
        self.key_owners: dict[str, int] = {}  # who was shown a key, by sign-in
        self.proven_sign_ins: set[int] = set()
        self.spent: set[tuple[str, int]] = set()  # (key, time step)

    # -- one request

    def send(
        self,
        number: int,
        request: Callable[..., Answer],
        expect: Callable[[ModelSession | None, str], Expected],
        fault: Fault = Fault.NONE,
    ) -> tuple[Answer, Expected]:
        """Send what browser *number* asks for, and compare the answer with the model's."""
        browser, key = self.browsers[number], new_idempotency_key()
        session, session_id = browser.session, browser.wizard.session_id

        def repeat() -> None:
            browser.wizard.session_id = session_id
            self.exchange(browser, session, key, request, expect, Fault.NONE)

        browser.repeat = repeat
        return self.exchange(browser, session, key, request, expect, fault)

    def exchange(
        self,
        browser: Browser,
        session: ModelSession | None,
        key: str,
        request: Callable[..., Answer],
        expect: Callable[[ModelSession | None, str], Expected],
        fault: Fault,
    ) -> tuple[Answer, Expected]:
        self.model.now, self.model.fault = int(self.world.clock()), fault
        is_lost = fault is Fault.ANSWER_LOST
        self.faulty_transactions.fault = self.authenticators.fault = fault
        answer = request(idempotency_key=key, keep_cookie=not is_lost)
        self.faulty_transactions.fault = self.authenticators.fault = Fault.NONE
        expected = expect(session, key)
        assert answer.problem == expected.problem, (answer.text, expected)
        if expected.drift_seconds is not None:
            assert answer.body["drift_seconds"] == expected.drift_seconds
        assert (answer.cookie not in {None, ""}) == (expected.session is not None)
        if expected.is_repetition and key in self.answers:
            first = self.answers[key]
            assert (answer.body, answer.cookie) == (first.body, first.cookie)
        if answer.problem is None:
            self.answers.setdefault(key, answer)
        browser.session = session
        if expected.session is not None and not is_lost:
            browser.session = expected.session
        if answer.cookie == "" and not is_lost:
            browser.session = None
        return answer, expected

    # -- what a person can do

    @initialize(steps=st.lists(st.integers(0, 8), min_size=3, max_size=3))
    def some_have_come_some_way(self, steps: list[int]) -> None:
        for number, count in enumerate(steps):
            self.honest_steps(number, "anna", count=count)

    @rule(seconds=seconds_or_minutes)
    def time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule(seconds=up_to_days)
    def much_time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule(number=browsers, who=users, is_right=mostly_right, fault=faults)
    def sign_in(self, number: int, who: str, *, is_right: bool, fault: Fault) -> None:
        wizard, user = self.browsers[number].wizard, self.users[who]

        def request(**how: Any) -> Answer:
            wizard.tenant, wizard.username = ("cozone", ANNA) if who == "anna" else ("byra", BERIT)
            return wizard.sign_in(password=self.password_of(who, is_right=is_right), **how)

        self.send(number, request, lambda _, __: self.model.sign_in(user, is_right=is_right), fault)

    @rule(number=browsers, is_right=mostly_right, fault=faults)
    def prove_again(self, number: int, *, is_right: bool, fault: Fault) -> None:
        browser = self.browsers[number]
        password = self.password_of(
            browser.session.user.name if browser.session else "anna", is_right=is_right
        )
        self.send(
            number,
            lambda **how: browser.wizard.prove_again(password=password, **how),
            lambda session, key: self.model.prove_again(session, key, is_right=is_right),
            fault,
        )

    @rule(number=browsers, fault=faults)
    def begin(self, number: int, fault: Fault) -> None:
        def expect(session: ModelSession | None, key: str) -> Expected:
            expected = self.model.begin(session, key)
            if session and session.user.pending and not session.user.pending.key:
                session.user.pending.key = self.drawn_key(session.user)
            return expected

        answer, _ = self.send(number, self.browsers[number].wizard.begin, expect, fault)
        self.check_offer(number, answer)

    @rule(number=browsers)
    def look_at_the_key_again(self, number: int) -> None:
        def request(*, idempotency_key: str, keep_cookie: bool) -> Answer:
            del idempotency_key
            return self.browsers[number].wizard.offer(keep_cookie=keep_cookie)

        answer, _ = self.send(number, request, lambda session, _: self.model.offer(session))
        self.check_offer(number, answer)

    @rule(number=browsers, fault=faults)
    def cancel(self, number: int, fault: Fault) -> None:
        self.send(
            number,
            self.browsers[number].wizard.cancel,
            self.model.cancel,
            fault,
        )

    @rule(number=browsers, code=codes, fault=faults)
    def confirm(self, number: int, code: str, fault: Fault) -> None:
        session = self.browsers[number].session
        pending = session.user.pending if session else None
        otp = self.otp(pending.key if pending else None, code)
        wizard = self.browsers[number].wizard

        def expect(session: ModelSession | None, key: str) -> Expected:
            waiting = session.user.pending if session else None
            expected = self.model.confirm(session, key, otp)
            if session and waiting and session.user.pending is None:
                self.spend(session)
            return expected

        self.send(number, lambda **how: wizard.confirm(otp, **how), expect, fault)

    @rule(number=browsers, code=codes, fault=faults)
    def verify(self, number: int, code: str, fault: Fault) -> None:
        session = self.browsers[number].session
        factor = session.user.factor if session else None
        otp = self.otp(factor.key if factor else None, code)
        wizard = self.browsers[number].wizard

        def expect(session: ModelSession | None, key: str) -> Expected:
            before = session.user.accepted_request if session else None
            expected = self.model.verify(session, key, otp)
            if session and session.user.accepted_request != before:
                self.spend(session)
            return expected

        self.send(number, lambda **how: wizard.verify(otp, **how), expect, fault)

    @rule(number=browsers, fault=faults)
    def sign_out(self, number: int, fault: Fault) -> None:
        self.send(
            number,
            self.browsers[number].wizard.sign_out,
            lambda session, _: self.model.sign_out(session),
            fault,
        )

    @rule(number=browsers)
    def the_same_request_again(self, number: int) -> None:
        repeat = self.browsers[number].repeat
        if repeat is not None:
            repeat()

    @rule(number=browsers, who=users, count=st.integers(1, 5))
    def honest_steps(self, number: int, who: str, count: int) -> None:
        """What the page would do, step by step; it leads deeper than chance."""
        for _ in range(count):
            self.honest_step(number, who)

    @rule(
        number=browsers,
        who=users,
        code=codes,
        fault=faults,
        seconds_until_repeated=st.sampled_from([None, 0, 1, 59, 60, 61]),
    )
    def an_honest_step_with_a_hitch(
        self, number: int, who: str, code: str, fault: Fault, seconds_until_repeated: int | None
    ) -> None:
        """The next step goes wrong: the code, the answer or the store; perhaps it is sent again."""
        self.honest_step(number, who, code=code, fault=fault)
        if seconds_until_repeated is not None:
            self.world.clock.advance(seconds_until_repeated)
            self.the_same_request_again(number)

    def honest_step(self, number: int, who: str, *, code: str = "now", fault: Fault = Fault.NONE) -> None:
        session = self.browsers[number].session
        if session is None or not session.is_live(int(self.world.clock())):
            self.sign_in(number, who, is_right=True, fault=fault)
        elif session.user.factor and not session.is_verified:
            self.world.clock.advance_to_next_time_step()
            self.verify(number, code, fault)
        elif self.model.own_pending(session, now=int(self.world.clock())):
            self.confirm(number, code, fault)
        elif session.password_at is None or self.world.clock() > session.password_at + 300:
            self.prove_again(number, is_right=True, fault=fault)
        else:
            self.begin(number, fault)

    @rule(number=browsers, who=users, count=st.sampled_from([3, 6, 12, 21]))
    def guesses(self, number: int, who: str, count: int) -> None:
        """Wrong codes, each as soon as it is taken: how an authenticator gets disabled."""
        for _ in range(count if self.users[who].factor else 1):
            session = self.browsers[number].session
            if session is None or not session.is_live(int(self.world.clock())):
                self.sign_in(number, who, is_right=True, fault=Fault.NONE)
            self.verify(number, "wrong", Fault.NONE)
            self.world.clock.now = max(self.world.clock.now, self.users[who].otp_waits.due_at())

    @rule(number=browsers)
    def look_where_one_stands(self, number: int) -> None:
        def request(*, idempotency_key: str, keep_cookie: bool) -> Answer:
            del idempotency_key
            return self.browsers[number].wizard.session(keep_cookie=keep_cookie)

        answer, _ = self.send(number, request, lambda session, _: self.model.look(session))
        session = self.browsers[number].session
        if answer.problem is None and session is not None:
            self.check_standing(answer.body, session)

    # -- what must hold in every order

    def check_standing(self, body: dict[str, Any], session: ModelSession) -> None:
        user = session.user
        state = "none" if user.factor is None else "disabled" if user.is_disabled() else "active"
        assert body["second_factor"] == state
        assert body["verified"] == session.is_verified
        assert not body["verified"] or session.sign_in in self.proven_sign_ins
        assert (body["enrolment"] is not None) == (
            self.model.own_pending(session, now=self.model.now) is not None
        )
        assert (body["password_fresh_until"] is None) == (session.password_at is None)
        assert body["username"] == (ANNA if user.name == "anna" else BERIT)

    def check_offer(self, number: int, answer: Answer) -> None:
        """A key is shown to the sign-in that began it and to no other, and never after its use."""
        session = self.browsers[number].session
        if answer.problem is not None or session is None or not answer.body:
            return
        key = answer.body["key"]
        assert session.user.pending is not None
        assert key == session.user.pending.key
        assert self.key_owners.setdefault(key, session.sign_in) == session.sign_in
        assert key not in {spent_key for spent_key, _ in self.spent}

    def spend(self, session: ModelSession) -> None:
        """Note that a code was accepted in this sign-in: its step must be new."""
        factor = session.user.factor
        assert factor is not None
        assert (factor.key, factor.last_step) not in self.spent
        assert all(step < factor.last_step for key, step in self.spent if key == factor.key)
        self.spent.add((factor.key, factor.last_step))
        self.proven_sign_ins.add(session.sign_in)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        """Never two factors; the old one until the new is confirmed; every attempt counted once."""
        for name, user in self.users.items():
            owner = self.owners[name]
            bound = self.stores.authenticators.bound(owner, "totp")
            assert (bound is None) == (user.factor is None)
            if bound is not None and user.factor is not None:
                assert len(bound.entries) == 1
                assert bound.entries[0].last_accepted_time_step == user.factor.last_step
                assert bound.consecutive_failures == user.otp_waits.failures
                entry = bound.entries[0]
                assert self.opened(owner, entry.authenticator_id, entry.sealed) == user.factor.key
            pending = self.stores.authenticators.pending(owner)
            assert (pending is None) == (user.pending is None)
            if pending is not None and user.pending is not None:
                assert pending.attempts == user.pending.attempts
                assert pending.expires_at == user.pending.expires_at

    # -- odds and ends

    def password_of(self, who: str, *, is_right: bool) -> str:
        right = ANNAS_PASSWORD if who == "anna" else BERITS_PASSWORD
        return right if is_right else "fel-" + right

    def drawn_key(self, user: ModelUser) -> str:
        owner = self.owners[user.name]
        pending = self.stores.authenticators.pending(owner)
        assert pending is not None
        return self.opened(owner, pending.authenticator_id, pending.sealed)

    def opened(self, owner: Owner, authenticator_id: str, sealed: Any) -> str:
        context = owner.seal_context(authenticator_id, sealed.version)
        return self.stores.cipher.open(sealed, context).base32

    def otp(self, key: str | None, code: str) -> str:
        """Return a code of *key*; one that was accepted before, if *code* says so and there is one."""
        step = int(self.world.clock() // 30)
        if key is None:
            return "123456"
        used = [spent_step for spent_key, spent_step in self.spent if spent_key == key]
        if code == "used" and used:
            return str(mintotp.hotp(key, max(used)))
        if code == "wrong":
            near = {mintotp.hotp(key, step + steps) for steps in range(-12, 13)}
            return next(f"{number:06d}" for number in range(100) if f"{number:06d}" not in near)
        steps_off = {"before": -1, "next": 1, "skewed": 5}.get(code, 0)
        return str(mintotp.hotp(key, step + steps_off))


@pytest.mark.requirement(
    "T6",
    "T7",
    "L5",
    "L7",
    "E1",
    "E2",
    "E3",
    "E4",
    "E5",
    "E6",
    "E8",
    "E12",
    "S3",
    "B15",
    "B21",
    "B29",
    "B34",
    "B35",
    "B36",
)
def test_every_order_of_requests_is_answered_as_the_model_says() -> None:
    run_state_machine_as_test(Journey, settings=settings(max_examples=40, stateful_step_count=40))
