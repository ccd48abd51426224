"""What every eye, ear and hand meets: all that is expected of a state of a page, looked at in one visit."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.static.contact_sheet import take_pictures
from tests.static.fake_help_desk import RESET_CODE as SPOKEN_CODE
from tests.static.fake_service import CODES, KEY, RESET_CODE, RIGHT_CODE, URI, FakeService
from tests.static.texts import SCRIPTS
from tests.support.axe import violations

Show = Callable[[Page, Any, str, str], None]
"""How a page comes into a state: by the page, the service, the site and the query of the address."""

SECRETS = [KEY, URI, RIGHT_CODE, SPOKEN_CODE, RESET_CODE, *[code[:-1] for code in CODES]]
"""Whatever the doubles of the API hand out or take that nobody else may learn."""

OFFERED = re.findall(r"(\w+):", SCRIPTS["i18n.js"].partition("LANGUAGES = {")[2].partition("}")[0])
"""Every language there is, in the order in which the page names them where a portal wishes for none."""

_HERE = Path(__file__).parent
_SOUNDNESS, _ROOM, _STOPS, _PAPER, _FORCED, MARKS = (
    (_HERE / f"{name}.js").read_text("utf-8")
    for name in ("soundness", "room", "stops", "paper", "forced", "marks")
)

_SPACED_OUT = """
* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }
"""
"""The spacing of WCAG 1.4.12."""
_TWICE_AS_LARGE = "html { font-size: 225% !important; }"
"""Twice the size of `app.css`, by the text alone (1.4.4)."""
_ADD_SHEET = """
(rules) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets = [sheet];
}
"""
_TITLE = re.compile(". \u2013 .")


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a page is looked at through."""

    scheme: Any
    width: int
    height: int

    def open_on(self, page: Page) -> None:
        """Let *page* be seen through this."""
        page.emulate_media(color_scheme=self.scheme)
        page.set_viewport_size({"width": self.width, "height": self.height})


WIDE = Window(scheme="light", width=1280, height=800)
NARROW = Window(scheme="dark", width=320, height=640)
"""A small phone upright; and a window of 1280 pixels at 400 %."""
LYING = Window(scheme="dark", width=640, height=320)

WINDOWS: dict[str, tuple[str, Window]] = {
    f"{language}, {window.width}": (language, window) for language in OFFERED for window in (WIDE, NARROW)
}
every_window = pytest.mark.parametrize("window", WINDOWS)


def offer_every_language(service: FakeService) -> None:
    """Let the portal of *service* offer as many languages as there are."""
    service.tenant["languages"] = OFFERED


def shown_by(names: Mapping[str, Any]) -> dict[str, Show]:
    """Return the states that a file can bring a page into: by name what its functions `show_…` do."""
    return {
        name.removeprefix("show_").replace("_", "-"): function
        for name, function in names.items()
        if name.startswith("show_")
    }


# What is expected


def expect_nothing_wrong(wrong: dict[str, Any]) -> None:
    """Fail with whatever is *wrong*, by kind."""
    assert wrong == {}, wrong


def expect_sound(
    page: Page,
    language: str,
    *,
    with_colours: bool = True,
    secrets: Collection[str] = SECRETS,
    offered: Collection[str] = OFFERED,
) -> None:
    """Fail if anything is wrong for axe or in the structure of *page*, or if its title is bare."""
    found = violations(page, with_colours=with_colours)
    assert found == [], found
    expect_nothing_wrong(page.evaluate(_SOUNDNESS, {"secrets": [*secrets], "offered": [*offered]}))
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page).to_have_title(_TITLE)


def expect_room(page: Page) -> None:
    """Fail if anything on *page* sticks out, is cut off or lies over something else."""
    expect_nothing_wrong(page.evaluate(_ROOM))


def expect_way_for_keyboards(page: Page) -> None:
    """Fail unless Tab leads to every control in the order of reading, and each is seen to have focus."""
    for _ in range(page.evaluate(_STOPS)):
        page.keyboard.press("Tab")
    expect_nothing_wrong(page.evaluate("() => window.stops()"))


def expect_forced_colours_to_do(page: Page) -> None:
    """Fail if anything is lost where the user's own colours replace those of the page."""
    # Dark ones: the light ones of Chromium are much like ours.
    page.emulate_media(forced_colors="active", color_scheme="dark")
    expect_nothing_wrong(page.evaluate(_FORCED))
    page.emulate_media(forced_colors="none")


def expect_nothing_secret_on_paper(page: Page) -> None:
    """Fail if a secret is printed, or what is there to be pressed; recovery codes may be printed."""
    page.emulate_media(media="print")
    printed = page.evaluate(_PAPER)
    page.emulate_media(media="screen")
    assert printed["pressed"] == [], printed["pressed"]
    codes = {code[:-1] for code in CODES} if page.locator("#codes").count() else set()
    text = re.sub(r"\s", "", printed["text"])
    printed_secrets = [secret for secret in SECRETS if secret in text and secret not in codes]
    assert printed_secrets == [], printed_secrets
    assert page.locator("h1").inner_text().split("\n")[0] in printed["text"]


@contextmanager
def written_by(page: Page, rules: str) -> Iterator[None]:
    """Let *page* obey *rules* of the user's own."""
    page.evaluate(_ADD_SHEET, rules)
    yield
    page.evaluate("() => { document.adoptedStyleSheets = []; }")


# What is heard

_LINE = re.compile(r'( *)- ([a-z]+)( "(?:[^"\\]|\\.)*")?((?: \[[^\]]+\])*)')
_MOMENT = re.compile(r"(?:\d{1,2}\s\w+\s)?kl\.\s\d\d[:.]\d\d")
"""Which differs from visit to visit."""
_NAME = re.compile(r' "(?:[^"\\]|\\.)*"')
_WHERE = """
() => {
  const { tagName, id, className, dataset } = document.activeElement;
  const which = id || className || dataset.action || '';
  return [document.querySelector('main').dataset.screen, `${tagName.toLowerCase()} ${which}`.trim()];
}
"""
_TOLD = """
() => {
  const quoted = ({ textContent }) => JSON.stringify(textContent);
  return [...document.querySelectorAll('details, dialog[open], fieldset, input, textarea')]
    .filter((element) => element.checkVisibility() && element.closest('[aria-hidden="true"]') === null)
    .map((element) => ({
      disclosure: element.matches('details')
        ? `disclosure ${quoted(element.firstElementChild)}${element.open ? ' [expanded]' : ''}`
        : null,
      described: (element.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id !== '')
        .map((id) => `described ${quoted(document.getElementById(id))}`),
    }));
}
"""
"""What Playwright does not tell of whatever it calls one of `_TELLING`, in the order of the page."""
_TELLING = {"checkbox", "dialog", "group", "radio", "searchbox", "textbox"}
_NAMED = {
    *("alert", "button", "caption", "checkbox", "columnheader", "dialog", "group", "heading", "img"),
    *("link", "navigation", "radio", "region", "search", "searchbox", "table", "textbox"),
}
_HEARD = _NAMED | {
    *("banner", "contentinfo", "list", "listitem", "main", "row", "rowheader", "status", "term"),
}


def heard(page: Page) -> list[str]:
    """
    Return what a screen reader makes of *page*, without running text.

    That is roles with names and states, foldings by what they promise, and what fields are described by.
    """
    lines = []
    told = page.evaluate(_TOLD)
    for line in page.locator("body").aria_snapshot().splitlines():
        found = _LINE.match(line)
        if found is None or found[2] not in _HEARD:
            continue
        indent, role, name, states = found.groups()
        more = told.pop(0) if role in _TELLING else {"disclosure": None, "described": []}
        what = more["disclosure"] or f"{role}{name or '' if role in _NAMED else ''}{states}"
        lines += [indent + what, *[f"{indent}  {described}" for described in more["described"]]]
    assert told == [], told
    return [_MOMENT.sub("{moment}", line) for line in lines]


def shape(lines: list[str]) -> list[str]:
    """Return what is the same in every language: the names go."""
    return [_NAME.sub("", line) for line in lines]


@dataclass(frozen=True)
class Book:
    """
    Every state of a page, and what it is in Swedish, in a file to be read.

    That is its title, its screen, where the focus is, what of the templates can be read, what is heard.
    `TVASTEG_UPDATE_HEARD=1 pytest tests/static` writes it anew.
    """

    name: str
    states: Mapping[str, Show]

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return _HERE / "heard" / f"{self.name}.txt"

    def pages(self) -> dict[str, list[str]]:
        """Return what is written here, by state."""
        chapters = self.path.read_text("utf-8").split("\n\n") if self.path.exists() else []
        return {
            state.removeprefix("# "): lines
            for state, *lines in (chapter.splitlines() for chapter in chapters)
        }

    def expect(self, state: str, lines: list[str]) -> None:
        """Fail unless *lines* are what is written here of *state*."""
        if os.environ.get("TVASTEG_UPDATE_HEARD"):
            pages = {name: page for name, page in self.pages().items() if name in self.states}
            pages[state] = lines
            chapters = ["\n".join([f"# {name}", *page]) for name, page in sorted(pages.items())]
            self.path.write_text("\n\n".join(chapters) + "\n", "utf-8")
        difference = list(unified_diff(self.pages()[state], lines, lineterm=""))
        assert difference == [], "\n".join(difference)


# One visit

_ONLY_WHERE_WIDE = re.compile(r' *button "Visa koden \w+"(?: \[pressed\])?')
"""There is no room for a larger QR code on a narrow screen."""


def expect_sound_in_every_window(
    page: Page, service: FakeService, site: str, book: Book, state: str
) -> None:
    """Look at one *state* of *book*: wide, lying, narrow, forced, on paper, by Tab, in every language."""
    offer_every_language(service)
    WIDE.open_on(page)
    book.states[state](page, service, site, "?tenant=cozone&lang=sv")
    screen, focus = page.evaluate(_WHERE)
    shows = ", ".join(page.evaluate(MARKS, None))
    swedish = heard(page)
    known = [page.title(), f"screen {screen}", f"focus on {focus}", f"shows {shows}"]
    book.expect(state, [*known, *swedish])
    expect_sound(page, "sv")
    expect_way_for_keyboards(page)
    expect_forced_colours_to_do(page)
    expect_nothing_secret_on_paper(page)
    with written_by(page, _TWICE_AS_LARGE):
        expect_room(page)
    LYING.open_on(page)
    expect_room(page)
    NARROW.open_on(page)
    expect_sound(page, "sv")
    expect_room(page)
    with written_by(page, _SPACED_OUT):
        expect_room(page)
    take_pictures(page, book.name, state, "sv")
    narrow = [line for line in swedish if not _ONLY_WHERE_WIDE.fullmatch(line)]
    for language in OFFERED[1:]:
        choose(page, language)
        # Colours are the same in every language, and take the longest to look at.
        expect_sound(page, language, with_colours=False)
        expect_room(page)
        with written_by(page, _SPACED_OUT):
            expect_room(page)
        difference = list(unified_diff(shape(narrow), shape(heard(page)), lineterm=""))
        assert difference == [], "\n".join([language, *difference])
        take_pictures(page, book.name, state, language)


def choose(page: Page, language: str) -> None:
    """Choose *language*, also where a dialog lies over the links."""
    page.locator(f'#languages [lang="{language}"]').evaluate("(link) => link.click()")
    expect(page.locator("html")).to_have_attribute("lang", language)


def expect_sound_when_come_to(page: Page, service: FakeService, site: str, show: Show, window: str) -> None:
    """Let *show* come to a state in *window*, and expect it to be sound there, in dark and in light."""
    offer_every_language(service)
    language, view = WINDOWS[window]
    view.open_on(page)
    show(page, service, site, f"?tenant=cozone&lang={language}")
    expect_sound(page, language)
    expect_room(page)
    replace(view, scheme="light" if view.scheme == "dark" else "dark").open_on(page)
    expect_sound(page, language)
