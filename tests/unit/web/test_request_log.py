"""One line a request: never broken in two, never telling a secret."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.web import request_log
from chalicelib.web.request_log import RequestLog, count_aws_call, frames_of, note_tenant


def a_log(**fields: object) -> RequestLog:
    log = RequestLog(request_id="r-1", method="POST", route="/api/verification")
    for name, value in fields.items():
        setattr(log, name, value)
    return log


def test_a_line_tells_what_happened() -> None:
    log = a_log(
        tenant="cozone", reference="7f3k9abc", outcome="otp_mismatch", status=422, duration_ms=12.34
    )
    assert json.loads(log.as_line()) == {
        "level": "INFO",
        "request_id": "r-1",
        "reference": "7f3k9abc",
        "tenant": "cozone",
        "method": "POST",
        "route": "/api/verification",
        "status": 422,
        "outcome": "otp_mismatch",
        "duration_ms": 12.3,
        "aws_calls": {},
    }


@pytest.mark.requirement("A5")
@pytest.mark.parametrize(
    "forged",
    ['\r\n{"level": "INFO"}', "\x1b[2J\x1b[31mred", "a\u2028b\u2029c", '"}{"', "\x00", "\x85", "\ud83e"],
)
def test_no_value_breaks_the_line(forged: str) -> None:
    line = a_log(tenant=forged, reference=forged, request_id=forged).as_line()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["tenant"] == forged


@pytest.mark.requirement("A5")
@given(st.text(), st.text())
def test_no_text_at_all_breaks_the_line(tenant: str, outcome: str) -> None:
    line = a_log(tenant=tenant, outcome=outcome).as_line()
    assert len(line.splitlines()) == 1
    assert json.loads(line)["tenant"] == tenant


@pytest.mark.requirement("A2")
def test_a_fault_tells_where_it_arose_and_not_what_was_said() -> None:
    frames = frames_of(_raised("canary-secret"))
    assert frames[0] == "ValueError"
    assert any("_raise" in frame for frame in frames)
    assert "canary-secret" not in str(frames)
    line = json.loads(a_log(fault=frames).as_line())
    assert line["level"] == "ERROR"


def _raised(message: str) -> ValueError:
    with pytest.raises(ValueError, match=message) as caught:
        _raise(message)
    return caught.value


def _raise(message: str) -> None:
    raise ValueError(message)


@pytest.mark.requirement("B48")
def test_an_alarm_is_an_error() -> None:
    line = json.loads(a_log(alarm="secret_integrity").as_line())
    assert (line["level"], line["alarm"]) == ("ERROR", "secret_integrity")


def test_aws_calls_are_counted_for_the_request_at_hand() -> None:
    first, second = a_log(), a_log()
    operation = SimpleNamespace(name="GetItem", service_model=SimpleNamespace(service_id="DynamoDB"))
    request_log.begin(first)
    count_aws_call(operation)
    count_aws_call(operation)
    request_log.begin(second)
    count_aws_call(operation)
    note_tenant("cozone")
    assert json.loads(first.as_line())["aws_calls"] == {"DynamoDB.GetItem": 2}
    assert json.loads(second.as_line())["aws_calls"] == {"DynamoDB.GetItem": 1}
    assert (first.tenant, second.tenant) == (None, "cozone")
