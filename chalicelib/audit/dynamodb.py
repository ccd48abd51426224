"""
Events in DynamoDB: partitions of a tenant's day, spread over shards.

IAM: dynamodb:PutItem and Query on the table, Query on its index ``events-by-user``;
update and delete are denied to every role.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zlib import crc32

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.audit.event import Event
from chalicelib.audit.history import REFERENCE_DAYS, is_listed
from chalicelib.audit.retention import expires_at
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item, put
from chalicelib.storage.rows import EVENTS, Row, user_partition

SHARDS = 8  # one busy tenant's day must not become one hot partition
_BY_USER = "events-by-user"
_DAY_SECONDS = 24 * 60 * 60


class _EventRow(Row):
    class Meta:
        table_name = EVENTS

    kind = UnicodeAttribute()
    tenant = UnicodeAttribute()
    user = UnicodeAttribute()
    occurred_at = NumberAttribute()
    actor = UnicodeAttribute()
    request_id = UnicodeAttribute(null=True)
    reference = UnicodeAttribute(null=True)
    subject = UnicodeAttribute(null=True)
    source = UnicodeAttribute(null=True)
    details = JSONAttribute(null=True)
    # Key of the index for the help desk's list of what happened to a user.
    user_key = UnicodeAttribute(null=True)


def event_partition(event: Event) -> str:
    """Return the partition of *event*: tenant, UTC day and shard."""
    return _partition(event.tenant_id, event.occurred_at, crc32(event.event_id.encode()) % SHARDS)


def _partition(tenant_id: str, at_epoch_seconds: int, shard: int) -> str:
    day = datetime.fromtimestamp(at_epoch_seconds, UTC).strftime("%Y%m%d")
    return f"T#{tenant_id}#{day}#{shard}"


class DynamoEventLog:
    """The `EventLog` of deployed and local stages."""

    def recorded(self, event: Event) -> Change:
        row = _EventRow(
            event_partition(event),
            f"{event.occurred_at:012d}#{event.event_id}",
            kind=event.kind,
            tenant=event.tenant_id,
            user=event.user_id,
            occurred_at=event.occurred_at,
            actor=event.actor,
            request_id=event.request_id,
            reference=event.reference,
            subject=event.subject,
            source=event.source,
            details=dict(event.details) if event.details else None,
            user_key=_user_key(event),
            expires_at=expires_at(event),
        )
        return put(row, only_if=_EventRow.pk.does_not_exist(), refused=ConditionRefusedError())


class DynamoEventHistory:
    """The `EventHistory` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_user(self, tenant_id: str, user_id: str, *, limit: int) -> tuple[Event, ...]:
        page = self._database.query(
            EVENTS,
            IndexName=_BY_USER,
            KeyConditionExpression="user_key = :user",
            ExpressionAttributeValues={":user": {"S": user_partition(tenant_id, user_id)}},
            ScanIndexForward=False,
            Limit=limit,
        )
        return tuple(_event(_EventRow.from_raw_data(item)) for item in page.items)

    def users_of_reference(self, tenant_id: str, reference: str, *, now: int) -> Iterator[str | None]:
        for days_back in range(REFERENCE_DAYS):
            for shard in range(SHARDS):
                partition = _partition(tenant_id, now - days_back * _DAY_SECONDS, shard)
                request = {
                    "KeyConditionExpression": "pk = :partition",
                    # What the staff do bears their own reference, and is about whom they help.
                    "FilterExpression": "#reference = :reference AND #actor = #user",
                    "ExpressionAttributeNames": {
                        "#reference": "reference",
                        "#actor": "actor",
                        "#user": "user",
                    },
                    "ExpressionAttributeValues": {
                        ":partition": {"S": partition},
                        ":reference": {"S": reference},
                    },
                    "ScanIndexForward": False,
                }
                next_key: Item | None = {}
                while next_key is not None:
                    page = self._database.query(EVENTS, **request)
                    yield str(page.items[0]["user"]["S"]) if page.items else None
                    next_key = page.next_key
                    request["ExclusiveStartKey"] = next_key


def _user_key(event: Event) -> str | None:
    if not is_listed(event.kind):
        return None
    return user_partition(event.tenant_id, event.user_id)


def event_of(item: Item) -> Event:
    """Return the event that *item*, a row in DynamoDB's own notation, tells of."""
    return _event(_EventRow.from_raw_data(item))


def _event(row: _EventRow) -> Event:
    return Event(
        kind=row.kind,
        tenant_id=row.tenant,
        user_id=row.user,
        occurred_at=int(row.occurred_at),
        actor=row.actor,
        request_id=row.request_id,
        reference=row.reference,
        subject=row.subject,
        source=row.source,
        details=row.details,
        event_id=row.sk.partition("#")[2],
    )
