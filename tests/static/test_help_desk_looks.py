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
    offer_every_language,
)
from tests.static.screens import expect_screen, press

HEARD = Book("help-desk")


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


STATES: dict[str, Any] = {
    "sign-in": _signed_out,
    "sign-in, nothing filled in": _empty_sign_in,
    "a user of the portal": _as_somebody_else({"role": "user"}, "sign-in"),
    "no second factor": _as_somebody_else({"second_factor": "none"}, "set-up"),
    "own factor disabled": _as_somebody_else({"second_factor": "disabled"}, "own-disabled"),
    "code": _as_somebody_else({"is_verified": False}, "code"),
    "users": _at("#users", "users"),
    "users of one status": _at("#users/disabled", "users"),
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
    "reset done": _at("#user/id-anna/reset", "reset", _reset),
    "reset done, for later": _at("#user/id-anna/reset", "reset", _reset_later),
    "unlock": _at("#user/id-anna/unlock", "unlock"),
    "unlock, nothing filled in": _at("#user/id-anna/unlock", "unlock", _refused),
}


@pytest.mark.requirement("W3", "W4", "W5", "W7")
@pytest.mark.parametrize("state", STATES)
def test_every_state_is_sound_in_every_window(
    page: Page, service: FakeHelpDesk, site: str, state: str
) -> None:
    """For eyes, ears and hands, on glass and on paper, in every language."""
    offer_every_language(service)
    expect_sound_in_every_window(
        page, lambda query: STATES[state](page, service, site, query), HEARD, state
    )


@pytest.mark.soak
@every_window
@pytest.mark.parametrize("state", STATES)
def test_every_state_is_sound_when_it_is_come_to_in_each_window(
    page: Page, service: FakeHelpDesk, site: str, state: str, window: str
) -> None:
    """Not only when a window or the language is changed afterwards."""
    offer_every_language(service)
    expect_sound_when_come_to(page, window, lambda query: STATES[state](page, service, site, query))
