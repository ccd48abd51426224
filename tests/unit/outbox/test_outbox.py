"""A batch of records becomes events: each once, whatever is wrong with the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.audit.event import ATTEMPT_ACCEPTED, ATTEMPT_COUNTED, Event
from chalicelib.errors import ServiceUnavailableError
from chalicelib.storage.changes import Change
from tests.support.memory import MemoryStores, memory_stores
from tests.support.stream import Record, outbox_over
from tests.unit.outbox.records import accepted, confirmed, counted, poison, sequence_number


class Delivery:
    """An outbox over doubles, and what it has told."""

    def __init__(self, stores: MemoryStores | None = None) -> None:
        self.stores = stores or memory_stores()
        self.lines: list[str] = []

    def of(self, *records: Record) -> list[str]:
        return outbox_over(self.stores, self.lines).deliver(records, request_id="an invocation")

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event.kind, event.event_id) for event in self.stores.events.events]

    @property
    def last_line(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.lines[-1])
        return line


@pytest.mark.requirement("A1")
def test_each_attempt_of_a_batch_becomes_an_event_in_the_order_of_the_stream() -> None:
    delivery = Delivery()
    assert delivery.of(confirmed(number=0), counted(1, number=1), accepted(number=2)) == []
    assert delivery.told == [(ATTEMPT_COUNTED, sequence_number(1)), (ATTEMPT_ACCEPTED, sequence_number(2))]


@pytest.mark.requirement("A1")
def test_the_same_batch_again_adds_nothing() -> None:
    delivery = Delivery()
    batch = (counted(1, number=1), accepted(number=2))
    delivery.of(*batch)
    before = delivery.told
    assert delivery.of(*batch) == []
    assert delivery.told == before
    assert delivery.last_line["outcomes"] == {"repeated": 2}


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_cannot_be_understood_keeps_nothing_back(place: int) -> None:
    batch = [counted(1, number=1), counted(2, number=2)]
    batch.insert(place, poison(number=9))
    delivery = Delivery()
    assert delivery.of(*batch) == [sequence_number(9)]
    assert delivery.told == [(ATTEMPT_COUNTED, sequence_number(1)), (ATTEMPT_COUNTED, sequence_number(2))]


def test_every_failure_is_reported_in_the_order_of_the_stream() -> None:
    """Lambda goes on from the first of them, and brings all behind it again."""
    delivery = Delivery()
    assert delivery.of(poison(number=1), counted(1, number=2), poison(number=3)) == [
        sequence_number(1),
        sequence_number(3),
    ]


def test_a_record_without_a_number_fails_the_batch_as_lambda_understands_it() -> None:
    unnumbered = counted(1, number=1)
    del unnumbered["dynamodb"]["SequenceNumber"]
    delivery = Delivery()
    assert delivery.of(unnumbered, {}, counted(1, number=2)) == ["", ""]
    assert delivery.told == [(ATTEMPT_COUNTED, sequence_number(2))]


def test_an_empty_batch_is_no_failure() -> None:
    delivery = Delivery()
    assert delivery.of() == []
    assert delivery.last_line["records"] == 0


@pytest.mark.requirement("A1")
def test_a_batch_is_told_in_one_line_of_counts() -> None:
    delivery = Delivery()
    delivery.of(confirmed(number=0), counted(1, number=1), counted(2, number=2), accepted(number=3))
    assert [json.loads(line) for line in delivery.lines] == [
        {
            "level": "INFO",
            "function": "outbox",
            "request_id": "an invocation",
            "records": 4,
            "outcomes": {"ignored": 1, "attempt.counted": 2, "attempt.accepted": 1},
        }
    ]


@pytest.mark.requirement("A2")
def test_a_failure_is_told_by_number_class_and_place_alone() -> None:
    delivery = Delivery()
    delivery.of(counted(1, number=1), poison(number=2))
    failure, batch = (json.loads(line) for line in delivery.lines)
    assert set(failure) == {"level", "function", "request_id", "sequence_number", "fault"}
    assert (failure["level"], failure["sequence_number"]) == ("ERROR", sequence_number(2))
    assert failure["fault"][0] == "KeyError"
    assert "attempts.py" in failure["fault"][-1]
    assert batch["level"] == "ERROR"
    assert batch["outcomes"] == {"attempt.counted": 1, "failed": 1}
    assert "canary" not in "".join(delivery.lines)


class _UnavailableEvents:
    """An event log whose table cannot be reached; *written* says what it is asked to write."""

    def recorded(self, event: Event) -> Change:
        del event
        raise ServiceUnavailableError


def test_an_outage_is_a_failure_of_each_record_that_met_it() -> None:
    lines: list[str] = []
    stores = memory_stores()
    outbox = outbox_over(stores, lines)
    unavailable = type(outbox)(
        events=_UnavailableEvents(), transactions=stores.transactions, write_line=lines.append
    )
    batch = [counted(1, number=1), confirmed(number=2), counted(2, number=3)]
    assert unavailable.deliver(batch, request_id="first") == [sequence_number(1), sequence_number(3)]
    assert json.loads(lines[0])["fault"][0] == "ServiceUnavailableError"
    assert outbox.deliver(batch, request_id="second") == []
    assert len(stores.events.events) == 2
