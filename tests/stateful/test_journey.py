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
from tests.stateful.model import (
    CODE,
    REMEMBER_DAYS,
    Expected,
    Factor,
    Fault,
    Model,
    ModelSession,
    ModelUser,
    Remembered,
)
from tests.support.memory import MemoryStores, memory_stores
from tests.support.memory.authenticators import MemoryAuthenticators
from tests.support.memory.transactions import MemoryTransactions
from tests.support.wizard import Answer, Wizard, new_idempotency_key
from tests.support.world import ANNA, ANNAS_PASSWORD, BERIT, BERITS_PASSWORD, BYRA, World

browsers = st.integers(0, 2)
users = st.sampled_from(["anna", "anna", "anna", "berit"])
mostly_right = st.sampled_from([True, True, True, True, False])
faults = st.sampled_from([Fault.NONE] * 8 + list(Fault))
seconds_or_minutes = st.sampled_from([1, 29, 30, 30, 30, 31, 59, 60, 61, 120, 240, 300, 301])
up_to_days = st.sampled_from([480, 899, 901, 1_800, 1_801, 3_600, 3_601, 90_000])
codes = st.sampled_from(["now", "now", "now", "before", "next", "skewed", "wrong", "wrong", "used"])
which_of_them = st.integers(0, 5)
names = st.sampled_from(["Arbetsmobil", "Surfplatta", "Google Authenticator", "Google Authenticator 2"])


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
    remembered: Remembered | None = None
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
        policy = {"second_factor": "required", "deadline": None, "remember_days": REMEMBER_DAYS}
        self.world.add_tenant(policy=policy)
        self.world.add_tenant(**BYRA | {"policy": policy | {"second_factor": "optional"}})
        self.model = Model()
        self.users = {
            "anna": ModelUser("anna", may_be_without=False),
            "berit": ModelUser("berit", may_be_without=True),
        }
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
        self.model.presented = browser.remembered
        is_lost = fault is Fault.ANSWER_LOST
        self.faulty_transactions.fault = self.authenticators.fault = fault
        answer = request(idempotency_key=key, keep_cookie=not is_lost)
        self.faulty_transactions.fault = self.authenticators.fault = Fault.NONE
        expected = expect(session, key)
        assert answer.problem == expected.problem, (answer.text, expected)
        if expected.drift_seconds is not None:
            assert answer.body["drift_seconds"] == expected.drift_seconds
        assert (answer.cookie not in {None, ""}) == (expected.session is not None)
        assert bool(answer.browser_cookie) == (expected.remembered is not None)
        assert (answer.browser_cookie == "") == expected.forgets
        if expected.is_repetition and key in self.answers:
            first = self.answers[key]
            told_first = (first.body, first.cookie, first.browser_cookie)
            assert (answer.body, answer.cookie, answer.browser_cookie) == told_first
        if answer.problem is None:
            self.answers.setdefault(key, answer)
        browser.session = session
        if expected.session is not None and not is_lost:
            browser.session = expected.session
        if answer.cookie == "" and not is_lost:
            browser.session = None
        if (expected.remembered is not None or expected.forgets) and not is_lost:
            browser.remembered = expected.remembered
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

    @rule(number=browsers, fault=faults, which=st.none() | which_of_them)
    def begin(self, number: int, fault: Fault, which: int | None = None) -> None:
        """*which* authenticator is to give way; None for one more."""
        replaced, authenticator_id = self.factor_of(number, which)
        wizard = self.browsers[number].wizard
        # Of one that is there no more the model knows as well as of one that never was.
        replaces = None if which is None else replaced or Factor("", 0, "")

        def expect(session: ModelSession | None, key: str) -> Expected:
            expected = self.model.begin(session, key, replaces)
            if session and session.user.pending and not session.user.pending.key:
                session.user.pending.key = self.drawn_key(session.user)
            return expected

        answer, _ = self.send(
            number,
            lambda **how: wizard.begin(replaces=None if which is None else authenticator_id, **how),
            expect,
            fault,
        )
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

    @rule(number=browsers, code=codes, fault=faults, which=which_of_them, remember=st.booleans())
    def verify(
        self, number: int, code: str, fault: Fault, which: int = 0, *, remember: bool = False
    ) -> None:
        factor, _ = self.factor_of(number, which)
        otp = self.otp(factor.key if factor else None, code)
        wizard = self.browsers[number].wizard

        def expect(session: ModelSession | None, key: str) -> Expected:
            before = session.user.accepted_request if session else None
            expected = self.model.verify(session, key, otp, remember=remember)
            if session and session.user.accepted_request != before:
                self.spend(session)
            if session and session.user.remembered and not session.user.remembered[-1].key:
                session.user.remembered[-1].key = self.browser_keys(session.user)[-1]
            return expected

        self.send(number, lambda **how: wizard.verify(otp, remember=remember, **how), expect, fault)

    @rule(number=browsers, which=which_of_them, name=names, fault=faults)
    def rename(self, number: int, which: int, name: str, fault: Fault) -> None:
        factor, authenticator_id = self.factor_of(number, which)
        wizard = self.browsers[number].wizard
        self.send(
            number,
            lambda **how: wizard.rename(authenticator_id, name, **how),
            lambda session, key: self.model.rename(session, key, factor, name),
            fault,
        )

    @rule(number=browsers, which=which_of_them, fault=faults)
    def remove(self, number: int, which: int, fault: Fault) -> None:
        factor, authenticator_id = self.factor_of(number, which)
        wizard = self.browsers[number].wizard
        self.send(
            number,
            lambda **how: wizard.remove(authenticator_id, **how),
            lambda session, key: self.model.remove(session, key, factor),
            fault,
        )

    @rule(number=browsers, which=st.none() | which_of_them, fault=faults)
    def forget(self, number: int, which: int | None, fault: Fault) -> None:
        """*which* browser is to be forgotten; None for all."""
        session, wizard = self.browsers[number].session, self.browsers[number].wizard
        known = session.user.remembered if session else []
        browser = None if which is None else known[which % len(known)] if known else Remembered(0, 0)
        named = "all" if browser is None else browser.key or "0" * 32
        self.send(
            number,
            lambda **how: wizard.forget(named, **how),
            lambda session, key: self.model.forget(session, key, browser),
            fault,
        )

    @rule(number=browsers)
    def look_at_what_there_is(self, number: int) -> None:
        def request(*, idempotency_key: str, keep_cookie: bool) -> Answer:
            del idempotency_key
            return self.browsers[number].wizard.second_factor(keep_cookie=keep_cookie)

        answer, _ = self.send(number, request, lambda session, _: self.model.see(session))
        session = self.browsers[number].session
        if answer.problem is not None or session is None:
            return
        user, now = session.user, self.model.now
        told = [entry["name"] for entry in answer.body["authenticators"]]
        assert sorted(told) == sorted(factor.name for factor in user.factors)
        live = {browser.key for browser in user.remembered if browser.counts(user, now)}
        assert {browser["id"] for browser in answer.body["remembered_browsers"]} == live
        assert answer.body["last_removable"] is user.may_be_without

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
        elif session.user.factors and session.verified_by != CODE:
            self.world.clock.advance_to_next_time_step()
            self.verify(number, code, fault, remember=True)
        elif self.model.own_pending(session, now=int(self.world.clock())):
            self.confirm(number, code, fault)
        elif session.password_at is None or self.world.clock() > session.password_at + 300:
            self.prove_again(number, is_right=True, fault=fault)
        else:
            # A second one beside the first, and from then on one in place of another.
            self.begin(number, fault, which=0 if len(session.user.factors) > 1 else None)

    @rule(
        number=browsers,
        who=st.sampled_from(["anna", "berit"]),
        change=st.sampled_from(["remove", "remove", "rename", "one more", "replacement", "forget"]),
        which=which_of_them,
        name=names,
        fault=faults,
    )
    def an_owner_changes_something(
        self, number: int, who: str, change: str, which: int, name: str, fault: Fault
    ) -> None:
        """Whoever has proven all that it takes; chance alone hardly ever gets there."""
        for _ in range(8):
            session = self.browsers[number].session
            now = self.world.clock()
            if session is None or not session.is_live(int(now)) or session.verified_by != CODE:
                self.honest_step(number, who)
            elif session.password_at is None or now > session.password_at + 300:
                self.prove_again(number, is_right=True, fault=Fault.NONE)
        {
            "remove": lambda: self.remove(number, which, fault),
            "rename": lambda: self.rename(number, which, name, fault),
            "one more": lambda: self.begin(number, fault),
            "replacement": lambda: self.begin(number, fault, which),
            "forget": lambda: self.forget(number, which or None, fault),
        }[change]()
        self.look_at_what_there_is(number)

    @rule(number=browsers, who=users, count=st.sampled_from([3, 3, 6, 12, 21]))
    def guesses(self, number: int, who: str, count: int) -> None:
        """Wrong codes, each as soon as it is taken: how an authenticator gets disabled."""
        for _ in range(count if self.users[who].factors else 1):
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
        state = "none" if not user.factors else "disabled" if user.is_disabled() else "active"
        assert body["second_factor"] == state
        assert body["verified_by"] == session.verified_by
        assert body["verified"] == (session.verified_by is not None)
        assert body["verified_by"] != CODE or session.sign_in in self.proven_sign_ins
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
        accepted = session.user.accepted
        assert accepted is not None
        assert accepted not in self.spent
        assert all(step < accepted[1] for key, step in self.spent if key == accepted[0])
        self.spent.add(accepted)
        self.proven_sign_ins.add(session.sign_in)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        """Never more than five; each until it is replaced or removed; every attempt counted once."""
        for name, user in self.users.items():
            owner = self.owners[name]
            bound = self.stores.authenticators.bound(owner, "totp")
            assert (bound is None) == (not user.factors)
            if bound is not None:
                assert bound.consecutive_failures == user.otp_waits.failures
                stored = {
                    (
                        self.opened(owner, entry.authenticator_id, entry.sealed),
                        entry.last_accepted_time_step,
                        entry.name,
                    )
                    for entry in bound.entries
                }
                assert stored == {(factor.key, factor.last_step, factor.name) for factor in user.factors}
            assert self.browser_keys(user) == [browser.key for browser in user.remembered]
            pending = self.stores.authenticators.pending(owner)
            assert (pending is None) == (user.pending is None)
            if pending is not None and user.pending is not None:
                assert pending.attempts == user.pending.attempts
                assert pending.expires_at == user.pending.expires_at
                assert pending.name == user.pending.name
                assert (pending.replaces is None) == (user.pending.replaces is None)

    # -- odds and ends

    def password_of(self, who: str, *, is_right: bool) -> str:
        right = ANNAS_PASSWORD if who == "anna" else BERITS_PASSWORD
        return right if is_right else "fel-" + right

    def factor_of(self, number: int, which: int | None) -> tuple[Factor | None, str]:
        """Return one of the factors of who sits at the browser, with its id; None and nobody's if none."""
        session = self.browsers[number].session
        if session is None or not session.user.factors or which is None:
            return None, "0" * 32
        factor = session.user.factors[which % len(session.user.factors)]
        owner = self.owners[session.user.name]
        bound = self.stores.authenticators.bound(owner, "totp")
        assert bound is not None
        ids = {
            self.opened(owner, entry.authenticator_id, entry.sealed): entry.authenticator_id
            for entry in bound.entries
        }
        return factor, ids[factor.key]

    def browser_keys(self, user: ModelUser) -> list[str]:
        return [browser.browser_key for browser in self.stores.browsers.all(self.owners[user.name])]

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
    run_state_machine_as_test(Journey, settings=settings(max_examples=25, stateful_step_count=35))
