"""Somebody who is asked for the code and has not the phone: a recovery code, and then a new phone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.static.fake_service import (
    CODES,
    PASSWORD,
    PORTAL,
    RETURN_URL,
    RIGHT_CODE,
    FakeService,
    a_phone,
    in_minutes,
    recovery_codes,
)
from tests.static.screens import (
    asked_for_a_recovery_code,
    asked_for_the_code,
    begun,
    enter_code,
    expect_heading,
    expect_refusal,
    expect_screen,
    give_password,
    press,
    says,
    tab_to,
)

RECOVERING = "POST /api/verification/recovery-code"


@pytest.mark.requirement("R6")
def test_a_recovery_code_leads_straight_to_a_new_phone(page: Page, service: FakeService, site: str) -> None:
    """Pasted as it comes; the number left is told; new codes follow the new phone."""
    asked_for_a_recovery_code(page, service, site)
    page.fill("#recovery-code", f" {CODES[0].lower().replace('0', 'o')} ")
    press(page, "confirm")
    expect_heading(page, "method", "again.lost.heading")
    expect(page.locator("h1")).to_contain_text("Steg 1 av 5")
    expect(page.locator("#codes-left")).to_have_text("Du har 9 återställningskoder kvar.")
    expect(page.locator("#live")).to_have_text(says("status.code_accepted"))
    assert [r.post_data_json for r in service.calls(RECOVERING)] == [
        {"recovery_code": CODES[0].replace("-", "")}
    ]
    page.reload()
    expect_heading_again = page.locator("h1")
    expect(expect_heading_again).to_contain_text(says("again.lost.heading"))
    press(page, "activate")
    give_password(page)
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert begun(service)[0]["replaces"] == "phone-1"
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "recovery")
    expect(page.locator("main .note")).to_have_text(says("recovery.again"))
    page.check("#kept")
    press(page, "continue")
    expect_screen(page, "done")


@pytest.mark.requirement("R6")
@pytest.mark.parametrize(("left", "is_few"), [(5, False), (4, True), (3, True), (2, True), (1, True)])
def test_few_codes_left_are_a_warning(
    page: Page, service: FakeService, site: str, left: int, *, is_few: bool
) -> None:
    """From three on, and with what to do."""
    asked_for_the_code(page, service, site, codes=recovery_codes(left))
    page.click("main summary")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    form = {4: "few", 3: "few", 2: "one", 1: "zero"}.get(left, "other")
    expect(page.locator("#codes-left")).to_have_text(says(f"account.codes.left.{form}", n=str(left - 1)))
    classes = page.locator("#codes-left").get_attribute("class") or ""
    assert ("warning" in classes) is is_few


def test_somebody_with_two_phones_says_which_one_is_gone(
    page: Page, service: FakeService, site: str
) -> None:
    """Nothing is guessed."""
    asked_for_a_recovery_code(page, service, site, phones=[a_phone(), a_phone("phone-2", "Jobbtelefonen")])
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    press(page, "activate")
    expect_refusal(page, says("lost.empty"))
    page.get_by_label("Jobbtelefonen").check()
    press(page, "activate")
    give_password(page)
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert begun(service)[0]["replaces"] == "phone-2"


def test_a_list_that_could_not_be_had_is_asked_for_again_by_the_button(
    page: Page, service: FakeService, site: str
) -> None:
    """A button never does nothing."""
    asked_for_a_recovery_code(page, service, site)
    service.refuse_next("GET /api/second-factor", 500, "internal_error")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    expect_screen(page, "method")
    expect_refusal(page, says("problem.internal_error"))
    press(page, "activate")
    expect(page.locator("#codes-left")).to_have_text("Du har 9 återställningskoder kvar.")
    expect(page.locator(".summary")).to_have_count(0)
    expect(page.locator("h1")).to_be_focused()
    press(page, "activate")
    expect_screen(page, "password")


@pytest.mark.parametrize("purpose", [None, "sign-in"])
def test_not_now_goes_on(
    page: Page, context: BrowserContext, service: FakeService, site: str, purpose: str | None
) -> None:
    """To the account, or back to the portal that only asked for a code."""
    context.route(f"{PORTAL}/**", lambda route: route.fulfill(body="portal", content_type="text/html"))
    asked_for_a_recovery_code(page, service, site, purpose=purpose)
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    press(page, "not-now")
    if purpose is None:
        expect_screen(page, "account")
    else:
        page.wait_for_url(f"{RETURN_URL}?**")


def test_a_disabled_authenticator_opens_to_a_recovery_code(
    page: Page, service: FakeService, site: str
) -> None:
    """What is bound is then replaced whole."""
    service.sign_in(
        second_factor="disabled",
        offers_codes=True,
        codes=recovery_codes(),
    )
    page.goto(site)
    expect_screen(page, "stopped")
    expect(page.locator(".lead")).to_have_text(says("problem.authenticator_disabled.recoverable"))
    expect(page.locator("main .primary")).to_have_text(says("action.use_recovery_code"))
    press(page, "go")
    expect_screen(page, "recover")
    press(page, "go")
    expect_screen(page, "stopped")
    press(page, "go")
    page.fill("#recovery-code", CODES[0])
    press(page, "confirm")
    expect_heading(page, "method", "again.lost.heading")
    press(page, "activate")
    give_password(page)
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert "replaces" not in begun(service)[0]


RECOVERY_REFUSALS: list[tuple[int, str, dict[str, Any]]] = [
    (400, "recovery_code_malformed", {}),
    (422, "recovery_code_mismatch", {}),
    (409, "recovery_code_used", {}),
    (423, "recovery_codes_disabled", {}),
    (429, "too_many_attempts", {"retry_at": in_minutes(600)}),
    (503, "service_unavailable", {}),
]


@pytest.mark.requirement("B66")
def test_a_refused_recovery_code_says_why_and_stays(page: Page, service: FakeService, site: str) -> None:
    """At the top, and at the field where it is about the code."""
    asked_for_a_recovery_code(page, service, site)
    for status, code, members in RECOVERY_REFUSALS:
        service.refuse_next(RECOVERING, status, code, **members)
        page.fill("#recovery-code", CODES[1])
        press(page, "confirm")
        expect_refusal(page, says(f"problem.{code}").split("{")[0].strip())
        expect(page.locator("#recovery-code")).to_have_value(CODES[1])
        is_invalid = page.locator("#recovery-code").get_attribute("aria-invalid") == "true"
        assert is_invalid is (code.startswith("recovery_code_"))


def test_what_can_be_no_recovery_code_costs_no_attempt(page: Page, service: FakeService, site: str) -> None:
    """It never leaves the page."""
    asked_for_a_recovery_code(page, service, site)
    for typed, key in (("", "recovery_code.empty"), ("123456", "problem.recovery_code_malformed")):
        page.fill("#recovery-code", typed)
        press(page, "confirm")
        expect_refusal(page, says(key))
    assert service.calls(RECOVERING) == []


def test_without_recovery_codes_only_the_support_is_named(
    page: Page, service: FakeService, site: str
) -> None:
    """No button that leads nowhere; nor does the address."""
    asked_for_the_code(page, service, site, codes=None)
    page.click("main summary")
    expect(page.locator('main [data-action="go"]')).to_have_count(0)
    page.goto(f"{site}/?x#recover")
    expect_screen(page, "verify")


@pytest.mark.requirement("W5")
def test_without_the_phone_by_keyboard_alone(page: Page, service: FakeService, site: str) -> None:
    """Tab, Space and Enter are enough, from the question to the new phone's first step."""
    asked_for_the_code(page, service, site)

    tab_to(page, "main summary")
    page.keyboard.press("Enter")
    tab_to(page, '[data-screen="recover"]')
    page.keyboard.press("Space")
    expect_screen(page, "recover")
    tab_to(page, "#recovery-code")
    page.keyboard.type(CODES[0])
    page.keyboard.press("Enter")
    expect_screen(page, "method")
    tab_to(page, '[data-action="not-now"]')
    page.keyboard.press("Enter")
    expect_screen(page, "account")
    tab_to(page, '[data-action="rename"]')
    page.keyboard.press("Enter")
    tab_to(page, "#current-password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect_screen(page, "rename")
    tab_to(page, "#name")
    page.keyboard.press("Enter")
    expect_screen(page, "account")
