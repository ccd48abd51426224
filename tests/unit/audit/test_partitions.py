"""Events of one busy tenant's day are spread over partitions that can still be listed."""

from __future__ import annotations

from collections import Counter

from chalicelib.audit.dynamodb import SHARDS, event_partition
from chalicelib.audit.event import SESSION_STARTED, Event


def an_event(occurred_at: int) -> Event:
    return Event(
        kind=SESSION_STARTED,
        tenant_id="cozone",
        user_id="u1",
        occurred_at=occurred_at,
        actor="u1",
        request_id="r1",
        reference="7f3k9abc",
    )


def test_a_partition_is_a_tenants_utc_day_and_shard() -> None:
    last_second, first_second = an_event(1_795_478_399), an_event(1_795_478_400)
    assert event_partition(last_second).startswith("T#cozone#20261123#")
    assert event_partition(first_second).startswith("T#cozone#20261124#")
    assert event_partition(last_second) == event_partition(last_second)


def test_no_shard_grows_hot() -> None:
    spread = Counter(event_partition(an_event(1_795_424_400)) for _ in range(4_000))
    assert set(spread) == {f"T#cozone#20261123#{shard}" for shard in range(SHARDS)}
    assert max(spread.values()) < 2 * min(spread.values())


def test_every_event_has_an_id_of_its_own() -> None:
    assert len({an_event(0).event_id for _ in range(1_000)}) == 1_000
