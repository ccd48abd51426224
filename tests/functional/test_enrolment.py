"""Binding an authenticator: who may begin, what waits, what a confirmed code leaves behind."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.support.wizard import Phone, Wizard, new_idempotency_key
from tests.support.world import World

MINUTES = 60
PENDING_SECONDS = 30 * MINUTES


def _keep_alive(world: World, wizard: Wizard, *, seconds: int) -> None:
    """Let *seconds* pass, with the page asking every ten minutes where it stands."""
    for _ in range(seconds // (10 * MINUTES)):
        world.clock.advance(10 * MINUTES)
        wizard.session()
    world.clock.advance(seconds % (10 * MINUTES))


class TestBegin:
    """Beginning takes the password once more, and the current code where there is one."""

    @pytest.mark.requirement("E1")
    def test_a_stolen_cookie_alone_begins_nothing(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        assert wizard.begin().problem == "reauthentication_required"
        assert world.row("PENDING") is None

    @pytest.mark.requirement("E1")
    def test_the_password_alone_replaces_no_active_authenticator(
        self, world: World, wizard: Wizard
    ) -> None:
        world.wizard().enrolled()
        wizard.sign_in()
        wizard.prove_again()
        assert wizard.begin().problem == "verification_required"
        assert world.row("PENDING") is None

    @pytest.mark.doubles
    @pytest.mark.requirement("E1")
    def test_the_password_counts_for_five_minutes(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        wizard.prove_again()
        world.clock.advance(5 * MINUTES + 1)
        assert wizard.begin().problem == "reauthentication_required"
        wizard.prove_again()
        world.clock.advance(5 * MINUTES)
        assert wizard.begin().status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("E1")
    def test_a_confirmed_code_spends_the_password_it_was_begun_with(
        self, world: World, wizard: Wizard
    ) -> None:
        wizard.enrolled()
        world.clock.advance(1)
        assert wizard.session().body["password_fresh_until"] is None
        assert wizard.begin().problem == "reauthentication_required"

    @pytest.mark.doubles
    @pytest.mark.requirement("E2")
    def test_proving_the_password_again_gives_a_new_session_and_ends_the_old(
        self, world: World, wizard: Wizard
    ) -> None:
        wizard.sign_in()
        old = wizard.session_id
        wizard.prove_again()
        assert wizard.session_id != old
        thief = world.wizard()
        thief.session_id = old
        assert thief.session().problem == "not_signed_in"

    @pytest.mark.requirement("B30")
    def test_a_secret_from_outside_is_refused(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        wizard.prove_again()
        for name in ("secret", "key", "otp_secret", "uri"):
            body = {"phone": "android", "same_phone": False, name: "A" * 32}
            assert wizard.call("POST", "/api/enrolment", body).problem == "body_malformed"
        assert world.row("PENDING") is None
        phone = wizard.begun()
        for name in ("secret", "key", "totpSecret"):
            body = {"otp": phone.otp(), name: "A" * 32}
            answer = wizard.call("POST", "/api/enrolment/confirmation", body)
            assert answer.problem == "body_malformed"
        assert world.row("TOTP") is None


class TestOffer:
    """What the app is given, and for how long."""

    @pytest.mark.doubles
    @pytest.mark.requirement("B64")
    def test_the_key_is_twenty_bytes_in_the_form_every_app_reads(self, wizard: Wizard) -> None:
        wizard.begun()
        offer = wizard.offer().body
        assert len(base64.b32decode(offer["key"])) == 20
        assert offer["key"] == offer["key"].upper()
        assert "=" not in offer["key"]
        uri = urlsplit(offer["uri"])
        assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
        assert uri.path == "/Azets%20Cozone:anna%40firma.se"
        issuer, account_name = unquote(uri.path[1:]).split(":")
        assert (issuer, account_name) == (offer["issuer"], offer["account_name"])
        assert parse_qs(uri.query) == {"secret": [offer["key"]], "issuer": ["Azets Cozone"]}
        assert "+" not in offer["uri"]

    @pytest.mark.doubles
    @pytest.mark.requirement("T11", "B43", "B51")
    def test_the_qr_code_is_drawn_here_and_kept_nowhere(self, wizard: Wizard) -> None:
        wizard.begun()
        answer = wizard.offer()
        assert answer.headers["cache-control"] == "no-store"
        assert set(answer.body["qr"]) == {"size", "path"}
        assert set(answer.body["qr"]["path"]) <= set("Mmhv0123456789.- ")

    @pytest.mark.doubles
    @pytest.mark.requirement("B36")
    def test_reloads_and_tabs_of_one_sign_in_show_the_same_key(self, wizard: Wizard) -> None:
        phone = wizard.begun()
        first = wizard.offer().body
        assert wizard.begin(phone="iphone", same_phone=True).body["key"] == phone.key
        second = wizard.offer().body
        assert second["enrolment"]["phone"] == "iphone"
        assert second["enrolment"]["same_phone"] is True
        for same in ("key", "uri", "qr", "account_name"):
            assert second[same] == first[same]
        assert wizard.confirm(phone.otp()).status == 200

    @pytest.mark.doubles
    def test_the_key_outlives_a_new_proof_of_the_password(self, wizard: Wizard) -> None:
        phone = wizard.begun()
        wizard.prove_again()
        assert wizard.offer().body["key"] == phone.key

    @pytest.mark.doubles
    @pytest.mark.requirement("E4", "B36")
    def test_another_sign_in_never_sees_the_key_and_replaces_it(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        other = world.wizard()
        other.sign_in()
        assert other.session().body["enrolment"] is None
        assert other.offer().problem == "enrolment_replaced"
        assert other.confirm(phone.otp()).problem == "enrolment_replaced"
        other_phone = other.begun()
        assert other_phone.key != phone.key
        assert wizard.offer().problem == "enrolment_replaced"
        assert wizard.confirm(phone.otp()).problem == "enrolment_replaced"
        assert wizard.session().body["enrolment"] is None
        assert other.confirm(other_phone.otp()).status == 200

    @pytest.mark.requirement("B28")
    def test_cancelling_drops_the_key_and_nothing_else(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        assert wizard.cancel().status == 204
        assert world.row("PENDING") is None
        assert wizard.session().body["enrolment"] is None
        assert wizard.confirm(phone.otp()).problem == "enrolment_not_begun"
        assert wizard.begin().body["key"] != phone.key

    @pytest.mark.doubles
    def test_cancelling_never_drops_another_sign_ins_key(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        other = world.wizard()
        other.sign_in()
        assert other.cancel().status == 204
        assert wizard.offer().body["key"] == phone.key


class TestExpiry:
    """What waits ends after 30 minutes or ten wrong codes, whether or not TTL has swept."""

    @pytest.mark.doubles
    @pytest.mark.requirement("E3", "B37")
    def test_the_last_second_counts(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        _keep_alive(world, wizard, seconds=PENDING_SECONDS)
        assert wizard.confirm(phone.otp()).status == 200

    @pytest.mark.requirement("E3", "B37", "V5")
    def test_a_second_later_it_is_gone_though_its_row_is_there(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        _keep_alive(world, wizard, seconds=PENDING_SECONDS + 1)
        assert world.row("PENDING") is not None
        assert wizard.confirm(phone.otp()).problem == "enrolment_expired"
        assert wizard.offer().problem == "enrolment_expired"
        assert wizard.session().body["enrolment"] is None
        assert world.row("TOTP") is None
        wizard.prove_again()
        again = wizard.begin()
        assert again.status == 200
        assert again.body["key"] != phone.key

    @pytest.mark.requirement("B37")
    def test_ttl_would_sweep_it(self, world: World, wizard: Wizard) -> None:
        wizard.begun()
        pending = world.row("PENDING")
        assert pending is not None
        assert int(pending["expires_at"]["N"]) == world.clock() + PENDING_SECONDS

    @pytest.mark.requirement("E3")
    def test_ten_wrong_codes_end_it(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        for _ in range(10):
            assert wizard.confirm(phone.wrong_otp()).problem == "otp_mismatch"
        assert wizard.confirm(phone.otp()).problem == "enrolment_attempts_exhausted"
        assert world.kms_calls() == 0
        assert wizard.offer().problem == "enrolment_attempts_exhausted"
        assert world.row("TOTP") is None
        new_phone = Phone(wizard.begin().body["key"], world.clock)
        assert new_phone.key != phone.key
        assert wizard.confirm(new_phone.otp()).status == 200

    @pytest.mark.doubles
    def test_the_tenth_code_may_be_right(self, wizard: Wizard) -> None:
        phone = wizard.begun()
        for _ in range(9):
            wizard.confirm(phone.wrong_otp())
        assert wizard.confirm(phone.otp()).status == 200

    @pytest.mark.requirement("E12")
    def test_malformed_codes_use_no_attempt_up(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        for _ in range(20):
            assert wizard.confirm("12345").problem == "otp_malformed"
        pending = world.row("PENDING")
        assert pending is not None
        assert pending["attempts"] == {"N": "0"}
        assert wizard.confirm(phone.otp()).status == 200


class TestConfirm:
    """Nothing counts until a code has proven it; then everything at once."""

    @pytest.mark.requirement("B28", "E12")
    def test_an_abandoned_enrolment_changes_nothing_at_sign_in(self, world: World, wizard: Wizard) -> None:
        wizard.begun()
        other = world.wizard()
        answer = other.sign_in()
        assert answer.body["second_factor"] == "none"
        assert world.row("TOTP") is None

    @pytest.mark.requirement("B31")
    def test_there_is_no_confirming_without_a_code(self, world: World, wizard: Wizard) -> None:
        wizard.begun()
        for raw in (b"{}", b'{"otp": null}', b'{"otp": ""}', b'{"otp": true}', b'{"otp": 123456}', b"[]"):
            answer = wizard.call("POST", "/api/enrolment/confirmation", raw=raw)
            assert answer.status == 400
        assert world.row("TOTP") is None

    @pytest.mark.doubles
    @pytest.mark.requirement("T7", "B08")
    def test_the_confirming_code_is_spent(self, world: World, wizard: Wizard) -> None:
        phone = wizard.enrolled()
        again = world.wizard()
        again.sign_in()
        assert again.verify(phone.otp()).problem == "otp_already_used"
        world.clock.advance_to_next_time_step()
        assert again.verify(phone.otp()).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("T7", "B05")
    def test_confirming_with_the_next_code_spends_the_current_one_too(
        self, world: World, wizard: Wizard
    ) -> None:
        phone = wizard.begun()
        assert wizard.confirm(phone.otp(steps=1)).status == 200
        again = world.wizard()
        again.sign_in()
        assert again.verify(phone.otp()).problem == "otp_already_used"

    @pytest.mark.doubles
    @pytest.mark.requirement("E4", "B29")
    def test_the_old_phone_works_until_the_new_one_is_confirmed(self, world: World, wizard: Wizard) -> None:
        old_phone = wizard.enrolled()
        world.clock.advance_to_next_time_step()
        wizard.prove_again()
        new_phone = Phone(wizard.begin_replacement().body["key"], world.clock)
        beside = world.wizard()
        beside.sign_in()
        assert beside.verify(new_phone.otp()).problem == "otp_mismatch"
        assert beside.verify(old_phone.otp()).status == 200
        world.clock.advance_to_next_time_step()
        assert wizard.confirm(new_phone.otp()).status == 200
        world.clock.advance_to_next_time_step()
        next_time = world.wizard()
        next_time.sign_in()
        assert next_time.verify(old_phone.otp()).problem == "otp_mismatch"
        assert next_time.verify(new_phone.otp()).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("E5", "E8")
    def test_confirming_ends_every_other_session(self, world: World, wizard: Wizard) -> None:
        elsewhere = world.wizard()
        elsewhere.sign_in()
        wizard.enrolled()
        assert elsewhere.session().problem == "not_signed_in"
        assert wizard.session().status == 200

    @pytest.mark.requirement("E5")
    def test_the_swap_leaves_exactly_one_authenticator(self, world: World, wizard: Wizard) -> None:
        wizard.enrolled()
        for _ in range(3):
            world.clock.advance_to_next_time_step()
            wizard.prove_again()
            phone = Phone(wizard.begin_replacement().body["key"], world.clock)
            assert wizard.confirm(phone.otp()).status == 200
            bound = world.row("TOTP")
            assert bound is not None
            assert len(bound["entries"]["M"]) == 1
            assert world.row("PENDING") is None

    @pytest.mark.requirement("E5", "L5")
    def test_a_new_phone_is_no_new_budget_for_guessing(self, world: World, wizard: Wizard) -> None:
        phone = wizard.enrolled()
        guesser = world.wizard()
        guesser.sign_in()
        for _ in range(3):
            guesser.verify(phone.wrong_otp())
        world.clock.advance_to_next_time_step()
        wizard.prove_again()
        new_phone = Phone(wizard.begin_replacement().body["key"], world.clock)
        assert wizard.confirm(new_phone.otp()).status == 200
        bound = world.row("TOTP")
        assert bound is not None
        assert bound["consecutive_failures"] == {"N": "3"}

    @pytest.mark.requirement("E6")
    def test_a_lost_answer_can_be_asked_for_again_within_a_minute(
        self, world: World, wizard: Wizard
    ) -> None:
        phone = wizard.begun()
        key = new_idempotency_key()
        otp = phone.otp()
        lost = wizard.confirm(otp, idempotency_key=key, keep_cookie=False)
        events, state = world.aws.events(), world.aws.state()
        for seconds in (1, 58, 1):
            world.clock.advance(seconds)
            repeated = wizard.confirm(otp, idempotency_key=key, keep_cookie=False)
            assert (repeated.status, repeated.body) == (200, lost.body)
            assert repeated.cookie == lost.cookie
        world.clock.advance(1)
        assert wizard.confirm(otp, idempotency_key=key).problem == "not_signed_in"
        assert world.aws.events() == events
        assert world.aws.state() == state
        assert world.event_kinds().count("authenticator.bound") == 1

    @pytest.mark.requirement("E6")
    def test_the_replaced_session_can_do_nothing_else(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        key = new_idempotency_key()
        wizard.confirm(phone.otp(), idempotency_key=key, keep_cookie=False)
        state = world.aws.state()
        assert wizard.confirm(phone.otp()).problem == "not_signed_in"
        assert wizard.verify(phone.otp(), idempotency_key=key).problem == "not_signed_in"
        assert wizard.prove_again(idempotency_key=key).problem == "not_signed_in"
        assert wizard.session().problem == "not_signed_in"
        assert wizard.offer().problem == "not_signed_in"
        assert world.aws.state() == state

    @pytest.mark.doubles
    @pytest.mark.requirement("E6")
    def test_signing_in_again_shows_that_it_is_done(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        wizard.confirm(phone.otp(), keep_cookie=False)
        assert world.wizard().sign_in().body["second_factor"] == "active"

    @pytest.mark.doubles
    def test_a_second_tab_learns_that_it_is_done(self, wizard: Wizard) -> None:
        phone = wizard.enrolled()
        assert wizard.offer().problem == "enrolment_already_confirmed"
        assert wizard.confirm(phone.otp()).problem == "enrolment_already_confirmed"


class TestClockAdvice:
    """A phone whose clock is off is told so, by how much, and only while setting up."""

    @pytest.mark.doubles
    @pytest.mark.requirement("T13")
    @pytest.mark.parametrize("steps", [range(-10, -1), range(2, 11)], ids=["behind", "ahead"])
    def test_the_amount_is_told_at_set_up(self, steps: range, wizard: Wizard) -> None:
        phone = _phone_with_distinct_codes(wizard)
        for step in steps:
            answer = wizard.confirm(phone.otp(steps=step))
            assert answer.problem == "clock_skew"
            assert answer.body["drift_seconds"] == 30 * step
        assert wizard.confirm(phone.otp()).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("T13")
    def test_beyond_five_minutes_it_is_a_wrong_code(self, wizard: Wizard) -> None:
        phone = _phone_with_distinct_codes(wizard)
        for steps in (-11, 11):
            answer = wizard.confirm(phone.otp(steps=steps))
            assert answer.problem == "otp_mismatch"
            assert "drift_seconds" not in answer.body


def _phone_with_distinct_codes(wizard: Wizard) -> Phone:
    """Begin until no two codes of these minutes are equal by chance."""
    while True:
        phone = wizard.begun()
        if len({phone.otp(steps=steps) for steps in range(-11, 12)}) == 23:
            return phone
