"""
Sessions in DynamoDB: each a partition of its own, so that no user's row grows hot.

Every request reads one and most rotate one, so all of it is written out by hand.
IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``S#*``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, cast

from chalicelib.errors import ReauthenticationRequiredError, TwoFactorError
from chalicelib.sessions.session import REPEATABLE_SECONDS, Replacement, Rotation, Session
from chalicelib.sessions.store import SessionReplacedError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item
from chalicelib.storage.rows import FORMAT_VERSION, STATE, key_of, number

_SESSION = "SESSION"
_OPTIONAL_TIMES = (
    "reauthenticated_at",
    "user_created_at",
    "verified_at",
    "remembered_at",
    "enrolled_at",
    "reset_proven_at",
    "pending_until",
    "due_at",
    "acted_at",
)
_OPTIONAL_NAMES = ("hand_off_key", "purpose", "verified_by", "acted_by_request")
# What changes while a session lives, and what its successor is to begin with.
_CHANGING_TIMES = ("enrolled_at", "pending_until")
_IS_LIVE = "attribute_exists(pk) AND attribute_not_exists(replaced_at)"


class DynamoSessions:
    """The `SessionStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, session_key: str) -> Session | None:
        item = self._database.get_item(_partition(session_key), _SESSION)
        return None if item is None else _session(session_key, item)

    def started(self, session: Session) -> Change:
        request = {
            "TableName": STATE,
            "Item": _item(session),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Change(("Put", request), SessionReplacedError())

    def rotated(
        self, rotation: Rotation, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> tuple[Change, ...]:
        replaced = rotation.replaced
        mark = _replaced(replaced, salt=rotation.salt, request_hash=request_hash, answer=answer, now=now)
        return _only_as_read(mark, replaced), self.started(rotation.successor.session)

    def finished(
        self, session: Session, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> Change:
        # Replaced by nothing: no session will ever have the id that this salt leads to.
        salt = secrets.token_bytes(32)
        return _replaced(session, salt=salt, request_hash=request_hash, answer=answer, now=now)

    def pending_until_set(self, session: Session, pending_until: int | None) -> Change:
        if pending_until is None:
            return _update(session, "REMOVE pending_until")
        return _update(session, "SET pending_until = :until", {":until": number(pending_until)})

    def used(self, session: Session, *, awaiting_codes: bool, now: int) -> Change:
        used = _update(session, "SET last_seen_at = :now", {":now": number(now)})
        if not awaiting_codes:
            return used
        return _also_if(used, "attribute_exists(enrolled_at)", refused=ReauthenticationRequiredError())

    def acted(self, session: Session, *, request_hash: str, now: int) -> Change:
        acted = _update(
            session,
            "SET last_seen_at = :now, acted_at = :now, acted_by_request = :request",
            {":now": number(now), ":request": {"S": request_hash}},
        )
        return _also_if(
            acted,
            "(attribute_not_exists(acted_at) OR acted_by_request <> :request OR acted_at < :repeatable)",
            {":repeatable": number(now - REPEATABLE_SECONDS)},
            refused=acted.refused,
        )

    def codes_acknowledged(self, session: Session) -> Change:
        return _update(session, "REMOVE enrolled_at")

    def ended(self, session: Session) -> Change:
        request = {
            "TableName": STATE,
            "Key": key_of(_partition(session.session_key), _SESSION),
            "ConditionExpression": _IS_LIVE,
        }
        return Change(("Delete", request), SessionReplacedError())

    def seen(self, session: Session, *, now: int) -> None:
        self._database.apply(_update(session, "SET last_seen_at = :now", {":now": number(now)}))


def _partition(session_key: str) -> str:
    return f"S#{session_key}"


def _replaced(
    session: Session, *, salt: bytes, request_hash: str, answer: Mapping[str, Any], now: int
) -> Change:
    # What the session had proven has gone over to its successor. Within 1 KB the mark costs one
    # write unit, so that the answer takes the place of what nobody reads here any more.
    return _update(
        session,
        "SET replaced_at = :now, replaced_by_request = :request,"
        " replacement_salt = :salt, replacement_answer = :answer"
        f" REMOVE {', '.join((*_OPTIONAL_TIMES, *_OPTIONAL_NAMES))}",
        {
            ":now": number(now),
            ":request": {"S": request_hash},
            ":salt": {"B": salt},
            ":answer": {"S": json.dumps(answer, ensure_ascii=False, separators=(",", ":"))},
        },
    )


def _only_as_read(mark: Change, session: Session) -> Change:
    # Another tab may have acknowledged codes, begun or cancelled: its successor would undo that.
    read = {name: getattr(session, name) for name in _CHANGING_TIMES}
    clauses = [
        f"attribute_not_exists({name})" if value is None else f"{name} = :{name}_read"
        for name, value in read.items()
    ]
    values = {f":{name}_read": number(value) for name, value in read.items() if value is not None}
    return _also_if(mark, " AND ".join(clauses), values, refused=mark.refused)


def _also_if(
    change: Change, only_if: str, values: Item | None = None, *, refused: TwoFactorError
) -> Change:
    kind, request = cast("tuple[str, Item]", change.write)
    also = {
        "ConditionExpression": f"{request['ConditionExpression']} AND {only_if}",
        "ExpressionAttributeValues": request["ExpressionAttributeValues"] | (values or {}),
    }
    return Change((kind, request | also), refused)


def _update(session: Session, expression: str, values: Item | None = None) -> Change:
    request: Item = {
        "TableName": STATE,
        "Key": key_of(_partition(session.session_key), _SESSION),
        "UpdateExpression": expression,
        "ConditionExpression": _IS_LIVE,
    }
    if values:
        request["ExpressionAttributeValues"] = values
    return Change(("Update", request), SessionReplacedError())


def _item(session: Session) -> Item:
    item = {
        **key_of(_partition(session.session_key), _SESSION),
        "format_version": number(FORMAT_VERSION),
        "tenant": {"S": session.tenant_id},
        "user": {"S": session.user_id},
        "sign_in_id": {"S": session.sign_in_id},
        "epoch": number(session.epoch),
        "created_at": number(session.created_at),
        "last_seen_at": number(session.last_seen_at),
        # A session replaced at its last second must still answer a repetition.
        "expires_at": number(session.ends_at + REPEATABLE_SECONDS),
    }
    times = {name: getattr(session, name) for name in _OPTIONAL_TIMES}
    names = {name: getattr(session, name) for name in _OPTIONAL_NAMES}
    item |= {name: number(value) for name, value in times.items() if value is not None}
    return item | {name: {"S": value} for name, value in names.items() if value is not None}


def _session(session_key: str, item: Item) -> Session:
    return Session(
        session_key=session_key,
        tenant_id=item["tenant"]["S"],
        user_id=item["user"]["S"],
        sign_in_id=item["sign_in_id"]["S"],
        epoch=int(item["epoch"]["N"]),
        created_at=int(item["created_at"]["N"]),
        last_seen_at=int(item["last_seen_at"]["N"]),
        **_optional(item),
        replacement=_replacement(item) if "replaced_at" in item else None,
    )


def _optional(item: Item) -> dict[str, Any]:
    times = {name: int(item[name]["N"]) for name in _OPTIONAL_TIMES if name in item}
    return times | {name: item[name]["S"] for name in _OPTIONAL_NAMES if name in item}


def _replacement(item: Item) -> Replacement:
    return Replacement(
        replaced_at=int(item["replaced_at"]["N"]),
        request_hash=item["replaced_by_request"]["S"],
        salt=item["replacement_salt"]["B"],
        answer=json.loads(item["replacement_answer"]["S"]),
    )
