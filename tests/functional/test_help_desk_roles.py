"""
Every route of the help desk by everybody who may knock: who is let in, and what the others hear.

A new route needs its row in `ROUTES`; the columns are `WHO`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from chalicelib.accounts.record import User
from chalicelib.sessions.session import REMEMBERED_BROWSER, start_session
from tests.support.help_desk import HelpDesk
from tests.support.wizard import Answer
from tests.support.world import World, memory_world

MINUTES = 60
OK = None
# Whatever is asked of the user whom all of them name.
ROUTES: dict[tuple[str, str], Callable[[HelpDesk, str], Answer]] = {
    ("GET", "/api/help-desk/users"): lambda desk, _: desk.users(),
    ("GET", "/api/help-desk/counts"): lambda desk, _: desk.counts(),
    ("GET", "/api/help-desk/user"): lambda desk, user_id: desk.user(user_id),
    ("POST", "/api/help-desk/reset"): lambda desk, user_id: desk.reset(user_id),
    ("POST", "/api/help-desk/unlock"): lambda desk, user_id: desk.unlock(user_id),
}
READING = {path for method, path in ROUTES if method == "GET"}
# What is about one user: to staff of another tenant there is no such one.
ABOUT_A_USER = {"/api/help-desk/user", "/api/help-desk/reset", "/api/help-desk/unlock"}


@dataclass(frozen=True)
class Place:
    """Anna, who is enrolled, is the user that everybody asks about."""

    world: World
    anna: User
    stina: User
    berit: User
    their_staff: User


@pytest.fixture(scope="module")
def place() -> Place:
    """Return a world that everybody may knock at; what one of them does changes nothing for the next."""
    world = memory_world()
    world.wizard().enrolled()
    berit = world.add_byra_with_berit()
    their_staff = world.add_staff(world.stores.tenants.get("byra"))
    return Place(world, world.user, world.add_staff(), berit, their_staff)


def _in_a_session(place: Place, user: User, **proofs: int | str) -> HelpDesk:
    now = int(place.world.clock())
    stored = place.world.stores.accounts.get(user.tenant_id, user.user_id)
    assert stored is not None
    opened = start_session(
        tenant_id=user.tenant_id, user_id=user.user_id, epoch=stored.epoch, now=now, due_at=None
    )
    session = replace(opened.session, **proofs)  # type: ignore[arg-type]  # fields of a session
    place.world.stores.transactions.commit(place.world.stores.sessions.started(session))
    desk = place.world.help_desk()
    desk.session_id = opened.session_id
    return desk


def _nobody(place: Place) -> HelpDesk:
    return place.world.help_desk()


def _user(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.anna, verified_at=now, verified_by="code")


def _user_of_another_tenant(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.berit, verified_at=now, verified_by="code")


def _staff_without_a_code(place: Place) -> HelpDesk:
    return _in_a_session(place, place.stina)


def _staff_with_a_fresh_password_alone(place: Place) -> HelpDesk:
    return _in_a_session(place, place.stina, reauthenticated_at=int(place.world.clock()))


def _staff_with_a_stale_code(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.stina, verified_at=now - 5 * MINUTES - 1, verified_by="code")


def _staff_in_a_remembered_browser(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.stina, verified_at=now, verified_by=REMEMBERED_BROWSER)


def _staff_with_a_fresh_code(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.stina, verified_at=now - 5 * MINUTES, verified_by="code")


def _staff_with_a_recovery_code(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.stina, verified_at=now, verified_by="recovery_code")


def _staff_of_another_tenant(place: Place) -> HelpDesk:
    now = int(place.world.clock())
    return _in_a_session(place, place.their_staff, verified_at=now, verified_by="code")


def everywhere(problem: str | None) -> dict[str, str | None]:
    return dict.fromkeys([path for _, path in ROUTES], problem)


WHO: dict[Callable[[Place], HelpDesk], dict[str, str | None]] = {
    _nobody: everywhere("not_signed_in"),
    _user: everywhere("not_found"),
    _user_of_another_tenant: everywhere("not_found"),
    _staff_without_a_code: everywhere("verification_required"),
    _staff_with_a_fresh_password_alone: everywhere("verification_required"),
    _staff_in_a_remembered_browser: everywhere("verification_required"),
    _staff_with_a_stale_code: {
        path: OK if path in READING else "verification_required" for _, path in ROUTES
    },
    _staff_of_another_tenant: {path: "not_found" if path in ABOUT_A_USER else OK for _, path in ROUTES},
    _staff_with_a_fresh_code: everywhere(OK),
    _staff_with_a_recovery_code: everywhere("verification_required"),
}


def test_no_route_is_left_out(place: Place) -> None:
    routes = {
        (method, path)
        for path, methods in place.world.app.routes.items()
        for method in methods
        if path.startswith("/api/help-desk/")
    }
    assert routes == {*ROUTES, ("POST", "/api/help-desk/session")}  # which is open to anyone


@pytest.mark.requirement("B62", "E11", "M1")
@pytest.mark.parametrize("who", WHO, ids=lambda who: who.__name__.strip("_"))
@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_each_is_let_in_where_they_belong_and_nowhere_else(
    place: Place, route: tuple[str, str], who: Callable[[Place], HelpDesk]
) -> None:
    desk = who(place)
    anna_before = place.world.stores.accounts.get("cozone", place.anna.user_id)
    events_before = len(place.world.stores.events.events)  # type: ignore[attr-defined]  # a double's
    answer = ROUTES[route](desk, place.anna.user_id)
    expected = WHO[who][route[1]]
    assert answer.problem == expected, answer.text
    if expected is not None:
        assert place.world.stores.accounts.get("cozone", place.anna.user_id) == anna_before
        assert len(place.world.stores.events.events) == events_before  # type: ignore[attr-defined]


@pytest.mark.requirement("B62", "M1")
@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_to_everybody_else_there_is_no_such_route(place: Place, route: tuple[str, str]) -> None:
    """A user hears of the help desk's routes what is said of a user whom nobody knows."""
    answer = ROUTES[route](_user(place), place.anna.user_id)
    nowhere = _staff_of_another_tenant(place).user(place.anna.user_id)
    assert {name: value for name, value in answer.body.items() if name != "reference"} == {
        name: value for name, value in nowhere.body.items() if name != "reference"
    }
