"""A write that meets a running transaction is tried again for a while; it never ends in a 500."""

from __future__ import annotations

import pytest

from tests.faults.scenarios import SCENARIOS, Scenario
from tests.support import aws
from tests.support.world import World

WRITES = {"UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems"}


@pytest.mark.requirement("V3")
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_conflict_is_waited_for(scenario: Scenario, world: World) -> None:
    wizard = world.wizard()
    act = scenario.prepare(world, wizard)
    wizard.call("GET", "/api/tenant")
    state, session_id = world.aws.state(), wizard.session_id
    world.aws.leave_alone()
    act(keep_cookie=False)
    operations = list(world.aws.calls)
    for at_call, operation in enumerate(operations, start=1):
        if operation in WRITES:
            world.aws.restore(state)
            wizard.session_id = session_id
            world.aws.interfere(aws.conflicting, aws.conflicting, at_call=at_call)
            assert act().status == scenario.status, operation
            assert len(world.aws.calls) == len(operations) + 2


@pytest.mark.requirement("V3", "V1")
def test_a_conflict_that_does_not_end_is_an_outage(world: World) -> None:
    wizard = world.wizard()
    phone = wizard.begun()
    world.aws.interfere(*[aws.conflicting] * 6, at_call=5)
    answer = wizard.confirm(phone.otp())
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert world.row("TOTP") is None
    world.aws.leave_alone()
    assert wizard.confirm(phone.otp()).status == 200


@pytest.mark.requirement("V3", "L6")
def test_an_attempt_that_met_a_conflict_is_counted_once(world: World) -> None:
    phone = world.wizard().enrolled()
    wizard = world.wizard()
    wizard.sign_in()
    world.aws.interfere(*[aws.conflicting] * 3, at_call=3)
    assert wizard.verify(phone.wrong_otp()).status == 422
    row = world.row("TOTP")
    assert row is not None
    assert row["consecutive_failures"] == {"N": "1"}
