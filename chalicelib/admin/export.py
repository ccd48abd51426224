"""
What operators read of users: the tenant's list, and all that is kept of one person. No secret in it.

Of each kind of row stands here what may be told. Of a row whose kind is not known here only
that is told: a later release must say itself what of it is no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.listing import Place, UserLists
from chalicelib.accounts.record import HELP_DESK, STATUSES, User
from chalicelib.admin.refusals import AdminRefusedError
from chalicelib.admin.store import PersonRows
from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Owner
from chalicelib.tenants.store import Tenant

MOST_USERS_A_PAGE = 500

_TOLD: Mapping[str, frozenset[str]] = {
    "USER": frozenset(
        {
            *("user_id", "username", "language", "status", "epoch", "created_at", "portal_user", "role"),
            *("addresses", "former_addresses", "recovery_set", "reset_pending"),
        }
    ),
    "TOTP": frozenset(
        {"status", "consecutive_failures", "last_attempt_at", "last_attempt_reference", "entries"}
    ),
    "PENDING": frozenset(
        {"authenticator_id", "method", "name", "phone", "same_phone", "begun_at", "expires_at", "attempts"}
    ),
    "GRACE": frozenset({"first_met_at", "due_at"}),
    "PASSWORD": frozenset({"consecutive_failures", "last_attempt_at", "expires_at"}),
    "IMPORT": frozenset({"imported_at"}),
    "RECOVERY": frozenset(
        {
            *("set_id", "made_at", "acknowledged_at", "status", "consecutive_failures", "codes_left"),
            *("last_attempt_at", "last_attempt_reference"),
        }
    ),
    "RESET": frozenset({"reset_at", "opens_at", "expires_at", "attempts", "by"}),
    "BROWSERS": frozenset(),
}
# What is told of the parts of a map within a row, and under which name; not by which key.
_TOLD_OF_PARTS: Mapping[tuple[str, str], tuple[str, frozenset[str]]] = {
    ("TOTP", "entries"): ("authenticators", frozenset({"name", "bound_at", "last_used_at"})),
    ("BROWSERS", "browsers"): ("browsers", frozenset({"remembered_at", "last_used_at", "expires_at"})),
    ("RECOVERY", "codes"): ("codes", frozenset({"used_at"})),
}
# What is counted by month or day has as many names as there are of these.
_TOLD_BY_PREFIX: Mapping[str, tuple[str, ...]] = {
    "USER": ("steps_on_",),
    "TOTP": ("failures_", "unlocks_"),
    "RECOVERY": ("failures_", "made_on_"),
}


@dataclass(frozen=True, kw_only=True)
class Export:
    """Reads, and writes nothing."""

    lists: UserLists
    people: PersonRows

    def users(self, tenant: Tenant, *, after: Place | None, limit: int) -> Mapping[str, Any]:
        """Return a page of the tenant's users by name, and where the next one begins."""
        if not 0 < limit <= MOST_USERS_A_PAGE:
            raise AdminRefusedError(f"A page has 1 to {MOST_USERS_A_PAGE} users.")
        page = self.lists.page(tenant.tenant_id, statuses=STATUSES, prefix="", after=after, limit=limit)
        return {"users": [told_user(user) for user in page.users], "next": _place(page.next)}

    def staff(self, tenant: Tenant, *, after: Place | None, limit: int) -> tuple[User, ...]:
        """Return the help desk's staff of the tenant, by name."""
        page = self.lists.page(tenant.tenant_id, statuses=(HELP_DESK,), prefix="", after=after, limit=limit)
        return page.users

    def person(self, user: User) -> Mapping[str, Any]:
        """Return all that is kept of *user*, but for secrets and events."""
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        return {
            "tenant": user.tenant_id,
            "user": user.user_id,
            "has_password": user.password_hash is not None,
            "rows": [_told_row(row) for row in self.people.rows(owner)],
        }

    def events_of_day(self, user: User, day: str, *, after: str | None) -> Mapping[str, Any]:
        """Return some of *user*'s events of one day, and where the next ones begin."""
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        page = self.people.events_of_day(owner, day, after=after)
        return {"events": [_told_event(event) for event in page.events], "next": page.next}


def told_user(user: User) -> dict[str, Any]:
    """Return what the tenant's list tells of *user*."""
    return {
        "id": user.user_id,
        "username": user.username,
        "portal_user": user.portal_user,
        "language": user.language,
        "status": user.status,
        "created_at": user.created_at,
        "addresses": list(user.addresses),
    }


def place_of(told: object) -> Place | None:
    """
    Return the place that an earlier page told.

    Raises:
        AdminRefusedError: It is none.
    """
    if told is None:
        return None
    match told:
        case {"name": str(name), "last_ids": dict(last_ids)} if all(
            isinstance(key, str) and isinstance(value, str) for key, value in last_ids.items()
        ):
            return Place(name=name, last_ids=last_ids)
    raise AdminRefusedError("The place to go on from is none that was told.")


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"name": place.name, "last_ids": dict(place.last_ids)}


def _told_row(row: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(row["sk"]).partition("#")[0]
    told = _TOLD.get(kind, frozenset())
    kept: dict[str, Any] = {"kind": kind}
    for name in sorted(row):
        if (kind, name) in _TOLD_OF_PARTS:
            title, parts = _TOLD_OF_PARTS[kind, name]
            kept[title] = [
                {part: entry[part] for part in sorted(parts & entry.keys())} for entry in row[name].values()
            ]
        elif name in told or name.startswith(_TOLD_BY_PREFIX.get(kind, ())):
            kept[name] = row[name]
    return kept


def _told_event(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "occurred_at": event.occurred_at,
        "actor": event.actor,
        "request_id": event.request_id,
        "reference": event.reference,
        "subject": event.subject,
        "source": event.source,
        "details": dict(event.details) if event.details else None,
    }
