"""Users whom an earlier release knows go on as if nothing had happened, over the rows it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest

from chalicelib.storage.rows import FORMAT_VERSION
from tests.support.world import COZONE
from tests.upgrade.keep_rows import PASSWORD
from tests.upgrade.kept_rows import FILES, Left, left_by


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def left(request: pytest.FixtureRequest) -> Iterator[Left]:
    """Return what each release left behind, one after the other."""
    with left_by(request.param) as left:
        yield left


def test_the_first_release_is_among_them() -> None:
    assert "rows-0.1.0" in {file.stem for file in FILES}


def test_there_is_a_row_of_every_kind(left: Left) -> None:
    rows = left.world.aws.state()
    assert {row["sk"]["S"] for row in rows} == {
        "PROFILE",
        "USER",
        "PASSWORD",
        "SESSION",
        "PENDING",
        "TOTP",
    }
    assert {row["pk"]["S"].partition("#")[0] for row in rows} == {"T", "S", "LOOKUP"}
    assert all(int(row["format_version"]["N"]) <= FORMAT_VERSION for row in rows)
    totp = [row for row in rows if row["sk"]["S"] == "TOTP"]
    attributes = set(chain.from_iterable(totp))
    assert {"accepted_attempt", "failures_2026_11"} <= attributes
    assert {row["status"]["S"] for row in totp} == {"ACTIVE", "DISABLED"}
    assert {row["sk"]["S"] for row in rows if "replaced_at" in row} == {"SESSION"}


@pytest.mark.parametrize(
    ("name", "second_factor"),
    [
        ("anna", "active"),
        ("berit", "none"),
        ("cecilia", "active"),
        ("disa", "disabled"),
        ("erik", "active"),
        ("gustav", "none"),
    ],
)
def test_everybody_signs_in(left: Left, name: str, second_factor: str) -> None:
    answer = left.browser(name).sign_in()
    assert answer.status == 200
    assert answer.body["second_factor"] == second_factor
    assert not answer.body["verified"]


def test_who_is_signed_in_stays_so(left: Left) -> None:
    for name, verified in (("anna", True), ("berit", False), ("cecilia", False)):
        answer = left.browser(name).session()
        assert answer.status == 200
        assert answer.body["verified"] == verified


def test_the_phones_codes_open_a_sign_in_once(left: Left) -> None:
    wizard = left.browser("anna")
    left.world.clock.advance_to_next_time_step()
    wizard.sign_in()
    phone = left.phone("anna")
    assert wizard.verify(phone.wrong_otp()).problem == "otp_mismatch"
    assert wizard.verify(phone.otp()).body["verified"]
    assert wizard.verify(phone.otp()).problem == "otp_already_used"


def test_a_code_that_was_accepted_before_stays_spent(left: Left) -> None:
    wizard = left.browser("erik")
    wizard.sign_in()
    assert wizard.verify(left.people["erik"]["otp"]).problem == "otp_already_used"


def test_an_answer_that_was_lost_is_given_again(left: Left) -> None:
    """The code is not asked for anew, and counts nothing, across the upgrade."""
    erik = left.people["erik"]
    wizard = left.browser("erik")
    answer = wizard.verify(erik["otp"], idempotency_key=erik["idempotency_key"])
    assert (answer.status, answer.body) == (200, erik["answer"])
    assert answer.cookie == erik["next_session_id"]
    assert wizard.session().body["verified"]


def test_a_change_of_phone_under_way_is_finished(left: Left) -> None:
    wizard = left.browser("anna")
    new_phone = left.phone("anna", "new_key")
    assert wizard.offer().body["key"] == new_phone.key
    assert wizard.begin_replacement().problem == "verification_required"
    left.world.clock.advance_to_next_time_step()
    assert wizard.verify(left.phone("anna").otp()).status == 200, "what proved the factor was not noted"
    assert wizard.begin_replacement().body["key"] == new_phone.key
    assert wizard.confirm(new_phone.otp()).body["verified"]
    left.world.clock.advance_to_next_time_step()
    wizard.sign_in()
    assert wizard.verify(left.phone("anna").otp()).problem == "otp_mismatch"
    assert wizard.verify(new_phone.otp()).body["verified"]


def test_a_change_of_phone_under_way_needs_no_more_than_its_code(left: Left) -> None:
    wizard = left.browser("anna")
    assert wizard.confirm(left.phone("anna", "new_key").otp()).body["verified"]


def test_a_phone_is_changed(left: Left) -> None:
    wizard = left.browser("erik")
    left.world.clock.advance_to_next_time_step()
    wizard.sign_in()
    wizard.verify(left.phone("erik").otp())
    wizard.prove_again()
    assert wizard.begin_replacement().status == 200
    phone = wizard.scan()
    assert wizard.confirm(phone.otp()).status == 200
    left.world.clock.advance_to_next_time_step()
    wizard.sign_in()
    assert wizard.verify(left.phone("erik").otp()).problem == "otp_mismatch"
    assert wizard.verify(phone.otp()).status == 200


def test_a_first_enrolment_under_way_is_confirmed(left: Left) -> None:
    wizard = left.browser("berit")
    phone = left.phone("berit", "new_key")
    answer = wizard.confirm(phone.otp())
    assert answer.status == 200
    assert answer.body["second_factor"] == "active"


def test_another_sign_in_takes_the_pending_place(left: Left) -> None:
    other = left.browser("berit")
    other.sign_in()
    other.prove_again()
    assert other.begin().status == 200
    assert left.browser("berit").offer().problem == "enrolment_replaced"
    assert other.confirm(other.scan().otp()).status == 200


def test_an_enrolment_under_way_is_cancelled(left: Left) -> None:
    wizard = left.browser("berit")
    assert wizard.cancel().status == 204
    assert wizard.offer().problem == "enrolment_not_begun"


def test_who_had_to_wait_still_waits_and_then_gets_in(left: Left) -> None:
    wizard = left.browser("cecilia")
    phone = left.phone("cecilia")
    assert wizard.verify(phone.otp()).problem == "too_many_attempts"
    left.world.clock.advance(31)
    assert wizard.verify(phone.otp()).status == 200


def test_who_was_shut_out_stays_so(left: Left) -> None:
    wizard = left.browser("disa")
    wizard.sign_in()
    left.world.clock.advance(24 * 60 * 60)
    wizard.sign_in()
    assert wizard.verify(left.phone("disa").otp()).problem == "authenticator_disabled"


def test_a_guessed_password_still_waits(left: Left) -> None:
    assert left.browser("frida").sign_in().problem == "too_many_attempts"
    assert left.browser("frida").prove_again().problem == "too_many_attempts"
    left.world.clock.advance(61)
    assert left.browser("frida").prove_again().status == 200
    assert left.browser("frida").sign_in(password=PASSWORD).status == 200


def test_whoever_signs_out_is_out(left: Left) -> None:
    wizard = left.browser("anna")
    session_id = wizard.session_id
    assert wizard.sign_out().status == 204
    wizard.session_id = session_id
    assert wizard.session().problem == "not_signed_in"


def test_a_tenants_profile_is_read_and_replaced(left: Left) -> None:
    wizard = left.browser("gustav")
    assert wizard.call("GET", "/api/tenant").body["portal_name"] == COZONE["portal_name"]
    tenant = left.world.add_tenant(portal_name="Azets Cozone Två")
    assert tenant.version > 1
    assert wizard.sign_in().status == 200  # the key of the look-ups stayed
