"""
Signing keys in DynamoDB: one row, ``SIGNING`` / ``KEYS``.

IAM: dynamodb:GetItem; PutItem is the operator's alone.
"""

from __future__ import annotations

import json

from pynamodb.attributes import UnicodeAttribute

from chalicelib.assertions.signing_keys import KeyRing, SigningKey
from chalicelib.assertions.store import RingChangedError
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.dynamodb import Database, put
from chalicelib.storage.rows import StateRow

_KEY = ("SIGNING", "KEYS")


class _SigningRow(StateRow):
    ring = UnicodeAttribute()


class DynamoSigningKeys:
    """The `SigningKeyStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ring(self) -> KeyRing | None:
        row = self._database.get(_SigningRow, *_KEY)
        if row is None:
            return None
        return KeyRing(keys=tuple(SigningKey(**key) for key in json.loads(row.ring)))

    def replace(self, before: KeyRing | None, after: KeyRing) -> None:
        as_it_was = _SigningRow.pk.does_not_exist() if before is None else _SigningRow.ring == _text(before)
        change = put(
            _SigningRow(*_KEY, ring=_text(after)), only_if=as_it_was, refused=ConditionRefusedError()
        )
        try:
            self._database.apply(change)
        except ConditionRefusedError as error:
            raise RingChangedError from error


def _text(ring: KeyRing) -> str:
    keys = [{"key_id": key.key_id, "jwk": dict(key.jwk), "signs_from": key.signs_from} for key in ring.keys]
    return json.dumps(keys, sort_keys=True)
