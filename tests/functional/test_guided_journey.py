"""The journey of the printed guide, from the first sign-in to the next one, over HTTP."""

from __future__ import annotations

import pytest

from tests.support.wizard import Wizard
from tests.support.world import World

pytestmark = pytest.mark.doubles


@pytest.mark.requirement("E4", "E12", "T6", "T7")
def test_a_user_turns_on_two_step_verification_and_uses_it_the_next_time(
    world: World, wizard: Wizard
) -> None:
    tenant = wizard.call("GET", "/api/tenant").body
    assert (tenant["portal_name"], tenant["policy"]["second_factor"]) == ("Azets Cozone", "required")

    signed_in = wizard.sign_in()
    assert signed_in.status == 200
    assert signed_in.body["second_factor"] == "none"
    assert not signed_in.body["verified"]

    assert wizard.prove_again().body["password_fresh_until"] == "2026-11-23T09:05:00Z"

    offer = wizard.begin(phone="iphone").body
    assert offer["issuer"] == "Azets Cozone"
    assert offer["account_name"] == "anna@firma.se"
    assert wizard.offer().body == offer

    phone = wizard.scan()
    assert wizard.confirm(phone.wrong_otp()).problem == "otp_mismatch"
    confirmed = wizard.confirm(phone.otp())
    assert confirmed.status == 200
    assert (confirmed.body["second_factor"], confirmed.body["verified"]) == ("active", True)
    assert confirmed.body["authenticator"]["name"] == "Google Authenticator"
    assert wizard.session().body == confirmed.body
    assert wizard.sign_out().status == 204

    world.clock.advance_to_next_time_step()
    next_time = world.wizard()
    assert next_time.sign_in().body["second_factor"] == "active"
    assert not next_time.session().body["verified"]
    assert next_time.verify(phone.otp()).body["verified"] is True
    assert next_time.verify(phone.otp()).problem == "otp_already_used"
