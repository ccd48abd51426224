"""
What every row has in common, and the keys of the one table.

Partitions: a user's ``T#{tenant}#U#{user}``, a tenant's ``T#{tenant}``, a
session's ``S#{hash}``, a name's ``LOOKUP#{hash}``, a host's ``HOST#{host}``, and of what
works once between a portal and us ``HANDOFF#{hash}``, ``JWT#{hash}`` and
``RETURN#{hash}``, of what was told by mail ``SENT#{event}`` and ``SENT#{user's}``.
Opaque ids only: keys show in CloudTrail and in metrics.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

FORMAT_VERSION = 1
SEPARATOR = "#"
STATE = "state"
EVENTS = "events"


class Row(Model):
    """A row of either table. ``expires_at`` only lets TTL sweep; conditions check it themselves."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    format_version = NumberAttribute(default=FORMAT_VERSION)
    expires_at = NumberAttribute(null=True)


class StateRow(Row):
    """A row of the table ``state``."""

    class Meta:
        """The logical name; `Database` puts the deployed one in its place."""

        table_name = STATE


def user_partition(tenant_id: str, user_id: str) -> str:
    """Return the partition that holds everything of one user; no other two ids lead there."""
    if SEPARATOR in tenant_id or SEPARATOR in user_id:
        raise ValueError("an id holds the separator")
    return f"T#{tenant_id}#U#{user_id}"


def tenant_partition(tenant_id: str) -> str:
    """Return the partition of one tenant's profile, with its clients."""
    if SEPARATOR in tenant_id:
        raise ValueError("an id holds the separator")
    return f"T#{tenant_id}"


def key_of(pk: str, sk: str) -> dict[str, Any]:
    """Return a primary key in DynamoDB's own notation."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def number(value: int) -> dict[str, str]:
    """Return a number in DynamoDB's own notation."""
    return {"N": str(value)}
