"""
The whole product for every eye and ear: one journey, dark and narrow.

Every state in every window and language is looked at in `tests/static`, where states are cheap.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import VERIFICATION, Visitor
from tests.static.looks import expect_room, expect_sound
from tests.support.wizard import Phone
from tests.support.world import COZONE


class Inspector:
    """Checks one state after another and remembers their titles."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self.titles: dict[str, str] = {}

    def check(self, state: str) -> None:
        """Fail, naming *state*, if anything on the page is wrong."""
        page = self._visitor.page
        try:
            expect_sound(page, "sv", secrets=self._visitor.guard.secrets, offered=COZONE["languages"])
            expect_room(page)
        except AssertionError as wrong:
            wrong.add_note(f"at {state}")
            raise
        self.titles[state] = page.title()


@pytest.mark.requirement("W3", "W4", "W5", "W7")
def test_every_state_of_the_journey(new_visitor: NewVisitor) -> None:
    """From the sign-in to Done, with every error, folding and end on the way, as the service has it."""
    visitor = new_visitor(color_scheme="dark", viewport={"width": 320, "height": 640})
    inspector = Inspector(visitor)
    phone = _set_up(visitor, inspector)
    _sign_in_later(visitor, inspector, phone)
    titles = [title for state, title in inspector.titles.items() if "," not in state]
    assert len(set(titles)) == len(titles)


def _set_up(visitor: Visitor, inspector: Inspector) -> Phone:
    page = visitor.page
    visitor.open()
    visitor.sees("sign-in")
    inspector.check("sign-in")
    visitor.press("continue")
    expect(visitor.summary).to_be_focused()
    inspector.check("sign-in, nothing filled in")
    visitor.signs_in()
    visitor.sees("method")
    for folding in page.locator("main summary").all():
        folding.click()
    inspector.check("method")
    visitor.press("cancel")
    visitor.sees("stopped")
    inspector.check("cancelled")
    visitor.press("resume")
    visitor.press("activate")
    visitor.sees("password")
    inspector.check("password")
    page.fill("#current-password", "fel")
    visitor.press("continue")
    expect(visitor.summary).to_be_focused()
    inspector.check("password, wrong")
    visitor.gives_password()
    visitor.sees("phone")
    inspector.check("phone")
    visitor.press("continue")
    expect(visitor.summary).to_be_focused()
    inspector.check("phone, none chosen")
    visitor.chooses()
    inspector.check("app")
    phone = visitor.holds(visitor.key())
    page.click("main summary")
    visitor.press("copy-key")
    inspector.check("app, all unfolded")
    visitor.press("continue")
    visitor.sees("code")
    inspector.check("code")
    for _ in range(2):
        visitor.enters(phone.wrong_otp())
        expect(visitor.summary).to_be_focused()
    expect(page.locator("#otp-help")).to_be_visible()
    inspector.check("code, wrong twice")
    _finish(visitor, inspector, phone)
    return phone


def _finish(visitor: Visitor, inspector: Inspector, phone: Phone) -> None:
    visitor.enters(phone.otp())
    visitor.codes()
    inspector.check("recovery")
    visitor.press("continue")
    expect(visitor.summary).to_be_focused()
    inspector.check("recovery, not kept")
    visitor.page.reload()
    visitor.finishes()
    inspector.check("done")


def _sign_in_later(visitor: Visitor, inspector: Inspector, phone: Phone) -> None:
    visitor.calls("DELETE", "/api/session")
    visitor.open()
    visitor.signs_in()
    visitor.sees("verify")
    visitor.page.click("main summary")
    inspector.check("verify")
    for _ in range(4):
        visitor.calls("POST", VERIFICATION, {"otp": phone.wrong_otp()})
    for _ in range(2):
        visitor.enters(phone.wrong_otp())
        expect(visitor.summary).to_be_focused()
    inspector.check("verify, waiting")
    visitor.product.clock.advance(90)
    visitor.enters(phone.otp())
    visitor.sees("account", "account.heading")
    inspector.check("account")
    visitor.product.clock.advance(16 * 60)
    visitor.press("replace")
    visitor.sees("stopped", "stopped.not_signed_in")
    inspector.check("signed out")


@pytest.mark.requirement("W2")
def test_the_offer_of_more_time(visitor: Visitor) -> None:
    """A dialog over the page."""
    page, clock = visitor.page, visitor.product.clock
    page.clock.install(time=clock())
    visitor.is_at("app")
    clock.advance(28 * 60 + 5)
    page.clock.run_for((28 * 60 + 5) * 1000)
    expect(page.get_by_role("dialog", name="Behöver du mer tid?")).to_be_visible()
    Inspector(visitor).check("more time")


@pytest.mark.requirement("W1", "W3", "P3")
def test_fields_say_what_they_are(visitor: Visitor) -> None:
    """To password managers, to phones' keyboards, and to whoever fills in codes; nothing blocks pasting."""

    def has(field: str, **attributes: str) -> None:
        for name, value in attributes.items():
            expect(visitor.page.locator(field)).to_have_attribute(name, value)
        assert visitor.page.locator(f"{field}[maxlength], {field}[onpaste]").count() == 0

    visitor.open()
    has("#username", autocomplete="username", autocapitalize="none", spellcheck="false")
    has("#current-password", autocomplete="current-password", type="password")
    visitor.signs_in()
    visitor.press("activate")
    visitor.sees("password")
    has("#current-password", autocomplete="current-password", type="password")
    expect(visitor.page.locator("#signed-in-as")).to_have_value(visitor.person.username)
    visitor.gives_password()
    visitor.sees("phone")
    visitor.chooses()
    visitor.holds(visitor.key())
    visitor.press("continue")
    has("#otp", autocomplete="one-time-code", inputmode="numeric", type="text", enterkeyhint="done")
    expect(visitor.page.locator("main input")).to_have_count(1)
