"""Codes that are wrong, late, or tried too often: each gets its own words, and a way on."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from chalicelib.authenticators.record import Attempt, Owner
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import CONFIRMATION, VERIFICATION, Visitor

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.mark.requirement("W4", "B66")
def test_wrong_codes_at_set_up_get_words_then_help(visitor: Visitor) -> None:
    """What was typed stays, the key stays, and the right code still works."""
    phone = visitor.is_at("code")
    visitor.enters(phone.wrong_otp())
    visitor.is_told_about_the_code("Koden stämmer inte. Vänta på nästa kod i appen och försök igen")
    expect(visitor.otp).to_have_value(phone.wrong_otp())
    expect(visitor.page.locator("#otp-help")).to_be_hidden()
    visitor.press("confirm")
    expect(visitor.page.locator("#otp-help")).to_be_visible()
    visitor.is_told_about_the_code(visitor.words("problem.otp_mismatch"))
    visitor.press("back")
    visitor.sees("app")
    assert visitor.key() == phone.key
    visitor.press("continue")
    visitor.enters(phone.otp())
    visitor.finishes()


@pytest.mark.requirement("T13", "B66")
@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (-6, "Telefonens klocka går ungefär 3 minuter efter."),
        (6, "Telefonens klocka går ungefär 3 minuter före."),
    ],
)
def test_a_phone_whose_clock_is_three_minutes_off_is_told_so(
    visitor: Visitor, steps: int, text: str
) -> None:
    """And once its clock is right, so is its code."""
    phone = visitor.is_at("code")
    visitor.enters(phone.otp(steps=steps))
    visitor.is_told_about_the_code(text)
    visitor.enters(phone.otp())
    visitor.finishes()


@pytest.mark.requirement("T13")
def test_at_sign_in_a_clock_that_is_off_is_only_a_wrong_code(visitor: Visitor) -> None:
    """How far off it is would tell a guesser how near they are."""
    phone = visitor.is_asked_for_the_code()
    visitor.enters(phone.otp(steps=-6))
    visitor.is_told_about_the_code("Koden stämmer inte.")


@pytest.mark.requirement("T9")
def test_what_is_no_code_is_told_without_asking_the_server(visitor: Visitor) -> None:
    """It costs no attempt. Full-width digits, spaces and dashes are understood."""
    phone = visitor.is_at("code")
    visitor.press("confirm")
    visitor.is_told("Ange koden som visas i appen")
    visitor.enters("12345a")
    visitor.is_told_about_the_code("Koden får bara innehålla siffror")
    visitor.enters("1234567")
    visitor.is_told_about_the_code("Koden ska ha 6 siffror")
    assert f"POST {CONFIRMATION}" not in visitor.requests
    wide = phone.otp().translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    visitor.enters(f" {wide[:3]}\u00a0\u2013{wide[3:]} ")
    visitor.finishes()


@pytest.mark.requirement("L1", "B66")
def test_after_five_wrong_codes_the_page_says_when_to_try_again(visitor: Visitor) -> None:
    """In the local time of this computer, whose clock may disagree with the server's; then it works."""
    phone = visitor.is_asked_for_the_code()
    for _ in range(4):
        assert visitor.calls("POST", VERIFICATION, {"otp": phone.wrong_otp()})[0] == 422
    visitor.enters(phone.wrong_otp())
    visitor.is_told_about_the_code(visitor.words("problem.otp_mismatch"))
    earliest = _minute_after(seconds=30)
    visitor.enters(phone.otp())
    visitor.is_told("För många felaktiga koder. Försök igen ")
    latest = _minute_after(seconds=33)
    told = re.search(r"kl\.\s(\d\d:\d\d)$", visitor.summary.inner_text())
    assert told is not None
    assert told[1] in {earliest, latest}
    expect(visitor.otp).to_have_value(phone.otp())
    visitor.product.clock.advance(30)
    visitor.enters(phone.otp())
    visitor.sees("account", "account.heading")


def _minute_after(*, seconds: int) -> str:
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    rounded_up = datetime.fromtimestamp(math.ceil(then.timestamp() / 60) * 60, STOCKHOLM)
    return rounded_up.strftime("%H:%M")


@pytest.mark.requirement("L3")
def test_after_twenty_wrong_codes_only_the_help_desk_helps(new_visitor: NewVisitor) -> None:
    """The page says so, offers no other try, and says the same at every later sign-in."""
    visitor = new_visitor()
    phone = visitor.has_enrolled()
    product, user = visitor.product, visitor.person.user
    owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
    for number in range(19):
        product.clock.advance(3600)
        guess = Attempt(
            caller="somebody",
            attempt_id=f"guess {number}",
            made_at=int(product.clock()),
            request_id=f"request {number}",
            reference="somebody",
        )
        product.world.stores.authenticators.reserve_attempt(owner, "totp", guess)
    product.clock.advance(3600)
    visitor.is_signed_in()
    visitor.open()
    visitor.sees("verify")
    visitor.enters(phone.wrong_otp())
    visitor.sees("stopped", "stopped.authenticator_disabled")
    expect(visitor.main).to_contain_text("Kontakta supporten")
    expect(visitor.page.locator('main [data-action="resume"]')).to_have_count(0)
    visitor.page.reload()
    visitor.sees("stopped", "stopped.authenticator_disabled")
    visitor.press("sign-out")
    visitor.sees("sign-in")
    visitor.signs_in()
    visitor.sees("stopped", "stopped.authenticator_disabled")


@pytest.mark.requirement("E3")
def test_after_ten_wrong_codes_at_set_up_there_is_a_new_key(visitor: Visitor) -> None:
    """With a word about the row that the app holds for the old one."""
    phone = visitor.is_at("code")
    for _ in range(10):
        assert visitor.calls("POST", CONFIRMATION, {"otp": phone.wrong_otp()})[0] == 422
    visitor.enters(phone.otp())
    visitor.sees("stopped", "stopped.enrolment_attempts_exhausted")
    visitor.press("resume")
    visitor.sees("method")
    visitor.press("activate")
    visitor.sees("phone")
    visitor.chooses()
    expect(visitor.main).to_contain_text("Vi har gjort en ny QR-\u2060kod. Ta bort den gamla raden")
    renewed = visitor.scans()
    assert renewed.key != phone.key
    visitor.press("continue")
    visitor.enters(renewed.otp())
    visitor.finishes()


@pytest.mark.requirement("P3", "W4")
def test_a_wrong_password_is_emptied_and_another_try_works(visitor: Visitor) -> None:
    """At the sign-in nobody learns which of the two was wrong; pasting works."""
    page = visitor.page
    visitor.open()
    page.fill("#username", visitor.person.username)
    page.fill("#current-password", "fel-lösenord")
    visitor.press("continue")
    visitor.is_told("Användarnamnet eller lösenordet stämmer inte")
    expect(page.locator("#username")).to_have_value(visitor.person.username)
    expect(page.locator("#current-password")).to_have_value("")
    page.focus("#current-password")
    visitor.pastes(visitor.person.password)
    page.keyboard.press("Enter")
    visitor.sees("method")
    visitor.press("activate")
    visitor.sees("password")
    page.fill("#current-password", "fel-lösenord")
    visitor.press("continue")
    visitor.is_told("Lösenordet stämmer inte. Försök igen")
    expect(page.locator("#current-password")).to_have_value("")
    visitor.gives_password()
    visitor.sees("phone")
