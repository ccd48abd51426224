"""How many codes a guesser who has the password may try, and that nothing gives them more."""

from __future__ import annotations

import pytest

from tests.support.wizard import Phone, Wizard
from tests.support.world import World

DAY = 24 * 60 * 60
FREE_ATTEMPTS = 5
LADDER_SECONDS = {5: 30, 6: 60, 7: 120, 8: 240, 9: 480, 10: 960, 11: 1920, 12: 3600, 13: 3600, 19: 3600}


@pytest.fixture
def phone(world: World) -> Phone:
    """Return the phone of Anna, who enrolled a while ago."""
    phone = world.wizard().enrolled()
    world.clock.advance(300)
    return phone


def _signed_in(world: World) -> Wizard:
    wizard = world.wizard()
    assert wizard.sign_in().status == 200
    return wizard


def _failures(world: World) -> int:
    row = world.row("TOTP")
    assert row is not None
    return int(row["consecutive_failures"]["N"])


def _with_failures(world: World, failures: int) -> None:
    """Let Anna have *failures* behind her, the last of them just now."""
    row = world.row("TOTP")
    assert row is not None
    now = {"N": str(int(world.clock()))}
    world.aws.write(row | {"consecutive_failures": {"N": str(failures)}, "last_attempt_at": now})


class TestLadder:
    """Five tries, then growing waits, then the end."""

    @pytest.mark.requirement("L1", "B13", "B27")
    def test_the_sixth_try_is_not_looked_at_even_if_right(self, world: World, phone: Phone) -> None:
        wizard = _signed_in(world)
        for failures in range(FREE_ATTEMPTS):
            assert _failures(world) == failures
            assert wizard.verify(phone.wrong_otp()).problem == "otp_mismatch"
        answer = wizard.verify(phone.otp())
        assert answer.problem == "too_many_attempts"
        assert answer.headers["retry-after"] == "30"
        assert answer.body["retry_at"] == "2026-11-23T09:05:30Z"
        assert world.kms_calls() == 0
        assert not wizard.session().body["verified"]

    @pytest.mark.requirement("L1", "B27")
    def test_the_fifth_try_may_be_right(self, world: World, phone: Phone) -> None:
        wizard = _signed_in(world)
        for _ in range(FREE_ATTEMPTS - 1):
            wizard.verify(phone.wrong_otp())
        assert wizard.verify(phone.otp()).status == 200
        assert _failures(world) == 0

    @pytest.mark.requirement("L2")
    @pytest.mark.parametrize(("failures", "wait_seconds"), LADDER_SECONDS.items())
    def test_a_try_is_taken_at_its_second_and_not_one_earlier(
        self, failures: int, wait_seconds: int, world: World, phone: Phone
    ) -> None:
        _with_failures(world, failures)
        world.clock.advance(wait_seconds - 1)
        wizard = _signed_in(world)
        answer = wizard.verify(phone.otp())
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert world.kms_calls() == 0
        assert _failures(world) == failures
        world.clock.advance(1)
        assert wizard.verify(phone.otp()).status == 200

    @pytest.mark.requirement("L2", "L3")
    def test_guessing_to_the_end_takes_nine_hours_and_ends_it(self, world: World, phone: Phone) -> None:
        start = world.clock()
        for failures in range(1, 21):
            answer = _signed_in(world).verify(phone.wrong_otp())
            if answer.status == 429:
                world.clock.advance(int(answer.headers["retry-after"]))
                answer = _signed_in(world).verify(phone.wrong_otp())
            assert answer.problem == ("authenticator_disabled" if failures == 20 else "otp_mismatch")
        assert world.clock() - start > 9 * 60 * 60
        assert world.event_kinds().count("authenticator.disabled") == 1

    @pytest.mark.requirement("L3", "B20")
    def test_a_disabled_authenticator_takes_no_code_and_no_replacement(
        self, world: World, phone: Phone
    ) -> None:
        beside = _signed_in(world)
        beside.verify(phone.otp())
        beside.prove_again()
        assert beside.begin().status == 200
        _with_failures(world, 19)
        world.clock.advance(3600)
        guesser = _signed_in(world)
        assert guesser.verify(phone.wrong_otp()).problem == "authenticator_disabled"
        row = world.row("TOTP")
        assert row is not None
        assert row["status"] == {"S": "DISABLED"}
        world.clock.advance(10 * DAY)
        for wizard in (guesser, beside):
            wizard.sign_in()
            assert wizard.verify(phone.otp()).problem == "authenticator_disabled"
            assert world.kms_calls() == 0
            wizard.prove_again()
            assert wizard.begin().problem == "authenticator_disabled"
        assert wizard.session().body["second_factor"] == "disabled"
        assert world.event_kinds().count("authenticator.disabled") == 1

    @pytest.mark.requirement("L3", "B20")
    def test_what_waits_cannot_be_confirmed_once_the_old_one_is_disabled(
        self, world: World, phone: Phone
    ) -> None:
        owner = _signed_in(world)
        owner.verify(phone.otp())
        owner.prove_again()
        new_phone = Phone(owner.begin_replacement().body["key"], world.clock)
        _with_failures(world, 19)
        row = world.row("TOTP")
        assert row is not None
        world.aws.write(row | {"last_attempt_at": {"N": "0"}})
        assert _signed_in(world).verify(phone.wrong_otp()).problem == "authenticator_disabled"
        assert owner.confirm(new_phone.otp()).status == 409
        row = world.row("TOTP")
        assert row is not None
        assert row["status"] == {"S": "DISABLED"}


class TestMonth:
    """A patient guesser between the owner's own sign-ins meets the month's cap."""

    @pytest.mark.doubles
    @pytest.mark.requirement("L4", "B21")
    def test_four_wrong_codes_a_day_stop_at_thirty(self, world: World, phone: Phone) -> None:
        world.clock.now = 1_796_119_200  # 2026-12-01T10:00:00Z: a month with no end in sight
        wrong = 0
        while True:
            guesser = _signed_in(world)
            answers = [guesser.verify(phone.wrong_otp()) for _ in range(4)]
            wrong += sum(answer.status == 422 for answer in answers)
            if answers[-1].status == 429:
                break
            assert _signed_in(world).verify(phone.otp()).status == 200
            world.clock.advance(DAY)
        assert wrong == 30
        assert answers[-1].body["retry_at"] == "2027-01-01T00:00:00Z"
        owner = _signed_in(world)
        assert owner.verify(phone.otp()).problem == "too_many_attempts"
        assert world.kms_calls() == 0
        world.clock.now = 1_798_761_599  # 2026-12-31T23:59:59Z
        assert _signed_in(world).verify(phone.otp()).problem == "too_many_attempts"
        world.clock.advance(1)
        assert _signed_in(world).verify(phone.otp()).status == 200

    @pytest.mark.requirement("L4")
    def test_right_codes_never_count(self, world: World, phone: Phone) -> None:
        wizard = _signed_in(world)
        for _ in range(35):
            world.clock.advance_to_next_time_step()
            assert wizard.verify(phone.otp()).status == 200
        row = world.row("TOTP")
        assert row is not None
        assert row["failures_2026_11"] == {"N": "0"}

    @pytest.mark.requirement("L4")
    def test_counts_of_past_months_are_swept(self, world: World, phone: Phone) -> None:
        _signed_in(world).verify(phone.wrong_otp())
        world.clock.advance(31 * DAY)
        _signed_in(world).verify(phone.otp())
        row = world.row("TOTP")
        assert row is not None
        assert {name for name in row if name.startswith("failures_")} == {"failures_2026_12"}


class TestOneBudget:
    """The count belongs to the user and the method; nothing on the way resets it."""

    @pytest.mark.requirement("L5", "B16")
    def test_new_sessions_and_addresses_are_no_new_tries(self, world: World, phone: Phone) -> None:
        evaluated = 0
        for number in range(20):
            answer = _signed_in(world).verify(
                phone.wrong_otp(), headers={"x-forwarded-for": f"203.0.113.{number}"}
            )
            evaluated += answer.status == 422
            assert world.kms_calls() == (1 if answer.status == 422 else 0)
        assert evaluated == FREE_ATTEMPTS

    @pytest.mark.requirement("L7", "B15", "B21", "B23")
    def test_restarting_the_flow_never_resets_the_count(self, world: World, phone: Phone) -> None:
        """Ten times over: sign in, reload, prove the password again, cancel, sign out."""
        for failures in range(1, 11):
            wizard = _signed_in(world)
            wizard.session()
            wizard.prove_again()
            wizard.begin()
            wizard.offer()
            wizard.cancel()
            answer = wizard.verify(phone.wrong_otp())
            if answer.status == 429:
                world.clock.advance(int(answer.headers["retry-after"]))
                answer = wizard.verify(phone.wrong_otp())
            assert answer.status == 422
            assert _failures(world) == failures
            wizard.sign_out()

    @pytest.mark.requirement("B23", "L7")
    def test_looking_costs_nothing(self, world: World, phone: Phone) -> None:
        del phone
        wizard = _signed_in(world)
        bound = world.row("TOTP")
        for _ in range(10):
            wizard.session()
            wizard.offer()
        assert world.row("TOTP") == bound

    @pytest.mark.requirement("B19", "L6")
    def test_one_wrong_code_is_one_failure(self, world: World, phone: Phone) -> None:
        _signed_in(world).verify(phone.wrong_otp())
        assert _failures(world) == 1

    @pytest.mark.doubles
    @pytest.mark.requirement("L5", "B26")
    def test_a_restarted_service_remembers(self, world: World, phone: Phone) -> None:
        for _ in range(FREE_ATTEMPTS):
            instance = world.restarted()
            assert _signed_in(instance).verify(phone.wrong_otp()).status == 422
        assert _signed_in(world.restarted()).verify(phone.otp()).status == 429

    @pytest.mark.requirement("B18", "L6")
    def test_the_attempt_is_counted_before_its_code_is_looked_at(self, world: World, phone: Phone) -> None:
        wizard = _signed_in(world)
        world.aws.interfere()
        wizard.verify(phone.wrong_otp())
        assert world.aws.calls.index("UpdateItem") < world.aws.calls.index("Decrypt")

    @pytest.mark.requirement("L7")
    def test_a_replayed_code_stays_counted(self, world: World, phone: Phone) -> None:
        wizard = _signed_in(world)
        wizard.verify(phone.otp())
        for failures in range(1, FREE_ATTEMPTS + 1):
            assert wizard.verify(phone.otp()).problem == "otp_already_used"
            assert _failures(world) == failures
        assert wizard.verify(phone.otp(steps=1)).problem == "too_many_attempts"

    @pytest.mark.requirement("B22", "L5")
    def test_nobody_without_the_password_can_use_the_tries_up(self, world: World, phone: Phone) -> None:
        stranger = world.wizard()
        for _ in range(10):
            stranger.sign_in(password="not-the-password-at-all")
            assert stranger.verify(phone.wrong_otp()).problem == "not_signed_in"
        assert _failures(world) == 0

    @pytest.mark.requirement("B17", "L5")
    def test_the_two_routes_that_take_codes_keep_their_own_bounds(self, world: World, phone: Phone) -> None:
        """Wrong codes for a new key say nothing of the old one, and ten end the new key."""
        wizard = _signed_in(world)
        wizard.verify(phone.otp())
        wizard.prove_again()
        wizard.begin()
        for _ in range(10):
            assert wizard.confirm(phone.wrong_otp()).status == 422
        assert wizard.confirm(phone.wrong_otp()).problem == "enrolment_attempts_exhausted"
        assert _failures(world) == 0
