"""
Each AWS call of each portal's request fails; then it is asked again.

The first answer is 503 with nobody let in and nothing spent that is not said to
be. What happens once has happened at most once after both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support import aws
from tests.support.aws import Interference
from tests.support.portal import Portal, brought_back
from tests.support.wizard import Answer, new_idempotency_key
from tests.support.world import World

USER = "u-1"
FAULTS: dict[str, Interference] = {
    "unreachable": aws.unreachable,
    "answer lost": aws.answer_lost,
    "malformed": aws.malformed,
}
TAKES_EFFECT = {"answer lost", "malformed"}
Act = Callable[[], Answer]


@dataclass(frozen=True)
class Scenario:
    """
    A request, ready to be made again and again.

    *told* are the events of its one success, and *if_unknown* what the second
    request is answered if the first took effect and its answer was lost; those
    that may tell of more then are *told_more*.
    """

    prepare: Callable[[World, Portal], Act]
    status: int
    told: dict[str, int] = field(default_factory=dict)
    if_unknown: int | None = None
    told_more: dict[str, int] = field(default_factory=dict)


def _status(world: World, portal: Portal) -> Act:
    source = dict(world.services.tenants.get("example").profile.source)
    policy = {"second_factor": "required", "deadline": None, "grace_days": 14}
    world.add_tenant(**source | {"policy": policy})
    return lambda: portal.status("somebody")


def _verify(world: World, portal: Portal) -> Act:
    phone = world.enrolled_at(portal, USER)
    world.clock.advance_to_next_time_step()
    otp, attempt_id = phone.otp(), new_idempotency_key()
    return lambda: portal.verify(USER, otp, attempt_id=attempt_id)


def _hand_off(world: World, portal: Portal) -> Act:
    del world
    return lambda: portal.hand_off("newcomer")


def _exchange(world: World, portal: Portal) -> Act:
    token, key = portal.token_for(USER), new_idempotency_key()
    return lambda: world.wizard().arrive(token, idempotency_key=key)


def _return(world: World, portal: Portal) -> Act:
    phone = world.enrolled_at(portal, USER)
    world.clock.advance_to_next_time_step()
    wizard = world.arrived(portal, USER)
    wizard.verify(phone.otp())
    key = new_idempotency_key()
    return lambda: wizard.return_to_portal(idempotency_key=key, keep_cookie=False)


def _redeem(world: World, portal: Portal) -> Act:
    code = brought_back(_return(world, portal)())["code"]
    portal.keys()  # which are remembered from here on
    return lambda: portal.redeem(code)


SCENARIOS = {
    "status": Scenario(_status, 200),
    "verification": Scenario(_verify, 200),
    "hand-off": Scenario(_hand_off, 201, {"hand_off.begun": 1}, told_more={"hand_off.begun": 1}),
    "exchange": Scenario(_exchange, 200, {"session.started": 1}),
    "return": Scenario(_return, 200, {"hand_off.returned": 1}),
    # An assertion that was perhaps seen is never given twice: the user comes anew.
    "redemption": Scenario(
        _redeem, 200, {"assertion.issued": 1}, if_unknown=409, told_more={"assertion.flagged": 1}
    ),
}
# How a call fails makes a difference below `storage` and `keys` only, and is tried out beside this.
FAULTS_OF = {
    name: tuple(FAULTS) if name == "redemption" else ("unreachable", "answer lost") for name in SCENARIOS
}


def fail(world: World, operation: str, fault: Interference, at_call: int) -> None:
    """Let that call fail for good: a read is tried twice."""
    world.aws.interfere(*[fault] * (2 if operation == "GetItem" else 1), at_call=at_call)


@pytest.mark.requirement("V1", "M4", "E6", "A6")
@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        pytest.param(SCENARIOS[name], fault, id=f"{name}-{fault}")
        for name, faults in FAULTS_OF.items()
        for fault in faults
    ],
)
def test_a_failed_request_asked_again_happens_once(scenario: Scenario, fault: str, world: World) -> None:
    act = scenario.prepare(world, world.add_portal())
    world.wizard().call("GET", "/api/tenant?tenant=example")  # from here on the profile is remembered
    state = world.aws.state()
    world.aws.leave_alone()
    right = act()
    assert right.status == scenario.status
    operations = list(world.aws.calls)
    assert len(operations) >= 2
    for at_call, operation in enumerate(operations, start=1):
        if fault not in {"unreachable", "malformed"} and operation == "GetItem":
            continue  # a read that took effect changed nothing
        world.aws.restore(state)
        told = Counter(world.event_kinds())
        where = f"call {at_call}, {operation}"
        fail(world, operation, FAULTS[fault], at_call)
        failed = act()
        assert (failed.status, failed.problem) == (503, "service_unavailable"), where
        assert failed.headers["retry-after"] == "5"
        assert failed.cookie is None, where
        world.aws.leave_alone()
        again = act()
        is_unknown = fault in TAKES_EFFECT and operation == "TransactWriteItems"
        expected = scenario.if_unknown if is_unknown and scenario.if_unknown else scenario.status
        assert again.status == expected, (where, again.text)
        more = scenario.told_more if is_unknown else {}
        assert Counter(world.event_kinds()) - told == Counter(scenario.told) + Counter(more), where
        if again.status == scenario.status:
            assert _alike(again.body, right.body), where


@pytest.mark.requirement("V1", "L6")
@pytest.mark.parametrize("fault", ["unreachable", "answer lost"])
def test_a_portals_attempt_is_counted_from_the_moment_its_count_was_written(
    fault: str, world: World
) -> None:
    portal = world.add_portal()
    phone = world.enrolled_at(portal, USER)
    state = world.aws.state()
    world.aws.leave_alone()
    assert portal.verify(USER, phone.wrong_otp()).status == 422
    operations = list(world.aws.calls)
    assert operations == ["GetItem", "UpdateItem", "Decrypt"]
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        fail(world, operation, FAULTS[fault], at_call)
        assert portal.verify(USER, phone.wrong_otp()).status == 503
        (row,) = [row for row in world.aws.state() if row["sk"]["S"] == "TOTP"]
        counted = operation == "Decrypt" or (operation == "UpdateItem" and fault in TAKES_EFFECT)
        assert row["consecutive_failures"] == {"N": "1" if counted else "0"}, operation


@pytest.mark.requirement("V1", "M5")
@pytest.mark.parametrize("fault", ["unreachable", "malformed"])
def test_no_keys_are_shown_that_are_not_known(fault: str, world: World) -> None:
    """An empty answer would make portals forget the keys they have."""
    for at_call, operation in enumerate(("GetItem", "GetPublicKey"), start=1):
        fresh = world.restarted()
        fail(world, operation, FAULTS[fault], at_call)
        answer = fresh.wizard().call("GET", "/api/jwks")
        assert (answer.status, answer.problem) == (503, "service_unavailable"), operation
        world.aws.leave_alone()
        assert len(fresh.wizard().call("GET", "/api/jwks").body["keys"]) == 1


@pytest.mark.requirement("V1", "M4")
@pytest.mark.parametrize("call", ["Sign", "GetPublicKey"])
def test_half_an_answer_of_the_key_service_signs_nothing(call: str, world: World) -> None:
    portal = world.add_portal()
    code = brought_back(_return(world, portal)())["code"]
    if call == "Sign":
        portal.keys()
    world.aws.interfere(aws.halved, at_call={"Sign": 3, "GetPublicKey": 4}[call])
    answer = portal.redeem(code)
    assert world.aws.calls[-1] == call
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    world.aws.leave_alone()
    assert portal.redeem(code).status == 200, "nothing was spent"


@pytest.mark.requirement("E6", "T6", "M4", "B60", "V3")
@pytest.mark.parametrize("name", ["verification", "exchange", "return", "redemption"])
def test_the_same_request_in_the_middle_of_itself_happens_once(name: str, world: World) -> None:
    """A retry that overtakes a slow first try: both end alike, but that one alone gets the assertion."""
    scenario = SCENARIOS[name]
    act = scenario.prepare(world, world.add_portal())
    world.wizard().call("GET", "/api/tenant?tenant=example")
    state = world.aws.state()
    world.aws.leave_alone()
    act()
    operations = list(world.aws.calls)
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        told = Counter(world.event_kinds())
        overtaking: list[Answer] = []

        def overtake(_: Any, take_effect: Callable[[], Any], answers: list[Answer] = overtaking) -> Any:
            answers.append(act())
            return take_effect()

        world.aws.interfere(overtake, at_call=at_call)
        overtaken = act()
        where = f"call {at_call}, {operation}"
        statuses = [overtaking[0].status, overtaken.status]
        assert statuses == [200, 409 if name == "redemption" else 200], where
        if name != "redemption":
            assert (overtaken.body, bool(overtaken.cookie)) == (
                overtaking[0].body,
                bool(overtaking[0].cookie),
            )
        more = scenario.told_more if name == "redemption" else {}
        assert Counter(world.event_kinds()) - told == Counter(scenario.told) + Counter(more), where


def _alike(one: Any, other: Any) -> bool:
    """Say whether two answers are alike but for what is drawn anew or depends on the time."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys()
    return bool(one == other)
