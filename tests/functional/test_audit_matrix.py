"""
Every operation with every outcome: which events it brings, and that it writes one log line.

A change and an attempt that counts are events; what is refused or malformed is
told by the log line alone. Read the first lines of the cases as a table.
"""

from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.audit import event
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from tests.functional.audit_cases import (
    binding,
    changing,
    help_desk,
    portals,
    recovering,
    signing_in,
    verifying,
)
from tests.functional.audit_cases.scene import Case, Scene
from tests.support.stream import deliver_all, recorded_stream
from tests.support.wizard import Wizard
from tests.support.world import World

# Only deployed stages have a front door to go round; see unit/web/test_edge.py.
NOT_IN_STAGE_LOCAL = {"edge_bypassed"}

CASES = [
    case
    for part in (signing_in, binding, changing, verifying, recovering, portals, help_desk)
    for case in part.CASES
]


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_outcome_is_one_log_line_and_exactly_its_events(
    world: World, wizard: Wizard, case: Case
) -> None:
    act = case.prepare(Scene(world, wizard))
    kinds_before, lines_before = Counter(world.event_kinds()), len(world.log_lines)
    with recorded_stream(world.aws) as stream:
        act()
    world.aws.leave_alone()
    deliver_all(world.stores, stream.records)

    line = world.last_line
    assert (f"{line['method']} {line['route']}", line["outcome"]) == (case.operation, case.outcome)
    assert len(world.log_lines) == lines_before + 1
    assert Counter(world.event_kinds()) - kinds_before == Counter(case.kinds)


# Operators' events, see test_admin.py, and what the outbox warns of, see test_notices.py.
TOLD_BY_NO_REQUEST = {
    event.USER_ADDED,
    event.USER_ERASED,
    event.AUTHENTICATOR_IMPORTED,
    event.ATTEMPTS_WARNED,
}


@pytest.mark.doubles
@pytest.mark.requirement("A1")
def test_no_operation_no_outcome_and_no_kind_of_event_is_left_out(world: World) -> None:
    operations = {f"{method} {path}" for path, methods in world.app.routes.items() for method in methods}
    problems = {problem.code for problem in [*PROBLEMS.values(), INTERNAL_ERROR]}
    kinds = {value for name, value in vars(event).items() if name.isupper() and isinstance(value, str)}

    assert {case.operation for case in CASES} == operations
    assert {case.outcome for case in CASES} == problems - NOT_IN_STAGE_LOCAL | {"ok", "repeated"}
    assert {kind for case in CASES for kind in case.kinds} == kinds - TOLD_BY_NO_REQUEST
