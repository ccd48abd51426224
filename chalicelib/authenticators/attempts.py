"""
How a row counts attempts: that of a user's authenticators, and that of their recovery codes.

Both name the same things alike, and the stream of attempts reads them so. Texts and values for
requests that are written out by hand: the hot path has its expressions made once.
"""

from __future__ import annotations

from contextlib import suppress

from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.errors import TooManyAttemptsError
from chalicelib.storage.dynamodb import Database, Item, RefusedError, ladder_condition, ladder_values
from chalicelib.storage.rows import key_of, number, user_partition
from chalicelib.throttle import OTP_FAILURES_PER_MONTH, OTP_LADDER, end_of_month_epoch_seconds, month_of

ACTIVE = "ACTIVE"
DISABLED = "DISABLED"
MONTH_PREFIX = "failures_"

STATUS = {"#status": "status"}
# The count alone says that they are disabled, should writing it down have failed.
IS_ACTIVE = "#status = :active AND consecutive_failures < :disabled_at"
IS_DISABLED = "(#status = :disabled OR consecutive_failures >= :disabled_at)"
IS_TO_BE_DISABLED = "#status = :active AND consecutive_failures >= :disabled_at"
_END = {":disabled_at": number(OTP_LADDER.disabled_at or 0)}
ACTIVE_VALUES: Item = {":active": {"S": ACTIVE}, **_END}
DISABLED_VALUES: Item = {":disabled": {"S": DISABLED}, **_END}

# Both writes of an attempt say whose they are: another may come between the two,
# and the event of each is made of the row as that write left it.
WHO_ASKED = "last_attempt_request_id = :request, last_attempt_reference = :reference"
ATTEMPT_IS_DUE = (
    f"#status = :active AND {ladder_condition(OTP_LADDER)}"
    " AND (attribute_not_exists(#month) OR #month < :cap)"
    " AND (attribute_not_exists(accepted_attempt) OR accepted_attempt <> :attempt)"
)


def due_values(attempt: Attempt) -> Item:
    """Return the values of `ATTEMPT_IS_DUE`, of `WHO_ASKED` and of a count that goes up by one."""
    return {
        ":active": {"S": ACTIVE},
        ":attempt": {"S": attempt.digest},
        ":cap": number(OTP_FAILURES_PER_MONTH),
        ":now": number(attempt.made_at),
        ":one": number(1),
        **who_asked(attempt),
        **ladder_values(OTP_LADDER, now=attempt.made_at),
    }


def who_asked(attempt: Attempt) -> Item:
    """Return the values of `WHO_ASKED`."""
    return {":request": {"S": attempt.request_id}, ":reference": {"S": attempt.reference}}


def too_early(item: Item, *, now: int) -> TooManyAttemptsError:
    """Return the refusal of an attempt at *now*, for which the row as it is lets nobody in yet."""
    failures = number_in(item, "consecutive_failures")
    retry_at = number_in(item, "last_attempt_at") + OTP_LADDER.wait_seconds(failures)
    if number_in(item, MONTH_PREFIX + month_of(now)) >= OTP_FAILURES_PER_MONTH:
        retry_at = max(retry_at, end_of_month_epoch_seconds(now))
    # Between the refusal and its telling the wait may have run out: never name the past.
    return TooManyAttemptsError(retry_at_epoch_seconds=max(retry_at, now + 1))


def take_back(database: Database, owner: Owner, sort_key: str, attempt: Attempt, month: str) -> None:
    """Take an attempt out of the count of *month* that ran beside itself and was accepted once."""
    with suppress(RefusedError):
        database.update_item(
            Key=key_of(partition_of(owner), sort_key),
            UpdateExpression="ADD #month :minus_one",
            ConditionExpression="accepted_attempt = :attempt",
            ExpressionAttributeNames={"#month": MONTH_PREFIX + month},
            ExpressionAttributeValues={":attempt": {"S": attempt.digest}, ":minus_one": number(-1)},
        )


def partition_of(owner: Owner) -> str:
    """Return the partition of *owner*'s rows."""
    return user_partition(owner.tenant_id, owner.user_id)


def is_disabled(item: Item) -> bool:
    """Say whether so many attempts in a row have failed that none is looked at any more."""
    return item["status"]["S"] != ACTIVE or OTP_LADDER.disables(number_in(item, "consecutive_failures"))


def number_in(item: Item, name: str, default: int = 0) -> int:
    """Return the attribute *name* of *item*, or *default* where it has none."""
    return int(item[name]["N"]) if name in item else default


def counts_in(item: Item, prefix: str) -> dict[str, int]:
    """Return what *item* counts by month or day, in the attributes that begin with *prefix*."""
    return {name.removeprefix(prefix): number_in(item, name) for name in item if name.startswith(prefix)}
