"""Every view of the help desk's page, for every eye and ear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.static.desk import open_page, write
from tests.static.fake_help_desk import FakeHelpDesk
from tests.static.fake_service import in_minutes
from tests.static.looks import (
    Book,
    every_window,
    expect_sound_in_every_window,
    expect_sound_when_come_to,
)
from tests.static.screens import expect_screen, press


@pytest.fixture
def service() -> FakeHelpDesk:
    """The stand-in for the API, signed out."""
    return FakeHelpDesk()


def _signed_out(page: Page, _service: FakeHelpDesk, site: str, query: str) -> None:
    open_page(page, site, "", "sign-in", query)


def _at(
    address: str, view: str, act: Callable[[Page, FakeHelpDesk], None] | None = None, **detail: Any
) -> Any:
    """Return how to get to *address*; *act* goes on from there, *detail* is what is known of Anna."""

    def go(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
        service.sign_in_as_staff()
        service.details["id-anna"] = detail
        open_page(page, site, address, view, query)
        if act is not None:
            act(page, service)

    return go


def _empty_sign_in(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
    _signed_out(page, service, site, query)
    press(page, "continue")
    expect(page.locator(".summary")).to_be_focused()


def _over(page: Page, service: FakeHelpDesk) -> None:
    service.is_signed_in = False
    press(page, "search")
    expect_screen(page, "sign-in")


def _where_refused(status: int, code: str, view: str) -> Any:
    def go(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
        service.refuse_next("GET /api/help-desk/users", status, code)
        _at("#users", view)(page, service, site, query)

    return go


def _as_somebody_else(state: dict[str, Any], view: str) -> Any:
    def go(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
        service.sign_in_as_staff(**state)
        open_page(page, site, "", view, query)

    return go


def _refused(page: Page, _service: FakeHelpDesk) -> None:
    page.locator("main form button[type=submit]").click()
    expect(page.locator(".summary")).to_be_focused()


def _nothing_found(page: Page, _service: FakeHelpDesk) -> None:
    page.fill("#search", "zz")
    press(page, "search")
    expect(page.locator("#result .note")).to_be_visible()


def _many_users(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
    told = {"users": service.users, "next": "5"}
    page.route("**/api/help-desk/users*", lambda route: route.fulfill(json=told))
    _at("#users", "users")(page, service, site, query)


def _more_time(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
    service.idle_minutes = 1
    _at("#user/id-anna/reset", "reset")(page, service, site, query)
    expect(page.locator("dialog")).to_be_visible()


def _once_more(page: Page, service: FakeHelpDesk, site: str, query: str) -> None:
    service.person("id-elsa")["addresses"] = []
    _at("#user/id-elsa/reset", "reset")(page, service, site, query)


def _reset(page: Page, _service: FakeHelpDesk) -> None:
    write(page)
    press(page, "reset")
    expect_screen(page, "reset-done")


def _reset_later(page: Page, service: FakeHelpDesk) -> None:
    service.opens_in_minutes = 24 * 60
    _reset(page, service)


def _step_up(page: Page, service: FakeHelpDesk) -> None:
    service.is_fresh_code = False
    write(page)
    press(page, "reset")
    expect_screen(page, "code")
    page.click("main summary")


def _unlocked(page: Page, _service: FakeHelpDesk) -> None:
    write(page, None)
    press(page, "unlock")
    expect_screen(page, "user")


def _step_up_to_unlock(page: Page, service: FakeHelpDesk) -> None:
    service.is_fresh_code = False
    write(page, None)
    press(page, "unlock")
    expect_screen(page, "code")


STATES: dict[str, Any] = {
    "sign-in": _signed_out,
    "sign-in, nothing filled in": _empty_sign_in,
    "sign-in, after the end": _at("#users", "users", _over),
    "a user of the portal": _as_somebody_else({"role": "user"}, "sign-in"),
    "no second factor": _as_somebody_else({"second_factor": "none"}, "set-up"),
    "own factor disabled": _as_somebody_else({"second_factor": "disabled"}, "own-disabled"),
    "code": _as_somebody_else({"is_verified": False}, "code"),
    "code, again": _where_refused(401, "verification_required", "code"),
    "code, after a recovery code": _as_somebody_else({"verified_by": "recovery_code"}, "code"),
    "users": _at("#users", "users"),
    "users of one status": _at("#users/disabled", "users"),
    "users, not to be had": _where_refused(500, "internal_error", "stopped"),
    "users, more of them": _many_users,
    "users, none found": _at("#users", "users", _nothing_found),
    "user": _at("#user/id-anna", "user", waiting_until=in_minutes(30), month_cap_reached=False),
    "user, disabled": _at("#user/id-david", "user"),
    "user, reset": _at("#user/id-elsa", "user"),
    "user, not begun": _at("#user/id-berit", "user", None),
    "user, unlocked": _at("#user/id-anna/unlock", "unlock", _unlocked),
    "missing": _at("#user/nobody", "stopped"),
    "reset": _at("#user/id-anna/reset", "reset"),
    "reset, nothing filled in": _at("#user/id-anna/reset", "reset", _refused),
    "reset, code wanted": _at("#user/id-anna/reset", "reset", _step_up),
    "reset, once more": _once_more,
    "reset, more time wanted": _more_time,
    "reset done": _at("#user/id-anna/reset", "reset", _reset),
    "reset done, for later": _at("#user/id-anna/reset", "reset", _reset_later),
    "unlock": _at("#user/id-anna/unlock", "unlock"),
    "unlock, code wanted": _at("#user/id-anna/unlock", "unlock", _step_up_to_unlock),
    "unlock, nothing filled in": _at("#user/id-anna/unlock", "unlock", _refused),
}

BOOK = Book("help-desk", STATES)


@pytest.mark.requirement("W3", "W4", "W5", "W7")
@pytest.mark.parametrize("state", BOOK.states)
def test_every_state_is_sound_in_every_window(
    page: Page, service: FakeHelpDesk, site: str, state: str
) -> None:
    """For eyes, ears and hands, on glass and on paper, in every language."""
    expect_sound_in_every_window(page, service, site, BOOK, state)


@pytest.mark.soak
@every_window
@pytest.mark.parametrize("state", BOOK.states)
def test_every_state_is_sound_when_it_is_come_to_in_each_window(
    page: Page, service: FakeHelpDesk, site: str, state: str, window: str
) -> None:
    """Not only when a window, its colours or the language are changed afterwards."""
    expect_sound_when_come_to(page, service, site, BOOK.states[state], window)
