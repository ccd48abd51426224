"""
Sessions in DynamoDB: each a partition of its own, so that no user's row grows hot.

IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``S#*``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.sessions.session import REPEATABLE_SECONDS, Replacement, Rotation, Session
from chalicelib.sessions.store import SessionReplacedError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, delete, put, update
from chalicelib.storage.rows import StateRow

_SESSION = "SESSION"


class _SessionRow(StateRow):
    tenant = UnicodeAttribute()
    user = UnicodeAttribute()
    sign_in_id = UnicodeAttribute()
    epoch = NumberAttribute()
    created_at = NumberAttribute()
    last_seen_at = NumberAttribute()
    reauthenticated_at = NumberAttribute(null=True)
    verified_at = NumberAttribute(null=True)
    pending_until = NumberAttribute(null=True)
    replaced_at = NumberAttribute(null=True)
    replaced_by_request = UnicodeAttribute(null=True)
    replacement_salt = BinaryAttribute(legacy_encoding=False, null=True)
    replacement_answer = UnicodeAttribute(null=True)


def _is_live() -> Condition:
    live: Condition = _SessionRow.pk.exists() & _SessionRow.replaced_at.does_not_exist()
    return live


class DynamoSessions:
    """The `SessionStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, session_key: str) -> Session | None:
        row = self._database.get(_SessionRow, *_key(session_key))
        return None if row is None else _session(session_key, row)

    def started(self, session: Session) -> Change:
        row = _SessionRow(
            *_key(session.session_key),
            tenant=session.tenant_id,
            user=session.user_id,
            sign_in_id=session.sign_in_id,
            epoch=session.epoch,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            reauthenticated_at=session.reauthenticated_at,
            verified_at=session.verified_at,
            pending_until=session.pending_until,
            # A session replaced at its last second must still answer a repetition.
            expires_at=session.ends_at + REPEATABLE_SECONDS,
        )
        return put(row, only_if=_SessionRow.pk.does_not_exist(), refused=SessionReplacedError())

    def rotated(
        self, rotation: Rotation, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> tuple[Change, ...]:
        marks = [
            _SessionRow.replaced_at.set(now),
            _SessionRow.replaced_by_request.set(request_hash),
            _SessionRow.replacement_salt.set(rotation.salt),
            _SessionRow.replacement_answer.set(json.dumps(answer, ensure_ascii=False)),
        ]
        mark = update(
            _SessionRow(*_key(rotation.replaced.session_key)),
            marks,
            only_if=_is_live(),
            refused=SessionReplacedError(),
        )
        return mark, self.started(rotation.successor.session)

    def pending_until_set(self, session: Session, pending_until: int | None) -> Change:
        attribute = _SessionRow.pending_until
        action = attribute.remove() if pending_until is None else attribute.set(pending_until)
        return update(
            _SessionRow(*_key(session.session_key)),
            [action],
            only_if=_is_live(),
            refused=SessionReplacedError(),
        )

    def ended(self, session: Session) -> Change:
        return delete(_SessionRow(*_key(session.session_key)), refused=SessionReplacedError())

    def seen(self, session: Session, *, now: int) -> None:
        self._database.apply(
            update(
                _SessionRow(*_key(session.session_key)),
                [_SessionRow.last_seen_at.set(now)],
                only_if=_is_live(),
                refused=SessionReplacedError(),
            )
        )


def _key(session_key: str) -> tuple[str, str]:
    return f"S#{session_key}", _SESSION


def _session(session_key: str, row: _SessionRow) -> Session:
    replacement = None
    if row.replaced_at is not None:
        replacement = Replacement(
            replaced_at=int(row.replaced_at),
            request_hash=row.replaced_by_request,
            salt=row.replacement_salt,
            answer=json.loads(row.replacement_answer),
        )
    return Session(
        session_key=session_key,
        tenant_id=row.tenant,
        user_id=row.user,
        sign_in_id=row.sign_in_id,
        epoch=int(row.epoch),
        created_at=int(row.created_at),
        last_seen_at=int(row.last_seen_at),
        reauthenticated_at=_seconds(row.reauthenticated_at),
        verified_at=_seconds(row.verified_at),
        pending_until=_seconds(row.pending_until),
        replacement=replacement,
    )


def _seconds(value: float | None) -> int | None:
    return None if value is None else int(value)
