"""Recovery codes while AWS fails: a set is there whole or not at all, and each guess stays counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse

from tests.support import aws
from tests.support.aws import Interference, Request
from tests.support.wizard import Wizard, new_idempotency_key, wrong_recovery_code
from tests.support.world import World

FAULTS: dict[str, Interference] = {
    "unreachable": aws.unreachable,
    "answer lost": aws.answer_lost,
    "malformed": aws.malformed,
}


def _fail(world: World, operation: str, fault: Interference, at_call: int) -> None:
    world.aws.interfere(*[fault] * (2 if operation == "GetItem" else 1), at_call=at_call)


def _sets(world: World) -> tuple[str | None, str | None]:
    """Return the set in force by its own row, and by the user's."""
    row, user = world.row("RECOVERY"), world.row("USER")
    assert user is not None
    return row["set_id"]["S"] if row else None, user["recovery_set"][
        "S"
    ] if "recovery_set" in user else None


def _recovers(world: World, code: str) -> bool:
    wizard = world.wizard()
    wizard.sign_in()
    return wizard.recover(code).status == 200


@pytest.mark.requirement("R5", "V1")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failed_making_leaves_a_whole_set_or_none_and_the_next_one_counts(
    fault: Interference, world: World
) -> None:
    wizard = world.wizard()
    wizard.enrolled()
    wizard.make_recovery_codes()
    world.clock.advance(61)
    wizard.call("GET", "/api/tenant")  # from here on the profile is remembered
    state, (before, _) = world.aws.state(), _sets(world)
    world.aws.leave_alone()
    assert wizard.make_recovery_codes().status == 201
    operations = list(world.aws.calls)
    assert operations == ["GetItem", "GetItem", "UpdateItem", "GetItem", "GetItem", "TransactWriteItems"]
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        made = world.event_kinds().count("recovery_codes.made")
        key = new_idempotency_key()
        _fail(world, operation, fault, at_call)
        failed = wizard.make_recovery_codes(idempotency_key=key)
        world.aws.leave_alone()
        assert (failed.status, failed.problem) == (503, "service_unavailable"), operation
        took_effect = operation == "TransactWriteItems" and fault is not aws.unreachable
        by_codes, by_user = _sets(world)
        assert by_codes == by_user
        assert (by_codes != before) is took_effect
        assert world.event_kinds().count("recovery_codes.made") == made + took_effect
        again = wizard.make_recovery_codes(idempotency_key=key)
        assert again.status == 201
        assert _sets(world) == (again.body["set"], again.body["set"])
        assert wizard.acknowledge_recovery_codes(again.body["set"]).status == 200
    assert _recovers(world, again.body["codes"][0])


@pytest.mark.requirement("R5", "B38")
def test_of_two_makings_that_overtake_each_other_the_later_one_counts(world: World) -> None:
    wizard = world.wizard()
    wizard.enrolled()
    for at_call in range(1, 5):
        overtaking = []

        def overtake(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
            del request
            overtaking.append(wizard.make_recovery_codes())  # noqa: B023 - called in this round
            return take_effect()

        world.aws.interfere(overtake, at_call=at_call)
        later = wizard.make_recovery_codes()
        world.aws.leave_alone()
        (earlier,) = overtaking
        assert (earlier.status, later.status) == (201, 201)
        assert _sets(world) == (later.body["set"], later.body["set"])
        assert wizard.acknowledge_recovery_codes(earlier.body["set"]).problem == "recovery_codes_replaced"
    assert not _recovers(world, earlier.body["codes"][0])
    assert _recovers(world, later.body["codes"][0])


def _guessing(world: World) -> tuple[Wizard, str]:
    _, codes = world.wizard().enrolled_with_codes()
    wizard = world.wizard()
    wizard.sign_in()
    wizard.session()
    return wizard, wrong_recovery_code(codes[0])


@pytest.mark.requirement("R4", "L6", "V1")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_attempt_is_counted_from_the_moment_its_count_was_written(
    fault: Interference, world: World
) -> None:
    wizard, wrong = _guessing(world)
    state, session_id = world.aws.state(), wizard.session_id
    world.aws.leave_alone()
    assert wizard.recover(wrong).status == 422
    operations = list(world.aws.calls)
    assert operations == ["GetItem", "GetItem", "UpdateItem"]
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        _fail(world, operation, fault, at_call)
        assert wizard.recover(wrong).status == 503
        row = world.row("RECOVERY")
        assert row is not None
        counted = operation == "UpdateItem" and fault is not aws.unreachable
        assert row["consecutive_failures"] == {"N": "1" if counted else "0"}, operation
        assert wizard.session_id == session_id
        assert wizard.session().body["verified"] is False


@pytest.mark.requirement("L3", "R4", "V1")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_last_failure_disables_though_its_marking_fails(fault: Interference, world: World) -> None:
    wizard, wrong = _guessing(world)
    row = world.row("RECOVERY")
    assert row is not None
    world.aws.write(row | {"consecutive_failures": {"N": "19"}, "last_attempt_at": {"N": "0"}})
    world.aws.interfere(fault, at_call=4)
    assert wizard.recover(wrong).status == 503
    world.aws.leave_alone()
    world.clock.advance(600)
    assert wizard.recover(wrong).problem == "recovery_codes_disabled"
    row = world.row("RECOVERY")
    assert row is not None
    assert row["status"] == {"S": "DISABLED"}
    assert world.event_kinds().count("recovery_codes.disabled") == 1
