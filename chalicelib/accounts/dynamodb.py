"""
Users in DynamoDB: a row ``USER``, found by the row ``LOOKUP#{hash}`` / ``USER``.

IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on ``T#*`` and ``LOOKUP#*``,
and Query on the index ``users-by-status``.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.accounts.listing import Count, Place, UserPage, name_key_of
from chalicelib.accounts.record import ENROLLED, HELP_DESK, USER, User
from chalicelib.accounts.store import PasswordSubject, UserExistsError
from chalicelib.errors import (
    ConditionRefusedError,
    EnrolmentReplacedError,
    NotSignedInError,
    ServiceUnavailableError,
    TooManyAttemptsError,
)
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import (
    Database,
    Item,
    RefusedError,
    delete,
    ladder_condition,
    ladder_values,
    put,
    update,
)
from chalicelib.storage.rows import FORMAT_VERSION, STATE, StateRow, key_of, number, user_partition
from chalicelib.throttle import PASSWORD_LADDER, STEPS_PER_DAY, day_of

_USER = "USER"
_PASSWORD = "PASSWORD"  # noqa: S105 - a sort key
_GRACE = "GRACE"
_NOBODY = "nobody"
_BY_STATUS = "users-by-status"
_STEPS_PREFIX = "steps_on_"
# A page ends at a megabyte, however few rows that are.
_MOST_COUNT_PAGES = 10
# No name begins before the first or after the last: neither can be shown.
_FIRST_NAME, _LAST_CHARACTER = " ", "\U0010ffff"
_ATTEMPTS_KEPT_SECONDS = 24 * 60 * 60
_ATTEMPT_IS_DUE = f"(attribute_not_exists(pk) OR {ladder_condition(PASSWORD_LADDER)})"


class _UserRow(StateRow):
    user_id = UnicodeAttribute()
    username = UnicodeAttribute()
    language = UnicodeAttribute()
    status = UnicodeAttribute()
    epoch = NumberAttribute()
    created_at = NumberAttribute()
    password_hash = UnicodeAttribute(null=True)
    portal_user = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    addresses = ListAttribute(of=UnicodeAttribute, null=True)
    former_addresses: Any = MapAttribute(null=True)  # type: ignore[no-untyped-call]  # PynamoDB leaves it untyped
    recovery_set = UnicodeAttribute(null=True)
    reset_pending = BooleanAttribute(null=True)
    # Keys of the index for lists; it decides nothing.
    status_key = UnicodeAttribute()
    name_key = UnicodeAttribute()


class _LookupRow(StateRow):
    user_id = UnicodeAttribute()


class _GraceRow(StateRow):
    first_met_at = NumberAttribute()
    due_at = NumberAttribute()


class _PasswordRow(StateRow):
    consecutive_failures = NumberAttribute()
    last_attempt_at = NumberAttribute()


class DynamoAccounts:
    """The `AccountStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, tenant_id: str, lookup: str) -> User | None:
        row = self._database.get(_LookupRow, f"LOOKUP#{lookup}", _USER)
        # An unknown name costs the same second read as a known one.
        return self.get(tenant_id, _NOBODY if row is None else row.user_id)

    def get(self, tenant_id: str, user_id: str) -> User | None:
        item = self._database.get_item(user_partition(tenant_id, user_id), _USER)
        return None if item is None else _user(tenant_id, item)

    def add(self, user: User, lookup: str) -> None:
        try:
            self._database.commit(*self.added(user, lookup))
        except ConditionRefusedError as error:
            raise UserExistsError from error

    def added(self, user: User, lookup: str) -> tuple[Change, ...]:
        found_by = put(
            _LookupRow(f"LOOKUP#{lookup}", _USER, user_id=user.user_id),
            only_if=_LookupRow.pk.does_not_exist(),
            refused=ConditionRefusedError(),
        )
        return found_by, self.enlisted(user)

    def enlisted(self, user: User) -> Change:
        row = _UserRow(
            user_partition(user.tenant_id, user.user_id),
            _USER,
            user_id=user.user_id,
            username=user.username,
            language=user.language,
            status=user.status,
            epoch=user.epoch,
            created_at=user.created_at,
            password_hash=user.password_hash,
            portal_user=user.portal_user,
            role=None if user.role == USER else user.role,
            addresses=list(user.addresses) or None,
            recovery_set=user.recovery_set,
            reset_pending=user.reset_pending or None,
            status_key=_status_key(user.tenant_id, HELP_DESK if user.is_staff else user.status),
            name_key=name_key_of(user.username),
        )
        return put(row, only_if=_UserRow.pk.does_not_exist(), refused=ConditionRefusedError())

    def renamed(
        self,
        user: User,
        *,
        username: str | None = None,
        language: str | None = None,
        addresses: tuple[str, ...] | None = None,
        former_addresses: Mapping[str, int] | None = None,
    ) -> Change:
        actions: list[Action] = []
        if username is not None:
            actions += [_UserRow.username.set(username), _UserRow.name_key.set(name_key_of(username))]
        if addresses is not None:
            texts: Any = list(addresses)  # PynamoDB's types speak of its attributes, and mean their values
            actions.append(_UserRow.addresses.set(texts))
        if former_addresses is not None:
            actions.append(
                _UserRow.former_addresses.set(dict(former_addresses))
                if former_addresses
                else _UserRow.former_addresses.remove()
            )
        # Of two changes beside each other neither may make the other's addresses be forgotten.
        only_if = _told_as_before(user) if actions else _UserRow.pk.exists()
        if language is not None:
            actions.append(_UserRow.language.set(language))
        return update(_user_key(user), actions, only_if=only_if, refused=ConditionRefusedError())

    def grace_until(self, tenant_id: str, user_id: str, *, due_at: int, now: int) -> int:
        item = self._database.update_item(
            Key=key_of(user_partition(tenant_id, user_id), _GRACE),
            UpdateExpression=(
                "SET due_at = if_not_exists(due_at, :due_at),"
                " first_met_at = if_not_exists(first_met_at, :now), format_version = :format"
            ),
            ExpressionAttributeValues={
                ":due_at": number(due_at),
                ":now": number(now),
                ":format": number(FORMAT_VERSION),
            },
        )
        return int(item["due_at"]["N"])

    def rehashed(self, user: User, password_hash: str) -> Change:
        return update(
            _user_key(user),
            [_UserRow.password_hash.set(password_hash)],
            only_if=_UserRow.password_hash == user.password_hash,
            refused=ConditionRefusedError(),
        )

    def second_factor_changed(
        self,
        user: User,
        *,
        epoch: int,
        status: str = ENROLLED,
        reset_pending: bool = False,
        keeps_recovery_codes: bool = True,
        step_at: int | None = None,
    ) -> Change:
        actions: list[Action] = [
            _UserRow.epoch.set(epoch + 1),
            *_status_actions(user, status),
            _UserRow.reset_pending.set(True) if reset_pending else _UserRow.reset_pending.remove(),
        ]
        if not keeps_recovery_codes:
            actions.append(_UserRow.recovery_set.remove())
        only_if: Condition = _UserRow.epoch == epoch
        if step_at is not None:
            actions += _step_actions(user, now=step_at)
            only_if &= _has_step_left(now=step_at)
        elif reset_pending:
            # Whoever was reset is to set up a phone today, whatever was done in their name before.
            actions += _steps_forgotten(user.steps_by_day)
        return update(_user_key(user), actions, only_if=only_if, refused=EnrolmentReplacedError())

    def step_taken(self, user: User, *, now: int, status: str | None = None) -> Change:
        return update(
            _user_key(user),
            [*_step_actions(user, now=now), *(_status_actions(user, status) if status else [])],
            only_if=(_UserRow.epoch == user.epoch) & _has_step_left(now=now),
            refused=NotSignedInError(),
        )

    def status_noted(self, user: User, status: str) -> Change:
        return update(
            _user_key(user),
            _status_actions(user, status),
            only_if=_UserRow.epoch == user.epoch,
            refused=EnrolmentReplacedError(),
        )

    def unchanged(self, user: User) -> Change:
        # Writes what is there, which no stream tells of: a mere check would take another permission.
        return update(
            _user_key(user),
            [_UserRow.epoch.set(user.epoch)],
            only_if=(_UserRow.epoch == user.epoch) & (_UserRow.created_at == user.created_at),
            refused=NotSignedInError(),
        )

    def recovery_set_noted(self, user: User, set_id: str) -> Change:
        return update(
            _user_key(user),
            [_UserRow.recovery_set.set(set_id)],
            only_if=_UserRow.epoch == user.epoch,
            refused=NotSignedInError(),
        )

    def count_password_attempt(self, subject: PasswordSubject, *, now: int) -> None:
        try:
            self._database.update_item(
                Key=key_of(subject.partition, _PASSWORD),
                UpdateExpression=(
                    "SET last_attempt_at = :now, expires_at = :expires_at, format_version = :one"
                    " ADD consecutive_failures :one"
                ),
                ConditionExpression=_ATTEMPT_IS_DUE,
                ExpressionAttributeValues={
                    ":now": {"N": str(now)},
                    ":expires_at": {"N": str(now + _ATTEMPTS_KEPT_SECONDS)},
                    ":one": {"N": "1"},
                    **ladder_values(PASSWORD_LADDER, now=now),
                },
            )
        except RefusedError as error:
            if not error.item:
                raise ServiceUnavailableError from error  # half an answer: no row is no refusal
            failures = int(error.item["consecutive_failures"]["N"])
            last_attempt_at = int(error.item["last_attempt_at"]["N"])
            retry_at = last_attempt_at + PASSWORD_LADDER.wait_seconds(failures)
            raise TooManyAttemptsError(retry_at_epoch_seconds=max(retry_at, now + 1)) from error

    def password_attempts_forgiven(self, subject: PasswordSubject) -> Change:
        return delete(_PasswordRow(subject.partition, _PASSWORD), refused=ConditionRefusedError())


class DynamoUserLists:
    """The `UserLists` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, tenant_id: str, *, statuses: Sequence[str], prefix: str, after: Place | None, limit: int
    ) -> UserPage:
        lists = [
            self._list(tenant_id, status, prefix=name_key_of(prefix), after=after, rows=limit + 1)
            for status in statuses
        ]
        merged = heapq.merge(*lists, key=lambda listed: _name_of(listed[1]).encode())
        found = list(islice(merged, limit + 1))
        shown = found[:limit]
        return UserPage(
            users=tuple(_user(tenant_id, item) for _, item in shown),
            next=_place_of(shown, after) if len(found) > limit else None,
        )

    def count(self, tenant_id: str, status: str, *, most: int) -> Count:
        request: Item = {
            "IndexName": _BY_STATUS,
            "Select": "COUNT",
            "KeyConditionExpression": "status_key = :status",
            "ExpressionAttributeValues": {":status": {"S": _status_key(tenant_id, status)}},
        }
        counted = 0
        for _ in range(_MOST_COUNT_PAGES):
            page = self._database.query(STATE, **request, Limit=most + 1 - counted)
            counted += page.count
            if counted > most:
                break
            if page.next_key is None:
                return Count(number=counted)
            request["ExclusiveStartKey"] = page.next_key
        # The last one that was seen makes them more than those before it.
        return Count(number=max(counted - 1, 0), is_more=True)

    def _list(
        self, tenant_id: str, status: str, *, prefix: str, after: Place | None, rows: int
    ) -> Iterator[tuple[str, Item]]:
        """Yield the users of one status in their order, reading on only where somebody goes on."""
        status_key = _status_key(tenant_id, status)
        first = (after.name if after else prefix) or _FIRST_NAME
        request = {
            "IndexName": _BY_STATUS,
            "Limit": rows,
            "KeyConditionExpression": "status_key = :status AND name_key BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":status": {"S": status_key},
                ":first": {"S": first},
                ":last": {"S": prefix + _LAST_CHARACTER},
            },
        }
        if after is not None and status in after.last_ids:
            request["ExclusiveStartKey"] = {
                **key_of(user_partition(tenant_id, after.last_ids[status]), _USER),
                "status_key": {"S": status_key},
                "name_key": {"S": after.name},
            }
        while True:
            page = self._database.query(STATE, **request)
            yield from ((status, item) for item in page.items)
            if page.next_key is None:
                return
            request["ExclusiveStartKey"] = page.next_key


def _place_of(shown: Sequence[tuple[str, Item]], after: Place | None) -> Place:
    name = _name_of(shown[-1][1])
    # Those of that name whom an earlier page has shown are not to come again.
    last_ids = dict(after.last_ids) if after is not None and after.name == name else {}
    for status, item in shown:
        if _name_of(item) == name:
            last_ids[status] = str(item["user_id"]["S"])
    return Place(name=name, last_ids=last_ids)


def _name_of(item: Item) -> str:
    return str(item["name_key"]["S"])


def _told_as_before(user: User) -> Condition:
    addresses: Any = list(user.addresses)
    former: Any = dict(user.former_addresses)
    # None are stored as none, or as an empty list once there were some.
    same: Condition = _UserRow.addresses == addresses
    if not user.addresses:
        same = same | _UserRow.addresses.does_not_exist()
    same_former: Condition = (
        _UserRow.former_addresses == former if former else _UserRow.former_addresses.does_not_exist()
    )
    same_name: Condition = _UserRow.username == user.username
    told: Condition = same_name & same & same_former
    return told


def _user_key(user: User) -> _UserRow:
    return _UserRow(user_partition(user.tenant_id, user.user_id), _USER)


def _status_key(tenant_id: str, status: str) -> str:
    return f"T#{tenant_id}#{status}"


def _status_actions(user: User, status: str) -> list[Action]:
    # Staff stay in a list of their own, whatever their own second factor does.
    listed_as = HELP_DESK if user.is_staff else status
    return [
        _UserRow.status.set(status),
        _UserRow.status_key.set(_status_key(user.tenant_id, listed_as)),
    ]


def _steps(day: str) -> Any:  # noqa: ANN401 - PynamoDB's path to an attribute that has no name of its own
    return Path(_STEPS_PREFIX + day)


def _step_actions(user: User, *, now: int) -> list[Action]:
    today = day_of(now)
    past_days = [day for day in user.steps_by_day if day != today]
    return [_steps(today).add(1), *_steps_forgotten(past_days)]


def _steps_forgotten(days: Iterable[str]) -> list[Action]:
    return [_steps(day).remove() for day in days]


def _has_step_left(*, now: int) -> Condition:
    taken = _steps(day_of(now))
    left: Condition = taken.does_not_exist() | (taken < STEPS_PER_DAY)
    return left


def _user(tenant_id: str, item: Item) -> User:
    row = _UserRow.from_raw_data(item)
    return User(
        tenant_id=tenant_id,
        user_id=row.user_id,
        username=row.username,
        language=row.language,
        status=row.status,
        epoch=int(row.epoch),
        created_at=int(row.created_at),
        password_hash=row.password_hash,
        portal_user=row.portal_user,
        role=row.role or USER,
        addresses=tuple(str(address) for address in row.addresses or ()),
        former_addresses=_until(row.former_addresses),
        recovery_set=row.recovery_set,
        reset_pending=bool(row.reset_pending),
        steps_by_day={
            name.removeprefix(_STEPS_PREFIX): int(value["N"])
            for name, value in item.items()
            if name.startswith(_STEPS_PREFIX)
        },
    )


def _until(former: Any) -> dict[str, int]:  # noqa: ANN401 - PynamoDB's map, or None
    told = {} if former is None else former.as_dict()
    return {str(address): int(until) for address, until in told.items()}
