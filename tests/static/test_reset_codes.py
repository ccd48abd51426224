"""The help desk's code, which comes first after a reset."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.static.fake_service import RESET_CODE, FakeService, in_minutes
from tests.static.screens import expect_heading, expect_refusal, expect_screen, open_at, press, says

RESETTING = "POST /api/session/reset-code"


@pytest.mark.requirement("B66")
def test_after_a_reset_the_help_desks_code_comes_first(page: Page, service: FakeService, site: str) -> None:
    """Whatever the address says; as it was written down on the telephone."""
    service.sign_in(is_reset=True)
    page.goto(f"{site}/#phone")
    expect_screen(page, "reset-code")
    page.reload()
    expect_screen(page, "reset-code")
    expect(page.locator("h1 .step")).to_have_count(0)
    press(page, "continue")
    expect_refusal(page, says("reset_code.empty"))
    page.fill("#reset-code", "4f7k-9qx")
    press(page, "continue")
    expect_refusal(page, says("problem.reset_code_malformed"))
    assert service.calls(RESETTING) == []
    page.fill("#reset-code", "4f7k 9qxt")
    press(page, "continue")
    expect_heading(page, "method", "method.heading")
    assert [r.post_data_json for r in service.calls(RESETTING)] == [{"reset_code": RESET_CODE}]


RESET_REFUSALS: list[tuple[int, str, dict[str, Any], str]] = [
    (422, "reset_code_mismatch", {}, "Det är inte koden från supporten."),
    (410, "reset_code_expired", {}, "gäller inte längre"),
    (429, "reset_not_open", {"retry_at": in_minutes(60 * 30)}, "Koden börjar gälla"),
]


@pytest.mark.requirement("B66")
def test_a_refused_reset_code_says_why(page: Page, service: FakeService, site: str) -> None:
    """And from when it works."""
    service.sign_in(is_reset=True)
    page.goto(site)
    for status, code, members, text in RESET_REFUSALS:
        service.refuse_next(RESETTING, status, code, **members)
        page.fill("#reset-code", RESET_CODE)
        press(page, "continue")
        expect_refusal(page, text)
    expect(page.locator(".summary")).to_contain_text(re.compile(r"gälla \d+\s\w+ kl\.\s\d\d:\d\d,"))


def test_a_reset_half_way_leads_to_the_help_desks_code(page: Page, service: FakeService, site: str) -> None:
    """With a word about why."""
    open_at(page, site, "phone", service)
    service.refuse_next("POST /api/enrolment", 401, "reset_code_required")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "reset-code")
    expect_refusal(page, says("problem.reset_code_required"))
