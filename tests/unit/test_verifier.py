"""Reserve, compare, commit: what each move costs, and what remains of it when the next one fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count

import pytest

from chalicelib.accounts.record import DISABLED
from chalicelib.audit.event import AUTHENTICATOR_DISABLED, Event
from chalicelib.authenticators.record import Attempt, BoundAuthenticators, Owner
from chalicelib.errors import (
    AuthenticatorDisabledError,
    NotEnrolledError,
    OtpAlreadyUsedError,
    OtpMismatchError,
    SecretIntegrityError,
    ServiceUnavailableError,
    TooManyAttemptsError,
    TwoFactorError,
)
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.methods import TotpMethod
from chalicelib.tenants.profile import Profile
from chalicelib.totp import OneTimePassword, SharedSecret
from chalicelib.verifier import Verifier
from tests.support.clock import A_MONDAY_MORNING
from tests.support.memory import MemoryStores, memory_stores
from tests.support.memory.keys import MemoryCipher
from tests.support.seeding import EnrolledUser, Seeding
from tests.support.world import COZONE

NOW = A_MONDAY_MORNING
_numbers = count()


class FailingCipher(MemoryCipher):
    """A key service that seals, but fails when asked to open."""

    def __init__(self, failure: type[TwoFactorError]) -> None:
        super().__init__()
        self._failure = failure

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        super().open(sealed, context)
        raise self._failure


def an_attempt(*, caller: str, attempt_id: str, made_at: int) -> Attempt:
    return Attempt(caller=caller, attempt_id=attempt_id, made_at=made_at, request_id="r", reference="ref")


@dataclass(frozen=True)
class Bench:
    """A verifier over doubles, and Anna with her phone."""

    verifier: Verifier
    stores: MemoryStores
    cipher: MemoryCipher
    anna: EnrolledUser

    @property
    def owner(self) -> Owner:
        return Owner(tenant_id=self.anna.user.tenant_id, user_id=self.anna.user.user_id)

    def verify(
        self,
        otp: str,
        *,
        now: int = NOW,
        attempt: str | None = None,
        caller: str = "session",
        strict: bool = False,
    ) -> BoundAuthenticators:
        disabled = Event(
            kind=AUTHENTICATOR_DISABLED,
            tenant_id=self.owner.tenant_id,
            user_id=self.owner.user_id,
            occurred_at=now,
            actor=self.owner.user_id,
            request_id="r",
            reference="ref",
        )
        return self.verifier.verify(
            self.owner,
            OneTimePassword(otp),
            an_attempt(caller=caller, attempt_id=attempt or f"a{next(_numbers)}", made_at=now),
            strict=strict,
            disabled_event=disabled,
            find_user=lambda: self.stores.accounts.get(self.owner.tenant_id, self.owner.user_id),
        )

    def refused(self, error: type[TwoFactorError], otp: str, *, now: int = NOW) -> None:
        """Assert that *otp* is refused with *error*."""
        with pytest.raises(TwoFactorError) as caught:
            self.verify(otp, now=now)
        assert caught.type is error

    def wrong(self, now: int = NOW) -> str:
        return self.anna.wrong_codes(now, 1)[0]

    @property
    def failures(self) -> int:
        bound = self.stores.authenticators.bound(self.owner, "totp")
        assert bound is not None
        return bound.consecutive_failures


def a_bench(cipher: MemoryCipher | None = None, *, enrolled: bool = True) -> Bench:
    stores = memory_stores()
    if cipher is not None:
        stores = replace(stores, cipher=cipher)
    seeding = Seeding(stores=stores, tenant=stores.tenants.apply(Profile.from_json(COZONE)))
    anna = seeding.enrolled_user(now=NOW)
    if not enrolled:
        anna = replace(anna, user=seeding.user(now=NOW))
    stores.cipher.calls.clear()
    verifier = Verifier(
        authenticators=stores.authenticators,
        accounts=stores.accounts,
        events=stores.events,
        transactions=stores.transactions,
        cipher=stores.cipher,
        method=TotpMethod(),
    )
    return Bench(verifier, stores, stores.cipher, anna)


@pytest.mark.requirement("T4", "B53")
def test_a_right_code_is_accepted_and_a_wrong_one_is_not() -> None:
    bench = a_bench()
    bench.refused(OtpMismatchError, bench.wrong())
    accepted = bench.verify(bench.anna.code(NOW))
    assert accepted.consecutive_failures == 0
    assert accepted.entries[0].last_accepted_time_step == NOW // 30
    assert accepted.entries[0].last_used_at == NOW


@pytest.mark.requirement("T4")
@pytest.mark.parametrize(("strict", "accepted"), [(False, [True] * 3), (True, [True, True, False])])
def test_a_strict_tenant_takes_no_code_before_its_time(*, strict: bool, accepted: list[bool]) -> None:
    outcomes = []
    for steps_later in (-1, 0, 1):
        bench = a_bench()
        try:
            bench.verify(bench.anna.code(NOW, steps_later=steps_later), strict=strict)
            outcomes.append(True)
        except OtpMismatchError:
            outcomes.append(False)
    assert outcomes == accepted


@pytest.mark.requirement("T6", "B01")
def test_a_code_works_once_and_its_replay_costs_an_attempt() -> None:
    bench = a_bench()
    bench.verify(bench.anna.code(NOW))
    bench.refused(OtpAlreadyUsedError, bench.anna.code(NOW))
    assert bench.failures == 1


@pytest.mark.requirement("T6", "B05", "B06")
def test_no_earlier_code_works_after_a_later_one() -> None:
    bench = a_bench()
    bench.verify(bench.anna.code(NOW, steps_later=1))
    bench.refused(OtpAlreadyUsedError, bench.anna.code(NOW))
    bench.refused(OtpAlreadyUsedError, bench.anna.code(NOW, steps_later=-1))
    bench.verify(bench.anna.code(NOW + 60), now=NOW + 60)


@pytest.mark.requirement("B07")
@pytest.mark.parametrize("seconds", [1, 31, 61, 89])
def test_a_replay_fails_however_late(seconds: int) -> None:
    bench = a_bench()
    otp = bench.anna.code(NOW, steps_later=1)
    bench.verify(otp)
    with pytest.raises((OtpAlreadyUsedError, OtpMismatchError)):
        bench.verify(otp, now=NOW + seconds)


@pytest.mark.requirement("T6", "B02")
def test_of_many_parallel_requests_with_one_code_one_is_accepted() -> None:
    bench = a_bench()

    def outcome(_: int) -> str:
        try:
            bench.verify(bench.anna.code(NOW))
        except TwoFactorError as error:
            return type(error).__name__
        return "accepted"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(outcome, range(50)))
    assert outcomes.count("accepted") == 1
    assert set(outcomes) <= {"accepted", "OtpAlreadyUsedError", "TooManyAttemptsError"}


@pytest.mark.requirement("L1", "L5", "L6", "B18")
def test_of_two_hundred_parallel_guesses_five_are_looked_at() -> None:
    bench = a_bench()

    def outcome(otp: str) -> str:
        with pytest.raises(TwoFactorError) as caught:
            bench.verify(otp)
        return caught.typename

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(outcome, bench.anna.wrong_codes(NOW, 200)))
    assert outcomes.count("OtpMismatchError") == 5
    assert outcomes.count("TooManyAttemptsError") == 195
    assert bench.cipher.calls == ["open"] * 5
    assert bench.failures == 5


@pytest.mark.requirement("L1", "B13")
def test_the_sixth_attempt_is_refused_unread_even_if_right() -> None:
    bench = a_bench()
    for otp in bench.anna.wrong_codes(NOW, 5):
        bench.refused(OtpMismatchError, otp)
    bench.cipher.calls.clear()
    bench.refused(TooManyAttemptsError, bench.anna.code(NOW))
    assert bench.cipher.calls == []
    assert bench.failures == 5
    bench.verify(bench.anna.code(NOW + 30), now=NOW + 30)


@pytest.mark.requirement("V1", "L6")
@pytest.mark.parametrize("failure", [ServiceUnavailableError, SecretIntegrityError])
def test_an_attempt_whose_secret_does_not_open_stays_counted(failure: type[TwoFactorError]) -> None:
    """Else whoever can make the key service fail could guess for nothing."""
    bench = a_bench(FailingCipher(failure))
    bench.refused(failure, bench.anna.code(NOW))
    assert bench.failures == 1


@pytest.mark.requirement("V1")
def test_the_same_attempt_repeated_after_an_outage_is_a_new_attempt() -> None:
    bench = a_bench(FailingCipher(ServiceUnavailableError))
    with pytest.raises(ServiceUnavailableError):
        bench.verify(bench.anna.code(NOW), attempt="the same")
    with pytest.raises(ServiceUnavailableError):
        bench.verify(bench.anna.code(NOW), attempt="the same")
    assert bench.failures == 2


@pytest.mark.requirement("E6")
def test_repeating_an_accepted_attempt_gives_the_same_and_costs_nothing() -> None:
    bench = a_bench()
    accepted = bench.verify(bench.anna.code(NOW), attempt="the same")
    bench.cipher.calls.clear()
    assert bench.verify(bench.anna.code(NOW), attempt="the same", now=NOW + 45) == accepted
    assert bench.cipher.calls == []
    assert bench.failures == 0


@pytest.mark.requirement("T6", "E6")
def test_an_attempt_is_the_same_for_the_same_caller_only() -> None:
    """The key of one browser's request opens nothing to another browser."""
    bench = a_bench()
    bench.verify(bench.anna.code(NOW), attempt="the same", caller="one session")
    with pytest.raises(OtpAlreadyUsedError):
        bench.verify(bench.anna.code(NOW), attempt="the same", caller="another session")


@pytest.mark.requirement("L3", "B27")
def test_the_twentieth_failure_in_a_row_disables_and_is_told_once() -> None:
    bench = a_bench()
    now = NOW
    for number in range(1, 21):
        now += 3_600
        expected = AuthenticatorDisabledError if number == 20 else OtpMismatchError
        bench.refused(expected, bench.wrong(now), now=now)
    told = [event.kind for event in bench.stores.events.events]
    assert told == [AUTHENTICATOR_DISABLED], "by the attempt itself, not by one that may never come"
    now += 10**6
    bench.refused(AuthenticatorDisabledError, bench.anna.code(now), now=now)
    assert len(bench.stores.events.events) == 1
    bound = bench.stores.authenticators.bound(bench.owner, "totp")
    assert bound is not None
    assert bound.is_disabled


@pytest.mark.requirement("L3", "A1", "V1")
def test_twenty_attempts_that_met_an_outage_disable_too_and_the_next_one_tells() -> None:
    bench = a_bench(FailingCipher(ServiceUnavailableError))
    now = NOW
    for _ in range(20):
        now += 3_600
        bench.refused(ServiceUnavailableError, bench.anna.code(now), now=now)
    assert bench.stores.events.events == []
    for _ in range(2):
        now += 3_600
        bench.refused(AuthenticatorDisabledError, bench.anna.code(now), now=now)
    assert [event.kind for event in bench.stores.events.events] == [AUTHENTICATOR_DISABLED]
    user = bench.stores.accounts.get(bench.owner.tenant_id, bench.owner.user_id)
    assert user is not None
    assert user.status == DISABLED, "so that lists show it"


@pytest.mark.requirement("L3")
def test_a_right_code_at_the_twentieth_attempt_still_counts() -> None:
    bench = a_bench()
    now = NOW
    for _ in range(19):
        now += 3_600
        bench.refused(OtpMismatchError, bench.wrong(now), now=now)
    now += 3_600
    assert bench.verify(bench.anna.code(now), now=now).consecutive_failures == 0


@pytest.mark.requirement("L4")
def test_thirty_failures_close_the_month_whatever_succeeds_between() -> None:
    """Four guesses between the owner's own sign-ins never meet the ladder."""
    bench = a_bench()
    now, failed = NOW, 0
    while failed < 30:
        now += 3_600
        bench.verify(bench.anna.code(now), now=now)
        for _ in range(min(4, 30 - failed)):
            failed += 1
            bench.refused(OtpMismatchError, bench.wrong(now), now=now)
    now += 3_600
    with pytest.raises(TooManyAttemptsError) as caught:
        bench.verify(bench.anna.code(now), now=now)
    december = caught.value.retry_at_epoch_seconds
    assert december == NOW + (7 * 24 + 15) * 3_600
    bench.verify(bench.anna.code(december), now=december)


def test_without_an_authenticator_nothing_is_asked_of_the_key_service() -> None:
    bench = a_bench(enrolled=False)
    bench.refused(NotEnrolledError, "123456")
    assert bench.cipher.calls == []


def test_an_attempts_digest_is_its_callers_own() -> None:
    attempt = an_attempt(caller="c", attempt_id="a", made_at=NOW)
    assert attempt.digest == replace(attempt, made_at=NOW + 1).digest
    assert attempt.digest != replace(attempt, caller="d").digest
    assert attempt.digest != replace(attempt, attempt_id="b").digest
