"""
One person's rows in DynamoDB, for the operator's commands.

IAM: dynamodb:Query, PutItem, DeleteItem and ConditionCheckItem on partitions ``T#*#U#*``,
DeleteItem on ``LOOKUP#*``, Query on the table ``events``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.accounts.record import User
from chalicelib.admin.store import USER_ROW, EventPage
from chalicelib.audit.dynamodb import SHARDS, event_of
from chalicelib.authenticators.record import Owner
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item, put
from chalicelib.storage.rows import EVENTS, STATE, StateRow, key_of, user_partition

_IMPORT = "IMPORT"
_PASSWORD = "PASSWORD"  # noqa: S105 - a sort key
_PAGE_ROWS = 50


class _ImportRow(StateRow):
    mark = UnicodeAttribute()
    imported_at = NumberAttribute()


class DynamoPersonRows:
    """The `PersonRows` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, owner: Owner) -> Iterator[Mapping[str, Any]]:
        request: Item = {
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": {":partition": {"S": _partition(owner)}},
            "ConsistentRead": True,
            "Limit": _PAGE_ROWS,
        }
        while True:
            page = self._database.query(STATE, **request)
            yield from ({name: _plain(value) for name, value in item.items()} for item in page.items)
            if page.next_key is None:
                return
            request["ExclusiveStartKey"] = page.next_key

    def import_mark(self, owner: Owner) -> str | None:
        row = self._database.get(_ImportRow, _partition(owner), _IMPORT)
        return None if row is None else row.mark

    def import_noted(self, owner: Owner, *, mark: str, imported_at: int) -> Change:
        row = _ImportRow(_partition(owner), _IMPORT, mark=mark, imported_at=imported_at)
        return put(row, refused=ConditionRefusedError())

    def erased(self, user: User, *, lookup: str | None, sort_keys: Sequence[str]) -> tuple[Change, ...]:
        partition = user_partition(user.tenant_id, user.user_id)
        same = {":created_at": {"N": str(user.created_at)}}
        changes = [_deleted(partition, USER_ROW, only_if="created_at = :created_at", values=same)]
        if lookup is not None:
            found_by = _deleted(
                f"LOOKUP#{lookup}",
                USER_ROW,
                only_if="user_id = :user",
                values={":user": {"S": user.user_id}},
            )
            changes += [found_by, _deleted(f"LOOKUP#{lookup}", _PASSWORD)]
        return (*changes, *(_deleted(partition, key) for key in sort_keys if key != USER_ROW))

    def swept(self, owner: Owner, sort_key: str) -> tuple[Change, ...]:
        check = {
            "TableName": STATE,
            "Key": key_of(_partition(owner), USER_ROW),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        nobody_there = Change(("ConditionCheck", check), ConditionRefusedError())
        return nobody_there, _deleted(_partition(owner), sort_key)

    def events_of_day(self, owner: Owner, day: str, *, after: str | None) -> EventPage:
        # The place is a shard, and in it the last key that was looked at.
        shard_text, _, last = (after or "0").partition("|")
        shard = int(shard_text)
        partition = f"T#{owner.tenant_id}#{day}#{shard}"
        request: Item = {
            "KeyConditionExpression": "pk = :partition",
            "FilterExpression": "#user = :user",
            "ExpressionAttributeNames": {"#user": "user"},
            "ExpressionAttributeValues": {":partition": {"S": partition}, ":user": {"S": owner.user_id}},
        }
        if last:
            request["ExclusiveStartKey"] = key_of(partition, last)
        page = self._database.query(EVENTS, **request)
        if page.next_key is not None:
            place: str | None = f"{shard}|{page.next_key['sk']['S']}"
        else:
            place = str(shard + 1) if shard + 1 < SHARDS else None
        return EventPage(events=tuple(event_of(item) for item in page.items), next=place)


def _partition(owner: Owner) -> str:
    return user_partition(owner.tenant_id, owner.user_id)


def _deleted(pk: str, sk: str, *, only_if: str | None = None, values: Item | None = None) -> Change:
    request: Item = {"TableName": STATE, "Key": key_of(pk, sk)}
    if only_if is not None:
        request["ConditionExpression"] = only_if
    if values is not None:
        request["ExpressionAttributeValues"] = values
    return Change(("Delete", request), ConditionRefusedError())


def _plain(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever a row holds
    ((kind, inner),) = value.items()
    match kind:
        case "N":
            return int(inner)
        case "M":
            return {name: _plain(part) for name, part in inner.items()}
        case "L":
            return [_plain(part) for part in inner]
        case "NULL":
            return None
    return inner
