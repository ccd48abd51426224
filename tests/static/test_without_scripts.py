"""Browsers whose owners have switched scripts off are told so, and nothing else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import SWEDISH


@pytest.mark.parametrize("path", ["/", "/help-desk/", "/accessibility/"])
def test_whoever_has_no_scripts_is_told_that_alone(chromium: Browser, site: str, path: str) -> None:
    """That the line or the browser may be at fault is said to those who have them."""
    context = chromium.new_context(**SWEDISH, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}{path}")
    expect(page.locator("noscript h1")).to_be_visible()
    expect(page.locator("#late")).to_have_css("display", "none")
    context.close()
