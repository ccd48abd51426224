"""A headless Chromium on the static files, under the product's own security headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.static.fake_service import FakeService
from tests.support.static_site import serve_static_site

Evaluate = Callable[..., Any]


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the static files."""
    with serve_static_site() as address:
        yield address


@pytest.fixture(scope="session")
def evaluate(chromium: Browser, site: str) -> Iterator[Evaluate]:
    """
    Evaluate JavaScript with a module of the wizard at hand.

    `evaluate("machine", "({ clamp }, wanted) => clamp(wanted, …)", wanted)`
    """
    page = chromium.new_page()
    page.goto(f"{site}/favicon.svg")

    def run(module: str, function: str, argument: Any = None) -> Any:
        script = f"async (argument) => ({function})(await import('/js/{module}.js'), argument)"
        return page.evaluate(script, argument)

    yield run
    page.close()


@pytest.fixture
def service() -> FakeService:
    """The stand-in for the API, signed out."""
    return FakeService()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody in Sweden."""
    context = chromium.new_context(locale="sv-SE", timezone_id="Europe/Stockholm")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, service: FakeService) -> Iterator[Page]:
    """A page that fails the test on anything Chromium complains about, refusals of the API apart."""
    page = context.new_page()
    service.attach(page)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in {"error", "warning"} and "Failed to load resource" not in message.text
            else None
        ),
    )
    yield page
    assert complaints == []
