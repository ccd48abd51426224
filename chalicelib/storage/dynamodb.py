"""
DynamoDB through one low-level client, with PynamoDB as the schema of its rows.

The client never retries: a repeated ADD would count twice. Reads are tried
twice here, and so is a write that lost to a running transaction, which DynamoDB
tells apart from one whose answer was lost.
IAM: dynamodb:GetItem, Query, PutItem, UpdateItem, DeleteItem, ConditionCheckItem.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.session import Session
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.errors import (
    ConditionRefusedError,
    NewerRowError,
    ServiceUnavailableError,
    TwoFactorError,
)
from chalicelib.storage.changes import Change
from chalicelib.storage.rows import FORMAT_VERSION, STATE, Row, key_of, number
from chalicelib.throttle import Ladder

AwsClient = Any  # botocore makes its client classes at run time
Item = dict[str, Any]  # one row in DynamoDB's own notation
_Row = TypeVar("_Row", bound=Row)

# A whole request must end before the gateway gives up, and long before the user does.
CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"total_max_attempts": 1},
    max_pool_connections=50,
    user_agent="tvasteg",  # botocore composes its own twice a call: a tenth of the whole call's work
    parameter_validation=False,  # another tenth; DynamoDB and KMS look too, and our tests let botocore look
)

_READ_ATTEMPTS = 2
_IN_EVERY_ROW = ("pk", "sk", "format_version")
_CONFLICT_ATTEMPTS = 6
_CONFLICT_PAUSE_SECONDS = 0.02
_IS_KNOWN = "(attribute_not_exists(format_version) OR format_version <= :known_format)"
_KNOWN_FORMAT = {":known_format": number(FORMAT_VERSION)}
_CONFLICTS = frozenset({"TransactionConflictException", "TransactionConflict"})


def make_client(
    session: Session, service: str, *, region: str, config: Config = CLIENT_CONFIG
) -> AwsClient:
    """Return a client of *service* that gives up early and never retries by itself."""
    client = session.create_client(service, region_name=region, config=config)
    client.meta.events.register("before-parse", _refuse_other_than_json)
    return client


def _refuse_other_than_json(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:  # noqa: ANN401 - botocore's event arguments
    # botocore reads a broken proxy's page as an empty answer: a row that does not exist.
    body: bytes = response_dict["body"]
    is_object = body.startswith(b"{") and body.endswith(b"}")
    if response_dict["status_code"] < 300 and operation_model.output_shape and not is_object:  # noqa: PLR2004 - HTTP
        raise HTTPClientError(error="the answer is not JSON")


def put(row: Row, *, only_if: Condition | None = None, refused: TwoFactorError) -> Change:
    """Return the change that writes *row* whole."""
    return Change(("Put", row.get_save_kwargs_from_instance(condition=only_if)), refused)


def update(row: Row, actions: Sequence[Action], *, only_if: Condition, refused: TwoFactorError) -> Change:
    """
    Return the change that applies *actions* to the row with *row*'s key.

    *only_if* is not optional: an UpdateItem without a condition creates the row.
    """
    return Change(
        ("Update", row.get_update_kwargs_from_instance(actions=list(actions), condition=only_if)), refused
    )


def delete(row: Row, *, only_if: Condition | None = None, refused: TwoFactorError) -> Change:
    """Return the change that removes the row with *row*'s key."""
    return Change(("Delete", row.get_delete_kwargs_from_instance(condition=only_if)), refused)


class RefusedError(ConditionRefusedError):
    """A single conditional write was refused; *item* is the row it found, empty if none."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


@dataclass(frozen=True, kw_only=True)
class Page:
    """
    What one query brought: rows in DynamoDB's own notation, and how many they are.

    *next_key* is where the next page begins, None if there is none.
    """

    items: tuple[Item, ...]
    count: int
    next_key: Item | None


class Database:
    """The tables of *table_names*: deployed names, by what the rows call theirs."""

    def __init__(
        self,
        client: AwsClient,
        table_names: Mapping[str, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table_names = table_names
        self._sleep = sleep

    def get(self, row_class: type[_Row], pk: str, sk: str) -> _Row | None:
        """
        Return the row, strongly read, or None.

        Raises:
            ServiceUnavailableError: DynamoDB failed twice.
            NewerRowError: A newer release wrote it.
        """
        item = self._get_item(row_class.Meta.table_name, pk, sk)
        return row_class.from_raw_data(item) if item else None

    def get_item(self, pk: str, sk: str, *, only: Sequence[str] = ()) -> Item | None:
        """
        Return a row of ``state`` in DynamoDB's own notation, strongly read, or None.

        *only* these attributes of it leave the table, beside key and format; none named, all do.

        Raises:
            ServiceUnavailableError: DynamoDB failed twice.
            NewerRowError: A newer release wrote it.
        """
        return self._get_item(STATE, pk, sk, only=only)

    def _get_item(self, table: str, pk: str, sk: str, *, only: Sequence[str] = ()) -> Item | None:
        request = {"TableName": self._table_names[table], "Key": key_of(pk, sk), "ConsistentRead": True}
        if only:
            names = {f"#only{place}": name for place, name in enumerate((*_IN_EVERY_ROW, *only))}
            request |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        answer = self._read(lambda: self._client.get_item(**request))
        return _whole(answer["Item"]) if "Item" in answer else None

    def query(self, table: str, **request: Any) -> Page:  # noqa: ANN401 - DynamoDB's own arguments
        """
        Return one page of the rows that *request* asks of *table*; no decision may rest on it.

        Raises:
            ServiceUnavailableError: DynamoDB failed twice, or gave half an answer.
            NewerRowError: A newer release wrote one of the rows.
        """
        named = request | {"TableName": self._table_names[table]}
        answer = self._read(lambda: self._client.query(**named))
        if "Count" not in answer:
            raise ServiceUnavailableError
        return Page(
            items=tuple(_whole(item) for item in answer.get("Items", [])),
            count=int(answer["Count"]),
            next_key=answer.get("LastEvaluatedKey"),
        )

    @staticmethod
    def _read(operation: Callable[[], Item]) -> Item:
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                return operation()
            except (ClientError, BotoCoreError) as error:
                if attempt == _READ_ATTEMPTS:
                    raise ServiceUnavailableError from error
        raise AssertionError  # pragma: no cover - the loop always returns or raises

    def update_item(self, **request: Any) -> Item:  # noqa: ANN401 - DynamoDB's own arguments
        """
        Apply one hand-written conditional UpdateItem to ``state`` and return the new row.

        Raises:
            RefusedError: The condition failed; the error brings the row as it is.
            ServiceUnavailableError: It is not known whether the write took effect.
            NewerRowError: A newer release wrote the row; it stays as it is.
        """
        request = _only_of_known_format(request) | {
            "TableName": self._table_names[STATE],
            "ReturnValues": "ALL_NEW",
        }
        return _whole(self._write(lambda: self._client.update_item(**request)).get("Attributes", {}))

    def apply(self, change: Change) -> None:
        """
        Carry out one change by itself, at half the price of a transaction.

        Raises:
            TwoFactorError: The change's *refused* error.
            ServiceUnavailableError: It is not known whether the write took effect.
            NewerRowError: A newer release wrote the row; it stays as it is.
        """
        kind, request = self._named(change)
        operation = {
            "Put": self._client.put_item,
            "Update": self._client.update_item,
            "Delete": self._client.delete_item,
        }[kind]
        try:
            self._write(lambda: operation(**request))
        except RefusedError as error:
            raise change.refused from error

    def commit(self, *changes: Change) -> None:
        """Carry out *changes* as one transaction; see `Transactions.commit`."""
        if len(changes) == 1:
            self.apply(changes[0])
            return
        named = [self._named(change) for change in changes]
        items = [{kind: request} for kind, request in named]
        try:
            self._write(lambda: self._client.transact_write_items(TransactItems=items))
        except _CancelledError as error:
            if len(error.reasons) != len(changes):
                raise ServiceUnavailableError from error  # half an answer
            for change, reason in zip(changes, error.reasons, strict=True):
                if reason.get("Code") == "ConditionalCheckFailed":
                    raise change.refused from error
            raise ServiceUnavailableError from error

    def _named(self, change: Change) -> tuple[str, Item]:
        kind, request = cast("tuple[str, Item]", change.write)  # opaque above this module
        return kind, _only_of_known_format(request) | {"TableName": self._table_names[request["TableName"]]}

    def _write(self, operation: Callable[[], Item]) -> Item:
        for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
            try:
                return operation()
            except ClientError as error:
                if _is_conflict(error.response) and attempt < _CONFLICT_ATTEMPTS:
                    # Nothing took effect, so trying again counts nothing twice.
                    self._sleep(_CONFLICT_PAUSE_SECONDS * attempt * (1 + secrets.randbelow(100) / 100))
                    continue
                raise _translated(error) from error
            except BotoCoreError as error:
                raise ServiceUnavailableError from error
        raise AssertionError  # pragma: no cover - the loop always returns or raises


def _whole(item: Item) -> Item:
    # No row of ours is without these; half an answer is no answer.
    if any(name not in item for name in _IN_EVERY_ROW):
        raise ServiceUnavailableError
    if _is_newer(item):
        raise NewerRowError
    return item


def _only_of_known_format(write: Item) -> Item:
    # A release that was rolled back meets rows of the one after it. It must neither misread nor
    # mangle them, and no write reads first: so the condition of every write holds this too.
    # (DynamoDB refuses parentheses that are not needed: a condition with OR brings its own.)
    condition = write.get("ConditionExpression")
    return write | {
        "ConditionExpression": f"{condition} AND {_IS_KNOWN}" if condition else _IS_KNOWN,
        "ExpressionAttributeValues": write.get("ExpressionAttributeValues", {}) | _KNOWN_FORMAT,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _is_newer(item: Item) -> bool:
    return int(item.get("format_version", number(FORMAT_VERSION))["N"]) > FORMAT_VERSION


class _CancelledError(TwoFactorError):
    """A transaction was cancelled; *reasons* are in the order of its items."""

    def __init__(self, reasons: list[Mapping[str, str]]) -> None:
        super().__init__()
        self.reasons = reasons


def _is_conflict(response: Mapping[str, Any]) -> bool:
    code = response["Error"]["Code"]
    if code == "TransactionCanceledException":
        codes = {reason.get("Code") for reason in response.get("CancellationReasons", [])}
        # A refused condition is final, whatever else got in the way.
        return bool(codes & _CONFLICTS) and "ConditionalCheckFailed" not in codes
    return code in _CONFLICTS


def _translated(error: ClientError) -> TwoFactorError:
    response: Mapping[str, Any] = error.response
    code = response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        item = response.get("Item", {})
        return NewerRowError() if _is_newer(item) else RefusedError(item)
    if code == "TransactionCanceledException":
        reasons = response.get("CancellationReasons", [])
        if any(_is_newer(reason.get("Item", {})) for reason in reasons):
            return NewerRowError()
        return _CancelledError(reasons)
    return ServiceUnavailableError()


def ladder_condition(ladder: Ladder) -> str:
    """
    Return *ladder* as a DynamoDB condition over consecutive_failures and last_attempt_at.

    DynamoDB conditions do no arithmetic, so every threshold is a bound value:
    see `ladder_values`. The text depends on the ladder alone: make it once.
    """
    rungs = ladder.waiting_rungs()
    top = len(rungs) - 1
    clauses = ["consecutive_failures < :rung0"]
    clauses += [
        f"(consecutive_failures = :rung{rung} AND last_attempt_at <= :before{rung})" for rung in range(top)
    ]
    below_the_end = "" if ladder.disabled_at is None else "AND consecutive_failures < :disabled_at "
    clauses.append(
        f"(consecutive_failures >= :rung{top} {below_the_end}AND last_attempt_at <= :before{top})"
    )
    return f"({' OR '.join(clauses)})"


def ladder_values(ladder: Ladder, *, now: int) -> Item:
    """Return the values that `ladder_condition` names, for an attempt at *now* (epoch seconds)."""
    values = {}
    for rung, (failures, wait_seconds) in enumerate(ladder.waiting_rungs()):
        values[f":rung{rung}"] = {"N": str(failures)}
        values[f":before{rung}"] = {"N": str(now - wait_seconds)}
    if ladder.disabled_at is not None:
        values[":disabled_at"] = {"N": str(ladder.disabled_at)}
    return values
