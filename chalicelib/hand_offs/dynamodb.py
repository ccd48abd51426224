"""
Hand-offs in DynamoDB: rows ``HANDOFF#{hash}``, ``JWT#{hash}``, ``RETURN#{hash}``, each its own partition.

IAM: dynamodb:GetItem, PutItem, UpdateItem on those partitions.
"""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.errors import (
    ClientNotAuthenticatedError,
    ConditionRefusedError,
    HandOffExpiredError,
    ReturnCodeUsedError,
)
from chalicelib.hand_offs.record import Exchange, HandOff, ReturnCode
from chalicelib.sessions.session import ABSOLUTE_SECONDS, CODE, REPEATABLE_SECONDS
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, put, update
from chalicelib.storage.rows import StateRow

_HAND_OFF = "HANDOFF"
_JWT = "JWT"
_RETURN = "RETURN"
# A second try at a code is told apart from a made-up one for that long.
_RETURN_CODE_KEPT_SECONDS = 24 * 60 * 60


class _HandOffRow(StateRow):
    tenant = UnicodeAttribute()
    client = UnicodeAttribute()
    user = UnicodeAttribute()
    auth_time = NumberAttribute()
    purpose = UnicodeAttribute()
    return_url = UnicodeAttribute()
    state = UnicodeAttribute()
    nonce = UnicodeAttribute()
    begun_at = NumberAttribute()
    valid_until = NumberAttribute()
    salt = BinaryAttribute(legacy_encoding=False)
    exchanged_at = NumberAttribute(null=True)
    exchanged_by_request = UnicodeAttribute(null=True)


class _JwtRow(StateRow):
    tenant = UnicodeAttribute()


class _ReturnRow(StateRow):
    tenant = UnicodeAttribute()
    client = UnicodeAttribute()
    user = UnicodeAttribute()
    portal_user = UnicodeAttribute()
    nonce = UnicodeAttribute()
    verified_at = NumberAttribute()
    verified_by = UnicodeAttribute(null=True)
    reference = UnicodeAttribute()
    issued_at = NumberAttribute()
    valid_until = NumberAttribute()
    assertion_id = UnicodeAttribute(null=True)
    redeemed_by = UnicodeAttribute(null=True)


class DynamoHandOffs:
    """The `HandOffStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> HandOff | None:
        row = self._database.get(_HandOffRow, f"{_HAND_OFF}#{key}", _HAND_OFF)
        if row is None:
            return None
        exchange = None
        if row.exchanged_at is not None:
            exchange = Exchange(
                exchanged_at=int(row.exchanged_at), request_hash=row.exchanged_by_request or ""
            )
        return HandOff(
            key=key,
            tenant_id=row.tenant,
            client_name=row.client,
            user_id=row.user,
            auth_time=int(row.auth_time),
            purpose=row.purpose,
            return_url=row.return_url,
            state=row.state,
            nonce=row.nonce,
            begun_at=int(row.begun_at),
            salt=row.salt,
            exchange=exchange,
        )

    def begun(self, hand_off: HandOff, *, jwt_key: str, jwt_expires_at: int) -> tuple[Change, ...]:
        row = _HandOffRow(
            f"{_HAND_OFF}#{hand_off.key}",
            _HAND_OFF,
            tenant=hand_off.tenant_id,
            client=hand_off.client_name,
            user=hand_off.user_id,
            auth_time=hand_off.auth_time,
            purpose=hand_off.purpose,
            return_url=hand_off.return_url,
            state=hand_off.state,
            nonce=hand_off.nonce,
            begun_at=hand_off.begun_at,
            valid_until=hand_off.valid_until,
            salt=hand_off.salt,
            # As long as the session that comes of it, whose last request needs the row.
            expires_at=hand_off.valid_until + ABSOLUTE_SECONDS + REPEATABLE_SECONDS,
        )
        spent = _JwtRow(f"{_JWT}#{jwt_key}", _JWT, tenant=hand_off.tenant_id, expires_at=jwt_expires_at)
        return (
            put(spent, only_if=_JwtRow.pk.does_not_exist(), refused=ClientNotAuthenticatedError()),
            put(row, only_if=_HandOffRow.pk.does_not_exist(), refused=ConditionRefusedError()),
        )

    def exchanged(self, hand_off: HandOff, *, request_hash: str, now: int) -> Change:
        return update(
            _HandOffRow(f"{_HAND_OFF}#{hand_off.key}", _HAND_OFF),
            [_HandOffRow.exchanged_at.set(now), _HandOffRow.exchanged_by_request.set(request_hash)],
            only_if=_HandOffRow.exchanged_at.does_not_exist() & (_HandOffRow.valid_until >= now),
            refused=HandOffExpiredError(),
        )

    def issued(self, code: ReturnCode) -> Change:
        row = _ReturnRow(
            f"{_RETURN}#{code.key}",
            _RETURN,
            tenant=code.tenant_id,
            client=code.client_name,
            user=code.user_id,
            portal_user=code.portal_user,
            nonce=code.nonce,
            verified_at=code.verified_at,
            verified_by=code.verified_by,
            reference=code.reference,
            issued_at=code.issued_at,
            valid_until=code.valid_until,
            expires_at=code.issued_at + _RETURN_CODE_KEPT_SECONDS,
        )
        return put(row, only_if=_ReturnRow.pk.does_not_exist(), refused=ConditionRefusedError())

    def return_code(self, key: str) -> ReturnCode | None:
        row = self._database.get(_ReturnRow, f"{_RETURN}#{key}", _RETURN)
        if row is None:
            return None
        return ReturnCode(
            key=key,
            tenant_id=row.tenant,
            client_name=row.client,
            user_id=row.user,
            portal_user=row.portal_user,
            nonce=row.nonce,
            verified_at=int(row.verified_at),
            verified_by=row.verified_by or CODE,  # earlier releases knew nothing else
            reference=row.reference,
            issued_at=int(row.issued_at),
            assertion_id=row.assertion_id,
            redeemed_by=row.redeemed_by,
        )

    def redeemed(self, code: ReturnCode, *, assertion_id: str, jwt_key: str, now: int) -> Change:
        return update(
            _ReturnRow(f"{_RETURN}#{code.key}", _RETURN),
            [_ReturnRow.assertion_id.set(assertion_id), _ReturnRow.redeemed_by.set(jwt_key)],
            only_if=_ReturnRow.assertion_id.does_not_exist() & (_ReturnRow.valid_until >= now),
            refused=ReturnCodeUsedError(),
        )
