"""Recovery codes over HTTP: made, kept, spent, guessed at, and nowhere to be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.authenticators.record import Owner
from chalicelib.slow_hash import is_slow_hash_of
from tests.contract.drafts import an_attempt
from tests.support.wizard import Answer, Phone, Wizard, new_idempotency_key, wrong_recovery_code
from tests.support.world import World

DAY = 24 * 60 * 60
FREE_ATTEMPTS = 5


@pytest.fixture
def codes(world: World) -> list[str]:
    """Return Anna's recovery codes, which she made a while ago."""
    return _enrolled_a_while_ago(world)[1]


def _enrolled_a_while_ago(world: World) -> tuple[Phone, list[str]]:
    phone, codes = world.wizard().enrolled_with_codes()
    world.clock.advance(600)
    return phone, codes


def _signed_in(world: World) -> Wizard:
    wizard = world.wizard()
    assert wizard.sign_in().status == 200
    return wizard


def _recovery_row(world: World) -> dict[str, Any]:
    row = world.row("RECOVERY")
    assert row is not None
    return row


def _totp_row(world: World) -> dict[str, Any]:
    row = world.row("TOTP")
    assert row is not None
    return row


def _with_failures(world: World, failures: int) -> None:
    """Let Anna's recovery codes have *failures* behind them, the last of them just now."""
    now = {"N": str(int(world.clock()))}
    world.aws.write(
        _recovery_row(world) | {"consecutive_failures": {"N": str(failures)}, "last_attempt_at": now}
    )


class CountedHashes:
    """Argon2id, counted."""

    def __init__(self, world: World) -> None:
        self.count = 0
        recovery = replace(world.services.recovery, is_hash_of=self._is_hash_of)
        world.use(replace(world.services, recovery=recovery))

    def _is_hash_of(self, slow: str | None, text: str) -> bool:
        self.count += 1
        return is_slow_hash_of(slow, text)

    def of(self, act: Callable[[], Answer]) -> int:
        """Return how many hashes *act* cost."""
        before = self.count
        act()
        return self.count - before


class TestJourney:
    """From the authenticator to the codes, and the day the phone is lost."""

    @pytest.mark.doubles
    @pytest.mark.requirement("R5", "R6")
    def test_from_the_new_authenticator_to_the_day_the_phone_is_lost(
        self, world: World, wizard: Wizard
    ) -> None:
        wizard.enrolled()
        assert wizard.session().body["recovery_codes"] == {"offered": True, "made": False, "due": True}
        made = wizard.make_recovery_codes()
        assert made.status == 201
        assert made.cookie is None
        assert [code[0] for code in made.body["codes"]] == list("ABCDEFGHJK")
        assert wizard.session().body["recovery_codes"] == {"offered": True, "made": True, "due": True}
        kept = wizard.acknowledge_recovery_codes(made.body["set"])
        assert kept.body["recovery_codes"] == {"offered": True, "made": True, "due": False}
        assert wizard.session().body == kept.body

        world.clock.advance(DAY)
        lost = _signed_in(world)
        former_session = lost.session_id
        answer = lost.recover(made.body["codes"][3])
        assert answer.status == 200
        assert answer.body["verified_by"] == "recovery_code"
        assert answer.body["recovery_codes_left"] == 9
        assert lost.session_id != former_session
        standing = lost.session().body
        assert standing == {name: answer.body[name] for name in standing}
        assert lost.begin().problem == "reauthentication_required"
        lost.prove_again()
        assert lost.begin().status == 200, "it counts as the current factor for a new authenticator"
        new_phone = lost.scan()
        assert lost.confirm(new_phone.otp()).body["verified_by"] == "code"

        world.clock.advance(60)
        assert _signed_in(world).verify(new_phone.otp()).status == 200
        assert _signed_in(world).recover(made.body["codes"][4]).status == 200, "the old set stays in force"

    @pytest.mark.doubles
    @pytest.mark.requirement("R5")
    @pytest.mark.parametrize(("is_kept", "is_due"), [(True, False), (False, True)])
    def test_a_further_authenticator_asks_for_no_new_set_where_one_is_kept(
        self, world: World, wizard: Wizard, *, is_kept: bool, is_due: bool
    ) -> None:
        wizard.enrolled()
        made = wizard.make_recovery_codes().body
        if is_kept:
            wizard.acknowledge_recovery_codes(made["set"])
        world.clock.advance(60)
        wizard.prove_again()
        wizard.begin()
        answer = wizard.confirm(wizard.scan().otp())
        assert answer.body["recovery_codes"] == {"offered": True, "made": True, "due": is_due}

    @pytest.mark.doubles
    @pytest.mark.requirement("R5")
    @pytest.mark.parametrize(
        ("fate", "is_due"), [("kept", False), ("never acknowledged", True), ("disabled", True)]
    )
    def test_a_replaced_phone_asks_for_codes_unless_somebody_holds_some_that_work(
        self, world: World, wizard: Wizard, fate: str, *, is_due: bool
    ) -> None:
        phone = wizard.enrolled()
        made = wizard.make_recovery_codes().body
        if fate != "never acknowledged":
            wizard.acknowledge_recovery_codes(made["set"])
        owner = Owner(tenant_id="cozone", user_id=world.user.user_id)
        for number in range(20 if fate == "disabled" else 0):
            world.clock.advance(3_600)
            attempt = an_attempt(f"guess {number}", made_at=int(world.clock()))
            world.stores.recovery_codes.reserve_attempt(owner, attempt)
        world.clock.advance(DAY)
        later = _signed_in(world)
        later.verify(phone.otp())
        later.prove_again()
        later.begin_replacement()
        answer = later.confirm(later.scan().otp())
        assert answer.body["recovery_codes"] == {"offered": True, "made": True, "due": is_due}
        assert later.make_recovery_codes().problem == (None if is_due else "reauthentication_required")

    @pytest.mark.doubles
    @pytest.mark.requirement("R5")
    def test_a_lost_answer_is_cured_by_a_new_set(self, world: World, wizard: Wizard) -> None:
        wizard.enrolled()
        lost = wizard.make_recovery_codes(keep_cookie=False).body
        world.clock.advance(601)  # the password proof is long spent
        shown = wizard.make_recovery_codes().body
        assert set(lost["codes"]).isdisjoint(shown["codes"])
        assert wizard.acknowledge_recovery_codes(lost["set"]).problem == "recovery_codes_replaced"
        assert wizard.session().body["recovery_codes"]["due"] is True
        first = wizard.acknowledge_recovery_codes(shown["set"])
        assert first.status == 200
        assert wizard.acknowledge_recovery_codes(shown["set"]).body == first.body
        kinds = [event.kind for event in world.stores.events.events]  # type: ignore[attr-defined]
        assert kinds.count("recovery_codes.acknowledged") == 1
        world.clock.advance(DAY)
        later = _signed_in(world)
        assert later.recover(lost["codes"][0]).problem == "recovery_code_mismatch"
        assert later.recover(shown["codes"][0]).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("R5", "E1")
    def test_once_acknowledged_another_set_takes_a_factor_and_a_fresh_password(
        self, world: World, wizard: Wizard
    ) -> None:
        assert wizard.make_recovery_codes().problem == "not_signed_in"
        wizard.sign_in()
        assert wizard.make_recovery_codes().problem == "not_enrolled"
        phone, codes = world.wizard().enrolled_with_codes()
        world.clock.advance(600)
        wizard.sign_in()
        wizard.prove_again()
        assert wizard.make_recovery_codes().problem == "verification_required"
        assert wizard.acknowledge_recovery_codes("any").problem == "verification_required"
        world.clock.advance(301)
        wizard.verify(phone.otp())
        assert wizard.make_recovery_codes().problem == "reauthentication_required"
        wizard.prove_again()
        made = wizard.make_recovery_codes()
        assert made.status == 201
        assert wizard.acknowledge_recovery_codes(made.body["set"]).status == 200
        assert _signed_in(world).recover(codes[0]).problem == "recovery_code_mismatch"
        other = _signed_in(world)
        other.recover(made.body["codes"][0])
        other.prove_again()
        assert other.make_recovery_codes().status == 201, "a recovery code proves a factor, too"

    @pytest.mark.doubles
    @pytest.mark.requirement("R5")
    def test_another_sign_in_ends_no_waiting_for_the_codes_and_needs_none(
        self, world: World, wizard: Wizard
    ) -> None:
        """Who closed the page before the codes is not held up later: nothing is due then."""
        phone = wizard.enrolled()
        world.clock.advance(DAY)
        wizard.sign_in()
        standing = wizard.verify(phone.otp()).body
        assert standing["recovery_codes"] == {"offered": True, "made": False, "due": False}

    @pytest.mark.doubles
    def test_a_tenant_without_recovery_codes_has_no_such_thing(
        self, world: World, codes: list[str]
    ) -> None:
        beside = world.wizard()
        beside.sign_in()
        beside.recover(codes[0])
        beside.prove_again()
        world.add_tenant(recovery_codes=False)
        other = world.restarted()
        for wizard in (_moved_to(other, beside), _signed_in(other)):
            assert wizard.session().body["recovery_codes"]["offered"] is False
            assert wizard.recover(codes[1]).problem == "not_found"
            assert wizard.make_recovery_codes().problem == "not_found"
            assert wizard.acknowledge_recovery_codes("any").problem == "not_found"

    @pytest.mark.doubles
    @pytest.mark.requirement("R5")
    def test_ten_sets_are_made_on_a_day_and_nothing_is_hashed_for_the_eleventh(
        self, world: World, wizard: Wizard
    ) -> None:
        hashed: list[str] = []

        def hash_code(code: str) -> str:
            hashed.append(code)
            return "$"

        recovery = replace(world.services.recovery, hash_code=hash_code)
        world.use(replace(world.services, recovery=recovery))
        wizard.enrolled()
        assert [wizard.make_recovery_codes().status for _ in range(10)] == [201] * 10
        hashed.clear()
        refused = wizard.make_recovery_codes()
        assert (refused.status, refused.problem) == (429, "too_many_attempts")
        assert refused.body["retry_at"] == "2026-11-24T00:00:00Z"
        assert hashed == []
        events = world.stores.events.events  # type: ignore[attr-defined]
        assert [event.kind for event in events].count("recovery_codes.made") == 10

    @pytest.mark.doubles
    @pytest.mark.requirement("R6")
    def test_the_ten_codes_count_down(self, world: World, codes: list[str]) -> None:
        left = [_signed_in(world).recover(code).body["recovery_codes_left"] for code in codes]
        assert left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
        assert _signed_in(world).recover(codes[0]).problem == "recovery_code_used"
        used = [event for event in world.stores.events.events if event.kind == "recovery_code.used"]  # type: ignore[attr-defined]
        assert [event.details["left"] for event in used] == [str(count) for count in left]


def _moved_to(world: World, wizard: Wizard) -> Wizard:
    """Return *wizard*'s browser at another instance of the service."""
    moved = world.wizard()
    moved.session_id = wizard.session_id
    return moved


class TestSpending:
    """One code, one session, one answer."""

    @pytest.mark.doubles
    @pytest.mark.requirement("R3", "B11")
    def test_a_code_works_once(self, world: World, codes: list[str]) -> None:
        assert _signed_in(world).recover(codes[0]).status == 200
        again = _signed_in(world)
        assert again.recover(codes[0]).problem == "recovery_code_used"
        assert not again.session().body["verified"]

    @pytest.mark.requirement("R3", "E6")
    def test_a_lost_answer_is_given_again_and_spends_and_counts_nothing(
        self, world: World, codes: list[str]
    ) -> None:
        wizard = _signed_in(world)
        key, session_id = new_idempotency_key(), wizard.session_id
        first = wizard.recover(codes[0], idempotency_key=key)
        row = _recovery_row(world)
        for seconds in (1, 58):
            world.clock.advance(seconds)
            wizard.session_id = session_id
            again = wizard.recover(codes[0], idempotency_key=key)
            assert (again.status, again.body, again.cookie) == (200, first.body, first.cookie)
        assert _recovery_row(world) == row
        assert world.event_kinds().count("recovery_code.used") == 1
        world.clock.advance(2)
        wizard.session_id = session_id
        assert wizard.recover(codes[0], idempotency_key=key).problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.parametrize("typed", ["{0}", "{1}", " {1} "], ids=["as shown", "by hand", "with spaces"])
    def test_a_code_is_taken_however_it_is_typed(self, typed: str, world: World, codes: list[str]) -> None:
        by_hand = codes[5].replace("-", "").replace("0", "o").replace("1", "l").lower()
        assert _signed_in(world).recover(typed.format(codes[5], by_hand)).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("B51")
    def test_nobody_elses_code_is_anything(self, world: World, codes: list[str]) -> None:
        world.add_byra_with_berit()
        berit = world.berits_wizard()
        berit.enrolled_with_codes()
        berit.sign_in()
        assert berit.recover(codes[0]).problem == "recovery_code_mismatch"
        assert _signed_in(world).recover(codes[0]).status == 200

    @pytest.mark.requirement("R6")
    def test_a_disabled_authenticator_does_not_stop_a_recovery_code_but_a_new_set(
        self, world: World, codes: list[str]
    ) -> None:
        world.aws.write(_totp_row(world) | {"status": {"S": "DISABLED"}})
        wizard = _signed_in(world)
        answer = wizard.recover(codes[0])
        assert answer.status == 200
        assert (answer.body["second_factor"], answer.body["verified"]) == ("disabled", True)
        wizard.prove_again()
        assert wizard.make_recovery_codes().problem == "authenticator_disabled"


class TestGuessing:
    """The budget for guessing, which is its own."""

    @pytest.mark.requirement("R4", "L1", "L6")
    def test_the_sixth_try_is_not_looked_at_even_if_right(self, world: World, codes: list[str]) -> None:
        hashes = CountedHashes(world)
        wizard = _signed_in(world)
        for number in range(FREE_ATTEMPTS):
            answer = wizard.recover(wrong_recovery_code(codes[number]))
            assert answer.problem == "recovery_code_mismatch"
        assert hashes.of(lambda: wizard.recover(codes[0])) == 0
        answer = wizard.recover(codes[0])
        assert answer.problem == "too_many_attempts"
        assert (answer.headers["retry-after"], answer.body["retry_at"]) == ("30", "2026-11-23T09:10:30Z")
        world.clock.advance(30)
        assert wizard.recover(codes[0]).status == 200
        assert _recovery_row(world)["consecutive_failures"] == {"N": "0"}

    @pytest.mark.requirement("B22", "R4")
    def test_nobody_without_the_password_can_use_the_tries_up(self, world: World, codes: list[str]) -> None:
        row, stranger = _recovery_row(world), world.wizard()
        for _ in range(10):
            stranger.sign_in(password="not-the-password-at-all")
            assert stranger.recover(wrong_recovery_code(codes[0])).problem == "not_signed_in"
        assert _recovery_row(world) == row

    @pytest.mark.doubles
    @pytest.mark.requirement("R4", "L7", "B17")
    @pytest.mark.parametrize("is_new", [True, False])
    def test_neither_a_new_session_nor_a_new_set_is_a_new_try(
        self, world: World, codes: list[str], *, is_new: bool
    ) -> None:
        owner = world.wizard()
        owner.sign_in()
        owner.recover(codes[9])
        owner.prove_again()
        for _ in range(FREE_ATTEMPTS):
            guesser = _signed_in(world)
            assert guesser.recover(wrong_recovery_code(codes[0])).status == 422
            guesser.sign_out()
        if is_new:
            codes = owner.make_recovery_codes().body["codes"]
        assert _signed_in(world).recover(codes[0]).problem == "too_many_attempts"

    @pytest.mark.requirement("R4", "L3")
    def test_twenty_failures_in_a_row_end_it_until_a_new_set(self, world: World) -> None:
        phone, codes = _enrolled_a_while_ago(world)
        _with_failures(world, 19)
        world.clock.advance(3_600)
        guesser = _signed_in(world)
        assert guesser.recover(wrong_recovery_code(codes[0])).problem == "recovery_codes_disabled"
        hashes = CountedHashes(world)
        world.clock.advance(10 * DAY)
        owner = _signed_in(world)
        assert owner.recover(codes[0]).problem == "recovery_codes_disabled"
        assert hashes.count == 0
        assert world.event_kinds().count("recovery_codes.disabled") == 1
        assert owner.verify(phone.otp()).status == 200, "the authenticator is none the worse"
        owner.prove_again()
        made = owner.make_recovery_codes()
        assert made.status == 201
        assert _signed_in(world).recover(made.body["codes"][0]).status == 200

    @pytest.mark.requirement("R4", "L3")
    def test_codes_that_are_disabled_are_told_as_such_until_a_new_set_and_unlocking_opens_none(
        self, world: World, codes: list[str]
    ) -> None:
        user_id, owner = world.user.user_id, world.wizard()
        owner.sign_in()
        owner.recover(codes[0])
        world.add_staff()
        desk = world.help_desk().begins_work()

        def told() -> set[bool]:
            of_owner = owner.second_factor().body["recovery_codes"]["disabled"]
            return {of_owner, desk.user(user_id).body["recovery_codes_disabled"]}

        assert told() == {False}
        _with_failures(world, 20)
        assert told() == {True}
        unlocked = desk.unlock(user_id)
        assert (unlocked.status, unlocked.body["recovery_codes_disabled"]) == (200, True)
        assert _signed_in(world).recover(codes[1]).problem == "recovery_codes_disabled"
        owner.prove_again()
        made = owner.make_recovery_codes().body["codes"]
        assert told() == {False}
        assert _signed_in(world).recover(made[1]).status == 200

    @pytest.mark.requirement("R4", "A1", "E7")
    def test_where_there_are_no_codes_guessing_ends_without_a_word_to_the_owner(self, world: World) -> None:
        _signed_in(world).recover("A-00000-00000-000")
        _with_failures(world, 19)
        for _ in range(2):
            world.clock.advance(3_600)
            assert _signed_in(world).recover("A-00000-00000-000").problem == "recovery_codes_disabled"
        assert "recovery_codes.disabled" not in world.event_kinds()
        assert world.row("RECOVERY")["status"] == {"S": "ACTIVE"}  # type: ignore[index]
        world.add_staff()
        told = world.help_desk().begins_work().user(world.user.user_id).body
        assert (told["recovery_codes_left"], told["recovery_codes_disabled"]) == (None, False)
        assert world.wizard().enrolled_with_codes()

    @pytest.mark.requirement("R4", "L3")
    def test_a_spent_code_is_a_failure_like_another(self, world: World, codes: list[str]) -> None:
        assert _signed_in(world).recover(codes[0]).status == 200
        assert _signed_in(world).recover(codes[0]).problem == "recovery_code_used"
        assert _recovery_row(world)["consecutive_failures"] == {"N": "1"}
        _with_failures(world, 19)
        world.clock.advance(3_600)
        assert _signed_in(world).recover(codes[0]).problem == "recovery_codes_disabled"

    @pytest.mark.requirement("R4", "L4")
    def test_a_month_takes_thirty_failures(self, world: World, codes: list[str]) -> None:
        world.aws.write(_recovery_row(world) | {"failures_2026_11": {"N": "29"}})
        assert _signed_in(world).recover(wrong_recovery_code(codes[0])).status == 422
        answer = _signed_in(world).recover(codes[0])
        assert (answer.problem, answer.body["retry_at"]) == ("too_many_attempts", "2026-12-01T00:00:00Z")
        world.clock.advance(8 * DAY)
        assert _signed_in(world).recover(codes[0]).status == 200
        assert "failures_2026_11" not in _recovery_row(world)

    @pytest.mark.requirement("B24")
    def test_neither_factor_is_punished_for_the_other(self, world: World) -> None:
        phone, codes = _enrolled_a_while_ago(world)
        for number in range(2):
            _signed_in(world).verify(phone.wrong_otp())
            _signed_in(world).recover(wrong_recovery_code(codes[number]))
        totp, recovery = _totp_row(world), _recovery_row(world)
        assert totp["consecutive_failures"] == recovery["consecutive_failures"] == {"N": "2"}
        for code in codes[:3]:
            assert _signed_in(world).recover(code).status == 200
        assert _totp_row(world) == totp
        recovery = _recovery_row(world)
        assert _signed_in(world).verify(phone.otp()).status == 200
        assert _recovery_row(world) == recovery

    @pytest.mark.requirement("B24", "L4")
    def test_a_recovery_code_opens_a_month_that_is_full_and_nothing_more(self, world: World) -> None:
        phone, codes = _enrolled_a_while_ago(world)
        full = _totp_row(world) | {"failures_2026_11": {"N": "30"}, "consecutive_failures": {"N": "3"}}
        world.aws.write(full)
        assert _signed_in(world).verify(phone.otp()).problem == "too_many_attempts"
        assert _signed_in(world).recover(codes[0]).status == 200
        del full["failures_2026_11"]
        assert _totp_row(world) == full
        assert _signed_in(world).verify(phone.otp()).status == 200


class TestNothingToTell:
    """What a guesser learns from answers, work and time: nothing."""

    @pytest.mark.requirement("R4")
    def test_every_attempt_costs_exactly_one_hash(self, world: World, codes: list[str]) -> None:
        hashes = CountedHashes(world)
        _signed_in(world).recover(codes[0])
        for code in (codes[0], codes[1], wrong_recovery_code(codes[2])):
            wizard = _signed_in(world)
            assert hashes.of(lambda wizard=wizard, code=code: wizard.recover(code)) == 1  # type: ignore[misc]
        row = _recovery_row(world)
        del row["codes"]["M"]["K"]
        world.aws.write(row)
        wizard = _signed_in(world)
        assert hashes.of(lambda: wizard.recover(codes[9])) == 1
        assert wizard.recover(codes[9]).problem == "recovery_code_mismatch"

    @pytest.mark.doubles
    @pytest.mark.requirement("R4")
    def test_a_user_without_codes_is_like_one_with_a_wrong_code(
        self, world: World, codes: list[str]
    ) -> None:
        world.add_byra_with_berit()
        hashes = CountedHashes(world)
        berit, anna = world.berits_wizard(), world.wizard()
        seen: list[list[Any]] = []
        for wizard in (berit, anna):
            wizard.sign_in()
            wizard.session()  # from here on the profile is remembered
            seen.append([])
            for _ in range(7):
                before = hashes.count
                answer = wizard.recover(wrong_recovery_code(codes[0]))
                told = {name: value for name, value in answer.body.items() if name != "reference"}
                headers = {name: answer.headers.get(name) for name in ("retry-after", "set-cookie")}
                seen[-1].append((answer.status, told, headers, hashes.count - before, world.aws_calls()))
        assert seen[0] == seen[1]
        assert [status for status, *_ in seen[0]] == [422] * 5 + [429] * 2

    @pytest.mark.doubles
    @pytest.mark.requirement("R4")
    def test_attempts_without_codes_are_no_hindrance_once_there_are_some(self, world: World) -> None:
        guesser = _signed_in(world)
        for _ in range(3):
            assert guesser.recover("A-00000-00000-000").problem == "recovery_code_mismatch"
        world.clock.advance(600)
        assert world.wizard().session().problem == "not_signed_in"
        wizard = world.wizard()
        _, codes = wizard.enrolled_with_codes()
        assert _signed_in(world).recover(codes[0]).body["recovery_codes_left"] == 9

    @pytest.mark.requirement("R2", "R7", "B52")
    def test_no_table_no_log_and_no_event_holds_a_code(self, world: World, codes: list[str]) -> None:
        wizard = _signed_in(world)
        wizard.recover(wrong_recovery_code(codes[1]))
        wizard.recover(codes[0])
        wizard.recover(codes[0])
        wizard.recover(codes[2][:-1])
        told = json.dumps([world.aws.state(), world.aws.events(), world.log_lines], default=repr).upper()
        assert "RECOVERY_CODE.USED" in told
        for code in [*codes, wrong_recovery_code(codes[1])]:
            _, *groups = code.split("-")
            for form in (code, "".join(groups), groups[0] + "-" + groups[1], " ".join(groups)):
                assert form not in told

    @pytest.mark.full_cost
    @pytest.mark.requirement("R2", "B52")
    def test_each_code_has_a_salt_of_its_own_and_a_slow_hash(self, world: World, codes: list[str]) -> None:
        stored = _recovery_row(world)["codes"]["M"]
        hashes = [stored[code[0]]["M"]["hash"]["S"] for code in codes]
        assert all(stored_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for stored_hash in hashes)
        assert len({stored_hash.split("$")[4] for stored_hash in hashes}) == 10
        assert is_slow_hash_of(hashes[0], codes[0].replace("-", ""))


NO_CODES: list[tuple[object, str]] = [
    ("", "recovery_code_malformed"),
    ("123456", "recovery_code_malformed"),
    ("Z-00000-00000-000", "recovery_code_malformed"),
    ("A" * 65, "recovery_code_malformed"),
    ("A" * 10_000, "recovery_code_malformed"),
    ("A" * 1_000_000, "body_too_large"),
    (None, "body_malformed"),
    (["A-00000-00000-000"], "body_malformed"),
    ("A-00000-00000-00\ud800", "body_malformed"),
]


class TestBadInput:
    """What is no code costs nothing and counts nothing."""

    @pytest.mark.requirement("B55")
    def test_what_cannot_be_a_code_is_refused_before_any_count_or_hash(self, world: World) -> None:
        hashes = CountedHashes(world)
        wizard = _signed_in(world)
        before = world.aws.state()
        for typed, problem in NO_CODES:
            assert wizard.recover(typed).problem == problem, repr(typed)[:20]
            assert world.last_line["duration_ms"] < 200
        assert hashes.count == 0
        assert world.aws.state() == before

    @pytest.mark.doubles
    @pytest.mark.parametrize("set_id", [None, 1, "x" * 65, ["a"]])
    def test_a_set_is_named_by_a_short_text(self, world: World, set_id: object) -> None:
        wizard = world.wizard()
        wizard.enrolled()
        assert wizard.acknowledge_recovery_codes(set_id).problem == "body_malformed"
        assert wizard.acknowledge_recovery_codes("no such").problem == "recovery_codes_replaced"
