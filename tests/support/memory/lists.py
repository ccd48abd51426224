"""In-memory doubles of what the help desk reads: lists of users, and what happened to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from chalicelib.accounts.listing import Count, Place, UserPage, name_key_of
from chalicelib.accounts.record import User
from chalicelib.audit.event import Event
from chalicelib.audit.history import REFERENCE_DAYS, is_listed


class MemoryUserLists:
    """The `UserLists` double over all *users* there are."""

    def __init__(self, users: Callable[[], Iterable[User]]) -> None:
        self._users = users

    def page(
        self, tenant_id: str, *, statuses: Sequence[str], prefix: str, after: Place | None, limit: int
    ) -> UserPage:
        wanted = [
            user
            for user in self._sorted(tenant_id)
            if user.status in statuses
            and name_key_of(user.username).startswith(name_key_of(prefix))
            and _comes_after(user, after)
        ]
        shown = wanted[:limit]
        if len(wanted) <= limit:
            return UserPage(users=tuple(shown), next=None)
        name = name_key_of(shown[-1].username)
        last_ids = dict(after.last_ids) if after is not None and after.name == name else {}
        last_ids |= {user.status: user.user_id for user in shown if name_key_of(user.username) == name}
        return UserPage(users=tuple(shown), next=Place(name=name, last_ids=last_ids))

    def count(self, tenant_id: str, status: str, *, most: int) -> Count:
        number = sum(user.status == status for user in self._sorted(tenant_id))
        return Count(number=min(number, most), is_more=number > most)

    def _sorted(self, tenant_id: str) -> list[User]:
        users = [user for user in self._users() if user.tenant_id == tenant_id]
        return sorted(
            (user for user in users if not user.is_staff),
            key=lambda user: (name_key_of(user.username).encode(), user.user_id),
        )


def _comes_after(user: User, after: Place | None) -> bool:
    if after is None:
        return True
    name = name_key_of(user.username)
    if name == after.name:
        return user.user_id > after.last_ids.get(user.status, "")
    return name.encode() > after.name.encode()


class MemoryEventHistory:
    """The `EventHistory` double over *events*, which go on growing."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def of_user(self, tenant_id: str, user_id: str, *, limit: int) -> tuple[Event, ...]:
        found = [
            event
            for event in self._newest_first(tenant_id)
            if event.user_id == user_id and is_listed(event.kind)
        ]
        return tuple(found[:limit])

    def users_of_reference(self, tenant_id: str, reference: str, *, now: int) -> Iterator[str | None]:
        today = datetime.fromtimestamp(now, UTC).date()
        for event in self._newest_first(tenant_id):
            days_ago = (today - datetime.fromtimestamp(event.occurred_at, UTC).date()).days
            is_theirs = event.reference == reference and event.actor == event.user_id
            yield event.user_id if is_theirs and 0 <= days_ago < REFERENCE_DAYS else None

    def _newest_first(self, tenant_id: str) -> list[Event]:
        events = [event for event in self._events if event.tenant_id == tenant_id]
        return sorted(events, key=lambda event: (event.occurred_at, event.event_id), reverse=True)
