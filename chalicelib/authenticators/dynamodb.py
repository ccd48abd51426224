"""
Authenticators in DynamoDB: rows ``PENDING`` and ``TOTP`` of the user's partition.

The hot path is written out by hand, for PynamoDB neither returns the row that
refused a condition nor leaves the expression to be made once.
IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``T#*``.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.authenticators.attempts import (
    ACTIVE,
    ACTIVE_VALUES,
    ATTEMPT_IS_DUE,
    DISABLED_VALUES,
    IS_ACTIVE,
    IS_DISABLED,
    IS_TO_BE_DISABLED,
    MONTH_PREFIX,
    STATUS,
    WHO_ASKED,
    counts_in,
    due_values,
    is_disabled,
    number_in,
    partition_of,
    take_back,
    too_early,
    who_asked,
)
from chalicelib.authenticators.record import (
    ALL,
    MOST_AUTHENTICATORS,
    MOST_CONFIRMATION_ATTEMPTS,
    Attempt,
    Authenticator,
    BoundAuthenticators,
    Owner,
    PendingAuthenticator,
    Place,
    Reservation,
)
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    EnrolmentAttemptsExhaustedError,
    EnrolmentExpiredError,
    EnrolmentNotBegunError,
    EnrolmentReplacedError,
    NotEnrolledError,
    OtpAlreadyUsedError,
    OtpMismatchError,
    TwoFactorError,
)
from chalicelib.keys.cipher import SealedSecret
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item, RefusedError, delete, put
from chalicelib.storage.rows import FORMAT_VERSION, STATE, StateRow, key_of, number
from chalicelib.throttle import UNLOCKS_PER_MONTH, month_of

_PENDING = "PENDING"
_UNLOCKS_PREFIX = "unlocks_"


class _PendingRow(StateRow):
    authenticator_id = UnicodeAttribute()
    method = UnicodeAttribute()
    name = UnicodeAttribute()
    sign_in_id = UnicodeAttribute()
    ciphertext = BinaryAttribute(legacy_encoding=False)
    key_arn = UnicodeAttribute()
    version = NumberAttribute()
    phone = UnicodeAttribute()
    same_phone = BooleanAttribute()
    begun_at = NumberAttribute()
    epoch = NumberAttribute()
    replaces = UnicodeAttribute(null=True)
    is_further = BooleanAttribute(null=True)
    attempts = NumberAttribute()


class DynamoAuthenticators:
    """The `AuthenticatorStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what waits to be confirmed

    def pending(self, owner: Owner) -> PendingAuthenticator | None:
        row = self._database.get(_PendingRow, partition_of(owner), _PENDING)
        return None if row is None else _pending(row)

    def offer_again(
        self,
        owner: Owner,
        *,
        sign_in_id: str,
        phone: str,
        same_phone: bool,
        place: Place,
        may_move: bool,
        now: int,
    ) -> PendingAuthenticator | None:
        values: Item = {
            ":phone": {"S": phone},
            ":same_phone": {"BOOL": same_phone},
            ":sign_in": {"S": sign_in_id},
            ":now": number(now),
            ":most": number(MOST_CONFIRMATION_ATTEMPTS),
        }
        chosen = "SET phone = :phone, same_phone = :same_phone"
        condition = "sign_in_id = :sign_in AND expires_at >= :now AND attempts < :most"
        if may_move:
            values[":name"] = {"S": place.name}
            chosen += ", #name = :name" + _moved_to(place)
        else:
            condition += " AND " + _goes_to(place)
        request: Item = {
            "Key": key_of(partition_of(owner), _PENDING),
            "UpdateExpression": chosen,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values | _place_values(place),
        }
        if may_move:
            request["ExpressionAttributeNames"] = {"#name": "name"}
        try:
            item = self._database.update_item(**request)
        except RefusedError:
            return None
        return _pending(_PendingRow.from_raw_data(item))

    def begun(self, owner: Owner, pending: PendingAuthenticator) -> Change:
        row = _PendingRow(
            partition_of(owner),
            _PENDING,
            authenticator_id=pending.authenticator_id,
            method=pending.method,
            name=pending.name,
            sign_in_id=pending.sign_in_id,
            ciphertext=pending.sealed.ciphertext,
            key_arn=pending.sealed.key_arn,
            version=pending.sealed.version,
            phone=pending.phone,
            same_phone=pending.same_phone,
            begun_at=pending.begun_at,
            epoch=pending.epoch,
            replaces=pending.replaces,
            is_further=pending.is_further or None,
            attempts=pending.attempts,
            expires_at=pending.expires_at,
        )
        gives_way = (
            _PendingRow.pk.does_not_exist()
            | (_PendingRow.sign_in_id != pending.sign_in_id)
            | (_PendingRow.expires_at < pending.begun_at)
            | (_PendingRow.attempts >= MOST_CONFIRMATION_ATTEMPTS)
        )
        return put(row, only_if=gives_way, refused=ConditionRefusedError())

    def cancelled(self, owner: Owner, *, sign_in_id: str) -> Change:
        return delete(
            _PendingRow(partition_of(owner), _PENDING),
            only_if=_PendingRow.sign_in_id == sign_in_id,
            refused=ConditionRefusedError(),
        )

    def reserve_confirmation(self, owner: Owner, *, sign_in_id: str, now: int) -> PendingAuthenticator:
        try:
            item = self._database.update_item(
                Key=key_of(partition_of(owner), _PENDING),
                UpdateExpression="ADD attempts :one",
                ConditionExpression="sign_in_id = :sign_in AND expires_at >= :now AND attempts < :most",
                ExpressionAttributeValues={
                    ":one": number(1),
                    ":sign_in": {"S": sign_in_id},
                    ":now": number(now),
                    ":most": number(MOST_CONFIRMATION_ATTEMPTS),
                },
            )
        except RefusedError as error:
            raise _why_not_confirmable(error.item, sign_in_id=sign_in_id, now=now) from error
        return _pending(_PendingRow.from_raw_data(item))

    def confirmed(
        self, owner: Owner, pending: PendingAuthenticator, entry: Authenticator, *, now: int
    ) -> tuple[Change, ...]:
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _PENDING),
            # Another tab of the sign-in may have chosen another place for it meanwhile.
            "ConditionExpression": (
                f"authenticator_id = :id AND expires_at >= :now AND {_goes_to(pending.place)}"
            ),
            "ExpressionAttributeValues": {
                ":id": {"S": pending.authenticator_id},
                ":now": number(now),
                **_place_values(pending.place),
            },
        }
        gone = Change(("Delete", request), EnrolmentReplacedError())
        return gone, self._bound_as(owner, pending, entry)

    def _bound_as(self, owner: Owner, pending: PendingAuthenticator, entry: Authenticator) -> Change:
        if pending.is_further:
            return self._further_entry(owner, pending, entry)
        if pending.replaces in (None, ALL):
            return self._only_entry(owner, pending, entry)
        return self._entry_in_place_of(owner, pending, entry)

    @staticmethod
    def _only_entry(owner: Owner, pending: PendingAuthenticator, entry: Authenticator) -> Change:
        request: Item = {"TableName": STATE, "Item": _row_of_one(owner, pending.method, entry)}
        if pending.replaces is None:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            request |= {
                "ConditionExpression": IS_DISABLED,
                "ExpressionAttributeNames": STATUS,
                "ExpressionAttributeValues": DISABLED_VALUES,
            }
        return Change(("Put", request), EnrolmentReplacedError())

    @staticmethod
    def _further_entry(owner: Owner, pending: PendingAuthenticator, entry: Authenticator) -> Change:
        # One row counts for all of them: another authenticator is no new budget for guessing.
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(pending.method)),
            "UpdateExpression": "SET entries.#new = :entry",
            "ConditionExpression": f"{IS_ACTIVE} AND size(entries) < :most",
            "ExpressionAttributeNames": {**STATUS, "#new": entry.authenticator_id},
            "ExpressionAttributeValues": {
                ":entry": _entry_item(entry),
                ":most": number(MOST_AUTHENTICATORS),
                **ACTIVE_VALUES,
            },
        }
        return Change(("Update", request), EnrolmentReplacedError())

    @staticmethod
    def _entry_in_place_of(owner: Owner, pending: PendingAuthenticator, entry: Authenticator) -> Change:
        # The counters stay: a new authenticator is no new budget for guessing.
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(pending.method)),
            "UpdateExpression": "SET entries.#new = :entry REMOVE entries.#old",
            "ConditionExpression": f"{IS_ACTIVE} AND attribute_exists(entries.#old)",
            "ExpressionAttributeNames": {
                **STATUS,
                "#new": entry.authenticator_id,
                "#old": str(pending.replaces),
            },
            "ExpressionAttributeValues": {
                ":entry": _entry_item(entry),
                **ACTIVE_VALUES,
            },
        }
        return Change(("Update", request), EnrolmentReplacedError())

    def imported(self, owner: Owner, method: str, entry: Authenticator) -> Change:
        item = _row_of_one(owner, method, entry)
        request = {"TableName": STATE, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        return Change(("Put", request), ConditionRefusedError())

    # -- what is bound

    def bound(self, owner: Owner, method: str) -> BoundAuthenticators | None:
        item = self._database.get_item(partition_of(owner), _sort_key(method))
        return _bound(item, method) if item else None

    def reserve_attempt(self, owner: Owner, method: str, attempt: Attempt) -> Reservation:
        now = attempt.made_at
        month = month_of(now)
        try:
            item = self._database.update_item(
                Key=key_of(partition_of(owner), _sort_key(method)),
                UpdateExpression=(
                    f"SET last_attempt_at = :now, {WHO_ASKED} ADD consecutive_failures :one, #month :one"
                ),
                ConditionExpression=ATTEMPT_IS_DUE,
                ExpressionAttributeNames={**STATUS, "#month": MONTH_PREFIX + month},
                ExpressionAttributeValues=due_values(attempt),
            )
        except RefusedError as error:
            bound = _bound(error.item, method) if error.item else None
            was_accepted = error.item.get("accepted_attempt") == {"S": attempt.digest}
            if bound is not None and was_accepted and not bound.is_disabled:
                return Reservation(attempt=attempt, month=month, bound=bound, was_accepted=True)
            raise _why_not_due(error.item, now=now) from error
        return Reservation(
            attempt=attempt,
            month=month,
            past_months=tuple(
                sorted((counts_in(item, MONTH_PREFIX) | counts_in(item, _UNLOCKS_PREFIX)).keys() - {month})
            ),
            bound=_bound(item, method),
            was_accepted=False,
        )

    def accept_attempt(
        self, owner: Owner, reservation: Reservation, authenticator_id: str, *, time_step: int
    ) -> BoundAuthenticators:
        method, attempt = reservation.bound.method, reservation.attempt
        counted = [
            prefix + month
            for month in reservation.past_months
            for prefix in (MONTH_PREFIX, _UNLOCKS_PREFIX)
        ]
        past = {f"#past{n}": name for n, name in enumerate(counted)}
        try:
            item = self._database.update_item(
                Key=key_of(partition_of(owner), _sort_key(method)),
                UpdateExpression=(
                    "SET entries.#id.last_accepted_time_step = :step, entries.#id.last_used_at = :now,"
                    f" consecutive_failures = :none, accepted_attempt = :attempt, {WHO_ASKED}"
                    " ADD #month :minus_one" + (f" REMOVE {', '.join(past)}" if past else "")
                ),
                ConditionExpression="#status = :active AND entries.#id.last_accepted_time_step < :step",
                ExpressionAttributeNames={
                    **STATUS,
                    **past,
                    "#id": authenticator_id,
                    "#month": MONTH_PREFIX + reservation.month,
                },
                ExpressionAttributeValues={
                    ":active": {"S": ACTIVE},
                    ":attempt": {"S": attempt.digest},
                    ":minus_one": number(-1),
                    ":none": number(0),
                    ":now": number(attempt.made_at),
                    ":step": number(time_step),
                    **who_asked(attempt),
                },
            )
        except RefusedError as error:
            if error.item.get("accepted_attempt") == {"S": attempt.digest}:
                take_back(self._database, owner, _sort_key(method), attempt, reservation.month)
                return _bound(error.item, method)
            raise _why_not_accepted(error.item, authenticator_id) from error
        return _bound(item, method)

    def disabled(self, owner: Owner, method: str) -> Change:
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(method)),
            "UpdateExpression": "SET #status = :disabled",
            "ConditionExpression": IS_TO_BE_DISABLED,
            "ExpressionAttributeNames": STATUS,
            "ExpressionAttributeValues": ACTIVE_VALUES | DISABLED_VALUES,
        }
        return Change(("Update", request), ConditionRefusedError())

    # -- what its owner and the help desk change

    def renamed(self, owner: Owner, method: str, authenticator_id: str, *, name: str) -> Change:
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(method)),
            "UpdateExpression": "SET entries.#id.#name = :name",
            "ConditionExpression": "attribute_exists(entries.#id) AND entries.#id.#name <> :name",
            "ExpressionAttributeNames": {"#id": authenticator_id, "#name": "name"},
            "ExpressionAttributeValues": {":name": {"S": name}},
        }
        return Change(("Update", request), ConditionRefusedError())

    def removed(
        self, owner: Owner, method: str, authenticator_id: str, *, is_last: bool
    ) -> tuple[Change, ...]:
        size = "=" if is_last else ">"
        request: Item = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(method)),
            "ConditionExpression": (
                f"{IS_ACTIVE} AND attribute_exists(entries.#id) AND size(entries) {size} :one"
            ),
            "ExpressionAttributeNames": {**STATUS, "#id": authenticator_id},
            "ExpressionAttributeValues": {":one": number(1), **ACTIVE_VALUES},
        }
        if not is_last:
            request["UpdateExpression"] = "REMOVE entries.#id"
        change = Change(("Delete" if is_last else "Update", request), ConditionRefusedError())
        return change, self._deleted(owner, _PENDING)

    def dropped(self, owner: Owner, method: str) -> tuple[Change, ...]:
        return self._deleted(owner, _sort_key(method)), self._deleted(owner, _PENDING)

    @staticmethod
    def _deleted(owner: Owner, sort_key: str) -> Change:
        request = {"TableName": STATE, "Key": key_of(partition_of(owner), sort_key)}
        return Change(("Delete", request), ConditionRefusedError())

    def unlocked(self, owner: Owner, method: str, *, month: str) -> Change:
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(method)),
            "UpdateExpression": "SET consecutive_failures = :none REMOVE #month ADD #unlocks :one",
            "ConditionExpression": f"{IS_ACTIVE} AND (attribute_not_exists(#unlocks) OR #unlocks < :most)",
            "ExpressionAttributeNames": {
                **STATUS,
                "#month": MONTH_PREFIX + month,
                "#unlocks": _UNLOCKS_PREFIX + month,
            },
            "ExpressionAttributeValues": {
                ":none": number(0),
                ":one": number(1),
                ":most": number(UNLOCKS_PER_MONTH),
                **ACTIVE_VALUES,
            },
        }
        return Change(("Update", request), AuthenticatorDisabledError())

    def month_opened(self, owner: Owner, method: str, month: str) -> Change:
        request = {
            "TableName": STATE,
            "Key": key_of(partition_of(owner), _sort_key(method)),
            "UpdateExpression": "REMOVE #month",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#month": MONTH_PREFIX + month},
        }
        return Change(("Update", request), ConditionRefusedError())


def _place_values(place: Place) -> Item:
    values: Item = {}
    if place.replaces is not None:
        values[":replaces"] = {"S": place.replaces}
    if place.is_further:
        values[":further"] = {"BOOL": True}
    return values


def _goes_to(place: Place) -> str:
    """Return the condition that a pending row was begun for *place*, whatever it is called."""
    in_place_of = "attribute_not_exists(replaces)" if place.replaces is None else "replaces = :replaces"
    beside = "is_further = :further" if place.is_further else "attribute_not_exists(is_further)"
    return f"{in_place_of} AND {beside}"


def _moved_to(place: Place) -> str:
    """Return the end of the SET clause that makes a pending row go to *place*."""
    if place.is_further:
        return ", is_further = :further REMOVE replaces"
    if place.replaces is not None:
        return ", replaces = :replaces REMOVE is_further"
    return " REMOVE replaces, is_further"


def _row_of_one(owner: Owner, method: str, entry: Authenticator) -> Item:
    return {
        **key_of(partition_of(owner), _sort_key(method)),
        "format_version": number(FORMAT_VERSION),
        "status": {"S": ACTIVE},
        "consecutive_failures": number(0),
        "last_attempt_at": number(0),
        "entries": {"M": {entry.authenticator_id: _entry_item(entry)}},
    }


def _sort_key(method: str) -> str:
    return method.upper()


def _entry_item(entry: Authenticator) -> dict[str, Any]:
    fields = {
        "name": {"S": entry.name},
        "ciphertext": {"B": entry.sealed.ciphertext},
        "key_arn": {"S": entry.sealed.key_arn},
        "version": number(entry.sealed.version),
        "last_accepted_time_step": number(entry.last_accepted_time_step),
        "bound_at": number(entry.bound_at),
    }
    if entry.last_used_at is not None:
        fields["last_used_at"] = number(entry.last_used_at)
    return {"M": fields}


def _bound(item: Item, method: str) -> BoundAuthenticators:
    entries = []
    for authenticator_id, value in item["entries"]["M"].items():
        fields = value["M"]
        entries.append(
            Authenticator(
                authenticator_id=authenticator_id,
                name=fields["name"]["S"],
                sealed=SealedSecret(
                    ciphertext=fields["ciphertext"]["B"],
                    key_arn=fields["key_arn"]["S"],
                    version=number_in(fields, "version"),
                ),
                last_accepted_time_step=number_in(fields, "last_accepted_time_step"),
                bound_at=number_in(fields, "bound_at"),
                last_used_at=number_in(fields, "last_used_at") if "last_used_at" in fields else None,
            )
        )
    return BoundAuthenticators(
        method=method,
        is_disabled=is_disabled(item),
        consecutive_failures=number_in(item, "consecutive_failures"),
        entries=tuple(entries),
        last_attempt_at=number_in(item, "last_attempt_at"),
        failures_by_month=counts_in(item, MONTH_PREFIX),
        unlocks_by_month=counts_in(item, _UNLOCKS_PREFIX),
    )


def _pending(row: _PendingRow) -> PendingAuthenticator:
    return PendingAuthenticator(
        authenticator_id=row.authenticator_id,
        method=row.method,
        name=row.name,
        sign_in_id=row.sign_in_id,
        sealed=SealedSecret(ciphertext=row.ciphertext, key_arn=row.key_arn, version=int(row.version)),
        phone=row.phone,
        same_phone=row.same_phone,
        begun_at=int(row.begun_at),
        expires_at=int(row.expires_at or 0),
        epoch=int(row.epoch),
        replaces=row.replaces,
        is_further=bool(row.is_further),
        attempts=int(row.attempts),
    )


def _why_not_confirmable(item: Item, *, sign_in_id: str, now: int) -> TwoFactorError:
    if not item:
        return EnrolmentNotBegunError()
    if item["sign_in_id"]["S"] != sign_in_id:
        return EnrolmentReplacedError()
    if number_in(item, "expires_at") < now:
        return EnrolmentExpiredError()
    return EnrolmentAttemptsExhaustedError()


def _why_not_due(item: Item, *, now: int) -> TwoFactorError:
    if not item:
        return NotEnrolledError()
    return AuthenticatorDisabledError() if is_disabled(item) else too_early(item, now=now)


def _why_not_accepted(item: Item, authenticator_id: str) -> TwoFactorError:
    if not item or authenticator_id not in item["entries"]["M"]:
        return OtpMismatchError()
    if item["status"]["S"] != ACTIVE:
        return AuthenticatorDisabledError()
    return OtpAlreadyUsedError()
