"""Each AWS call of what the help desk does fails; nothing is half done, and asking again mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.sessions.session import start_session
from tests.support import aws
from tests.support.aws import Interference
from tests.support.help_desk import HelpDesk
from tests.support.wizard import Answer, Wizard, new_idempotency_key
from tests.support.world import World

FAULTS: dict[str, Interference] = {
    "unreachable": aws.unreachable,
    "answer lost": aws.answer_lost,
    "malformed": aws.malformed,
}


@dataclass(frozen=True)
class Scenario:
    """
    A request of the help desk, or one that it leads to.

    *told* are the events of its success; *may_be_told_again* are those of which a lost answer
    makes one more: what was done was done twice.
    """

    prepare: Callable[[World], tuple[Wizard, Callable[..., Answer]]]
    told: dict[str, int] = field(default_factory=dict)
    may_be_told_again: frozenset[str] = frozenset()
    status: int = 200


def _at_work(world: World) -> HelpDesk:
    """Return a browser of the staff with a fresh code, put in place without the way there."""
    staff = world.add_staff()
    now = int(world.clock())
    opened = start_session(
        tenant_id=staff.tenant_id,
        user_id=staff.user_id,
        epoch=staff.epoch,
        now=now,
        due_at=None,
        verified_at=now,
        verified_by="code",
    )
    world.stores.transactions.commit(world.stores.sessions.started(opened.session))
    desk = world.help_desk()
    desk.session_id = opened.session_id
    return desk


def _reset(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    world.wizard().enrolled()
    desk = _at_work(world)
    world.clock.advance(61)  # so that the session's use is written too
    return desk, lambda **how: desk.reset(world.user.user_id, **how)


def _unlock(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    world.wizard().enrolled_with_codes()
    desk = _at_work(world)
    return desk, lambda **how: desk.unlock(world.user.user_id, **how)


def _unlock_with_recovery_codes_tried(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    wizard = world.wizard()
    wizard.enrolled()
    wizard.recover("A-0000-0000-0000-0")
    desk = _at_work(world)
    return desk, lambda **how: desk.unlock(world.user.user_id, **how)


def _give_the_code(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    desk, act = _reset(world)
    code = act().body["reset_code"]
    del desk
    wizard = world.wizard()
    wizard.sign_in()
    world.clock.advance(61)
    return wizard, lambda **how: wizard.give_reset_code(code, **how)


def _see(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    _, act = _reset(world)
    act()
    desk = _at_another_desk(world)
    return desk, lambda **_: desk.user(world.user.user_id)


def _at_another_desk(world: World) -> HelpDesk:
    desk = world.help_desk()
    desk.begins_work()
    return desk


def _find(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    desk = _at_work(world)
    reference = world.wizard().sign_in().body["reference"]
    return desk, lambda **_: desk.user_of_reference(reference)


def _list(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    desk = _at_work(world)
    return desk, lambda **_: desk.users()


def _count(world: World) -> tuple[Wizard, Callable[..., Answer]]:
    desk = _at_work(world)
    return desk, lambda **_: desk.counts()


SCENARIOS = {
    "reset": Scenario(_reset, {"second_factor.reset": 1}, status=201),
    "unlock": Scenario(_unlock, {"second_factor.unlocked": 1}),
    "unlock recovery codes too": Scenario(_unlock_with_recovery_codes_tried, {"second_factor.unlocked": 1}),
    "reset code": Scenario(
        _give_the_code,
        {"attempt.counted": 1, "reset_code.accepted": 1},
        may_be_told_again=frozenset({"attempt.counted"}),
    ),
    "user": Scenario(_see),
    "reference": Scenario(_find),
    "users": Scenario(_list),
    "counts": Scenario(_count),
}


# The richest request meets every fault. Of the others, those that only read meet one.
FAULTS_OF = {
    name: FAULTS
    if name == "reset"
    else ("unreachable", "answer lost")
    if scenario.told
    else ("unreachable",)
    for name, scenario in SCENARIOS.items()
}


@pytest.mark.requirement("V1", "E11", "A6")
@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        pytest.param(SCENARIOS[name], FAULTS[fault], id=f"{name}-{fault}")
        for name, faults in FAULTS_OF.items()
        for fault in faults
    ],
)
def test_what_failed_is_asked_again_and_done(scenario: Scenario, fault: Interference, world: World) -> None:
    wizard, act = scenario.prepare(world)
    wizard.call("GET", "/api/tenant")  # from here on the profile is remembered
    state, session_id = world.aws.state(), wizard.session_id
    world.aws.leave_alone()
    assert act(keep_cookie=False).status == scenario.status
    operations = list(world.aws.calls)
    # A look for a reference asks fifty times the same: what holds for some holds for all.
    for at_call, operation in list(enumerate(operations, start=1))[:12]:
        world.aws.restore(state)
        told = Counter(world.event_kinds())
        wizard.session_id = session_id
        key = new_idempotency_key()
        is_read = operation in {"GetItem", "Query"}
        world.aws.interfere(*[fault] * (2 if is_read else 1), at_call=at_call)
        failed = act(idempotency_key=key)
        where = f"call {at_call}, {operation}"
        assert (failed.status, failed.problem) == (503, "service_unavailable"), where
        world.aws.leave_alone()
        _is_whole(world)
        again = act(idempotency_key=key)
        assert again.status == scenario.status, (where, again.text)
        _is_whole(world)
        more = Counter(world.event_kinds()) - told - Counter(scenario.told)
        assert set(more) <= scenario.may_be_told_again, where
        assert Counter(world.event_kinds()) - told >= Counter(scenario.told), where


def _is_whole(world: World) -> None:
    """Hold that Anna is reset with all that belongs to it, or not at all."""
    partition = f"T#{world.user.tenant_id}#U#{world.user.user_id}"
    rows: dict[str, Any] = {row["sk"]["S"]: row for row in world.aws.state() if row["pk"]["S"] == partition}
    is_reset = "reset_pending" in rows["USER"]
    assert ("RESET" in rows) == is_reset
    if is_reset:
        assert set(rows) == {"USER", "RESET"}
        assert rows["USER"]["status"] == {"S": "reset"}


@pytest.mark.requirement("V1")
def test_half_an_answer_is_no_list(world: World) -> None:
    """An object that says nothing must not look like a tenant without users."""
    desk = _at_work(world)
    desk.call("GET", "/api/tenant")  # from here on the profile is remembered
    for act in (desk.users, desk.counts):
        world.aws.leave_alone()
        act()
        for at_call, operation in enumerate(list(world.aws.calls), start=1):
            if operation == "Query":
                world.aws.interfere(aws.halved, at_call=at_call)
                assert act().problem == "service_unavailable"
    world.aws.leave_alone()


@pytest.mark.requirement("V1", "L11")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failed_sign_in_of_the_staff_asked_again_succeeds(fault: Interference, world: World) -> None:
    world.add_staff()
    desk = world.help_desk()
    state = world.aws.state()
    world.aws.leave_alone()
    desk.sign_in()
    for at_call, operation in enumerate(list(world.aws.calls), start=1):
        world.aws.restore(state)
        desk.session_id = None
        world.aws.interfere(*[fault] * (2 if operation == "GetItem" else 1), at_call=at_call)
        failed = desk.sign_in()
        assert (failed.status, failed.cookie) == (503, None), operation
        world.aws.leave_alone()
        assert desk.sign_in().status == 200
        assert desk.session().status == 200
