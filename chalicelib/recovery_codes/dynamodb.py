"""
Recovery codes in DynamoDB: the row ``RECOVERY`` of the user's partition.

Written out by hand, for PynamoDB neither returns the row that refused a condition
nor leaves the expression to be made once.
IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``T#*``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.errors import (
    ConditionRefusedError,
    RecoveryCodesDisabledError,
    RecoveryCodesReplacedError,
    TooManyAttemptsError,
    TwoFactorError,
)
from chalicelib.recovery_codes.record import RecoveryCodes, RecoveryReservation, StoredCode
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item, RefusedError, ladder_condition, ladder_values
from chalicelib.storage.rows import FORMAT_VERSION, STATE, key_of, number, user_partition
from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    RECOVERY_SETS_PER_DAY,
    day_of,
    end_of_month_epoch_seconds,
    month_of,
)

_RECOVERY = "RECOVERY"
_ACTIVE = "ACTIVE"
_DISABLED = "DISABLED"
_MONTH_PREFIX = "failures_"
_DAY_PREFIX = "made_on_"

_STATUS = {"#status": "status"}
# Both writes of an attempt say whose they are: another may come between the two.
_WHO_ASKED = "last_attempt_request_id = :request, last_attempt_reference = :reference"
_IS_OPEN = "#status = :active AND consecutive_failures < :disabled_at"
# A user without a set has no row before the first attempt, which makes one to count in.
_ATTEMPT_IS_DUE = (
    f"(attribute_not_exists(pk) OR (#status = :active AND {ladder_condition(OTP_LADDER)}"
    " AND (attribute_not_exists(#month) OR #month < :cap)"
    " AND (attribute_not_exists(accepted_attempt) OR accepted_attempt <> :attempt)))"
)
_COUNT_ATTEMPT = (
    f"SET last_attempt_at = :now, {_WHO_ASKED},"
    " format_version = if_not_exists(format_version, :format), #status = if_not_exists(#status, :active)"
    " ADD consecutive_failures :one, #month :one"
)
_PUT_SET = (
    "SET set_id = :set, made_at = :now, codes = :codes, codes_left = :left,"
    " format_version = if_not_exists(format_version, :format), #status = :active,"
    " last_attempt_at = if_not_exists(last_attempt_at, :none), consecutive_failures = {failures}"
    " ADD #day :one REMOVE acknowledged_at{past}"
)
_ROOM_TODAY = "(attribute_not_exists(#day) OR #day < :most)"


class DynamoRecoveryCodes:
    """The `RecoveryCodeStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def left(self, owner: Owner) -> RecoveryCodes | None:
        item = self._database.get_item(_partition(owner), _RECOVERY)
        return None if item is None else _codes(item)

    def made(
        self,
        owner: Owner,
        set_id: str,
        code_hashes: Mapping[str, str],
        *,
        reopens: bool,
        now: int,
        past_days: Collection[str] = (),
    ) -> Change:
        if reopens:
            kept, only_if = ":none", "(#status = :disabled OR consecutive_failures >= :disabled_at)"
        else:
            kept = "if_not_exists(consecutive_failures, :none)"
            only_if = f"(attribute_not_exists(pk) OR ({_IS_OPEN}))"
        codes = {letter: {"M": {"hash": {"S": code_hash}}} for letter, code_hash in code_hashes.items()}
        past = {f"#past{n}": _DAY_PREFIX + day for n, day in enumerate(past_days)}
        values = {
            ":set": {"S": set_id},
            ":now": number(now),
            ":codes": {"M": codes},
            ":left": number(len(codes)),
            ":format": number(FORMAT_VERSION),
            ":none": number(0),
            ":one": number(1),
            ":most": number(RECOVERY_SETS_PER_DAY),
            **_end_values(),
        }
        if reopens:
            values[":disabled"] = {"S": _DISABLED}
        return _update(
            owner,
            _PUT_SET.format(failures=kept, past="".join(f", {name}" for name in past)),
            f"{only_if} AND {_ROOM_TODAY}",
            values,
            names={**_STATUS, **past, "#day": _DAY_PREFIX + day_of(now)},
            refused=ConditionRefusedError(),
        )

    def acknowledged(self, owner: Owner, set_id: str, *, now: int) -> Change:
        return _update(
            owner,
            "SET acknowledged_at = :now",
            "set_id = :set AND attribute_not_exists(acknowledged_at)",
            {":now": number(now), ":set": {"S": set_id}},
            refused=RecoveryCodesReplacedError(),
        )

    def reserve_attempt(self, owner: Owner, attempt: Attempt) -> RecoveryReservation:
        now = attempt.made_at
        month = month_of(now)
        try:
            item = self._database.update_item(
                Key=key_of(_partition(owner), _RECOVERY),
                UpdateExpression=_COUNT_ATTEMPT,
                ConditionExpression=_ATTEMPT_IS_DUE,
                ExpressionAttributeNames={**_STATUS, "#month": _MONTH_PREFIX + month},
                ExpressionAttributeValues={
                    ":active": {"S": _ACTIVE},
                    ":attempt": {"S": attempt.digest},
                    ":cap": number(OTP_FAILURES_PER_MONTH),
                    ":format": number(FORMAT_VERSION),
                    ":now": number(now),
                    ":one": number(1),
                    **_who_asked(attempt),
                    **ladder_values(OTP_LADDER, now=now),
                },
            )
        except RefusedError as error:
            if error.item.get("accepted_attempt") == {"S": attempt.digest}:
                return _reservation(attempt, month, error.item, was_accepted=True)
            raise _why_not_due(error.item, now=now) from error
        return _reservation(attempt, month, item, was_accepted=False)

    def spent(
        self, owner: Owner, reservation: RecoveryReservation, codes: RecoveryCodes, letter: str
    ) -> Change:
        attempt = reservation.attempt
        past = {f"#past{n}": _MONTH_PREFIX + month for n, month in enumerate(reservation.past_months)}
        return _update(
            owner,
            "SET codes.#letter.used_at = :now, codes_left = :left, consecutive_failures = :none,"
            f" accepted_attempt = :attempt, {_WHO_ASKED} ADD #month :minus_one"
            + (f" REMOVE {', '.join(past)}" if past else ""),
            "#status = :active AND set_id = :set AND codes_left = :left_before"
            " AND attribute_exists(codes.#letter) AND attribute_not_exists(codes.#letter.used_at)",
            {
                ":active": {"S": _ACTIVE},
                ":attempt": {"S": attempt.digest},
                ":left": number(codes.left - 1),
                ":left_before": number(codes.left),
                ":minus_one": number(-1),
                ":none": number(0),
                ":now": number(attempt.made_at),
                ":set": {"S": codes.set_id},
                **_who_asked(attempt),
            },
            names={**_STATUS, **past, "#letter": letter, "#month": _MONTH_PREFIX + reservation.month},
            refused=ConditionRefusedError(),
        )

    def take_back(self, owner: Owner, reservation: RecoveryReservation) -> None:
        with suppress(RefusedError):
            self._database.update_item(
                Key=key_of(_partition(owner), _RECOVERY),
                UpdateExpression="ADD #month :minus_one",
                ConditionExpression="accepted_attempt = :attempt",
                ExpressionAttributeNames={"#month": _MONTH_PREFIX + reservation.month},
                ExpressionAttributeValues={
                    ":attempt": {"S": reservation.attempt.digest},
                    ":minus_one": number(-1),
                },
            )

    def disabled(self, owner: Owner) -> Change:
        return _update(
            owner,
            "SET #status = :disabled",
            "#status = :active AND consecutive_failures >= :disabled_at",
            {":disabled": {"S": _DISABLED}, **_end_values()},
            names=_STATUS,
            refused=ConditionRefusedError(),
        )

    def unlocked(self, owner: Owner, *, month: str) -> Change:
        return _update(
            owner,
            "SET consecutive_failures = :none REMOVE #month",
            _IS_OPEN,
            {":none": number(0), **_end_values()},
            names={**_STATUS, "#month": _MONTH_PREFIX + month},
            refused=ConditionRefusedError(),
        )

    def voided(self, owner: Owner) -> Change:
        request = {"TableName": STATE, "Key": key_of(_partition(owner), _RECOVERY)}
        return Change(("Delete", request), ConditionRefusedError())


def _partition(owner: Owner) -> str:
    return user_partition(owner.tenant_id, owner.user_id)


def _update(
    owner: Owner,
    expression: str,
    only_if: str,
    values: Item,
    *,
    names: Mapping[str, str] | None = None,
    refused: TwoFactorError,
) -> Change:
    request: Item = {
        "TableName": STATE,
        "Key": key_of(_partition(owner), _RECOVERY),
        "UpdateExpression": expression,
        "ConditionExpression": only_if,
        "ExpressionAttributeValues": values,
    }
    if names:
        request["ExpressionAttributeNames"] = dict(names)
    return Change(("Update", request), refused)


def _who_asked(attempt: Attempt) -> Item:
    return {":request": {"S": attempt.request_id}, ":reference": {"S": attempt.reference}}


def _end_values() -> Item:
    return {":active": {"S": _ACTIVE}, ":disabled_at": number(OTP_LADDER.disabled_at or 0)}


def _int(item: Item, name: str, default: int = 0) -> int:
    return int(item[name]["N"]) if name in item else default


def _is_disabled(item: Item) -> bool:
    return item["status"]["S"] != _ACTIVE or OTP_LADDER.disables(_int(item, "consecutive_failures"))


def _codes(item: Item) -> RecoveryCodes | None:
    if "set_id" not in item:  # attempts were counted, though there is nothing to guess
        return None
    return RecoveryCodes(
        set_id=item["set_id"]["S"],
        made_at=_int(item, "made_at"),
        acknowledged_at=_int(item, "acknowledged_at") if "acknowledged_at" in item else None,
        is_disabled=_is_disabled(item),
        left=_int(item, "codes_left"),
        codes={
            letter: StoredCode(
                code_hash=value["M"]["hash"]["S"],
                used_at=_int(value["M"], "used_at") if "used_at" in value["M"] else None,
            )
            for letter, value in item["codes"]["M"].items()
        },
        made_by_day={
            name.removeprefix(_DAY_PREFIX): _int(item, name)
            for name in item
            if name.startswith(_DAY_PREFIX)
        },
    )


def _reservation(attempt: Attempt, month: str, item: Item, *, was_accepted: bool) -> RecoveryReservation:
    return RecoveryReservation(
        attempt=attempt,
        month=month,
        codes=_codes(item),
        consecutive_failures=_int(item, "consecutive_failures"),
        was_accepted=was_accepted,
        past_months=tuple(
            name.removeprefix(_MONTH_PREFIX)
            for name in item
            if name.startswith(_MONTH_PREFIX) and name != _MONTH_PREFIX + month
        ),
    )


def _why_not_due(item: Item, *, now: int) -> TwoFactorError:
    if _is_disabled(item):
        return RecoveryCodesDisabledError()
    failures = _int(item, "consecutive_failures")
    retry_at = _int(item, "last_attempt_at") + OTP_LADDER.wait_seconds(failures)
    if _int(item, _MONTH_PREFIX + month_of(now)) >= OTP_FAILURES_PER_MONTH:
        retry_at = max(retry_at, end_of_month_epoch_seconds(now))
    # Between the refusal and its telling the wait may have run out: never name the past.
    return TooManyAttemptsError(retry_at_epoch_seconds=max(retry_at, now + 1))
