"""The outbox as Lambda starts and calls it."""

from __future__ import annotations

import json

import pytest

from tests.support.aws import SETTINGS, moto
from tests.support.handlers import an_invocation, fresh_handler, loaded_by
from tests.unit.outbox.records import accepted, confirmed, counted, poison, sequence_number


@pytest.mark.requirement("A1")
def test_it_appends_events_and_answers_in_lambdas_words(capfd: pytest.CaptureFixture[str]) -> None:
    with moto() as aws:
        handle = fresh_handler("outbox.handler", EVENTS_TABLE=SETTINGS.events_table)
        batch = {"Records": [counted(1, number=1), poison(number=2), accepted(number=3)]}
        answer = handle(batch, an_invocation())
        again = handle(batch, an_invocation())
        kinds = {event["kind"]["S"] for event in aws.events()}

    assert answer == again == {"batchItemFailures": [{"itemIdentifier": sequence_number(2)}]}
    assert kinds == {"attempt.counted", "attempt.accepted"}
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["outcomes"] for line in lines if "outcomes" in line] == [
        {"attempt.counted": 1, "failed": 1, "attempt.accepted": 1},
        {"repeated": 2, "failed": 1},
    ]


def test_a_batch_that_is_done_is_answered_by_an_empty_list() -> None:
    with moto():
        handle = fresh_handler("outbox.handler", EVENTS_TABLE=SETTINGS.events_table)
        assert handle({"Records": [confirmed(number=1)]}, an_invocation()) == {"batchItemFailures": []}


@pytest.mark.requirement("K4")
def test_it_starts_with_three_settings_and_without_what_it_does_not_need() -> None:
    """No HTTP, no codes, no passwords; the API's settings are not even there to be read."""
    loaded = loaded_by("chalicelib.outbox.handler", EVENTS_TABLE="events")
    assert not loaded & {"chalice", "boto3", "pyotp", "segno", "argon2", "chalicelib.bootstrap"}


def test_without_its_settings_it_does_not_start() -> None:
    with pytest.raises(Exception, match="EVENTS_TABLE is not set"):
        fresh_handler("outbox.handler", EVENTS_TABLE="")
