"""An answer of AWS that says nothing is no answer: an outage, never a fault of ours or a way in."""

from __future__ import annotations

import pytest

from tests.support.aws import halved, refused_without_a_word
from tests.support.world import World


@pytest.mark.requirement("V1")
@pytest.mark.parametrize("call", ["UpdateItem", "Decrypt"])
def test_a_verification(call: str, world: World) -> None:
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard = world.wizard()
    wizard.sign_in()
    world.aws.interfere(halved, at_call={"UpdateItem": 3, "Decrypt": 4}[call])
    answer = wizard.verify(phone.otp())
    assert world.aws.calls[-1] == call
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert not wizard.session().body["verified"]


@pytest.mark.requirement("V1")
@pytest.mark.parametrize("call", ["UpdateItem", "TransactWriteItems"])
def test_a_refusal_without_a_reason(call: str, world: World) -> None:
    world.aws.interfere(refused_without_a_word, at_call={"UpdateItem": 2, "TransactWriteItems": 6}[call])
    answer = world.wizard().sign_in()
    assert world.aws.calls[-1] == call
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    assert world.wizard().sign_in().status == 200


@pytest.mark.requirement("V1", "R4")
def test_a_recovery_code_refused_without_a_reason(world: World) -> None:
    _, codes = world.wizard().enrolled_with_codes()
    wizard = world.wizard()
    wizard.sign_in()
    wizard.session()
    world.aws.interfere(refused_without_a_word, at_call=3)
    answer = wizard.recover(codes[0])
    assert world.aws.calls[-1] == "UpdateItem"
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert wizard.recover(codes[0]).status == 200


@pytest.mark.requirement("V1")
def test_a_begin(world: World) -> None:
    wizard = world.wizard()
    wizard.sign_in()
    wizard.prove_again()
    wizard.begin()
    wizard.cancel()
    world.aws.interfere(halved, at_call=5)
    answer = wizard.begin()
    assert world.aws.calls[-1] == "Encrypt"
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    assert world.row("PENDING") is None
