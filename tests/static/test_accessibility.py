"""What everybody can rely on besides: titles, a focus that is seen, nothing that acts by itself, paper."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.static.desk import open_page, write
from tests.static.fake_help_desk import RESET_CODE, STAFF, FakeHelpDesk
from tests.static.fake_service import KEY, RIGHT_CODE, in_minutes
from tests.static.looks import MARKS, OFFERED, Book
from tests.static.pixels import picture, pixels_that_stand_out
from tests.static.screens import (
    asked_for_the_code,
    at_the_codes,
    expect_screen,
    open_at,
    press,
)
from tests.static.test_account_looks import BOOK as ACCOUNT
from tests.static.test_hand_off import BOOK as HAND_OFF
from tests.static.test_help_desk_looks import BOOK as HELP_DESK_BOOK
from tests.static.test_help_desk_texts import INDEX as HELP_DESK
from tests.static.test_help_desk_texts import words as help_desk_words
from tests.static.test_journey_looks import BOOK as JOURNEY
from tests.static.test_statement import BOOK as STATEMENT_BOOK
from tests.static.test_statement import MARKUP as STATEMENT
from tests.static.texts import MARKUP, keys_in, languages, words
from tests.support.paper import letters_on_paper
from tests.support.static_site import STATIC_FOLDER

WIZARD_BOOKS = (JOURNEY, ACCOUNT, HAND_OFF)
BOOKS = (*WIZARD_BOOKS, HELP_DESK_BOOK, STATEMENT_BOOK)


@pytest.fixture
def service() -> FakeHelpDesk:
    """The API of both pages, for a user of the portal."""
    return FakeHelpDesk(role="user", username="anna@firma.se")


# What is looked at


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_a_book_tells_of_the_states_that_there_are(book: Book) -> None:
    """Of all of them, and of none that is gone."""
    assert book.pages().keys() == book.states.keys()


@pytest.mark.parametrize(
    ("markup", "books"),
    [(MARKUP, WIZARD_BOOKS), (HELP_DESK, [HELP_DESK_BOOK]), (STATEMENT, [STATEMENT_BOOK])],
    ids=["wizard", "help desk", "statement"],
)
def test_whatever_can_stand_on_a_page_is_looked_at_in_some_state(
    page: Page, markup: str, books: list[Book]
) -> None:
    """Each text of each template under each condition, by what the books tell of."""
    seen = {
        mark
        for book in books
        for _title, _screen, _focus, shows, *_ in book.pages().values()
        for mark in shows.removeprefix("shows ").split(", ")
    }
    assert set(page.evaluate(MARKS, markup)) - seen == set()


# Titles


def test_no_two_screens_have_the_same_title() -> None:
    """In Swedish, by what was heard in every state; an error only comes before it."""
    screens: dict[str, set[str]] = defaultdict(set)
    for book in BOOKS:
        page = "help-desk" if book is HELP_DESK_BOOK else "wizard"
        for title, screen, *_ in book.pages().values():
            screens[title.removeprefix("Fel: ")].add(f"{page}, {screen}")
    assert {title: shown for title, shown in screens.items() if len(shown) > 1} == {}
    assert len(screens) > 40


def headings_in(markup: str, texts: dict[str, str]) -> list[str]:
    """Return the keys of all first headings: those in *markup*, and those of screens that have stopped."""
    first = "".join(re.findall(r"<h1[^>]*>.*?</h1>", markup))
    return sorted(keys_in(first) - {"step"} | {key for key in texts if re.fullmatch(r"stopped\.\w+", key)})


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(
    ("markup", "texts"), [(MARKUP, words), (HELP_DESK, help_desk_words)], ids=["wizard", "help desk"]
)
def test_headings_that_differ_in_swedish_differ_in_every_language(
    markup: str, texts: Callable[[str], dict[str, str]], language: str
) -> None:
    """So titles, which are made of them, differ too."""
    swedish, other = texts("sv"), texts(language)
    headings = headings_in(markup, swedish)
    assert len(headings) >= 10
    meant: dict[str, set[str]] = defaultdict(set)
    for key in headings:
        meant[other[key]].add(swedish[key])
    assert {text: several for text, several in meant.items() if len(several) > 1} == {}


# Focus

AROUND = 10
"""How many pixels around a control its ring may take."""
CONTROLS = {
    "verify": [
        "#languages a",
        "#otp",
        "#remember",
        'main [data-action="confirm"]',
        'main [data-action="sign-out"]',
        "main summary",
        "#statement",
    ],
    "users": ["#search", ".chip:nth-child(2)", "table.users a", '.who [data-action="sign-out"]'],
    "reset": [".way-back a", "#check-bankid", "#reason", "#cancel"],
}


def show_controls(page: Page, service: FakeHelpDesk, site: str, screen: str) -> None:
    """Come to *screen*."""
    if screen == "verify":
        service.tenant["policy"]["remember_days"] = 30
        asked_for_the_code(page, service, site)
        return
    service.sign_in_as_staff(role="help_desk", username=STAFF)
    open_page(page, site, "#users" if screen == "users" else "#user/id-anna/reset", screen)


@pytest.mark.requirement("W5")
@pytest.mark.parametrize("screen", CONTROLS)
@pytest.mark.parametrize("theme", ["light", "dark", "forced"])
def test_what_has_the_focus_is_seen_to_have_it(
    page: Page, service: FakeHelpDesk, site: str, screen: str, theme: Any
) -> None:
    """A ring of two pixels or more goes all around, which differs from what was there as shapes have to."""
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.emulate_media(
        color_scheme="dark" if theme == "dark" else "light",
        forced_colors="active" if theme == "forced" else "none",
    )
    show_controls(page, service, site, screen)
    for selector in CONTROLS[screen]:
        control = page.locator(selector).first
        seen = control.locator("xpath=ancestor-or-self::*[self::label or not(ancestor::label)][1]")
        seen.scroll_into_view_if_needed()
        box = seen.bounding_box()
        assert box is not None, selector
        clip = {
            "x": box["x"] - AROUND,
            "y": box["y"] - AROUND,
            "width": box["width"] + 2 * AROUND,
            "height": box["height"] + 2 * AROUND,
        }
        page.evaluate("() => document.activeElement.blur()")
        before = picture(page, clip)
        control.evaluate("(element) => element.focus({ focusVisible: true, preventScroll: true })")
        ring = pixels_that_stand_out(page, before, picture(page, clip))
        assert ring >= 2 * 2 * (box["width"] + box["height"]), selector


# Nothing acts by itself


@pytest.mark.requirement("W1")
def test_writing_and_choosing_change_no_screen_and_ask_nobody(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Six digits stay in their field until the button is pressed; a phone is only chosen (3.2.2)."""
    open_at(page, site, "code", service)
    asked, address = len(service.requests), page.url
    page.locator("#otp").press_sequentially(RIGHT_CODE)
    page.wait_for_timeout(300)
    expect(page.locator("#otp")).to_be_focused()
    assert (len(service.requests), page.url) == (asked, address)
    page.go_back()
    open_at(page, site, "phone", service, "?again")
    asked, address = len(service.requests), page.url
    page.check("#phone-iphone")
    page.check("#phone-android")
    page.wait_for_timeout(300)
    expect_screen(page, "phone")
    assert (len(service.requests), page.url) == (asked, address)


# Words of other languages


def test_app_words_are_in_the_language_of_the_page() -> None:
    """So none of them needs a mark that it is English (3.1.2): names of products need none in any case."""
    english = words("ga.en")
    for language in set(languages()) - {"en"}:
        theirs = words(f"ga.{language}")
        same = [name for name in theirs if not name.startswith("checked") and theirs[name] == english[name]]
        assert same == [], language


@pytest.mark.parametrize("page", ["index.html", "help-desk/index.html", "accessibility/index.html"])
def test_whatever_stands_in_a_page_itself_is_marked_with_its_language(page: str) -> None:
    """For the case that no script comes: the page says that it is Swedish, and then the others follow."""
    markup = (STATIC_FOLDER / page).read_text("utf-8")
    assert '<html lang="sv">' in markup
    for place in (r"<noscript>.*?</noscript>", r'<div class="late".*?</div>'):
        (said,) = re.findall(place, markup, re.DOTALL)
        marks = re.findall(r"<(?:h1|h2|p)(?: lang=\"(\w+)\")?>", said)
        assert marks == [mark for language in OFFERED for mark in [language.replace("sv", "")] * 2]


# Paper


def squeezed(text: str) -> str:
    """Return *text* without gaps, as letters are found on paper."""
    return re.sub(r"[\s\u2060]", "", text)


@pytest.mark.requirement("S8")
def test_a_sheet_of_paper_holds_no_key(page: Page, service: FakeHelpDesk, site: str) -> None:
    """Of the screen with the QR code, with everything unfolded and the key copied: words alone."""
    open_at(page, site, "app", service)
    page.click("main summary")
    press(page, "copy-key")
    assert squeezed(page.locator("#key").inner_text()) == KEY
    letters = letters_on_paper(page.pdf())
    assert squeezed(words("sv")["setup.heading"]) in letters
    assert squeezed(words("sv")["print.note"]) in letters
    assert KEY not in letters
    assert KEY[:8] not in letters


@pytest.mark.requirement("S8")
def test_a_sheet_of_paper_holds_no_code(page: Page, service: FakeHelpDesk, site: str) -> None:
    """Neither the one that is typed nor the one that the help desk reads out."""
    open_at(page, site, "code", service)
    page.fill("#otp", RIGHT_CODE)
    assert RIGHT_CODE not in letters_on_paper(page.pdf())
    service.sign_in_as_staff(role="help_desk", username=STAFF)
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    press(page, "reset")
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    letters = letters_on_paper(page.pdf())
    assert squeezed(help_desk_words("sv")["reset_done.heading"]) in letters
    assert RESET_CODE not in letters
    assert help_desk_words("sv")["spelling"].split()[5] not in letters


@pytest.mark.requirement("R7")
def test_recovery_codes_are_the_one_secret_to_print(page: Page, service: FakeHelpDesk, site: str) -> None:
    """All ten of them, with whose they are."""
    codes = at_the_codes(page, service, site)
    letters = letters_on_paper(page.pdf())
    assert [code for code in codes if code not in letters] == []
    assert "anna@firma.se" in letters


# Errors


@pytest.mark.requirement("W4")
def test_an_error_is_told_once(page: Page, service: FakeHelpDesk, site: str) -> None:
    """As an alert that takes the focus: the live region says nothing of its own then."""
    open_at(page, site, "code", service)
    service.refuse_next(
        "POST /api/enrolment/confirmation", 429, "too_many_attempts", retry_at=in_minutes(2)
    )
    page.fill("#otp", "111222")
    press(page, "confirm")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.locator("#live")).to_be_empty()
    expect(page.get_by_role("alert")).to_have_count(1)
