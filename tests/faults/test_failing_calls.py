"""
Each AWS call of each changing request fails in each way; then the browser asks again.

The first answer must be 503 with nothing accepted, the second a clean success
that happened once. A read is failed twice, for it is tried twice.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.scenarios import SCENARIOS, Scenario, authenticators
from tests.support import aws
from tests.support.aws import Interference
from tests.support.wizard import new_idempotency_key
from tests.support.world import World

FAULTS: dict[str, Interference] = {
    "unreachable": aws.unreachable,
    "answer lost": aws.answer_lost,
    "broken": aws.broken,
    "throttled": aws.throttled,
    "malformed": aws.malformed,
}


def _fail(world: World, operation: str, fault: Interference, at_call: int) -> None:
    world.aws.interfere(*[fault] * (2 if operation == "GetItem" else 1), at_call=at_call)


# How a call fails makes a difference below `storage` and `keys` only, and whether it took effect
# everywhere: the richest requests meet every fault, the others one of either kind.
FAULTS_OF = {
    name: FAULTS if name in {"confirm replacement", "verify"} else ("unreachable", "answer lost")
    for name in SCENARIOS
}


@pytest.mark.requirement("V1", "E5", "E6", "B38", "A6")
@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        pytest.param(SCENARIOS[name], FAULTS[fault], id=f"{name}-{fault}")
        for name, faults in FAULTS_OF.items()
        for fault in faults
    ],
)
def test_a_failed_request_asked_again_succeeds_once(
    scenario: Scenario, fault: Interference, world: World
) -> None:
    wizard = world.wizard()
    act = scenario.prepare(world, wizard)
    wizard.call("GET", "/api/tenant")  # from here on the profile is remembered
    state, session_id = world.aws.state(), wizard.session_id
    world.aws.leave_alone()
    assert act(keep_cookie=False).status == scenario.status
    operations = list(world.aws.calls)
    assert len(operations) >= 2
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        told = Counter(world.event_kinds())
        wizard.session_id = session_id
        key = new_idempotency_key()
        _fail(world, operation, fault, at_call)
        failed = act(idempotency_key=key)
        where = f"call {at_call}, {operation}"
        assert (failed.status, failed.problem) == (503, "service_unavailable"), where
        assert failed.headers["retry-after"] == "5"
        assert wizard.session_id == session_id
        world.aws.leave_alone()
        assert authenticators(world) in scenario.authenticators, where
        again = act(idempotency_key=key)
        assert again.status == scenario.status, (where, again.text)
        assert Counter(world.event_kinds()) - told == Counter(scenario.told), where
        assert authenticators(world) in scenario.authenticators, where
        if again.status == 200:
            standing = wizard.session()
            assert standing.status == 200, where
            if "second_factor" in again.body:
                assert standing.body.items() <= again.body.items(), where


@pytest.mark.requirement("V1")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failed_sign_in_asked_again_succeeds(fault: Interference, world: World) -> None:
    """There is no session yet that could know the repetition: an orphan that nobody holds may stay."""
    wizard = world.wizard()
    state = world.aws.state()
    world.aws.leave_alone()
    wizard.sign_in()
    for at_call, operation in enumerate(list(world.aws.calls), start=1):
        world.aws.restore(state)
        wizard.session_id = None
        _fail(world, operation, fault, at_call)
        failed = wizard.sign_in()
        assert (failed.status, failed.cookie) == (503, None), operation
        assert failed.headers["retry-after"] == "5"
        world.aws.leave_alone()
        assert wizard.sign_in().status == 200
        assert wizard.session().status == 200
        assert len([row for row in world.aws.state() if row["sk"]["S"] == "SESSION"]) <= 2


@pytest.mark.requirement("V1", "L6")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_attempt_is_counted_from_the_moment_its_count_was_written(
    fault: Interference, world: World
) -> None:
    """Wrong codes: whatever fails, none is accepted and each one that was looked at is counted."""
    phone = world.wizard().enrolled()
    wizard = world.wizard()
    wizard.sign_in()
    state, session_id = world.aws.state(), wizard.session_id
    world.aws.leave_alone()
    assert wizard.verify(phone.wrong_otp()).status == 422
    operations = list(world.aws.calls)
    assert operations == ["GetItem", "GetItem", "UpdateItem", "Decrypt"]
    took_effect = fault in {aws.answer_lost, aws.malformed}
    for at_call, operation in enumerate(operations, start=1):
        world.aws.restore(state)
        _fail(world, operation, fault, at_call)
        assert wizard.verify(phone.wrong_otp()).status == 503
        row = world.row("TOTP")
        assert row is not None
        counted = operation == "Decrypt" or (operation == "UpdateItem" and took_effect)
        assert row["consecutive_failures"] == {"N": "1" if counted else "0"}, operation
        assert wizard.session_id == session_id
        assert wizard.session().body["verified"] is False


@pytest.mark.requirement("V1", "E3")
def test_a_confirmation_attempt_stays_counted_when_the_key_service_is_down(world: World) -> None:
    wizard = world.wizard()
    phone = wizard.begun()
    for attempts in range(1, 4):
        world.aws.interfere(aws.unreachable, at_call=4)
        assert wizard.confirm(phone.otp()).status == 503
        row = world.row("PENDING")
        assert row is not None
        assert row["attempts"] == {"N": str(attempts)}
    world.aws.leave_alone()
    assert wizard.confirm(phone.otp()).status == 200


@pytest.mark.requirement("L3", "A1", "V1")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_last_failure_disables_though_its_marking_fails(fault: Interference, world: World) -> None:
    """The count alone already ends it; the mark and its event come with the next attempt at the latest."""
    phone = world.wizard().enrolled()
    wizard = world.wizard()
    wizard.sign_in()
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"consecutive_failures": {"N": "19"}, "last_attempt_at": {"N": "0"}})
    world.aws.interfere(fault, at_call=5)
    assert wizard.verify(phone.wrong_otp()).status == 503
    world.aws.leave_alone()
    world.clock.advance(600)
    assert wizard.verify(phone.otp()).problem == "authenticator_disabled"
    assert world.kms_calls() == 0
    row = world.row("TOTP")
    assert row is not None
    assert row["status"] == {"S": "DISABLED"}
    assert world.event_kinds().count("authenticator.disabled") == 1


@pytest.mark.requirement("V1")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_reads_fail_closed(fault: Interference, world: World) -> None:
    wizard = world.wizard()
    wizard.begun()
    for read in (wizard.session, wizard.offer):
        world.aws.leave_alone()
        read()
        for at_call, operation in enumerate(list(world.aws.calls), start=1):
            _fail(world, operation, fault, at_call)
            answer = read()
            assert (answer.status, answer.headers["retry-after"]) == (503, "5"), operation
    world.aws.leave_alone()
    fresh = world.restarted().wizard()
    world.aws.interfere(fault, fault)
    assert fresh.call("GET", "/api/tenant").status == 503


@pytest.mark.requirement("V2")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_read_that_fails_once_is_no_failure(fault: Interference, world: World) -> None:
    wizard = world.wizard()
    wizard.begun()
    for at_call in range(1, 5):
        world.aws.interfere(fault, at_call=at_call)
        assert wizard.session().status == 200


@pytest.mark.requirement("V2")
@pytest.mark.parametrize("fault", [aws.unreachable, aws.answer_lost, aws.broken, aws.throttled])
def test_no_write_is_sent_twice(fault: Interference, world: World) -> None:
    """Counting adds: the client must never repeat it by itself."""
    phone = world.wizard().enrolled()
    wizard = world.wizard()
    wizard.sign_in()
    world.aws.interfere(fault, at_call=3)
    wizard.verify(phone.wrong_otp())
    assert world.aws.calls == ["GetItem", "GetItem", "UpdateItem"]


@pytest.mark.requirement("V1")
def test_a_key_that_cannot_be_sealed_is_not_stored(world: World) -> None:
    wizard = world.wizard()
    wizard.sign_in()
    wizard.prove_again()
    wizard.call("GET", "/api/tenant")
    world.aws.interfere(aws.unreachable, at_call=5)
    assert wizard.begin().status == 503
    assert world.aws.calls == ["GetItem", "GetItem", "GetItem", "UpdateItem", "Encrypt"]
    assert world.row("PENDING") is None
    assert "enrolment.begun" not in world.event_kinds()
