"""
Events in DynamoDB: partitions of a tenant's day, spread over shards.

IAM: dynamodb:PutItem on the table; update and delete are denied to every role.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.audit.event import Event
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import put
from chalicelib.storage.rows import EVENTS, Row

SHARDS = 8  # one busy tenant's day must not become one hot partition


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


def event_partition(event: Event) -> str:
    """Return the partition of *event*: tenant, UTC day and shard."""
    day = datetime.fromtimestamp(event.occurred_at, UTC).strftime("%Y%m%d")
    shard = crc32(event.event_id.encode()) % SHARDS
    return f"T#{event.tenant_id}#{day}#{shard}"


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
        )
        return put(row, only_if=_EventRow.pk.does_not_exist(), refused=ConditionRefusedError())
