"""Lines that break and services that fail: nobody's right code is called wrong."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import CONFIRMATION, VERIFICATION, Visitor

NO_LINE = "Vi når inte tjänsten. Kontrollera internetanslutningen och försök igen."


@pytest.mark.requirement("E6")
def test_a_confirmation_whose_answer_was_lost_is_sent_again_by_hand(visitor: Visitor) -> None:
    """The server has accepted the code; pressing once more under the same key ends at Done."""
    phone = visitor.is_at("code")
    visitor.expects_broken_line(CONFIRMATION)
    with visitor.product.loses_answers(CONFIRMATION):
        visitor.enters(phone.otp())
        visitor.is_told(NO_LINE)
        expect(visitor.otp).to_have_value(phone.otp())
    visitor.press("confirm")
    visitor.finishes()
    assert visitor.calls("GET", "/api/session")[1]["verified"] is True


@pytest.mark.requirement("E6")
def test_after_a_lost_confirmation_and_a_reload_there_is_a_way_to_the_end(visitor: Visitor) -> None:
    """The session was exchanged unheard: the page leads through a new sign-in to the end."""
    phone = visitor.is_at("code")
    visitor.expects_broken_line(CONFIRMATION)
    with visitor.product.loses_answers(CONFIRMATION):
        visitor.enters(phone.otp())
        visitor.is_told(NO_LINE)
    visitor.page.reload()
    visitor.sees("sign-in")
    visitor.signs_in()
    visitor.sees("verify")
    visitor.product.clock.advance(60)
    visitor.enters(phone.otp())
    visitor.sees("account", "account.heading")


@pytest.mark.requirement("E6")
def test_a_verification_whose_answer_was_lost_is_sent_again_by_hand(visitor: Visitor) -> None:
    """The code was spent by the first request, which the second one only repeats."""
    phone = visitor.is_asked_for_the_code()
    visitor.expects_broken_line(VERIFICATION)
    with visitor.product.loses_answers(VERIFICATION):
        visitor.enters(phone.otp())
        visitor.is_told(NO_LINE)
    visitor.press("confirm")
    visitor.sees("account", "account.heading")


def test_offline_the_code_is_kept_and_sent_when_the_line_is_back(visitor: Visitor) -> None:
    """One press more."""
    phone = visitor.is_at("code")
    context = visitor.page.context
    visitor.expects_broken_line(CONFIRMATION)
    visitor.page.wait_for_load_state("networkidle")  # what comes after the code is fetched meanwhile
    context.set_offline(offline=True)
    visitor.enters(phone.otp())
    visitor.is_told(NO_LINE)
    expect(visitor.otp).to_have_value(phone.otp())
    context.set_offline(offline=False)
    visitor.press("confirm")
    visitor.finishes()


@pytest.mark.requirement("B66")
def test_a_service_that_fails_says_so_and_spends_no_code(visitor: Visitor) -> None:
    """At the sign-in, at the set-up and at the code: the same press works a moment later."""
    product = visitor.product
    down = "Tjänsten svarar inte just nu. Vänta en liten stund och försök igen"
    visitor.open()
    visitor.page.fill("#username", visitor.person.username)
    with product.outage_of_aws():
        visitor.page.fill("#current-password", visitor.person.password)
        visitor.press("continue")
        visitor.is_told(down)
    visitor.signs_in()
    visitor.sees("method")
    visitor.goes_from_method_to_app()
    phone = visitor.scans()
    visitor.press("continue")
    with product.outage_of_aws():
        visitor.enters(phone.otp())
        visitor.is_told(down)
        expect(visitor.otp).to_have_value(phone.otp())
    visitor.press("confirm")
    visitor.finishes()
