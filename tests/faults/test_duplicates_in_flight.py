"""
A request runs once more, whole, between any two AWS calls of itself.

That is what a browser's retry does when it overtakes a slow first try. Both
must end alike, and what they ask for must happen once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse

from tests.faults.scenarios import SCENARIOS, Scenario, authenticators
from tests.support.aws import Interference, Request
from tests.support.wizard import Answer, new_idempotency_key
from tests.support.world import World


def _overtaking(act: Callable[..., Answer], key: str, answers: list[Answer]) -> Interference:
    def overtake(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
        del request
        answers.append(act(idempotency_key=key, keep_cookie=False))
        return take_effect()

    return overtake


@pytest.mark.requirement("E6", "B38", "V3", "T6")
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_an_overtaking_retry_and_its_first_try_end_alike(scenario: Scenario, world: World) -> None:
    wizard = world.wizard()
    act = scenario.prepare(world, wizard)
    wizard.call("GET", "/api/tenant")  # from here on the profile is remembered
    state, session_id = world.aws.state(), wizard.session_id
    world.aws.leave_alone()
    act(keep_cookie=False)
    operations = list(world.aws.calls)
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        wizard.session_id = session_id
        told = Counter(world.event_kinds())
        key = new_idempotency_key()
        overtaking: list[Answer] = []
        world.aws.interfere(_overtaking(act, key, overtaking), at_call=at_call)
        overtaken = act(idempotency_key=key)
        where = f"call {at_call}, {operation}"
        assert [answer.status for answer in overtaking] == [scenario.status], where
        assert (overtaken.status, overtaken.body) == (scenario.status, overtaking[0].body), where
        assert overtaken.cookie == overtaking[0].cookie, where
        assert Counter(world.event_kinds()) - told == Counter(scenario.told), where
        assert authenticators(world) in scenario.authenticators
        if overtaken.cookie:
            assert wizard.session().status == 200, where


@pytest.mark.requirement("E5", "B36", "B38")
def test_a_begin_between_the_count_and_the_swap_wins_or_loses_whole(world: World) -> None:
    """Another sign-in begins while a right code is on its way: the code confirms nothing."""
    wizard = world.wizard()
    phone = wizard.begun()
    other = world.wizard()

    def begin_elsewhere(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
        del request
        other.begun()
        return take_effect()

    world.aws.interfere(begin_elsewhere, at_call=5)
    assert wizard.confirm(phone.otp()).problem == "enrolment_replaced"
    assert world.aws.calls[4] == "TransactWriteItems"
    assert authenticators(world) == 0
    assert other.confirm(other.scan().otp()).status == 200


@pytest.mark.requirement("L3", "L6")
def test_a_right_code_loses_to_a_disabling_in_between(world: World) -> None:
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard = world.wizard()
    wizard.sign_in()

    def disable(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
        del request
        row = world.row("TOTP")
        assert row is not None
        world.aws.write(row | {"status": {"S": "DISABLED"}})
        return take_effect()

    world.aws.interfere(disable, at_call=5)
    assert wizard.verify(phone.otp()).problem == "authenticator_disabled"
    assert not wizard.session().body["verified"]
