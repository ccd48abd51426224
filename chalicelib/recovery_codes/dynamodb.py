"""
Recovery codes in DynamoDB: the row ``RECOVERY`` of the user's partition.

Written out by hand, for PynamoDB neither returns the row that refused a condition
nor leaves the expression to be made once.
IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``T#*``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.errors import (
    ConditionRefusedError,
    RecoveryCodesDisabledError,
    RecoveryCodesReplacedError,
    ServiceUnavailableError,
    TwoFactorError,
)
from chalicelib.recovery_codes.record import RecoveryCodes, RecoveryReservation, StoredCode
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item, RefusedError
from chalicelib.storage.rows import FORMAT_VERSION, STATE, key_of, number
from chalicelib.throttle import RECOVERY_SETS_PER_DAY, day_of, month_of

_RECOVERY = "RECOVERY"
_DAY_PREFIX = "made_on_"

# A user without a set has no row before the first attempt, which makes one to count in.
_ATTEMPT_IS_DUE = f"(attribute_not_exists(pk) OR ({ATTEMPT_IS_DUE}))"
_COUNT_ATTEMPT = (
    f"SET last_attempt_at = :now, {WHO_ASKED},"
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

    def current(self, owner: Owner) -> RecoveryCodes | None:
        item = self._database.get_item(partition_of(owner), _RECOVERY)
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
            kept, only_if = ":none", IS_DISABLED
        else:
            kept = "if_not_exists(consecutive_failures, :none)"
            only_if = f"(attribute_not_exists(pk) OR ({IS_ACTIVE}))"
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
            **ACTIVE_VALUES,
            **(DISABLED_VALUES if reopens else {}),
        }
        return _update(
            owner,
            _PUT_SET.format(failures=kept, past="".join(f", {name}" for name in past)),
            f"{only_if} AND {_ROOM_TODAY}",
            values,
            names={**STATUS, **past, "#day": _DAY_PREFIX + day_of(now)},
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
                Key=key_of(partition_of(owner), _RECOVERY),
                UpdateExpression=_COUNT_ATTEMPT,
                ConditionExpression=_ATTEMPT_IS_DUE,
                ExpressionAttributeNames={**STATUS, "#month": MONTH_PREFIX + month},
                ExpressionAttributeValues=due_values(attempt) | {":format": number(FORMAT_VERSION)},
            )
        except RefusedError as error:
            if not error.item:
                raise ServiceUnavailableError from error  # half an answer: no row is no refusal
            if error.item.get("accepted_attempt") == {"S": attempt.digest}:
                return _reservation(attempt, month, error.item, was_accepted=True)
            raise _why_not_due(error.item, now=now) from error
        return _reservation(attempt, month, item, was_accepted=False)

    def spent(
        self, owner: Owner, reservation: RecoveryReservation, codes: RecoveryCodes, letter: str
    ) -> Change:
        attempt = reservation.attempt
        past = {f"#past{n}": MONTH_PREFIX + month for n, month in enumerate(reservation.past_months)}
        return _update(
            owner,
            "SET codes.#letter.used_at = :now, codes_left = :left, consecutive_failures = :none,"
            f" accepted_attempt = :attempt, {WHO_ASKED} ADD #month :minus_one"
            + (f" REMOVE {', '.join(past)}" if past else ""),
            "#status = :active AND set_id = :set AND codes_left = :left_before"
            " AND attribute_exists(codes.#letter) AND attribute_not_exists(codes.#letter.used_at)",
            {
                ":active": {"S": ACTIVE},
                ":attempt": {"S": attempt.digest},
                ":left": number(codes.left - 1),
                ":left_before": number(codes.left),
                ":minus_one": number(-1),
                ":none": number(0),
                ":now": number(attempt.made_at),
                ":set": {"S": codes.set_id},
                **who_asked(attempt),
            },
            names={**STATUS, **past, "#letter": letter, "#month": MONTH_PREFIX + reservation.month},
            refused=ConditionRefusedError(),
        )

    def take_back(self, owner: Owner, reservation: RecoveryReservation) -> None:
        take_back(self._database, owner, _RECOVERY, reservation.attempt, reservation.month)

    def disabled(self, owner: Owner) -> Change:
        # Of a user without a set nothing ends: the count alone refuses the next guess.
        return _update(
            owner,
            "SET #status = :disabled",
            f"{IS_TO_BE_DISABLED} AND attribute_exists(set_id)",
            ACTIVE_VALUES | DISABLED_VALUES,
            names=STATUS,
            refused=ConditionRefusedError(),
        )

    def unlocked(self, owner: Owner, *, month: str) -> Change:
        return _update(
            owner,
            "SET consecutive_failures = :none REMOVE #month",
            IS_ACTIVE,
            {":none": number(0), **ACTIVE_VALUES},
            names={**STATUS, "#month": MONTH_PREFIX + month},
            refused=ConditionRefusedError(),
        )

    def voided(self, owner: Owner) -> Change:
        request = {"TableName": STATE, "Key": key_of(partition_of(owner), _RECOVERY)}
        return Change(("Delete", request), ConditionRefusedError())


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
        "Key": key_of(partition_of(owner), _RECOVERY),
        "UpdateExpression": expression,
        "ConditionExpression": only_if,
        "ExpressionAttributeValues": values,
    }
    if names:
        request["ExpressionAttributeNames"] = dict(names)
    return Change(("Update", request), refused)


def _codes(item: Item) -> RecoveryCodes | None:
    if "set_id" not in item:  # attempts were counted, though there is nothing to guess
        return None
    return RecoveryCodes(
        set_id=item["set_id"]["S"],
        made_at=number_in(item, "made_at"),
        acknowledged_at=number_in(item, "acknowledged_at") if "acknowledged_at" in item else None,
        is_disabled=is_disabled(item),
        left=number_in(item, "codes_left"),
        codes={
            letter: StoredCode(
                code_hash=value["M"]["hash"]["S"],
                used_at=number_in(value["M"], "used_at") if "used_at" in value["M"] else None,
            )
            for letter, value in item["codes"]["M"].items()
        },
        made_by_day=counts_in(item, _DAY_PREFIX),
    )


def _reservation(attempt: Attempt, month: str, item: Item, *, was_accepted: bool) -> RecoveryReservation:
    return RecoveryReservation(
        attempt=attempt,
        month=month,
        codes=_codes(item),
        consecutive_failures=number_in(item, "consecutive_failures"),
        was_accepted=was_accepted,
        past_months=tuple(sorted(counts_in(item, MONTH_PREFIX).keys() - {month})),
    )


def _why_not_due(item: Item, *, now: int) -> TwoFactorError:
    return RecoveryCodesDisabledError() if is_disabled(item) else too_early(item, now=now)
