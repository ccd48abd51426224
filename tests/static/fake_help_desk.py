"""A stand-in for the help desk's part of the API, just true enough to drive its pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route

from tests.static.fake_service import PASSWORD, RIGHT_CODE, FakeService, in_minutes

STAFF = "eva@azets.example"
RESET_CODE = "4F9K-A7QX"
PAGE_USERS = 50
REASON = "Telefonen är stulen, ringde upp på växelns nummer"
TICKET = "INC-4711"
WRITTEN = {"reason": REASON, "ticket": TICKET}


def user(name: str, status: str = "enrolled", **changed: Any) -> dict[str, Any]:
    """Return a user as the list tells of one."""
    return {
        "id": f"id-{name.partition('@')[0].replace('.', '-')}",
        "username": name,
        "portal_user": None,
        "status": status,
        "created_at": "2026-03-02T09:15:00Z",
    } | changed


def event(kind: str, **changed: Any) -> dict[str, Any]:
    """Return an event of a user's history."""
    return {
        "kind": kind,
        "occurred_at": "2026-11-25T13:32:00Z",
        "by": "user",
        "by_name": None,
        "source": "203.0.113.0/24",
        "subject": None,
        "details": None,
    } | changed


ANNA = user("anna@firma.se", portal_user="C-88412")
USERS = [
    ANNA,
    user("berit@firma.se", "not_enrolled"),
    user("carl@firma.se", "begun"),
    user("david@firma.se", "disabled"),
    user("elsa@firma.se", "reset"),
]

HISTORY = [
    event("attempt.counted"),
    event("session.started"),
    event(
        "second_factor.unlocked",
        by="help_desk",
        by_name=STAFF,
        details={"reason": "Skrev av fel rad i appen", "ticket": "INC-4700"},
    ),
    event("hand_off.begun", by="portal", by_name="web", source=None),
    event("recovery_code.used", details={"left": "6"}),
    event("authenticator.bound", subject="a1"),
    event("user.added", by="operator", source=None),
]


@dataclass
class FakeHelpDesk(FakeService):
    """The API of one of the help desk; change its attributes to put it into another state."""

    username: str = STAFF
    role: str = "help_desk"
    users: list[dict[str, Any]] = field(default_factory=lambda: json.loads(json.dumps(USERS)))
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is known of a user besides, by id."""
    references: dict[str, str] = field(default_factory=lambda: {"7f3c9abc": "id-anna"})
    is_fresh_code: bool = True
    """Whether a code was given in the last five minutes."""
    opens_in_minutes: float = 0
    """How long the one-time code of a reset waits before it works."""
    more_than: list[str] = field(default_factory=list)
    """Of which counts there are more than were counted."""

    def sign_in_as_staff(self, **state: Any) -> None:
        """Be signed in with the password and a code."""
        self.sign_in(**{"second_factor": "active", "is_verified": True, **state})

    def person(self, user_id: str) -> dict[str, Any]:
        """Return the user of that id, as the list tells of them."""
        return next(user for user in self.users if user["id"] == user_id)

    def _answer(self, route: Route) -> None:
        self._query = {
            name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()
        }
        super()._answer(route)

    def _act(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if call == "POST /api/help-desk/session":
            return self._sign_in_staff(body)
        if call not in _HELP_DESK:
            self.is_fresh_code |= body.get("otp") == RIGHT_CODE
            return super()._act(call, body)
        if not self.is_signed_in:
            return 401, {"code": "not_signed_in"}
        if self.role != "help_desk":
            return 404, {"code": "not_found"}
        if not self.is_verified or (call.startswith("POST") and not self.is_fresh_code):
            return 401, {"code": "verification_required"}
        return getattr(self, _HELP_DESK[call])(body)  # type: ignore[no-any-return]

    def _session(self) -> dict[str, Any]:
        return super()._session() | {"role": self.role}

    def _sign_in_staff(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if (body["username"], body["password"]) != (STAFF, PASSWORD):
            return 422, {"code": "password_mismatch"}
        self.username, self.role = STAFF, "help_desk"
        self.is_signed_in, self.is_verified = True, False
        return 200, self._session()

    def _list(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = [
            user
            for user in self.users
            if user["status"] == self._query.get("status", user["status"])
            and user["username"].startswith(self._query.get("search", ""))
        ]
        start = int(self._query.get("after", "0"))
        end = start + PAGE_USERS
        return 200, {"users": found[start:end], "next": str(end) if end < len(found) else None}

    def _count(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        statuses = ("not_enrolled", "begun", "enrolled", "disabled", "reset")
        counted = {status: sum(user["status"] == status for user in self.users) for status in statuses}
        return 200, counted | {"total": len(self.users), "more_than": self.more_than}

    def _show(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        asked = self._query.get("user") or self.references.get(self._query.get("reference", ""))
        if asked not in {user["id"] for user in self.users}:
            return 404, {"code": "not_found"}
        return 200, self.detail(str(asked))

    def detail(self, user_id: str) -> dict[str, Any]:
        """Return all that is shown of a user."""
        person = self.person(user_id)
        factor = {"enrolled": "active", "disabled": "disabled"}.get(person["status"], "none")
        bound = [
            {
                "name": "Google Authenticator",
                "bound_at": "2026-03-02T09:31:00Z",
                "last_used_at": "2026-11-25T13:32:00Z",
            },
            {"name": "Reservtelefon", "bound_at": "2026-06-11T07:02:00Z", "last_used_at": None},
        ]
        return {
            "user": {"language": "sv", "addresses": ["a***@firma.se"], **person},
            "second_factor": factor,
            "authenticators": [] if factor == "none" else bound,
            "waiting_until": None,
            "month_cap_reached": False,
            "recovery_codes_left": 6 if factor == "active" else None,
            "recovery_codes_disabled": False,
            "remembered_browsers": 2 if factor == "active" else 0,
            "reset": {"opens_at": in_minutes(-60), "expires_at": in_minutes(23 * 60)}
            if person["status"] == "reset"
            else None,
            "events": HISTORY,
        } | self.details.get(user_id, {})

    def _reset(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.person(body["user"])["status"] = "reset"
        self.details.pop(body["user"], None)
        opens = self.opens_in_minutes
        return 201, {
            "reset_code": RESET_CODE,
            "opens_at": in_minutes(opens),
            "expires_at": in_minutes(opens + 24 * 60),
        }

    def _unlock(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.person(body["user"])["status"] == "disabled":
            return 423, {"code": "authenticator_disabled"}
        self.details.pop(body["user"], None)
        return 200, self.detail(body["user"])


_HELP_DESK = {
    "GET /api/help-desk/users": "_list",
    "GET /api/help-desk/counts": "_count",
    "GET /api/help-desk/user": "_show",
    "POST /api/help-desk/reset": "_reset",
    "POST /api/help-desk/unlock": "_unlock",
}
