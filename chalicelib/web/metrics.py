"""
What the operator can graph, and be woken by: CloudWatch's embedded metric format.

The metrics of a request stand in its own log line, and CloudWatch reads them
there; nothing is called. Every name costs money in each hour in which it is
sent, so there are few, told apart by nothing but the stage, and a line holds
only those that its request is about. docs/runbook.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.web.request_log import RequestLog

NAMESPACE = "Tvasteg"
DIMENSION = "stage"

# A step of the journey, taken as it was meant to be. Repeated answers are not counted again.
STEPS = {
    "POST /api/session": "SignedIn",
    "POST /api/session/hand-off": "SignedIn",
    "POST /api/session/password": "PasswordProven",
    "POST /api/enrolment": "EnrolmentBegun",
    "GET /api/enrolment": "EnrolmentOffered",
    "POST /api/enrolment/confirmation": "EnrolmentConfirmed",
    "POST /api/recovery-codes": "RecoveryCodesMade",
    "POST /api/verification": "Verified",
    "POST /api/verification/recovery-code": "RecoveryCodeUsed",
    "POST /api/portal/verification": "Verified",
    "POST /api/help-desk/reset": "SecondFactorReset",
}
# What else came of a request, by its outcome.
OUTCOMES = {
    "otp_mismatch": "CodeMismatched",
    "otp_already_used": "CodeAlreadyUsed",
    "recovery_code_mismatch": "RecoveryCodeMismatched",
    "recovery_code_used": "CodeAlreadyUsed",
    "clock_skew": "CodeOfAnotherTime",
    "reset_code_mismatch": "ResetCodeMismatched",
    "otp_malformed": "CodeMalformed",
    "reset_code_malformed": "CodeMalformed",
    "recovery_code_malformed": "CodeMalformed",
    "too_many_attempts": "ToldToWait",
    "reset_not_open": "ToldToWait",
    "authenticator_disabled": "Disabled",
    "recovery_codes_disabled": "Disabled",
    "client_not_authenticated": "ClientsRefused",
    "service_unavailable": "AwsFaults",
    "internal_error": "InternalErrors",
}
# An alarm is counted instead of its outcome: to the user it is one outage like another.
ALARMS = {
    "secret_integrity": "SecretIntegrity",
    "newer_row": "NewerRows",
    "return_code_used": "ReturnCodesUsedTwice",
}
AWS_CALLS = "AwsCalls"
VERIFICATION_TIME = "VerificationTime"
CLOCK_DRIFT = "ClockDrift"

UNITS = dict.fromkeys((*STEPS.values(), *OUTCOMES.values(), *ALARMS.values(), AWS_CALLS), "Count") | {
    VERIFICATION_TIME: "Milliseconds",
    CLOCK_DRIFT: "Seconds",
}


def metrics_of(log: RequestLog) -> dict[str, float]:
    """Return the metrics of one finished request, by name."""
    values: dict[str, float] = {AWS_CALLS: log.aws_calls.total()}
    name = _counted_as(log)
    if name is not None:
        values[name] = 1
    if name == "Verified":
        values[VERIFICATION_TIME] = round(log.duration_ms, 1)
    if log.clock_drift_seconds is not None:
        values[CLOCK_DRIFT] = round(log.clock_drift_seconds, 1)
    return values


def embedded_metrics(log: RequestLog, *, stage: str, at_epoch_seconds: float) -> dict[str, Any]:
    """Return the members by which CloudWatch finds the metrics of *log* in its line."""
    return embedded(metrics_of(log), UNITS, stage=stage, at_epoch_seconds=at_epoch_seconds)


def embedded(
    values: Mapping[str, float], units: Mapping[str, str], *, stage: str, at_epoch_seconds: float
) -> dict[str, Any]:
    """Return *values* and the members by which CloudWatch finds them in a line."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": units[name]} for name in values],
    }
    return {
        DIMENSION: stage,
        **values,
        "_aws": {"Timestamp": int(at_epoch_seconds * 1000), "CloudWatchMetrics": [directive]},
    }


def _counted_as(log: RequestLog) -> str | None:
    if log.alarm is not None:
        return ALARMS[log.alarm]
    if log.outcome == "ok":
        return STEPS.get(f"{log.method} {log.route}")
    return OUTCOMES.get(log.outcome)
