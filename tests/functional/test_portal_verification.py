"""A portal's own field for codes: the wizard's rules, counts and spent codes, by the same store."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.functional.test_verification import MALFORMED_CODES
from tests.support.portal import Portal
from tests.support.wizard import Answer, Phone
from tests.support.world import World

USER = "u-1"
ATTEMPT = "one-attempt-of-many"
FREE_ATTEMPTS = 5
DAY = 24 * 60 * 60

WRONG_FIELDS: list[tuple[str, object]] = [
    ("otp", None),
    ("user", ""),
    ("user", "u" * 257),
    ("user", "u\n1"),
    ("user", "\ud800"),
    ("user", 1),
    ("attempt_id", "a" * 15),
    ("attempt_id", "a" * 65),
    ("attempt_id", "a" * 16 + "|"),
    ("attempt_id", "ä" * 16),
    ("attempt_id", None),
    ("tenant", "cozone"),
    ("user_id", "7f" * 16),
]


@pytest.fixture
def portal(world: World) -> Portal:
    """Return the server of a portal that holds its users' passwords itself."""
    return world.add_portal()


@pytest.fixture
def phone(world: World, portal: Portal) -> Phone:
    """Return the phone of the portal's user, who enrolled a while ago."""
    phone = world.enrolled_at(portal, USER)
    world.clock.advance(300)
    return phone


def totp_row(world: World) -> dict[str, Any]:
    """Return the one row of authenticators that there is."""
    (row,) = [row for row in world.aws.state() if row["sk"]["S"] == "TOTP"]
    return row


def failures(world: World) -> int:
    return int(totp_row(world)["consecutive_failures"]["N"])


def change_profile(world: World, **differences: object) -> None:
    source = dict(world.services.tenants.get("example").profile.source)
    world.add_tenant(**source | differences)


def seen(world: World, answer: Answer) -> tuple[object, ...]:
    """Return all that a caller, and whoever measures, can tell of *answer*."""
    return answer.status, answer.text, dict(answer.headers), world.aws_calls()


class TestAnswers:
    """What a portal is told, and what it costs."""

    def test_a_right_code_is_proof(self, world: World, portal: Portal, phone: Phone) -> None:
        assert portal.verify(USER, phone.otp()).body == {
            "user": USER,
            "second_factor": "active",
            "verified_at": "2026-11-23T09:05:00Z",
            "amr": ["otp"],
            "acr": "urn:tvasteg:acr:two-step",
        }
        assert world.aws_calls() == {
            "DynamoDB.GetItem": 1,
            "DynamoDB.UpdateItem": 2,
            "KMS.Decrypt": 1,
        }

    @pytest.mark.requirement("T4")
    def test_one_step_of_drift_either_way(self, world: World, portal: Portal, phone: Phone) -> None:
        before = world.aws.state()
        taken = []
        for steps in range(-3, 4):
            taken.append(portal.verify(USER, phone.otp(steps=steps)).status == 200)
            world.aws.restore(before)
        assert taken == [False, False, True, True, True, False, False]

    @pytest.mark.doubles
    @pytest.mark.requirement("T4")
    def test_a_strict_tenant_takes_no_code_of_the_future_from_that_moment_on(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        change_profile(world, strict_window=True)
        assert portal.verify(USER, phone.otp(steps=1)).problem == "otp_mismatch"
        assert portal.verify(USER, phone.otp(steps=-1)).status == 200

    @pytest.mark.requirement("T9", "B54")
    def test_anything_but_six_digits_costs_nothing(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        del phone
        before = world.aws.state()
        for typed in MALFORMED_CODES:
            answer = portal.verify(USER, typed)
            expected = "otp_malformed" if isinstance(typed, str) else "body_malformed"
            assert (answer.status, answer.problem) == (400, expected), typed
            assert world.aws_calls() == {"DynamoDB.GetItem": 1}, typed
        assert world.aws.state() == before

    @pytest.mark.doubles
    @pytest.mark.requirement("T9", "B04")
    def test_spaces_make_no_other_code(self, portal: Portal, phone: Phone) -> None:
        otp = phone.otp()
        assert portal.verify(USER, f" {otp[:3]}\u00a0{otp[3:]} ").status == 200
        assert portal.verify(USER, otp).problem == "otp_already_used"

    @pytest.mark.requirement("B34")
    def test_a_body_with_anything_missing_or_more_costs_nothing(self, world: World, portal: Portal) -> None:
        right: dict[str, object] = {"user": USER, "otp": "123456", "attempt_id": ATTEMPT}
        wrong = [{name: right[name] for name in right if name != missing} for missing in right]
        for name, value in WRONG_FIELDS:
            wrong.append(right | {name: value})
        for body in [{}, *wrong]:
            answer = portal.call("/api/portal/verification", body)
            assert answer.problem == "body_malformed", body
            assert world.aws_calls() == {"DynamoDB.GetItem": 1}, body
        assert portal.call("/api/portal/verification", right).problem == "not_enrolled"

    @pytest.mark.doubles
    @pytest.mark.requirement("T13", "B25")
    def test_a_skewed_code_looks_like_any_wrong_one(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        told = [
            seen(world, portal.verify(USER, otp, attempt_id=ATTEMPT))
            for otp in (phone.wrong_otp(), phone.otp(steps=5), phone.otp(steps=-4))
        ]
        assert told[0] == told[1] == told[2]
        assert told[0][0] == 422


class TestWhoIsThere:
    """Nobody learns from a portal's route who is known, where, and with what."""

    @pytest.mark.requirement("B57", "M2", "L11")
    def test_unknown_foreign_and_unenrolled_users_are_told_alike(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        del phone
        byra = world.add_portal("byra")
        world.enrolled_at(byra, "theirs")
        assert portal.hand_off("unenrolled").status == 201
        told = [
            seen(world, portal.verify(user, "123456", attempt_id=ATTEMPT))
            for user in ("nobody", "theirs", "unenrolled", world.user.user_id, "ü" * 128)
        ]
        assert all(one == told[0] for one in told)
        assert (told[0][0], told[0][3]) == (409, {"DynamoDB.GetItem": 1, "DynamoDB.UpdateItem": 1})

    @pytest.mark.doubles
    @pytest.mark.requirement("B57", "M2")
    @pytest.mark.parametrize("grace_days", [None, 14])
    def test_their_standing_is_told_alike_too(
        self, grace_days: int | None, world: World, portal: Portal
    ) -> None:
        policy = {"second_factor": "required", "deadline": None, "grace_days": grace_days}
        change_profile(world, policy=policy)
        world.enrolled_at(world.add_portal("byra"), "theirs")
        assert portal.hand_off("mine-1").status == 201
        told = []
        for user in ("nobody", "theirs", "mine-1"):
            answer = portal.status(user)
            told.append(
                (answer.status, answer.text.replace(user, "X"), dict(answer.headers), world.aws_calls())
            )
        assert told[0] == told[1] == told[2]

    @pytest.mark.requirement("B57")
    def test_asking_about_nobody_makes_nobody(self, world: World, portal: Portal) -> None:
        before = world.aws.state(), world.aws.events()
        portal.status("nobody")
        portal.verify("nobody", "123456")
        assert (world.aws.state(), world.aws.events()) == before

    @pytest.mark.doubles
    @pytest.mark.requirement("M1", "M2")
    def test_the_same_id_in_another_tenant_is_another_user(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        byra = world.add_portal("byra")
        assert byra.status(USER).body["second_factor"] == "none"
        assert byra.verify(USER, phone.otp()).problem == "not_enrolled"
        assert portal.verify(USER, phone.otp()).status == 200


class TestOneBudget:
    """The count belongs to the user and the method, whoever asks for the code."""

    @pytest.mark.doubles
    @pytest.mark.requirement("L1", "L5", "B17", "B13")
    def test_five_wrong_codes_at_the_portal_stop_the_wizard(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        for _ in range(FREE_ATTEMPTS):
            assert portal.verify(USER, phone.wrong_otp()).problem == "otp_mismatch"
        stopped = portal.verify(USER, phone.otp())
        assert (stopped.problem, stopped.headers["retry-after"]) == ("too_many_attempts", "30")
        assert stopped.body["retry_at"] == "2026-11-23T09:05:30Z"
        assert world.kms_calls() == 0
        wizard = world.arrived(portal, USER)
        assert wizard.verify(phone.otp()).problem == "too_many_attempts"
        assert not wizard.session().body["verified"]

    @pytest.mark.requirement("L1", "L5", "B17", "B13")
    def test_five_wrong_codes_in_the_wizard_stop_the_portal(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        for _ in range(FREE_ATTEMPTS):
            assert world.arrived(portal, USER).verify(phone.wrong_otp()).problem == "otp_mismatch"
        assert portal.verify(USER, phone.otp()).problem == "too_many_attempts"
        world.clock.advance(29)
        assert portal.verify(USER, phone.otp()).problem == "too_many_attempts"
        world.clock.advance(1)
        assert portal.verify(USER, phone.otp()).status == 200
        assert failures(world) == 0

    @pytest.mark.doubles
    @pytest.mark.requirement("L7", "B15")
    def test_neither_a_status_nor_a_hand_off_resets_the_count(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        for _ in range(FREE_ATTEMPTS):
            portal.status(USER)
            world.arrived(portal, USER)
            assert portal.verify(USER, phone.wrong_otp()).status == 422
        assert portal.verify(USER, phone.otp()).status == 429

    @pytest.mark.requirement("T6", "B17", "B01")
    def test_a_code_used_in_the_wizard_is_spent_at_the_portal(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        assert world.arrived(portal, USER).verify(phone.otp()).status == 200
        assert portal.verify(USER, phone.otp()).problem == "otp_already_used"
        assert portal.verify(USER, phone.otp(steps=-1)).problem == "otp_already_used"
        assert failures(world) == 2

    @pytest.mark.doubles
    @pytest.mark.requirement("T6", "B17", "B01")
    def test_a_code_used_at_the_portal_is_spent_in_the_wizard(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        assert portal.verify(USER, phone.otp()).status == 200
        wizard = world.arrived(portal, USER)
        assert wizard.verify(phone.otp()).problem == "otp_already_used"
        assert not wizard.session().body["verified"]

    @pytest.mark.doubles
    @pytest.mark.requirement("T7", "B08")
    def test_the_enrolments_code_is_spent_at_the_portal(self, world: World, portal: Portal) -> None:
        phone = world.enrolled_at(portal, USER)
        assert portal.verify(USER, phone.otp()).problem == "otp_already_used"

    @pytest.mark.doubles
    @pytest.mark.requirement("L4")
    def test_the_months_cap_is_one(self, world: World, portal: Portal, phone: Phone) -> None:
        world.clock.now = 1_796_119_200  # 2026-12-01T10:00:00Z: a month with no end in sight
        wrong = 0
        for day in range(8):
            guess = portal if day % 2 else world.arrived(portal, USER)
            for _ in range(4):
                answer = (
                    guess.verify(USER, phone.wrong_otp())
                    if isinstance(guess, Portal)
                    else guess.verify(phone.wrong_otp())
                )
                wrong += answer.status == 422
            if answer.status == 429:
                break
            assert portal.verify(USER, phone.otp()).status == 200
            world.clock.advance(DAY)
        assert wrong == 30
        assert answer.body["retry_at"] == "2027-01-01T00:00:00Z"
        assert portal.verify(USER, phone.otp()).problem == "too_many_attempts"
        world.clock.now = 1_798_761_600  # 2027-01-01T00:00:00Z
        assert portal.verify(USER, phone.otp()).status == 200

    @pytest.mark.requirement("L3", "B20")
    def test_the_twentieth_failure_disables_it_everywhere(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        before = {"consecutive_failures": {"N": "19"}, "last_attempt_at": {"N": "0"}}
        world.aws.write(totp_row(world) | before)
        answer = portal.verify(USER, phone.wrong_otp())
        assert (answer.status, answer.problem) == (423, "authenticator_disabled")
        world.clock.advance(10 * DAY)
        assert portal.verify(USER, phone.otp()).problem == "authenticator_disabled"
        assert world.kms_calls() == 0
        assert portal.status(USER).body["second_factor"] == "disabled"
        assert portal.status(USER).body["next"] == "support"
        assert world.arrived(portal, USER).verify(phone.otp()).problem == "authenticator_disabled"
        (disabled,) = [e for e in world.aws.events() if e["kind"]["S"] == "authenticator.disabled"]
        assert disabled["actor"]["S"] == "example.web"


class TestTheSameAttemptAgain:
    """An answer that was lost can be asked for again, and nothing else can be got by it."""

    @pytest.mark.requirement("T6", "B59")
    def test_it_is_answered_the_same_for_a_minute_and_counts_nothing(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        otp = phone.otp()
        first = portal.verify(USER, otp, attempt_id=ATTEMPT)
        state = world.aws.state()
        for seconds in (0, 1, 58, 1):
            world.clock.advance(seconds)
            again = portal.verify(USER, otp, attempt_id=ATTEMPT)
            assert (again.status, again.text, again.headers) == (200, first.text, first.headers)
            assert world.kms_calls() == 0
        world.clock.advance(1)
        assert portal.verify(USER, otp, attempt_id=ATTEMPT).problem == "otp_already_used"
        assert world.aws.state() == state

    @pytest.mark.requirement("L5", "L6")
    def test_a_wrong_attempt_repeated_counts_each_time(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        """Only what was accepted is remembered: a guess has no answer to be lost."""
        otp = phone.wrong_otp()
        for number in range(FREE_ATTEMPTS):
            assert portal.verify(USER, otp, attempt_id=ATTEMPT).problem == "otp_mismatch"
            assert failures(world) == number + 1
        assert portal.verify(USER, otp, attempt_id=ATTEMPT).problem == "too_many_attempts"

    @pytest.mark.requirement("T6", "L6", "B59")
    def test_with_another_code_it_is_another_attempt(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        assert portal.verify(USER, phone.otp(), attempt_id=ATTEMPT).status == 200
        assert portal.verify(USER, phone.wrong_otp(), attempt_id=ATTEMPT).problem == "otp_mismatch"
        assert portal.verify(USER, phone.otp(steps=-1), attempt_id=ATTEMPT).problem == "otp_already_used"
        assert failures(world) == 2

    @pytest.mark.doubles
    @pytest.mark.requirement("T6", "B01", "B59")
    def test_a_portal_that_names_every_attempt_the_same_lets_in_nobody_by_it(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        """At any time a wrong code stays wrong, and a spent one is spent when its minute is over."""
        spent = phone.otp()
        assert portal.verify(USER, spent, attempt_id=ATTEMPT).status == 200
        for _ in range(6):
            world.clock.advance(61)
            assert portal.verify(USER, spent, attempt_id=ATTEMPT).status == 409
            assert portal.verify(USER, phone.wrong_otp(), attempt_id=ATTEMPT).status == 422
            spent = phone.otp()
            assert portal.verify(USER, spent, attempt_id=ATTEMPT).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("T6")
    def test_after_a_later_code_it_is_forgotten(self, world: World, portal: Portal, phone: Phone) -> None:
        first = phone.otp()
        portal.verify(USER, first, attempt_id=ATTEMPT)
        world.clock.advance_to_next_time_step()
        assert portal.verify(USER, phone.otp()).status == 200
        assert portal.verify(USER, first, attempt_id=ATTEMPT).problem == "otp_already_used"

    @pytest.mark.doubles
    @pytest.mark.requirement("B59", "B60", "M1")
    def test_no_other_client_and_no_session_repeats_it(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        web = world.services.tenants.get("example").profile.source["clients"][0]
        change_profile(world, clients=[web, web | {"name": "app"}])
        otp, attempt = phone.otp(), secrets.token_urlsafe(16)
        assert portal.verify(USER, otp, attempt_id=attempt).status == 200
        app = world.portal("example.app", portal.key)
        assert app.verify(USER, otp, attempt_id=attempt).problem == "otp_already_used"
        wizard = world.arrived(portal, USER)
        assert wizard.verify(otp, idempotency_key=attempt).problem == "otp_already_used"

    @pytest.mark.doubles
    @pytest.mark.requirement("B59", "M1")
    def test_for_another_user_it_proves_nothing(self, world: World, portal: Portal, phone: Phone) -> None:
        other = world.enrolled_at(portal, "u-2")
        world.clock.advance_to_next_time_step()
        otp = phone.otp()
        assert portal.verify(USER, otp, attempt_id=ATTEMPT).status == 200
        if otp not in {other.otp(steps=steps) for steps in (-1, 0, 1)}:
            assert portal.verify("u-2", otp, attempt_id=ATTEMPT).problem == "otp_mismatch"
