"""Making and spending beside others: whatever comes in between, the outcome is one of two whole ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import pytest

from chalicelib.accounts.record import User
from chalicelib.audit.event import (
    RECOVERY_CODE_USED,
    RECOVERY_CODES_ACKNOWLEDGED,
    RECOVERY_CODES_DISABLED,
    RECOVERY_CODES_MADE,
)
from chalicelib.authenticators.record import Owner
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import (
    ConditionRefusedError,
    NotSignedInError,
    ReauthenticationRequiredError,
    RecoveryCodeMismatchError,
    RecoveryCodesDisabledError,
    RecoveryCodesReplacedError,
    RecoveryCodeUsedError,
    ServiceUnavailableError,
    TwoFactorError,
    VerificationRequiredError,
)
from chalicelib.recovery.code import RecoveryCode
from chalicelib.recovery.recovery import NewRecoveryCodes, Recovery
from chalicelib.recovery_codes.record import RecoveryCodes
from chalicelib.sessions.session import CODE, REMEMBERED_BROWSER, OpenSession, start_session
from chalicelib.sessions.store import SessionReplacedError
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant
from tests.contract.drafts import HOUR, an_attempt
from tests.support.clock import A_MONDAY_MORNING
from tests.support.meanwhile import Meanwhile
from tests.support.memory import MemoryStores, memory_stores
from tests.support.seeding import Seeding
from tests.support.world import COZONE

NOW = A_MONDAY_MORNING
_numbers = count()


def _quick_hash(text: str) -> str:
    return f"hash of {text}"


def _is_quick_hash_of(slow: str | None, text: str) -> bool:
    return slow == _quick_hash(text)


@dataclass(frozen=True)
class Bench:
    """Recovery over doubles with hashes of no cost, and Anna, who has bound an authenticator."""

    recovery: Recovery
    stores: MemoryStores
    meanwhile: Meanwhile
    tenant: Tenant
    user: User

    @property
    def owner(self) -> Owner:
        return Owner(tenant_id=self.user.tenant_id, user_id=self.user.user_id)

    @property
    def codes(self) -> RecoveryCodes:
        codes = self.stores.recovery_codes.current(self.owner)
        assert codes is not None
        return codes

    def sign_in(
        self, *, verified_by: str | None = CODE, enrolled_at: int | None = NOW, fresh: bool = False
    ) -> Caller:
        opened = start_session(
            tenant_id=self.user.tenant_id,
            user_id=self.user.user_id,
            epoch=self.user.epoch,
            now=NOW,
            verified_at=NOW if verified_by else None,
            verified_by=verified_by,
            enrolled_at=enrolled_at,
            reauthenticated_at=NOW if fresh else None,
        )
        self.stores.transactions.commit(self.stores.sessions.started(opened.session))
        return Caller(opened=opened, user=self.user, tenant=self.tenant)

    def make(self, caller: Caller | None = None) -> NewRecoveryCodes:
        return self.recovery.make(caller or self.sign_in(), an_occasion())

    def spend(self, code: RecoveryCode, *, now: int = NOW) -> int:
        """Spend *code* in a new sign-in and return how many are left."""
        continued = self.recovery.spend(self.sign_in(verified_by=None), an_occasion(now), code=code)
        left: int = continued.standing["recovery_codes_left"]
        return left

    def fail(self, times: int) -> int:
        """Count that many wrong codes an hour apart; return when the next may come."""
        for number in range(times):
            self.stores.recovery_codes.reserve_attempt(
                self.owner, an_attempt(f"f{next(_numbers)}", made_at=NOW + number * HOUR)
            )
        return NOW + times * HOUR

    def told(self, kind: str) -> int:
        """Return how many events of that kind there are."""
        return [event.kind for event in self.stores.events.events].count(kind)

    def refused(self, error: type[TwoFactorError], act: Callable[[], object]) -> None:
        """Assert that *act* is refused with *error* and nothing else."""
        with pytest.raises(TwoFactorError) as caught:
            act()
        assert caught.type is error


def an_occasion(now: int = NOW) -> Occasion:
    return Occasion(now=now, request_id="r", request_hash=f"request {next(_numbers)}")


@pytest.fixture
def bench() -> Bench:
    stores = memory_stores()
    tenant = stores.tenants.apply(Profile.from_json(COZONE))
    anna = Seeding(stores=stores, tenant=tenant).enrolled_user(now=NOW)
    user = stores.accounts.get(anna.user.tenant_id, anna.user.user_id)
    assert user is not None
    meanwhile = Meanwhile(stores.transactions)
    recovery = Recovery(
        recovery_codes=stores.recovery_codes,
        authenticators=stores.authenticators,
        accounts=stores.accounts,
        sessions=stores.sessions,
        events=stores.events,
        transactions=meanwhile,
        method="totp",
        hash_code=_quick_hash,
        is_hash_of=_is_quick_hash_of,
    )
    return Bench(recovery, stores, meanwhile, tenant, user)


# -- who may


@pytest.mark.requirement("E1")
def test_a_remembered_browser_opens_nothing(bench: Bench) -> None:
    caller = bench.sign_in(verified_by=REMEMBERED_BROWSER, fresh=True)
    bench.refused(VerificationRequiredError, lambda: bench.make(caller))
    made = bench.make()
    bench.refused(
        VerificationRequiredError,
        lambda: bench.recovery.acknowledge(caller, an_occasion(), set_id=made.set_id),
    )
    assert bench.codes.acknowledged_at is None


@pytest.mark.requirement("R5")
def test_each_set_is_told_and_noted_of_its_user(bench: Bench) -> None:
    for number in (1, 2):
        made = bench.make()
        user = bench.stores.accounts.get(bench.user.tenant_id, bench.user.user_id)
        assert user is not None
        assert user.recovery_set == made.set_id == bench.codes.set_id
        assert bench.told(RECOVERY_CODES_MADE) == number


# -- making beside others


@pytest.mark.requirement("R5", "E5")
def test_nobody_who_was_signed_out_in_between_leaves_a_set(bench: Bench) -> None:
    def reset() -> None:
        bench.stores.transactions.commit(
            bench.stores.accounts.second_factor_changed(bench.user, epoch=bench.user.epoch)
        )

    bench.meanwhile.happens.append(reset)
    bench.refused(NotSignedInError, bench.make)
    assert bench.stores.recovery_codes.current(bench.owner) is None


@pytest.mark.requirement("R5")
@pytest.mark.parametrize("fresh", [True, False])
def test_nobody_who_signed_out_in_between_leaves_a_set(bench: Bench, *, fresh: bool) -> None:
    caller = bench.sign_in(enrolled_at=None if fresh else NOW, fresh=fresh)
    bench.meanwhile.happens.append(
        lambda: bench.stores.transactions.commit(bench.stores.sessions.ended(caller.session))
    )
    error = SessionReplacedError if fresh else ReauthenticationRequiredError
    bench.refused(error, lambda: bench.make(caller))
    assert bench.stores.recovery_codes.current(bench.owner) is None


@pytest.mark.requirement("R5", "E1")
def test_acknowledging_closes_the_making_that_needs_no_password(bench: Bench) -> None:
    caller = bench.sign_in()
    first = bench.make(caller)
    bench.meanwhile.happens += [
        lambda: bench.recovery.acknowledge(caller, an_occasion(), set_id=first.set_id),
    ]
    bench.refused(ReauthenticationRequiredError, lambda: bench.make(caller))
    assert (bench.codes.set_id, bench.codes.acknowledged_at) == (first.set_id, NOW)


@pytest.mark.requirement("R4", "L3")
def test_a_set_that_is_disabled_at_the_last_moment_is_opened_all_the_same(bench: Bench) -> None:
    bench.make()
    bench.meanwhile.happens.append(lambda: bench.fail(20))
    made = bench.make()
    assert not bench.codes.is_disabled
    assert bench.spend(made.codes[0], now=NOW + 20 * HOUR) == 9


def test_what_opens_and_closes_under_our_hands_is_an_outage(bench: Bench) -> None:
    first = bench.make()
    bench.meanwhile.happens += [
        lambda: bench.fail(20),
        lambda: bench.stores.transactions.commit(bench.stores.recovery_codes.voided(bench.owner)),
    ]
    bench.refused(ServiceUnavailableError, bench.make)
    assert bench.told(RECOVERY_CODES_MADE) == 1
    assert first.codes


# -- acknowledging


@pytest.mark.requirement("R5")
def test_acknowledging_again_elsewhere_only_ends_the_waiting(bench: Bench) -> None:
    made = bench.make()
    for caller in (bench.sign_in(), bench.sign_in(), bench.sign_in(enrolled_at=None)):
        standing = bench.recovery.acknowledge(caller, an_occasion(), set_id=made.set_id)
        assert standing.caller.session.enrolled_at is None
        stored = bench.stores.sessions.get(caller.session.session_key)
        assert stored is not None
        assert stored.enrolled_at is None
    assert bench.told(RECOVERY_CODES_ACKNOWLEDGED) == 1


@pytest.mark.requirement("R5")
def test_what_was_voided_in_between_is_acknowledged_by_nobody(bench: Bench) -> None:
    made = bench.make()
    bench.meanwhile.happens.append(
        lambda: bench.stores.transactions.commit(bench.stores.recovery_codes.voided(bench.owner))
    )
    bench.refused(
        RecoveryCodesReplacedError,
        lambda: bench.recovery.acknowledge(bench.sign_in(), an_occasion(), set_id=made.set_id),
    )


# -- spending beside others


@pytest.mark.requirement("B12", "R6")
def test_two_codes_spent_at_once_are_both_spent_and_counted(bench: Bench) -> None:
    made = bench.make()
    others: list[int] = []
    bench.meanwhile.happens.append(lambda: others.append(bench.spend(made.codes[1])))
    assert bench.spend(made.codes[0]) == 8
    assert others == [9]
    used = {letter for letter, code in bench.codes.codes.items() if code.used_at is not None}
    assert used == {"A", "B"}
    told = [event.details for event in bench.stores.events.events if event.kind == RECOVERY_CODE_USED]
    assert told == [{"left": "9"}, {"left": "8"}]


@pytest.mark.requirement("R3", "B11")
def test_a_code_spent_in_between_is_spent(bench: Bench) -> None:
    made = bench.make()
    bench.meanwhile.happens.append(lambda: bench.spend(made.codes[0]))
    bench.refused(RecoveryCodeUsedError, lambda: bench.spend(made.codes[0]))
    assert bench.codes.left == 9
    assert bench.told(RECOVERY_CODE_USED) == 1


@pytest.mark.requirement("R5", "B12")
def test_a_code_of_a_set_replaced_in_between_is_no_code(bench: Bench) -> None:
    made = bench.make()
    bench.meanwhile.happens.append(bench.make)
    bench.refused(RecoveryCodeMismatchError, lambda: bench.spend(made.codes[0]))
    assert bench.codes.left == 10
    bench.meanwhile.happens.append(
        lambda: bench.stores.transactions.commit(bench.stores.recovery_codes.voided(bench.owner))
    )
    bench.refused(RecoveryCodeMismatchError, lambda: bench.spend(made.codes[0]))
    assert bench.told(RECOVERY_CODE_USED) == 0


@pytest.mark.requirement("R4", "L3")
def test_a_right_code_loses_to_a_disabling_in_between(bench: Bench) -> None:
    made = bench.make()
    bench.fail(18)

    def disable() -> None:
        later = an_attempt("the twentieth", made_at=NOW + 19 * HOUR)
        bench.stores.recovery_codes.reserve_attempt(bench.owner, later)
        bench.stores.transactions.commit(bench.stores.recovery_codes.disabled(bench.owner))

    bench.meanwhile.happens.append(disable)
    bench.refused(RecoveryCodesDisabledError, lambda: bench.spend(made.codes[0], now=NOW + 18 * HOUR))
    assert bench.codes.left == 10


@pytest.mark.requirement("R3", "E6")
def test_a_request_that_overtakes_itself_counts_once(bench: Bench) -> None:
    made = bench.make()
    caller, occasion = bench.sign_in(verified_by=None), an_occasion()

    def spend() -> object:
        return bench.recovery.spend(caller, occasion, code=made.codes[0])

    bench.meanwhile.happens.append(spend)
    bench.refused(SessionReplacedError, spend)
    bench.refused(SessionReplacedError, spend)
    assert bench.codes.left == 9
    assert bench.told(RECOVERY_CODE_USED) == 1
    other = replace(caller, opened=OpenSession(session_id="another", session=caller.session))
    bench.refused(
        SessionReplacedError, lambda: bench.recovery.spend(other, an_occasion(), code=made.codes[1])
    )


def test_what_never_holds_still_is_an_outage(bench: Bench) -> None:
    made = bench.make()

    def lose() -> None:
        raise ConditionRefusedError

    bench.meanwhile.happens += [lose] * 10
    bench.refused(ServiceUnavailableError, lambda: bench.spend(made.codes[0]))
    assert bench.codes.left == 10


@pytest.mark.requirement("R4", "L3", "A1")
def test_a_disabling_whose_mark_failed_is_marked_and_told_by_the_next_attempt(bench: Bench) -> None:
    bench.make()
    later = bench.fail(20)
    for _ in range(2):
        bench.refused(
            RecoveryCodesDisabledError,
            lambda: bench.spend(RecoveryCode("A", "0" * 13), now=later),
        )
    assert bench.told(RECOVERY_CODES_DISABLED) == 1
