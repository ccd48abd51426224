"""What the help desk sees: who has set up what, and what happened. No secret and no code is within."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.accounts.listing import UserLists
from chalicelib.accounts.record import STATUSES, User
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import Event
from chalicelib.audit.history import EventHistory
from chalicelib.authenticators.record import BoundAuthenticators
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.store import RememberedBrowserStore
from chalicelib.caller import Caller
from chalicelib.errors import NotFoundError, SearchUnfinishedError
from chalicelib.help_desk.cursor import ListKind
from chalicelib.help_desk.people import find_user, owner_of
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.resets.record import Reset
from chalicelib.resets.store import ResetStore
from chalicelib.standing import timestamp

PAGE_USERS = 50
EVENTS_SHOWN = 20
MOST_COUNTED = 5_000
# The page waits ten seconds for an answer, and the last part takes its own time.
LOOK_SECONDS = 6
MOST_PARTS_LOOKED_AT = 120
_REFERENCE = re.compile(r"[0-9a-z]{8}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Shows the users of the staff's own tenant."""

    lists: UserLists
    history: EventHistory
    accounts: AccountStore
    authenticators: AuthenticatorStore
    recovery_codes: RecoveryCodeStore
    browsers: RememberedBrowserStore
    resets: ResetStore
    method: str
    clock: Callable[[], float]

    def page(self, staff: Caller, *, status: str | None, search: str, after: str | None) -> dict[str, Any]:
        """
        Return the next users by name: all of them, or those of *status*, whose name begins with *search*.

        Raises:
            BodyMalformedError: *after* was not given for this list.
        """
        statuses = STATUSES if status is None else (status,)
        kind = ListKind(key=staff.tenant.lookup_key, statuses=statuses, prefix=search)
        page = self.lists.page(
            staff.session.tenant_id,
            statuses=statuses,
            prefix=search,
            after=None if after is None else kind.place(after),
            limit=PAGE_USERS,
        )
        return {
            "users": [_user_json(user) for user in page.users],
            "next": None if page.next is None else kind.cursor(page.next),
        }

    def counts(self, staff: Caller) -> dict[str, Any]:
        """Return how many users of each status there are, how many in all, and of which there are more."""
        tenant_id = staff.session.tenant_id
        counted = {status: self.lists.count(tenant_id, status, most=MOST_COUNTED) for status in STATUSES}
        more_than = [status for status, count in counted.items() if count.is_more]
        return {
            **{status: count.number for status, count in counted.items()},
            "total": sum(count.number for count in counted.values()),
            "more_than": [*more_than, "total"] if more_than else [],
        }

    def found_by_reference(self, staff: Caller, reference: str, *, now: int) -> str:
        """
        Return the id of the user whose page showed *reference* in the last days.

        Raises:
            NotFoundError: Nobody's did.
            SearchUnfinishedError: Nobody's of the latest did, and there are more of a busy tenant
                than one request can look through.
        """
        reference = reference.strip().lower()
        if not _REFERENCE.fullmatch(reference):
            raise NotFoundError
        give_up_at = self.clock() + LOOK_SECONDS
        parts = self.history.users_of_reference(staff.session.tenant_id, reference, now=now)
        for looked_at, user_id in enumerate(parts, start=1):
            if user_id is not None:
                return user_id
            if looked_at == MOST_PARTS_LOOKED_AT or self.clock() >= give_up_at:
                raise SearchUnfinishedError
        raise NotFoundError

    def detail(self, staff: Caller, user_id: str, *, now: int) -> dict[str, Any]:
        """
        Return where the user of that id stands, and what happened last.

        Raises:
            NotFoundError: There is no such user in the staff's own tenant.
        """
        user = find_user(self.accounts, staff, user_id)
        owner = owner_of(user)
        bound = self.authenticators.bound(owner, self.method)
        codes = self.recovery_codes.current(owner)
        remember_days = staff.profile.policy.remember_days
        browsers = [
            browser
            for browser in self.browsers.all(owner)
            if browser.counts(user, remember_days=remember_days, now=now)
        ]
        events = self.history.of_user(user.tenant_id, user.user_id, limit=EVENTS_SHOWN)
        names = self._staff_names(user, events)
        return {
            "user": _user_json(user)
            | {
                "language": user.language,
                "addresses": [_masked(address) for address in user.notice_addresses],
            },
            **_second_factor_json(bound, now=now),
            "recovery_codes_left": None if codes is None else codes.left,
            "recovery_codes_disabled": codes is not None and codes.is_disabled,
            "remembered_browsers": len(browsers),
            "reset": _reset_json(self.resets.pending(owner)),
            "events": [_event_json(event, user, names) for event in events],
        }

    def _staff_names(self, user: User, events: tuple[Event, ...]) -> Mapping[str, str]:
        actors = {event.actor for event in events if _by(event, user) == "help_desk"}
        found = [self.accounts.get(user.tenant_id, actor) for actor in sorted(actors)]
        return {one.user_id: one.username for one in found if one is not None and one.is_staff}


def _user_json(user: User) -> dict[str, Any]:
    return {
        "id": user.user_id,
        "username": user.username,
        "portal_user": user.portal_user,
        "status": user.status,
        "created_at": timestamp(user.created_at),
    }


def _second_factor_json(bound: BoundAuthenticators | None, *, now: int) -> dict[str, Any]:
    if bound is None:
        return {
            "second_factor": "none",
            "authenticators": [],
            "waiting_until": None,
            "month_cap_reached": False,
        }
    return {
        "second_factor": "disabled" if bound.is_disabled else "active",
        "authenticators": [
            {
                "name": entry.name,
                "bound_at": timestamp(entry.bound_at),
                "last_used_at": timestamp(entry.last_used_at),
            }
            for entry in sorted(bound.entries, key=lambda entry: entry.bound_at)
        ],
        "waiting_until": timestamp(bound.waits_until(now=now)),
        "month_cap_reached": bound.has_reached_month_cap(now=now),
    }


def _reset_json(reset: Reset | None) -> dict[str, Any] | None:
    if reset is None:
        return None
    return {"opens_at": timestamp(reset.opens_at), "expires_at": timestamp(reset.expires_at)}


def _event_json(event: Event, user: User, staff_names: Mapping[str, str]) -> dict[str, Any]:
    by = _by(event, user)
    by_name = event.actor.partition(".")[2] if by == "portal" else staff_names.get(event.actor)
    return {
        "kind": event.kind,
        "occurred_at": timestamp(event.occurred_at),
        "by": by,
        "by_name": by_name,
        "source": event.source,
        "subject": event.subject,
        "details": None if event.details is None else dict(event.details),
    }


def _by(event: Event, user: User) -> str:
    if event.actor == user.user_id:
        return "user"
    if event.is_by_operator:
        return "operator"
    # Clients are called by their tenant and a name of their own; staff have ids as users have.
    return "portal" if "." in event.actor else "help_desk"


def _masked(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"
