"""A request's log line tells CloudWatch its metrics, and no more than they are."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.web.metrics import ALARMS, OUTCOMES, STEPS, UNITS, embedded_metrics, metrics_of
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from chalicelib.web.request_log import RequestLog
from tests.support.embedded_metrics import Sent, sent_by

NOW = 1_795_424_400.25


def a_log(**fields: object) -> RequestLog:
    log = RequestLog(request_id="r-1", method="POST", route="/api/verification", status=200)
    for name, value in fields.items():
        setattr(log, name, value)
    return log


def sent(log: RequestLog) -> Sent:
    return sent_by(log.as_line(**embedded_metrics(log, stage="prod", at_epoch_seconds=NOW)))


def test_a_line_sends_its_metrics_with_the_stage_and_the_time() -> None:
    log = a_log(duration_ms=12.345, clock_drift_seconds=0.26)
    log.aws_calls.update({"DynamoDB.GetItem": 2, "KMS.Decrypt": 1})
    assert sent(log) == Sent(
        at_epoch_milliseconds=1_795_424_400_250,
        namespace="Tvasteg",
        dimensions={"stage": "prod"},
        values={"AwsCalls": 3, "Verified": 1, "VerificationTime": 12.3, "ClockDrift": 0.3},
        units={
            "AwsCalls": "Count",
            "Verified": "Count",
            "VerificationTime": "Milliseconds",
            "ClockDrift": "Seconds",
        },
    )


def test_the_line_stays_the_one_that_people_read() -> None:
    log = a_log()
    line = json.loads(log.as_line(**embedded_metrics(log, stage="prod", at_epoch_seconds=NOW)))
    assert line.items() >= json.loads(log.as_line()).items()


_OUTCOMES = [
    "ok",
    "repeated",
    *sorted({problem.code for problem in (*PROBLEMS.values(), INTERNAL_ERROR)}),
]


@given(
    outcome=st.sampled_from(_OUTCOMES),
    alarm=st.sampled_from([None, *ALARMS]),
    route=st.sampled_from([*STEPS, "GET /api/session"]),
    tenant=st.none() | st.text(),
    duration_ms=st.floats(0, 60_000),
    drift=st.none() | st.floats(0, 1e12),
)
def test_no_request_makes_a_block_that_breaks_the_rules(
    *,
    outcome: str,
    alarm: str | None,
    route: str,
    tenant: str | None,
    duration_ms: float,
    drift: float | None,
) -> None:
    method, _, path = route.partition(" ")
    log = a_log(
        method=method,
        route=path,
        outcome=outcome,
        alarm=alarm,
        tenant=tenant,
        duration_ms=duration_ms,
        clock_drift_seconds=drift,
    )
    told = sent(log)
    assert told.values == metrics_of(log)
    assert told.units == {name: UNITS[name] for name in told.values}
    assert told.dimensions == {"stage": "prod"}


def test_every_alarm_of_a_problem_is_a_metric_and_no_other() -> None:
    assert {problem.alarm for problem in PROBLEMS.values() if problem.alarm} == set(ALARMS)


def test_every_outcome_counted_is_a_problems_code() -> None:
    assert set(OUTCOMES) <= {problem.code for problem in (*PROBLEMS.values(), INTERNAL_ERROR)}


@pytest.mark.requirement("B48")
def test_an_alarm_is_counted_by_itself() -> None:
    log = a_log(outcome="service_unavailable", alarm="secret_integrity")
    assert metrics_of(log) == {"AwsCalls": 0, "SecretIntegrity": 1}


def test_no_name_means_two_things() -> None:
    """But a sign-in is one wherever the password was proven, and what came of a code, of whatever kind."""
    assert STEPS["POST /api/session/hand-off"] == STEPS["POST /api/session"]
    assert STEPS["POST /api/portal/verification"] == STEPS["POST /api/verification"]
    shared = {name for name, count in Counter(OUTCOMES.values()).items() if count > 1}
    assert shared <= {"CodeAlreadyUsed", "CodeMalformed", "ToldToWait", "Disabled"}
    names = [*set(STEPS.values()), *set(OUTCOMES.values()), *ALARMS.values()]
    assert len(set(STEPS.values())) == len(STEPS) - 2
    assert len(set(names)) == len(names)
    assert len(UNITS) == len(names) + 3
