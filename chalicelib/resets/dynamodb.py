"""
Resets in DynamoDB: a row ``RESET`` of the user's partition.

IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``T#*#U#*``.
"""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.authenticators.record import Owner
from chalicelib.errors import ConditionRefusedError, ResetCodeExpiredError
from chalicelib.resets.record import MOST_RESET_CODE_ATTEMPTS, Reset
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, delete, put, update
from chalicelib.storage.rows import StateRow, user_partition

_RESET = "RESET"


class _ResetRow(StateRow):
    code_hash = UnicodeAttribute()
    salt = BinaryAttribute(legacy_encoding=False)
    request_hash = UnicodeAttribute()
    reset_at = NumberAttribute()
    opens_at = NumberAttribute()
    by = UnicodeAttribute()
    attempts = NumberAttribute()


class DynamoResets:
    """The `ResetStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, owner: Owner) -> Reset | None:
        row = self._database.get(_ResetRow, user_partition(owner.tenant_id, owner.user_id), _RESET)
        if row is None:
            return None
        return Reset(
            code_hash=row.code_hash,
            salt=row.salt,
            request_hash=row.request_hash,
            reset_at=int(row.reset_at),
            opens_at=int(row.opens_at),
            expires_at=int(row.expires_at or 0),
            by=row.by,
            attempts=int(row.attempts),
        )

    def begun(self, owner: Owner, reset: Reset) -> Change:
        row = _key(owner)
        row.code_hash = reset.code_hash
        row.salt = reset.salt
        row.request_hash = reset.request_hash
        row.reset_at = reset.reset_at
        row.opens_at = reset.opens_at
        row.expires_at = reset.expires_at
        row.by = reset.by
        row.attempts = reset.attempts
        return put(row, refused=ConditionRefusedError())

    def attempted(self, owner: Owner, reset: Reset, *, now: int) -> Change:
        return update(
            _key(owner),
            [_ResetRow.attempts.add(1)],
            only_if=(_ResetRow.code_hash == reset.code_hash)
            & (_ResetRow.opens_at <= now)
            & (_ResetRow.expires_at >= now)
            & (_ResetRow.attempts < MOST_RESET_CODE_ATTEMPTS),
            refused=ResetCodeExpiredError(),
        )

    def spent(self, owner: Owner) -> Change:
        return delete(_key(owner), refused=ConditionRefusedError())


def _key(owner: Owner) -> _ResetRow:
    return _ResetRow(user_partition(owner.tenant_id, owner.user_id), _RESET)
