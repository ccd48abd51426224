"""A real stream of real races: what GetRecords brings, handed to the outbox as Lambda hands it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.session import Session as AwsSession

from chalicelib.accounts.record import User
from tests.race.arena import NOON, Arena
from tests.support.handlers import Handler, an_invocation, fresh_handler
from tests.support.live_server import SETTINGS, Backend
from tests.support.stream import Record, as_lambda_hands_it

BATCH_SIZE = 100


def records_of(backend: Backend, user: User) -> list[Record]:
    """Return everything that the stream of ``state`` holds about *user*'s authenticators."""
    streams = AwsSession().create_client(
        "dynamodbstreams", region_name=SETTINGS.region, endpoint_url=backend.url
    )
    table = backend.dynamodb.describe_table(TableName=SETTINGS.state_table)["Table"]
    partition = f"T#{user.tenant_id}#U#{user.user_id}"
    return [
        as_lambda_hands_it(record)
        for record in _all_records(streams, table["LatestStreamArn"])
        if record["dynamodb"]["Keys"] == {"pk": {"S": partition}, "sk": {"S": "TOTP"}}
    ]


def _all_records(streams: Any, arn: str) -> Iterator[Record]:
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            if not page["Records"]:
                break
            yield from page["Records"]
            iterator = page.get("NextShardIterator")


@pytest.fixture
def handle(arena: Arena) -> Handler:
    """The outbox, just started beside the two servers."""
    return fresh_handler(
        "outbox.handler", EVENTS_TABLE=SETTINGS.events_table, AWS_ENDPOINT_URL=arena.backend.url
    )


def deliver(handle: Handler, records: list[Record]) -> None:
    """Hand over *records* in batches, as Lambda does."""
    for first in range(0, len(records), BATCH_SIZE):
        batch = {"Records": records[first : first + BATCH_SIZE]}
        assert handle(batch, an_invocation()) == {"batchItemFailures": []}


@pytest.mark.requirement("A1", "L5", "L6")
def test_of_two_hundred_guesses_at_once_five_are_events(arena: Arena, handle: Handler) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON)
    sessions = arena.seeding.sessions(enrolled.user, 200, now=NOON)
    codes = enrolled.wrong_codes(NOON, 200)
    arena.race(sessions, lambda page, n: page.post("/api/verification", otp=codes[n]))

    deliver(handle, records_of(arena.backend, enrolled.user))
    counted = arena.events(enrolled.user, "attempt.counted")

    looked_at = {
        (line["request_id"], line["reference"])
        for line in arena.request_lines(sessions)
        if line["outcome"] == "otp_mismatch"
    }
    assert len(looked_at) == 5
    assert {(row["request_id"]["S"], row["reference"]["S"]) for row in counted} == looked_at
    assert len(counted) == 5
    assert arena.events(enrolled.user, "attempt.accepted") == []


@pytest.mark.requirement("A1", "T6")
def test_of_one_code_fifty_times_at_once_the_accepted_one_is_named(arena: Arena, handle: Handler) -> None:
    """Others are counted between its two writes; the event names the right request all the same."""
    enrolled = arena.seeding.enrolled_user(now=NOON)
    sessions = arena.seeding.sessions(enrolled.user, 50, now=NOON)
    code = enrolled.code(NOON)
    arena.race(sessions, lambda page, _: page.post("/api/verification", otp=code))

    records = records_of(arena.backend, enrolled.user)
    deliver(handle, records)
    deliver(handle, records)  # at least once, says Lambda

    by_outcome = Counter(line["outcome"] for line in arena.request_lines(sessions))
    (winner,) = [line for line in arena.request_lines(sessions) if line["outcome"] == "ok"]
    (accepted,) = arena.events(enrolled.user, "attempt.accepted")
    assert (accepted["request_id"]["S"], accepted["reference"]["S"]) == (
        winner["request_id"],
        winner["reference"],
    )
    (authenticator_id,) = arena.authenticator_row(enrolled.user)["entries"]["M"]
    assert accepted["subject"]["S"] == authenticator_id
    counted = arena.events(enrolled.user, "attempt.counted")
    assert len(counted) == by_outcome["ok"] + by_outcome["otp_already_used"]
