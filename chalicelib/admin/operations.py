"""
Every operation by its name: what the function and `make run` answer an operator with.

Whoever asks has been told apart before: the actor comes from IAM and never from the request.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chalicelib.accounts.record import HELP_DESK, USER, User
from chalicelib.accounts.store import AccountStore
from chalicelib.admin import secret_import, staff, user_draft
from chalicelib.admin.erasure import PersonErasure
from chalicelib.admin.export import MOST_USERS_A_PAGE, Export, place_of
from chalicelib.admin.operator import Operator
from chalicelib.admin.outcome import RowOutcome
from chalicelib.admin.people import found_user
from chalicelib.admin.refusals import AdminRefusedError, RowRefusedError
from chalicelib.admin.secret_import import SecretImport
from chalicelib.admin.staff import Staff
from chalicelib.admin.user_import import UserImport
from chalicelib.authenticators.record import Owner
from chalicelib.errors import NotFoundError
from chalicelib.tenants.store import Tenant, TenantStore

MOST_ROWS = 100
_USER_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DAY = re.compile(r"20[0-9]{6}", re.ASCII)
# A shard, and in it the key of an event: its time and its id, be it drawn or made of a stream's record.
_PLACE_IN_A_DAY = re.compile(r"[0-7](?:\|[0-9]{12}#[0-9a-z-]{1,100})?", re.ASCII)
_Value = TypeVar("_Value")
_Import = Callable[..., RowOutcome]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the operator reads, and of whom and how many: for the log, which tells no names."""

    content: Mapping[str, Any]
    tenant_id: str
    outcomes: Counter[str] = field(default_factory=Counter)


class _Arguments:
    """The arguments of one operation: each is taken once, and none may be left."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._left = dict(arguments)

    def _take(self, name: str, kind: type[_Value]) -> _Value | None:
        value = self._left.pop(name, None)
        if value is not None and not isinstance(value, kind):
            raise AdminRefusedError(f"{name} is not what it must be.")
        return value

    def text(self, name: str) -> str:
        value = self._take(name, str)
        if not value:
            raise AdminRefusedError(f"{name} is missing.")
        return value

    def optional_text(self, name: str) -> str | None:
        return self._take(name, str)

    def flag(self, name: str) -> bool:
        return bool(self._take(name, bool))

    def number(self, name: str, *, otherwise: int | None = None) -> int:
        value = self._take(name, int)
        value = otherwise if value is None else value
        if value is None:
            raise AdminRefusedError(f"{name} is missing.")
        return value

    def anything(self, name: str) -> object:
        return self._left.pop(name, None)

    def rows(self, columns: Sequence[str]) -> list[Mapping[str, str]]:
        rows = self._take("rows", list) or []
        if not 0 < len(rows) <= MOST_ROWS:
            raise AdminRefusedError(f"rows must be 1 to {MOST_ROWS}.")
        for row in rows:
            is_row = isinstance(row, dict) and row.keys() <= set(columns)
            if not is_row or not all(isinstance(value, str) for value in row.values()):
                raise AdminRefusedError(f"A row holds texts, and no others than {', '.join(columns)}.")
        return rows

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise AdminRefusedError(f"{name} is not what it must be.")
        return value

    def require_all_taken(self) -> None:
        if self._left:
            raise AdminRefusedError("There is an argument that this operation does not know.")


@dataclass(frozen=True, kw_only=True)
class Admin:
    """Answers operators."""

    tenants: TenantStore
    accounts: AccountStore
    user_import: UserImport
    secret_import: SecretImport
    staff: Staff
    export: Export
    erasure: PersonErasure
    clock: Callable[[], float]

    def answer(
        self, operation: str, arguments: Mapping[str, Any], *, identity: str, request_id: str
    ) -> Answer:
        """
        Carry out *operation* and return what came of it.

        Raises:
            AdminRefusedError: There is no such operation, tenant or person, or an argument is wrong.
            ServiceUnavailableError: DynamoDB or KMS failed. Every operation may be repeated.
        """
        perform = self._operations().get(operation)
        if perform is None:
            raise AdminRefusedError("There is no such operation.")
        taken = _Arguments(arguments)
        tenant = self._tenant(taken.text("tenant"))
        operator = Operator(identity=identity, request_id=request_id, now=int(self.clock()))
        return perform(tenant, taken, operator)

    def knows(self, operation: str) -> bool:
        """Say whether there is an operation of that name."""
        return operation in self._operations()

    def _operations(self) -> Mapping[str, Callable[[Tenant, _Arguments, Operator], Answer]]:
        return {
            "import_users": self._import_users,
            "import_secrets": self._import_secrets,
            "add_staff": self._add_staff,
            "list_staff": self._list_staff,
            "list_users": self._list_users,
            "export_user": self._export_user,
            "events_of_day": self._events_of_day,
            "erase_user": self._erase_user,
            "sweep_user": self._sweep_user,
        }

    def _tenant(self, tenant_id: str) -> Tenant:
        try:
            return self.tenants.get(tenant_id)
        except (NotFoundError, ValueError) as error:
            raise AdminRefusedError("There is no such tenant.") from error

    def _import_users(self, tenant: Tenant, taken: _Arguments, operator: Operator) -> Answer:
        return _import(self.user_import.add, user_draft.COLUMNS, tenant, taken, operator)

    def _import_secrets(self, tenant: Tenant, taken: _Arguments, operator: Operator) -> Answer:
        return _import(self.secret_import.bind, secret_import.COLUMNS, tenant, taken, operator)

    def _add_staff(self, tenant: Tenant, taken: _Arguments, operator: Operator) -> Answer:
        user_id = taken.matching("user", _USER_ID)
        username, password = taken.text("username"), taken.text("password")
        language, addresses = taken.optional_text("language"), taken.optional_text("addresses")
        taken.require_all_taken()
        user = self.staff.add(
            tenant,
            user_id=user_id,
            username=username,
            password=password,
            language=language,
            addresses=addresses or "",
            operator=operator,
        )
        return Answer(content={"username": user.username}, tenant_id=tenant.tenant_id)

    def _list_staff(self, tenant: Tenant, taken: _Arguments, _operator: Operator) -> Answer:
        taken.require_all_taken()
        users = self.export.staff(tenant, after=None, limit=MOST_USERS_A_PAGE)
        return Answer(content={"staff": list(staff.told(users))}, tenant_id=tenant.tenant_id)

    def _list_users(self, tenant: Tenant, taken: _Arguments, _operator: Operator) -> Answer:
        after = place_of(taken.anything("after"))
        limit = taken.number("limit", otherwise=MOST_USERS_A_PAGE)
        taken.require_all_taken()
        return Answer(
            content=self.export.users(tenant, after=after, limit=limit), tenant_id=tenant.tenant_id
        )

    def _export_user(self, tenant: Tenant, taken: _Arguments, _operator: Operator) -> Answer:
        user = self._person(tenant, taken)
        taken.require_all_taken()
        return Answer(content=self.export.person(user), tenant_id=tenant.tenant_id)

    def _events_of_day(self, tenant: Tenant, taken: _Arguments, _operator: Operator) -> Answer:
        day, after = taken.matching("day", _DAY), taken.optional_text("after")
        if after is not None and not _PLACE_IN_A_DAY.fullmatch(after):
            raise AdminRefusedError("The place to go on from is none that was told.")
        user = self._person(tenant, taken)
        taken.require_all_taken()
        return Answer(content=self.export.events_of_day(user, day, after=after), tenant_id=tenant.tenant_id)

    def _erase_user(self, tenant: Tenant, taken: _Arguments, operator: Operator) -> Answer:
        user_id, created_at = taken.matching("user", _USER_ID), taken.number("created_at")
        taken.require_all_taken()
        rows = self.erasure.erase(tenant, user_id, operator, created_at=created_at)
        return Answer(content={"rows": rows}, tenant_id=tenant.tenant_id)

    def _sweep_user(self, tenant: Tenant, taken: _Arguments, _operator: Operator) -> Answer:
        owner = Owner(tenant_id=tenant.tenant_id, user_id=taken.matching("user", _USER_ID))
        taken.require_all_taken()
        return Answer(content={"rows": self.erasure.sweep(owner)}, tenant_id=tenant.tenant_id)

    def _person(self, tenant: Tenant, taken: _Arguments) -> User:
        username, portal_user = (taken.optional_text(name) or "" for name in ("username", "portal_user"))
        role = taken.optional_text("role") or USER
        if role not in {USER, HELP_DESK} or not (username or portal_user):
            raise AdminRefusedError("Say who it is: by username, or by portal_user.")
        try:
            user = found_user(self.accounts, tenant, username=username, portal_user=portal_user, role=role)
        except RowRefusedError as error:
            raise AdminRefusedError("username and portal_user do not name the same user.") from error
        if user is None:
            raise AdminRefusedError(f"There is no such user in {tenant.tenant_id}.")
        return user


def _import(
    take_in: _Import, columns: Sequence[str], tenant: Tenant, taken: _Arguments, operator: Operator
) -> Answer:
    rows, dry_run = taken.rows(columns), taken.flag("dry_run")
    taken.require_all_taken()
    outcomes = [take_in(tenant, row, operator, dry_run=dry_run) for row in rows]
    return Answer(
        content={"rows": [outcome.as_json() for outcome in outcomes]},
        tenant_id=tenant.tenant_id,
        outcomes=Counter(outcome.kind for outcome in outcomes),
    )
