"""The code at sign-in: accepted in its window, once, by the server's clock."""

from __future__ import annotations

import mintotp
import pytest

from tests.support.wizard import Phone, Wizard, new_idempotency_key
from tests.support.world import World

# What people and programs type where six digits are asked for.
MALFORMED_CODES: list[object] = [
    "",
    " ",
    "1",
    "12345",
    "1234567",
    "123 4567",
    "12345a",
    "abcdef",
    "+12345",
    "-12345",
    "+123456",
    "-123456",
    "0x1234",
    "1e5",
    "1e00000",
    "12.345",
    "123,456",
    "123-456",
    "123_456",
    "１２３４５６",  # noqa: RUF001 - full-width digits
    "١٢٣٤٥٦",  # Arabic-Indic digits
    "12345\u0663",
    "123456\x00",
    "123456\u200b",
    "NaN",
    "null",
    "' OR 1=1 --",
    "123456;",
    "1" * 33,
    " " * 40 + "123456",
    123456,
    123456.0,
    None,
    True,
    ["123456"],
    {"otp": "123456"},
]


@pytest.fixture
def phone(world: World) -> Phone:
    """Return the phone of Anna, who enrolled a while ago."""
    phone = world.wizard().enrolled()
    world.clock.advance(300)
    return phone


class TestWindow:
    """Exactly the steps before, of and after the server's time."""

    @pytest.mark.requirement("T4")
    @pytest.mark.parametrize("into_step", [0, 1, 15, 29])
    def test_one_step_of_drift_either_way(self, into_step: int, world: World, phone: Phone) -> None:
        world.clock.advance(into_step)
        taken = []
        before = world.aws.state()
        for steps in range(-3, 4):
            wizard = world.wizard()
            wizard.sign_in()
            taken.append(wizard.verify(phone.otp(steps=steps)).status == 200)
            world.aws.restore(before)
        assert taken == [False, False, True, True, True, False, False]

    @pytest.mark.doubles
    @pytest.mark.requirement("T4")
    def test_a_strict_tenant_takes_no_code_of_the_future(self, world: World, phone: Phone) -> None:
        world.add_tenant(strict_window=True)
        world.clock.advance(61)  # for which profiles may be remembered
        wizard = world.wizard()
        wizard.sign_in()
        assert wizard.verify(phone.otp(steps=1)).problem == "otp_mismatch"
        assert wizard.verify(phone.otp(steps=-1)).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("T5")
    def test_what_the_client_says_of_the_time_changes_nothing(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        minute_ago = phone.otp(steps=-3)
        tales = {
            "date": "Mon, 23 Nov 2026 09:03:30 GMT",
            "x-amz-date": "20261123T090330Z",
            "x-client-time": str(int(world.clock()) - 90),
            "x-forwarded-for": "203.0.113.7",
        }
        assert wizard.verify(minute_ago, headers=tales).problem == "otp_mismatch"
        body = {"otp": minute_ago, "time": int(world.clock()) - 90}
        assert wizard.call("POST", "/api/verification", body).problem == "body_malformed"
        assert wizard.verify(phone.otp(), headers=tales).status == 200


class TestOnce:
    """A code works once, and no code before it works again."""

    @pytest.mark.doubles
    @pytest.mark.requirement("T6", "B01", "B03")
    def test_the_second_use_ends_in_a_refusal_and_no_verified_session(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        assert wizard.verify(phone.otp()).status == 200
        thief = world.wizard()
        thief.sign_in()
        assert thief.verify(phone.otp()).problem == "otp_already_used"
        assert not thief.session().body["verified"]

    @pytest.mark.requirement("T6", "B05", "B06")
    def test_steps_before_an_accepted_one_are_spent_with_it(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        assert wizard.verify(phone.otp(steps=1)).status == 200
        assert wizard.verify(phone.otp()).problem == "otp_already_used"
        assert wizard.verify(phone.otp(steps=-1)).problem == "otp_already_used"
        bound = world.row("TOTP")
        assert bound is not None
        (entry,) = bound["entries"]["M"].values()
        assert int(entry["M"]["last_accepted_time_step"]["N"]) == world.clock() // 30 + 1

    @pytest.mark.doubles
    @pytest.mark.requirement("B07")
    @pytest.mark.parametrize("seconds", [1, 31, 61, 89])
    def test_a_spent_code_stays_spent(
        self, seconds: int, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        otp = phone.otp(steps=1)  # which the window shows for the longest
        assert wizard.verify(otp).status == 200
        world.clock.advance(seconds)
        assert wizard.verify(otp).problem == "otp_already_used"

    @pytest.mark.doubles
    @pytest.mark.requirement("B04")
    @pytest.mark.parametrize("space", [" ", "\t", "\u00a0", "\u2009", "\u202f", "\u3000"])
    def test_spaces_make_no_other_code(
        self, space: str, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        otp = phone.otp()
        wizard.sign_in()
        assert wizard.verify(f"{space}{otp[:3]}{space}{otp[3:]}{space}").status == 200
        thief = world.wizard()
        thief.sign_in()
        assert thief.verify(otp).problem == "otp_already_used"

    @pytest.mark.doubles
    @pytest.mark.requirement("B09")
    def test_a_code_spent_on_a_session_that_ended_is_spent(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        wizard.verify(phone.otp(), keep_cookie=False)
        again = world.wizard()
        again.sign_in()
        assert again.verify(phone.otp()).problem == "otp_already_used"

    @pytest.mark.requirement("T6")
    def test_the_same_request_again_gets_the_same_answer(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        key = new_idempotency_key()
        lost = wizard.verify(phone.otp(), idempotency_key=key, keep_cookie=False)
        state = world.aws.state()
        repeated = wizard.verify(phone.otp(), idempotency_key=key)
        assert (repeated.status, repeated.body, repeated.cookie) == (200, lost.body, lost.cookie)
        assert world.aws.state() == state

    @pytest.mark.requirement("B10")
    def test_steps_are_whole_numbers_at_any_fraction_of_a_second(self, world: World, phone: Phone) -> None:
        for fraction in (0.001, 0.5, 29.999):
            world.clock.advance_to_next_time_step()
            world.clock.advance(fraction)
            wizard = world.wizard()
            wizard.sign_in()
            assert wizard.verify(phone.otp()).status == 200
            assert wizard.verify(phone.otp()).problem == "otp_already_used"
            bound = world.row("TOTP")
            assert bound is not None
            (entry,) = bound["entries"]["M"].values()
            assert entry["M"]["last_accepted_time_step"]["N"].isdigit()


class TestInput:
    """Six digits, and nothing that only looks like them."""

    @pytest.mark.requirement("T9", "B54")
    @pytest.mark.parametrize("route", ["confirm", "verify"])
    def test_anything_but_six_digits_costs_nothing(self, route: str, world: World, wizard: Wizard) -> None:
        if route == "verify":
            world.wizard().enrolled()
            wizard.sign_in()
        else:
            wizard.begun()
        give = getattr(wizard, route)
        before = world.aws.state()
        for typed in MALFORMED_CODES:
            answer = give(typed)
            assert answer.status == 400, typed
            assert world.kms_calls() == 0
        assert give("1" * 1_000_000).problem == "body_too_large"
        assert give("1" * 10_000).problem == "otp_malformed"
        assert world.aws.state() == before

    @pytest.mark.doubles
    @pytest.mark.requirement("B56")
    def test_leading_zeros_belong_to_the_code(self, world: World, wizard: Wizard, phone: Phone) -> None:
        step = int(world.clock() // 30)
        while not mintotp.hotp(phone.key, step).startswith("0"):
            step += 1
        world.clock.advance(30 * step - world.clock())
        wizard.sign_in()
        otp = phone.otp()
        assert wizard.verify(str(int(otp))).problem == "otp_malformed"
        assert wizard.verify(otp).status == 200


class TestAnswers:
    """A refusal tells what its owner needs and a guesser cannot use."""

    @pytest.mark.doubles
    @pytest.mark.requirement("T13", "B25")
    def test_a_skewed_code_looks_like_any_wrong_one(self, world: World, phone: Phone) -> None:
        world.wizard().call("GET", "/api/tenant")  # so that the profile is remembered by all three
        answers = []
        for otp in (phone.wrong_otp(), phone.otp(steps=5), phone.otp(steps=-4)):
            wizard = world.wizard()
            wizard.sign_in()
            answer = wizard.verify(otp)
            body = {name: value for name, value in answer.body.items() if name != "reference"}
            answers.append((answer.status, body, dict(answer.headers), world.aws_calls()))
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][0] == 422

    @pytest.mark.requirement("B53")
    def test_no_wrong_code_is_ever_right(self, world: World, wizard: Wizard, phone: Phone) -> None:
        wizard.sign_in()
        right = {phone.otp(steps=steps) for steps in (-1, 0, 1)}
        near = [f"{(int(phone.otp()) + away) % 1_000_000:06}" for away in (-2, -1, 1, 2)]
        for otp in [otp for otp in near if otp not in right]:
            assert wizard.verify(otp).problem == "otp_mismatch"
        assert not wizard.session().body["verified"]
        assert world.event_kinds().count("session.started") == 2

    @pytest.mark.doubles
    def test_another_users_code_is_wrong(self, world: World, phone: Phone) -> None:
        world.add_user(username="carl@firma.se", password="nio-gula-humlebon-x")
        carl = world.wizard(username="carl@firma.se", password="nio-gula-humlebon-x")
        carl.enrolled()
        world.clock.advance_to_next_time_step()
        carl.sign_in()
        assert carl.verify(phone.otp()).problem == "otp_mismatch"

    @pytest.mark.doubles
    @pytest.mark.requirement("B61")
    def test_a_forged_address_opens_nothing(self, world: World, wizard: Wizard, phone: Phone) -> None:
        wizard.sign_in()
        headers = {"x-forwarded-for": "127.0.0.1", "x-forwarded-host": "evil.example", "x-real-ip": "::1"}
        assert wizard.verify(phone.wrong_otp(), headers=headers).problem == "otp_mismatch"
        line = world.last_line
        assert not any("evil" in str(value) for value in line.values())
        # Behind a forged Host not even our own origin is believed.
        assert (
            wizard.verify(
                phone.otp(), headers={"host": "evil.example", "origin": "http://evil.example"}
            ).problem
            == "cross_site_request"
        )
