"""The local product tells of attempts as the deployed one does: by its stream, each once."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mintotp
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session

from chalicelib.audit.event import ATTEMPTS_WARNED
from chalicelib.local import demo
from chalicelib.local.stage import _is_of_attempts
from chalicelib.local.stream import Followed, LocalStreams
from tests.local.product import (
    Browser,
    Run,
    chalice_local,
    clean_environment,
    free_port,
    started,
    wait_for,
)
from tests.support.embedded_backend import embedded_backend
from tests.support.memory import MemoryStores, memory_stores
from tests.support.stream import outbox_over
from tests.unit.outbox.records import confirmed, counted, poison, sequence_number


@pytest.fixture
def backend_url() -> Iterator[str]:
    """A backend that outlives the servers on it."""
    with embedded_backend(environment=clean_environment()) as url:
        yield url


def _delivered(run: Run) -> Counter[str]:
    lines = [json.loads(line) for line in run.said().splitlines() if '"function": "outbox"' in line]
    return sum((Counter(line["outcomes"]) for line in lines), Counter())


def _sign_in_with_a_code(port: int) -> None:
    browser = Browser(port)
    browser.post("/api/session", tenant="cozone", username=demo.USERNAME, password=demo.PASSWORD)
    browser.post("/api/session/password", password=demo.PASSWORD)
    offered: Any = browser.post("/api/enrolment", phone="android", same_phone=False)
    key = offered["key"]
    browser.post("/api/enrolment/confirmation", otp=mintotp.totp(key))
    browser.post("/api/verification", otp=mintotp.hotp(key, int(time.time() // 30) + 1))


def _kinds_of_events(backend_url: str) -> Counter[str]:
    session = Session()
    session.set_credentials("local", "local")
    dynamodb = session.create_client("dynamodb", region_name="eu-north-1", endpoint_url=backend_url)
    rows = dynamodb.scan(TableName="tvasteg-events", ConsistentRead=True)["Items"]
    dynamodb.close()
    return Counter(row["kind"]["S"] for row in rows)


@pytest.mark.requirement("A1")
def test_attempts_become_events_and_stay_what_they_are_when_another_server_starts(
    backend_url: str, tmp_path: Path
) -> None:
    """It reads the stream from its beginning; after an edit of the code the same happens."""
    port = free_port()
    with started(chalice_local(port), port=port, folder=tmp_path, AWS_ENDPOINT_URL=backend_url) as run:
        run.wait_until_ready()
        _sign_in_with_a_code(port)
        wait_for(lambda: _delivered(run)["attempt.accepted"] == 1)
        assert _delivered(run)["attempt.counted"] == 1
    before = _kinds_of_events(backend_url)
    assert (before["attempt.counted"], before["attempt.accepted"]) == (1, 1)

    port = free_port()
    with started(chalice_local(port), port=port, folder=tmp_path, AWS_ENDPOINT_URL=backend_url) as run:
        run.wait_until_ready()
        wait_for(lambda: _delivered(run)["repeated"] == 2)
    assert _kinds_of_events(backend_url) == before


class FakeStreams:
    """A backend with one shard, as far as the stage `local` asks; it may be away."""

    def __init__(self, *records: dict[str, Any], arn: str | None = "arn") -> None:
        self.records = list(records)
        self.is_away = False
        self._arn = arn

    def describe_table(self, **_: str) -> Any:
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        return {"Table": {} if self._arn is None else {"LatestStreamArn": self._arn}}

    def describe_stream(self, **_: str) -> Any:
        return {"StreamDescription": {"Shards": [{"ShardId": "shard"}]}}

    def get_shard_iterator(self, **place: str) -> Any:
        return {"ShardIterator": place.get("SequenceNumber", "")}

    def get_records(self, **place: str) -> Any:
        after = place["ShardIterator"]
        return {"Records": [r for r in self.records if r["dynamodb"]["SequenceNumber"] > after][:2]}


def _following(backend: FakeStreams, stores: MemoryStores) -> LocalStreams:
    state = Followed(table="state", concerns=_is_of_attempts, to=outbox_over(stores, []))
    stream = LocalStreams(state, dynamodb=backend, streams=backend)
    stream.follow()
    return stream


def _numbers(stores: MemoryStores) -> list[str]:
    return [event.event_id for event in stores.events.events if event.kind != ATTEMPTS_WARNED]


def test_all_pages_are_read_and_later_records_when_something_changed() -> None:
    stores = memory_stores()
    backend = FakeStreams(*(counted(number, number=number) for number in range(1, 6)))
    stream = _following(backend, stores)
    wait_for(lambda: len(_numbers(stores)) == 5)
    backend.records.append(counted(6, number=6))
    stream.look()
    wait_for(lambda: len(_numbers(stores)) == 6)
    assert _numbers(stores) == [sequence_number(number) for number in range(1, 7)]


def test_a_backend_that_was_away_is_asked_again() -> None:
    stores = memory_stores()
    backend = FakeStreams(counted(1, number=1))
    backend.is_away = True
    stream = _following(backend, stores)
    time.sleep(0.1)
    backend.is_away = False
    stream.look()
    wait_for(lambda: _numbers(stores) == [sequence_number(1)])


def test_what_failed_is_tried_again_at_the_next_look() -> None:
    stores = memory_stores()
    backend = FakeStreams(counted(1, number=1), poison(number=2), counted(2, number=3))
    stream = _following(backend, stores)
    wait_for(lambda: _numbers(stores) == [sequence_number(1)])
    backend.records[1] = confirmed(number=2)
    stream.look()
    wait_for(lambda: _numbers(stores) == [sequence_number(1), sequence_number(3)])


def test_a_backend_without_streams_is_left_alone() -> None:
    stores = memory_stores()
    stream = _following(FakeStreams(counted(1, number=1), arn=None), stores)
    stream.look()
    time.sleep(0.1)
    assert _numbers(stores) == []
