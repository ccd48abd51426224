"""A sealed secret opens only where it was put: tampering is an alarm and, to the user, an outage."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.support.aws import Row
from tests.support.wizard import Answer, Phone
from tests.support.world import World


def _row(world: World, tenant: str, sort_key: str) -> Row:
    (row,) = [
        row
        for row in world.aws.state()
        if row["sk"]["S"] == sort_key and row["pk"]["S"].startswith(f"T#{tenant}#")
    ]
    return row


def _entry(row: Row) -> dict[str, Any]:
    (entry,) = row["entries"]["M"].values()
    fields: dict[str, Any] = entry["M"]
    return fields


def _assert_alarm(world: World, answer: Answer) -> None:
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "integrity" not in answer.text
    line = world.last_line
    assert (line["level"], line["alarm"]) == ("ERROR", "secret_integrity")


def _flip_a_bit(fields: dict[str, Any], berits: dict[str, Any]) -> None:
    del berits
    octets = bytearray(fields["ciphertext"]["B"])
    octets[-1] ^= 1
    fields["ciphertext"]["B"] = bytes(octets)


def _cut_off(fields: dict[str, Any], berits: dict[str, Any]) -> None:
    del berits
    fields["ciphertext"]["B"] = fields["ciphertext"]["B"][:-5]


def _take_another_tenants(fields: dict[str, Any], berits: dict[str, Any]) -> None:
    fields["ciphertext"]["B"] = berits["ciphertext"]["B"]


def _claim_another_version(fields: dict[str, Any], berits: dict[str, Any]) -> None:
    del berits
    fields["version"] = {"N": "2"}


TAMPERINGS = [_flip_a_bit, _cut_off, _take_another_tenants, _claim_another_version]


@pytest.mark.requirement("K1", "B48")
@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_a_tampered_secret_is_an_alarm_and_opens_nothing(
    tamper: Callable[[dict[str, Any], dict[str, Any]], None], world: World
) -> None:
    world.add_byra_with_berit()
    phone = world.wizard().enrolled()
    berits_phone = world.berits_wizard().enrolled()
    world.clock.advance_to_next_time_step()
    row = deepcopy(_row(world, "cozone", "TOTP"))
    tamper(_entry(row), _entry(_row(world, "byra", "TOTP")))
    world.aws.write(row)
    wizard = world.wizard()
    wizard.sign_in()
    for otp in (phone.otp(), berits_phone.otp()):
        _assert_alarm(world, wizard.verify(otp))
    assert not wizard.session().body["verified"]
    assert _row(world, "cozone", "TOTP")["consecutive_failures"] == {"N": "2"}
    # The other tenant goes on undisturbed.
    berit = world.berits_wizard()
    berit.sign_in()
    assert berit.verify(berits_phone.otp()).status == 200


@pytest.mark.requirement("K1", "B48")
@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_so_is_one_that_waits_to_be_confirmed(
    tamper: Callable[[dict[str, Any], dict[str, Any]], None], world: World
) -> None:
    world.add_byra_with_berit()
    wizard, berit = world.wizard(), world.berits_wizard()
    wizard.begun()
    berits_phone = berit.begun()
    row = deepcopy(_row(world, "cozone", "PENDING"))
    tamper(row, _row(world, "byra", "PENDING"))
    world.aws.write(row)
    _assert_alarm(world, wizard.offer())
    _assert_alarm(world, wizard.begin())
    _assert_alarm(world, wizard.confirm(berits_phone.otp()))
    assert world.row("TOTP") is None


@pytest.mark.requirement("K1", "B48")
def test_an_authenticator_of_before_cannot_be_put_back_under_the_new_ones_id(world: World) -> None:
    wizard = world.wizard()
    old_phone = wizard.enrolled()
    old = deepcopy(_entry(_row(world, "cozone", "TOTP")))
    world.clock.advance_to_next_time_step()
    wizard.prove_again()
    new_phone = Phone(wizard.begin_replacement().body["key"], world.clock)
    wizard.confirm(new_phone.otp())
    row = deepcopy(_row(world, "cozone", "TOTP"))
    _entry(row).update(ciphertext=old["ciphertext"])
    world.aws.write(row)
    world.clock.advance_to_next_time_step()
    again = world.wizard()
    again.sign_in()
    _assert_alarm(world, again.verify(old_phone.otp()))


@pytest.mark.requirement("B49", "K3")
def test_a_new_key_seals_what_is_new_and_the_old_one_opens_what_is_old(world: World) -> None:
    """Each row names its key, so the operator can change keys while everybody signs in."""
    wizard = world.wizard()
    old_phone = wizard.enrolled()
    old_key = _entry(_row(world, "cozone", "TOTP"))["key_arn"]["S"]
    new_key = world.aws.let_the_alias_name_a_new_key()
    world.clock.advance_to_next_time_step()
    again = world.wizard()
    again.sign_in()
    assert again.verify(old_phone.otp()).status == 200
    again.prove_again()
    new_phone = Phone(again.begin_replacement().body["key"], world.clock)
    world.clock.advance_to_next_time_step()
    assert again.confirm(new_phone.otp()).status == 200
    key_arn = _entry(_row(world, "cozone", "TOTP"))["key_arn"]["S"]
    assert key_arn.endswith(new_key)
    assert key_arn != old_key


@pytest.mark.requirement("T1", "K1")
def test_equal_secrets_would_look_different_in_the_table(world: World) -> None:
    """No ciphertext is ever seen twice, not even of one user's keys begun again and again."""
    wizard = world.wizard()
    seen = set()
    keys = set()
    for _ in range(5):
        keys.add(wizard.begun().key)
        seen.add(_row(world, "cozone", "PENDING")["ciphertext"]["B"])
    assert len(seen) == len(keys) == 5


@pytest.mark.requirement("K1", "B48")
def test_an_authenticator_copied_whole_opens_nothing_for_a_colleague(world: World) -> None:
    """The same tenant, the same authenticator id, the same version: the user alone differs."""
    phone = world.wizard().enrolled()
    annas = deepcopy(_row(world, "cozone", "TOTP"))
    password = "nio-gula-humlebon-x"
    carl = world.add_user(username="carl@firma.se", password=password)
    world.aws.write(annas | {"pk": {"S": f"T#cozone#U#{carl.user_id}"}})
    world.clock.advance_to_next_time_step()
    wizard = world.wizard(username="carl@firma.se", password=password)
    assert wizard.sign_in().body["second_factor"] == "active"
    _assert_alarm(world, wizard.verify(phone.otp()))
