"""The phone is lost: the help desk in one browser, the user in another, the real product between."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.product import Person, Product
from tests.browser.visitor import Visitor
from tests.static.test_help_desk_texts import words as desk_words
from tests.support.world import STINAS_PASSWORD

REASON = "Telefonen är stulen, ringde upp på växelns nummer"
TICKET = "INC-4711"


def new_staff(product: Product, name: str) -> Person:
    """Return somebody of the help desk whom no other test knows."""
    user = product.world.add_staff(username=name, password=STINAS_PASSWORD)
    return Person(user=user, password=STINAS_PASSWORD)


def reference_of(visitor: Visitor) -> str:
    """Return what the user reads at the foot of the page."""
    text = visitor.page.locator("#reference").text_content() or ""
    return text.rpartition(" ")[2]


def sees_at_desk(visitor: Visitor, view: str) -> None:
    """Wait until the help desk's page shows *view*."""
    expect(visitor.page).to_have_url(re.compile("/help-desk/"))
    expect(visitor.main).to_have_attribute("data-screen", view)


def set_up_and_come_to_the_desk(visitor: Visitor) -> None:
    """Sign in as staff for the first time, set up one's own phone in the wizard, and come back."""
    visitor.open("/help-desk/")
    sees_at_desk(visitor, "sign-in")
    visitor.signs_in()
    sees_at_desk(visitor, "set-up")
    visitor.page.click("main a.button")
    visitor.sees("method")
    visitor.goes_from_method_to_app()
    phone = visitor.scans()
    visitor.press("continue")
    visitor.sees("code")
    visitor.enters(phone.otp())
    visitor.sees("recovery")
    visitor.page.check("#kept")
    visitor.press("continue")
    visitor.sees("done")
    visitor.press("done")
    sees_at_desk(visitor, "users")


def write_and_reset(visitor: Visitor) -> str:
    """Fill in the form, reset, and return the code as it is said."""
    visitor.page.check("#check-call_back")
    visitor.page.fill("#reason", REASON)
    visitor.page.fill("#ticket", TICKET)
    visitor.press("reset")
    sees_at_desk(visitor, "reset-done")
    return visitor.page.locator("#reset-code").inner_text()


@pytest.mark.requirement("E11", "B39")
def test_a_lost_phone_from_the_call_to_the_new_phone(new_visitor: NewVisitor, product: Product) -> None:
    """Reference, check, reset, the code said on the telephone, and a new phone that signs in."""
    anna = new_visitor()
    anna.has_enrolled()
    anna.is_signed_in()
    anna.open()
    anna.sees("verify")
    stina = new_visitor(person=new_staff(product, "stina.1@servicedesk.se"))
    set_up_and_come_to_the_desk(stina)

    stina.page.fill("#search", reference_of(anna))
    stina.press("search")
    sees_at_desk(stina, "user")
    expect(stina.page.locator("#name")).to_have_text(anna.person.username)
    stina.page.click("#to-reset")
    code = write_and_reset(stina)
    stina.guard.keep_secret(code)
    anna.guard.keep_secret(code)

    anna.enters("123456")  # the session ended with the reset
    anna.sees("stopped", "stopped.not_signed_in")
    anna.open()
    anna.signs_in()
    anna.sees("reset-code")
    anna.page.fill("#reset-code", code.lower())
    anna.press("continue")
    anna.sees("method")
    anna.goes_from_method_to_app()
    phone = anna.scans()
    anna.press("continue")
    anna.enters(phone.otp())
    anna.sees("recovery")

    stina.press("done")
    sees_at_desk(stina, "user")
    expect(stina.main).to_contain_text(desk_words("sv")["factor.enrolled"])
    told = stina.page.locator(".events")
    expect(told).to_contain_text(desk_words("sv")["event.second_factor.reset"])
    expect(told).to_contain_text(desk_words("sv")["event.reset_code.accepted"])
    expect(told).to_contain_text(f"Ärende: {TICKET}")
    assert code not in stina.page.content()


@pytest.mark.requirement("E11")
def test_a_code_older_than_five_minutes_is_asked_for_anew(
    new_visitor: NewVisitor, product: Product
) -> None:
    """Looking needs none; changing does, and goes on by itself."""
    anna = new_visitor()
    anna.has_enrolled()
    stina = new_visitor(person=new_staff(product, "stina.2@servicedesk.se"))
    desk = product.world.help_desk(username="stina.2@servicedesk.se").begins_work()
    stina._takes_over(desk)
    phone = stina.holds(desk.phone.key)
    product.clock.advance(6 * 60)
    stina.open(f"/help-desk/#user/{anna.person.user.user_id}/reset")
    sees_at_desk(stina, "reset")
    stina.page.check("#check-in_person")
    stina.page.fill("#reason", REASON)
    stina.page.fill("#ticket", TICKET)
    stina.press("reset")
    sees_at_desk(stina, "code")
    stina.enters(phone.otp())
    sees_at_desk(stina, "reset-done")
    expect(stina.page.locator("#reset-code")).to_have_text(re.compile("^[0-9A-Z]{4}-[0-9A-Z]{4}$"))


def test_a_waiting_user_is_unlocked_and_comes_in_at_once(new_visitor: NewVisitor, product: Product) -> None:
    anna = new_visitor()
    phone = anna.is_asked_for_the_code()
    for _ in range(5):
        anna.calls("POST", "/api/verification", {"otp": phone.wrong_otp()})
    stina = new_visitor(person=new_staff(product, "stina.3@servicedesk.se"))
    stina._takes_over(product.world.help_desk(username="stina.3@servicedesk.se").begins_work())
    stina.open(f"/help-desk/#user/{anna.person.user.user_id}")
    sees_at_desk(stina, "user")
    expect(stina.page.locator("#situation .note")).to_contain_text("får vänta till")
    stina.page.click("#to-unlock")
    stina.page.fill("#reason", "Skrev av koden från fel rad i appen")
    stina.page.fill("#ticket", TICKET)
    stina.press("unlock")
    sees_at_desk(stina, "user")
    expect(stina.page.locator("#situation .note")).to_have_count(0)
    anna.enters(phone.otp())
    anna.sees("account")


def test_a_user_of_the_portal_finds_nothing_at_the_desk(visitor: Visitor) -> None:
    """Their password opens nothing there, and their session does not either."""
    visitor.is_signed_in()
    visitor.open("/help-desk/#users")
    sees_at_desk(visitor, "sign-in")
    visitor.signs_in()
    visitor.is_told(desk_words("sv")["problem.password_mismatch"])
