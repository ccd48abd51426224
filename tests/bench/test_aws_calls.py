"""The calls to AWS that a request makes are counted, and no more than the design allows."""

from __future__ import annotations

import pytest

from tests.bench.aws_calls import CountedCalls, count_aws_calls


@pytest.fixture(scope="module")
def counted() -> dict[tuple[str, str], CountedCalls]:
    """The calls of a whole journey, by route and occasion."""
    return {(calls.route, calls.occasion): calls for calls in count_aws_calls()}


def test_a_verification_is_two_writes_one_decryption_and_its_session(
    counted: dict[tuple[str, str], CountedCalls],
) -> None:
    assert counted["POST /api/verification", "right code"].calls == {
        "DynamoDB.GetItem": 2,
        "DynamoDB.UpdateItem": 2,
        "DynamoDB.TransactWriteItems": 1,
        "KMS.Decrypt": 1,
    }


def test_a_portals_verification_is_two_writes_one_decryption_and_one_read(
    counted: dict[tuple[str, str], CountedCalls],
) -> None:
    assert counted["POST /api/portal/verification", "right code"].calls == {
        "DynamoDB.GetItem": 1,
        "DynamoDB.UpdateItem": 2,
        "KMS.Decrypt": 1,
    }


@pytest.mark.parametrize(
    ("route", "occasion"),
    [
        ("POST /api/enrolment", "the first time"),
        ("POST /api/enrolment", "again"),
        ("POST /api/enrolment/confirmation", "wrong code"),
        ("POST /api/enrolment/confirmation", "right code"),
    ],
)
def test_begin_and_confirm_take_three_calls_and_one_to_kms_beside_the_session(
    counted: dict[tuple[str, str], CountedCalls], route: str, occasion: str
) -> None:
    session_and_user = 2
    assert counted[route, occasion].of("DynamoDB") - session_and_user <= 3
    assert counted[route, occasion].of("KMS") == 1


@pytest.mark.requirement("L1", "T9")
def test_refused_attempts_never_reach_kms(counted: dict[tuple[str, str], CountedCalls]) -> None:
    throttled = counted["POST /api/verification", "too many attempts"]
    malformed = counted["POST /api/verification", "malformed code"]

    assert (throttled.status, throttled.of("KMS")) == (429, 0)
    assert (malformed.status, malformed.of("KMS")) == (400, 0)
    assert "DynamoDB.UpdateItem" not in malformed.calls
