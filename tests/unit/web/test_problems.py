"""Every error has its one answer, and no answer holds more than it should."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest

import chalicelib
from chalicelib import errors
from chalicelib.errors import TwoFactorError
from chalicelib.sessions.store import SessionReplacedError
from chalicelib.web.problems import (
    INTERNAL_ERROR,
    PROBLEMS,
    problem_body,
    problem_for,
    retry_after_seconds,
)

for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    # An error may be defined anywhere, but where Lambda comes in: that needs its environment.
    if not module.name.startswith("chalicelib.local") and not module.name.endswith("handler"):
        import_module(module.name)


def errors_below(kind: type[TwoFactorError]) -> Iterator[type[TwoFactorError]]:
    """Yield every class that something may raise: the leaves, wherever defined."""
    for below in kind.__subclasses__():
        if below.__subclasses__():
            yield from errors_below(below)
        if not below.__name__.startswith("_"):  # private ones never leave their module
            yield below


LEAVES = sorted(
    {kind for kind in errors_below(TwoFactorError) if not kind.__subclasses__()},
    key=lambda kind: kind.__name__,
)


def an(kind: type[TwoFactorError]) -> TwoFactorError:
    """Return an error of that class, made without its arguments."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_no_error_is_without_an_answer(kind: type[TwoFactorError]) -> None:
    assert problem_for(an(kind)) is not INTERNAL_ERROR


def test_the_walk_finds_errors_outside_the_tree_too() -> None:
    assert SessionReplacedError in LEAVES
    assert errors.OtpMismatchError in LEAVES
    assert len(LEAVES) > 20


@pytest.mark.requirement("B66")
def test_a_code_has_one_meaning() -> None:
    told = {(problem.status, problem.code, problem.title) for problem in PROBLEMS.values()}
    told.add((INTERNAL_ERROR.status, INTERNAL_ERROR.code, INTERNAL_ERROR.title))
    assert len({code for _, code, _ in told}) == len(told)
    shared = [problem for problem in PROBLEMS.values() if list(PROBLEMS.values()).count(problem) > 1]
    assert {problem.code for problem in shared} <= {"service_unavailable"}


def test_the_contracts_codes_and_statuses_are_kept() -> None:
    assert {problem.code: problem.status for problem in PROBLEMS.values()} == {
        "authenticator_disabled": 423,
        "body_malformed": 400,
        "body_too_large": 413,
        "client_not_authenticated": 401,
        "clock_skew": 422,
        "cross_site_request": 403,
        "edge_bypassed": 403,
        "enrolment_already_confirmed": 409,
        "enrolment_attempts_exhausted": 410,
        "enrolment_expired": 410,
        "enrolment_not_begun": 409,
        "enrolment_replaced": 409,
        "hand_off_expired": 410,
        "last_authenticator": 409,
        "recovery_code_malformed": 400,
        "recovery_code_mismatch": 422,
        "recovery_code_used": 409,
        "recovery_codes_disabled": 423,
        "recovery_codes_replaced": 409,
        "reset_code_expired": 410,
        "reset_code_malformed": 400,
        "reset_code_mismatch": 422,
        "reset_code_required": 401,
        "reset_not_open": 429,
        "too_many_authenticators": 409,
        "identity_not_verified": 403,
        "media_type_unsupported": 415,
        "not_enrolled": 409,
        "not_found": 404,
        "not_handed_off": 409,
        "not_signed_in": 401,
        "otp_already_used": 409,
        "otp_malformed": 400,
        "otp_mismatch": 422,
        "password_held_by_portal": 409,
        "password_mismatch": 422,
        "reauthentication_required": 401,
        "return_code_used": 409,
        "return_url_not_registered": 403,
        "search_unfinished": 404,
        "service_unavailable": 503,
        "tenant_suspended": 403,
        "too_many_attempts": 429,
        "verification_required": 401,
    }


@pytest.mark.parametrize("error", [ValueError("canary"), KeyError("canary"), Exception("canary")])
def test_what_nobody_foresaw_is_ours_and_tells_nothing(error: Exception) -> None:
    problem = problem_for(error)
    body = problem_body(problem, error, reference=None)
    assert (problem.status, body["code"]) == (500, "internal_error")
    assert "canary" not in str(body)


@pytest.mark.parametrize("error", [ValueError("canary"), errors.ServiceUnavailableError("canary")])
def test_an_errors_message_is_not_repeated(error: Exception) -> None:
    assert "canary" not in str(problem_body(problem_for(error), error, reference="7f3k9abc"))


def test_a_problem_says_what_it_is_and_to_whom_it_belongs() -> None:
    error = errors.OtpMismatchError()
    assert problem_body(problem_for(error), error, reference="7f3k9abc") == {
        "type": "urn:tvasteg:problem:otp_mismatch",
        "title": "The code is not right",
        "status": 422,
        "code": "otp_mismatch",
        "detail": "The code is not right",
        "reference": "7f3k9abc",
    }


def test_without_a_session_there_is_no_reference() -> None:
    error = errors.NotSignedInError()
    assert "reference" not in problem_body(problem_for(error), error, reference=None)


@pytest.mark.requirement("L2", "B66")
@pytest.mark.parametrize(("now", "wait_seconds"), [(970, 30), (999, 1), (1_000, 1), (1_005, 1)])
def test_a_wait_is_told_twice_and_is_never_in_the_past(now: int, wait_seconds: int) -> None:
    error = errors.TooManyAttemptsError(retry_at_epoch_seconds=1_000)
    problem = problem_for(error)
    assert problem_body(problem, error, reference=None)["retry_at"] == "1970-01-01T00:16:40Z"
    assert retry_after_seconds(problem, error, now=now) == wait_seconds


@pytest.mark.requirement("V1")
@pytest.mark.parametrize(
    "kind", [errors.ServiceUnavailableError, errors.SecretIntegrityError, errors.ConditionRefusedError]
)
def test_our_outages_say_when_to_come_back(kind: type[TwoFactorError]) -> None:
    assert retry_after_seconds(problem_for(an(kind)), an(kind), now=0) == 5


def test_waiting_does_not_mend_a_wrong_code() -> None:
    error = errors.OtpMismatchError()
    assert retry_after_seconds(problem_for(error), error, now=0) is None


@pytest.mark.requirement("T13")
@pytest.mark.parametrize("drift_seconds", [-300, 60])
def test_clock_skew_tells_how_far_and_which_way(drift_seconds: int) -> None:
    error = errors.ClockSkewError(drift_seconds=drift_seconds)
    assert problem_body(problem_for(error), error, reference=None)["drift_seconds"] == drift_seconds


def test_a_malformed_body_names_its_field() -> None:
    error = errors.BodyMalformedError("otp: is missing", field="otp")
    body = problem_body(problem_for(error), error, reference=None)
    assert (body["field"], body["detail"]) == ("otp", "otp: is missing")
    whole = errors.BodyMalformedError("the body is not JSON")
    assert "field" not in problem_body(problem_for(whole), whole, reference=None)
