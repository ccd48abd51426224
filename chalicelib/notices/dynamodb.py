"""
What notices read and keep in the table ``state``.

Marks lie in partitions of their own, ``SENT#…``, so that the function that sends mail
can write to no user's row, and of users and tenants it reads a few attributes only.
IAM: dynamodb:GetItem on ``T#*``, for those attributes; GetItem, PutItem, UpdateItem on ``SENT#*``.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime

from pynamodb.attributes import NumberAttribute

from chalicelib.accounts.addresses import addresses_of, addresses_told
from chalicelib.errors import ConditionRefusedError
from chalicelib.notices.mail import Recipient
from chalicelib.storage.dynamodb import Database, Item, RefusedError, put
from chalicelib.storage.rows import (
    FORMAT_VERSION,
    StateRow,
    key_of,
    number,
    tenant_partition,
    user_partition,
)
from chalicelib.tenants.profile import Profile

ATTRIBUTES_OF_TENANTS = ("profile",)
ATTRIBUTES_OF_USERS = ("username", "language", "addresses", "former_addresses")
MARKED_SECONDS = 30 * 24 * 60 * 60
_BUDGET_KEPT_SECONDS = 2 * 24 * 60 * 60


class _SentRow(StateRow):
    sent_at = NumberAttribute(null=True)
    unanswered = NumberAttribute(null=True)


class DynamoRecipients:
    """The `Recipients` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parsed: dict[str, tuple[str, Profile]] = {}

    def of(self, tenant_id: str, user_id: str, *, at: int) -> Recipient | None:
        tenant = self._database.get_item(tenant_partition(tenant_id), "PROFILE", only=ATTRIBUTES_OF_TENANTS)
        user = self._database.get_item(user_partition(tenant_id, user_id), "USER", only=ATTRIBUTES_OF_USERS)
        if tenant is None or user is None:
            return None
        addresses = tuple(address["S"] for address in user.get("addresses", {"L": []})["L"])
        former = user.get("former_addresses", {"M": {}})["M"]
        return Recipient(
            profile=self._profile(tenant_id, tenant["profile"]["S"]),
            language=user["language"]["S"],
            addresses=addresses_told(
                addresses_of(addresses, username=user["username"]["S"]),
                {address: int(until["N"]) for address, until in former.items()},
                at=at,
            ),
        )

    def _profile(self, tenant_id: str, text: str) -> Profile:
        known = self._parsed.get(tenant_id)
        if known is None or known[0] != text:
            # What was applied in stage local may name addresses of that machine.
            known = (text, Profile.from_json(json.loads(text), local=True))
            self._parsed[tenant_id] = known
        return known[1]


class DynamoSentMails:
    """The `SentMails` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has(self, event_id: str, address: str) -> bool:
        row = self._database.get_item(_partition(event_id), _digest(address))
        return row is not None and "sent_at" in row

    def note(self, event_id: str, address: str, *, now: int) -> None:
        row = _SentRow(_partition(event_id), _digest(address), sent_at=now, expires_at=now + MARKED_SECONDS)
        with suppress(ConditionRefusedError):  # noted already
            self._database.apply(
                put(row, only_if=_SentRow.sent_at.does_not_exist(), refused=ConditionRefusedError())
            )

    def count_unanswered(self, event_id: str, address: str, *, now: int) -> int:
        request: Item = {
            "Key": key_of(_partition(event_id), _digest(address)),
            "UpdateExpression": "SET format_version = :format, expires_at = :sweep ADD unanswered :one",
            "ExpressionAttributeValues": {
                ":one": number(1),
                ":format": number(FORMAT_VERSION),
                ":sweep": number(now + MARKED_SECONDS),
            },
        }
        return int(self._database.update_item(**request)["unanswered"]["N"])

    def within_budget(self, tenant_id: str, user_id: str, *, event_id: str, at: int, most: int) -> bool:
        day = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d")
        request: Item = {
            "Key": key_of(_partition(user_partition(tenant_id, user_id)), f"DAY#{day}"),
            "UpdateExpression": "SET format_version = :format, expires_at = :sweep ADD told :event",
            # A set: the same event again is no second one.
            "ConditionExpression": (
                "(attribute_not_exists(told) OR contains(told, :id) OR size(told) < :most)"
            ),
            "ExpressionAttributeValues": {
                ":event": {"SS": [event_id]},
                ":id": {"S": event_id},
                ":most": number(most),
                ":format": number(FORMAT_VERSION),
                ":sweep": number(at + _BUDGET_KEPT_SECONDS),
            },
        }
        try:
            self._database.update_item(**request)
        except RefusedError:
            return False
        return True


def _partition(of: str) -> str:
    return f"SENT#{of}"


def _digest(address: str) -> str:
    """Return by what an address is known in a key: keys show in CloudTrail."""
    return hashlib.sha256(address.encode()).hexdigest()
