"""docs/costs.md says what the calls counted now come to, and DynamoDB's rules are applied as they are."""

from __future__ import annotations

import pytest

from tests.bench import bills, costs
from tests.bench.aws_calls import CountedCalls, count_aws_calls
from tests.bench.metering import bytes_of


@pytest.fixture(scope="module")
def counted() -> dict[tuple[str, str], CountedCalls]:
    """The calls of a whole journey, by route and occasion."""
    return {(calls.route, calls.occasion): calls for calls in count_aws_calls()}


@pytest.mark.requirement("V10")
def test_the_page_is_what_the_calls_come_to() -> None:
    assert costs.PAGE.read_text(encoding="utf-8") == costs.page(), (
        "the calls, a stack or a price has changed: `python -m tests.bench costs` writes docs/costs.md anew"
    )


def test_a_verification_is_charged_two_writes_and_a_transaction_of_two(
    counted: dict[tuple[str, str], CountedCalls],
) -> None:
    usage = counted["POST /api/verification", "right code"].usage

    # The session that was replaced keeps the answer, and with it passes 1 KB: two units for that row.
    assert (usage.reads, usage.writes, usage.index_writes, usage.kms) == (2, 2 + 2 * 2, 0, 1)


def test_a_refused_write_is_charged_too(counted: dict[tuple[str, str], CountedCalls]) -> None:
    assert counted["POST /api/verification", "too many attempts"].usage.writes == 1


def test_an_enrolment_moves_its_user_within_the_index(
    counted: dict[tuple[str, str], CountedCalls],
) -> None:
    # And one for the list of the user's events.
    assert counted["POST /api/enrolment/confirmation", "right code"].usage.index_writes == 2 + 1


def test_no_answer_is_larger_than_the_page_assumes(
    counted: dict[tuple[str, str], CountedCalls],
) -> None:
    for calls in counted.values():
        assert calls.answer_bytes <= bills.body_bytes_assumed(calls.route), calls.route


def test_rows_weigh_what_dynamodb_says() -> None:
    row = {
        "pk": {"S": "åäö"},  # 2 + 6
        "count": {"N": "-12345"},  # 5 + 4
        "is": {"BOOL": True},  # 2 + 1
        "bytes": {"B": b"1234"},  # 5 + 4
        "map": {"M": {"a": {"S": "b"}}},  # 3 + 3 + 1 + 2
    }

    assert bytes_of(row) == 8 + 9 + 3 + 9 + 9
