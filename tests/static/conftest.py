"""A headless Chromium on the static files, under the product's own security headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.static.fake_service import FakeService
from tests.support.browser import SWEDISH, Window, complaints_about
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


@pytest.fixture(scope="session")
def shared_window(chromium: Browser) -> Iterator[Window]:
    """What `page` is looked at through."""
    window = Window(chromium)
    yield window
    window.close()


@pytest.fixture
def context(shared_window: Window) -> BrowserContext:
    """The browser of somebody in Sweden."""
    return shared_window.page.context


@pytest.fixture
def page(shared_window: Window, service: FakeService, site: str) -> Iterator[Page]:
    """A page that fails the test on anything Chromium complains about, refusals of the API apart."""
    service.attach(shared_window.page)
    try:
        yield shared_window.page
        complaints = [*shared_window.complaints]
    finally:
        shared_window.clear(site)
    assert complaints == []


@pytest.fixture
def new_page(chromium: Browser, service: FakeService) -> Iterator[Page]:
    """The same in a browser of its own, for tests that turn its clock or change what its scripts find."""
    page = chromium.new_context(**SWEDISH).new_page()
    service.attach(page)
    complaints = complaints_about(page)
    yield page
    page.context.close()
    assert complaints == []
