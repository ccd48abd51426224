"""A real Chromium, and a guard that lets nothing pass which a user should never meet."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

PROJECT = Path(__file__).parents[2]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A page that is slow because the machine is busy is no failing test.
PATIENCE_MILLISECONDS = 20_000
SWEDISH: dict[str, Any] = {"locale": "sv-SE", "timezone_id": "Europe/Stockholm"}

_TELL_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
  console.error(`policy violation: ${violatedDirective} ${blockedURI}`));
"""
_DUMP = """
async () => {
  const databases = await indexedDB.databases();
  const caches_ = await caches.keys();
  const workers = await navigator.serviceWorker.getRegistrations();
  return JSON.stringify([
    { ...localStorage }, { ...sessionStorage }, databases, caches_, workers.length,
    document.cookie, window.name, location.href, document.title, history.state,
  ]);
}
"""


def chromium_path() -> str:
    """Return the Chromium to test with: `TVASTEG_CHROMIUM`, else what `.ci/chromium` finds."""
    return os.environ.get("TVASTEG_CHROMIUM") or _found()


def whole_chromium_path() -> str:
    """Return a Chromium that has the window around pages too: the headless shell keeps none for Back."""
    return _found("--whole")


def _found(*options: str) -> str:
    command = [str(PROJECT / ".ci/chromium"), *options]
    found = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    return found.stdout.strip()


class Window:
    """
    A page for one test after the other, and as new to each of them.

    A browser's process for each would take longer than most tests do. Whoever turns the
    page's clock or changes what its scripts find needs a page of their own all the same.
    """

    def __init__(self, browser: Browser) -> None:
        self.page = browser.new_context(**SWEDISH).new_page()
        self._size = self.page.viewport_size or {"width": 1280, "height": 720}
        self._devtools = self.page.context.new_cdp_session(self.page)
        self.complaints = complaints_about(self.page)

    def clear(self, origin: str) -> None:
        """Leave nothing of a test behind: no page, no history, no storage of *origin*, no settings."""
        page, context = self.page, self.page.context
        page.goto("about:blank")
        page.unroute_all()
        context.unroute_all()
        context.clear_cookies()
        context.clear_permissions()
        page.emulate_media(media="null", color_scheme="null", forced_colors="null")
        if page.viewport_size != self._size:
            page.set_viewport_size(self._size)
        everything = {"origin": origin, "storageTypes": "all"}
        self._devtools.send("Storage.clearDataForOrigin", everything)
        self._devtools.send("Page.resetNavigationHistory")
        self.complaints.clear()

    def close(self) -> None:
        """Have no such page any more."""
        self.page.context.close()


def complaints_about(page: Page) -> list[str]:
    """Return a list that fills with all that Chromium complains about, refusals of the API apart."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", note)
    return complaints


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests: Playwright runs only once in a process."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Guard:
    """
    Watches every page of *context*, which belongs to *origin*, and remembers what is wrong.

    Whoever comes from another site, or goes back to it, names that one's origin as *also*.

    Wrong are errors and warnings in the console, uncaught errors, violations of
    the content security policy, requests to anywhere else, and `secrets` in any
    place that outlives the page or is written down elsewhere.
    """

    def __init__(self, context: BrowserContext, origin: str, *, also: str | None = None) -> None:
        self._context = context
        self._origin = origin
        self._visited = tuple(f"{visited}/" for visited in (origin, also) if visited)
        self._told: list[ConsoleMessage] = []
        self._refusals: set[tuple[str, int]] = set()
        self._addresses: set[str] = set()
        self.secrets: set[str] = set()
        self.complaints: list[str] = []
        self.broken: set[str] = set()
        """Addresses of the API that this test itself cuts off."""
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("page", self._on_page)

    def keep_secret(self, *secrets: str) -> None:
        """Fail if one of *secrets* is found where none belongs, encoded for an address or not."""
        self.secrets.update(form for secret in secrets for form in (secret, quote(secret, safe="")))

    def check(self) -> None:
        """Fail for anything wrong up to now."""
        ours = [page for page in self._context.pages if page.url.startswith(self._origin)]
        places = [*self._addresses, *[page.evaluate(_DUMP) for page in ours]]
        session_ids = {cookie["value"] for cookie in self._context.cookies()}
        leaks = [
            f"{secret!r} in {place}"
            for secret in self.secrets | session_ids
            for place in places
            if secret in place
        ]
        unexpected = [m.text for m in self._told if not self._is_expected(m)]
        assert [*self.complaints, *unexpected, *leaks] == []

    def forget(self) -> None:
        """Forget what was wrong so far."""
        self.complaints.clear()
        self._told.clear()
        self._addresses.clear()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._told.append(message)

    def _on_request(self, request: Request) -> None:
        self._addresses.add(request.url)
        if not request.url.startswith(self._visited):
            self.complaints.append(f"request to {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and urlsplit(response.url).path.startswith("/api/"):
            self._refusals.add((response.url, response.status))

    def _on_page(self, page: Page) -> None:
        page.on("framenavigated", self._on_navigation)

    def _on_navigation(self, frame: Frame) -> None:
        self._addresses.add(frame.url)

    def _is_expected(self, message: ConsoleMessage) -> bool:
        """Tell whether Chromium only writes down that the API refused, or what this test cut off."""
        location: Any = message.location
        failed = "Failed to load resource: "
        if location["url"] in self.broken and message.text.startswith(f"{failed}net::ERR_"):
            return True
        return any(
            location["url"] == url
            and message.text.startswith(f"{failed}the server responded with a status of {status} (")
            for url, status in self._refusals
        )
