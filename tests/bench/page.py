"""How soon the published page shows something on a slow line, and whether it moves then."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from chalicelib.tenants.logo import MOST_BYTES
from tests.bench.figures import Figure, Section, table, table_of
from tests.static.fake_service import FakeService
from tests.support.browser import CHROMIUM_ARGUMENTS, SWEDISH, chromium_path
from tests.support.published_site import QUALITY, serve_published_site

VISITS = 7
PROCESSOR_SLOWED = 4
"""As Lighthouse does for a phone of the middle class."""
PHONE: Any = {"width": 412, "height": 823}
HANDSHAKES = 2
"""Round trips of TCP and TLS 1.3 before the first request."""
LOGO = "tenants/cozone/logo.svg"
LCP_TARGET_MS, LCP_TARGET = 1_800, "at most 1.8 s"
CLS_TARGET = 0.02

_NOTE_VITALS = """
window.vitals = { shown: 0, moved: 0 };
new PerformanceObserver((list) => {
  for (const { startTime } of list.getEntries()) window.vitals.shown = startTime;
}).observe({ type: 'largest-contentful-paint', buffered: true });
new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) window.vitals.moved += value;
}).observe({ type: 'layout-shift', buffered: true });
"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What lies between a viewer and us."""

    name: str
    round_trip_ms: int
    kilobits_a_second: int
    has_target: bool = False


LINES = (
    Line(name="4G", round_trip_ms=170, kilobits_a_second=1_600, has_target=True),
    Line(name="a poor line", round_trip_ms=400, kilobits_a_second=400),
)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What one visit took."""

    shown_ms: float
    """Until the largest piece of text or picture stood there (LCP)."""
    moved: float
    """How much of the window moved how far, all movements together (CLS)."""
    sent_bytes: float
    """Headers included, both of the files and of the API's answers."""
    requests: float


def _signed_out(_service: FakeService) -> None:
    """Somebody opens the page."""


def _at_the_app(service: FakeService) -> None:
    """Somebody comes back to the QR code: a phone throws the page away while its user is in the app."""
    service.sign_in(is_fresh=True)
    service.begin()


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A screen, and how a visit begins with it."""

    name: str
    title: str
    begin: Callable[[FakeService], None]


SCREENS = (
    Screen(name="sign-in", title="the first screen", begin=_signed_out),
    Screen(name="app", title="the QR code's screen", begin=_at_the_app),
)


def measure() -> Section:
    """Return when two screens stand, each in a browser that was never here."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        visits = {
            (screen.name, line.name): _median([_visit(browser, screen, line) for _ in range(VISITS)])
            for screen in SCREENS
            for line in LINES
        }
        browser.close()
    figures = [
        figure
        for screen in SCREENS
        for line in LINES
        if line.has_target
        for figure in _figures(screen, line, visits[screen.name, line.name])
    ]
    rows = [
        (
            screen.title,
            f"{line.name}: {line.round_trip_ms} ms, {line.kilobits_a_second:,} kbit/s",
            f"{visit.shown_ms / 1_000:.2f} s",
            f"{_with_handshakes(visit, line) / 1_000:.2f} s",
            f"{visit.moved:.3f}",
            f"{visit.sent_bytes / 1_024:.1f} KB",
            f"{visit.requests:.0f}",
        )
        for screen in SCREENS
        for line in LINES
        for visit in (visits[screen.name, line.name],)
    ]
    columns = ("screen", "line", "LCP", "and a new connection", "CLS", "sent", "requests")
    text = f"""{table_of(figures)}

{table(columns, rows)}

Medians of {VISITS} first visits by Chromium to what `make deploy` publishes, in a window of
{PHONE["width"]} by {PHONE["height"]} pixels, with a processor slowed down {PROCESSOR_SLOWED} times
and a logo of {MOST_BYTES // 1_024} KiB, the largest there may be. Chromium itself holds the
line back (`Network.emulateNetworkConditions`): each answer comes a round trip later, and no faster
than that. It does not hold back the connection: the table adds its {HANDSHAKES} round trips; a
look-up of the name may cost another. The server is on this machine and answers at once, where
Lambda takes some milliseconds more. It compresses files by brotli at quality {QUALITY} and speaks
HTTP/1.1; CloudFront speaks HTTP/2, which needs one connection for all of them. What is sent
includes headers, which HTTP/2 makes smaller. Requests include the logo, and
the icon where the browser asks for it: the headless shell does not."""
    return Section(title="The page on a slow line", text=text)


def _figures(screen: Screen, line: Line, visit: Visit) -> Iterator[Figure]:
    shown_ms = _with_handshakes(visit, line)
    yield Figure(
        what=f"LCP of {screen.title} on {line.name}, a new connection included",
        measured=f"{shown_ms / 1_000:.2f} s",
        target=LCP_TARGET,
        met=shown_ms <= LCP_TARGET_MS,
    )
    yield Figure(
        what=f"CLS of {screen.title}",
        measured=f"{visit.moved:.3f}",
        target=f"at most {CLS_TARGET}",
        met=visit.moved <= CLS_TARGET,
    )


def _with_handshakes(visit: Visit, line: Line) -> float:
    return visit.shown_ms + HANDSHAKES * line.round_trip_ms


def _median(visits: list[Visit]) -> Visit:
    return Visit(
        shown_ms=statistics.median(visit.shown_ms for visit in visits),
        moved=statistics.median(visit.moved for visit in visits),
        sent_bytes=statistics.median(visit.sent_bytes for visit in visits),
        requests=statistics.median(visit.requests for visit in visits),
    )


def _visit(browser: Browser, screen: Screen, line: Line) -> Visit:
    service = FakeService()
    service.tenant["brand"]["logo"] = f"/{LOGO}"
    screen.begin(service)
    with serve_published_site(service._act, {LOGO: _largest_logo()}) as (address, asked_for):
        context = browser.new_context(**SWEDISH, viewport=PHONE)
        page = context.new_page()
        traffic = _hold_back(page, line)
        page.add_init_script(_NOTE_VITALS)
        page.goto(f"{address}/#{screen.name}")
        page.wait_for_selector(f'main[data-screen="{screen.name}"]', state="attached")
        page.wait_for_load_state("networkidle")
        vitals = page.evaluate("window.vitals")
        context.close()
    return Visit(
        shown_ms=vitals["shown"], moved=vitals["moved"], sent_bytes=sum(traffic), requests=len(asked_for)
    )


def _hold_back(page: Page, line: Line) -> list[int]:
    """Put *page* behind *line*, in a phone; return a list that fills with the bytes of each answer."""
    traffic: list[int] = []

    def note(finished: dict[str, Any]) -> None:
        traffic.append(finished["encodedDataLength"])

    devtools = page.context.new_cdp_session(page)
    devtools.on("Network.loadingFinished", note)
    devtools.send("Network.enable")
    bytes_a_second = line.kilobits_a_second * 1_000 / 8
    conditions = {
        "offline": False,
        "latency": line.round_trip_ms,
        "downloadThroughput": bytes_a_second,
        "uploadThroughput": bytes_a_second,
    }
    devtools.send("Network.emulateNetworkConditions", conditions)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": PROCESSOR_SLOWED})
    return traffic


def _largest_logo() -> bytes:
    """Return as large a logo as there may be: lines to and fro without any order, which compress badly."""
    somewhere = random.Random(1)  # noqa: S311 - a drawing, no secret
    start, end = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 997 499"><path d="M0 0',
        b'"/></svg>',
    )
    line = bytearray()
    while len(start) + len(line) + len(end) < MOST_BYTES - 8:
        line += f"L{somewhere.randrange(997)} {somewhere.randrange(499)}".encode()
    return start + bytes(line) + end
