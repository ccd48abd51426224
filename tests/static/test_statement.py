"""The accessibility statement: found from every page, in its language, and no better than the truth."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.docs.pages import DOCS, table
from tests.static.fake_service import FakeService
from tests.static.looks import (
    Book,
    every_window,
    expect_sound_in_every_window,
    expect_sound_when_come_to,
    offer_every_language,
    shown_by,
)
from tests.static.screens import expect_screen, open_at
from tests.static.texts import keys_in, languages, placeholders, words
from tests.support.static_site import STATIC_FOLDER

FOLDER = STATIC_FOLDER / "accessibility"
SCRIPT = (FOLDER / "statement.js").read_text("utf-8")
MARKUP = (FOLDER / "index.html").read_text("utf-8")


def show_statement(page: Page, _service: FakeService, site: str, query: str) -> None:
    """Of a portal."""
    page.goto(f"{site}/accessibility/{query}")
    expect_screen(page, "statement")


def show_statement_alone(page: Page, service: FakeService, site: str, query: str) -> None:
    """Of a portal that nobody knows."""
    service.refuse_next("GET /api/tenant", 404, "not_found")
    show_statement(page, service, site, query)


BOOK = Book("statement", shown_by(globals()))


@pytest.mark.requirement("W5", "W7")
@pytest.mark.parametrize("state", BOOK.states)
def test_every_state_is_sound_in_every_window(
    page: Page, service: FakeService, site: str, state: str
) -> None:
    """For eyes, ears and hands, on glass and on paper, in every language."""
    expect_sound_in_every_window(page, service, site, BOOK, state)


@pytest.mark.soak
@every_window
@pytest.mark.parametrize("state", BOOK.states)
def test_every_state_is_sound_when_it_is_come_to_in_each_window(
    page: Page, service: FakeService, site: str, state: str, window: str
) -> None:
    """Not only when a window, its colours or the language are changed afterwards."""
    expect_sound_when_come_to(page, service, site, BOOK.states[state], window)


def test_it_is_found_at_the_foot_of_a_step_and_opens_beside_it(
    page: Page, service: FakeService, site: str
) -> None:
    """In the language of the page; what was typed there stays, and recovery codes would be void."""
    page.context.route("**/api/**", service.answer)
    open_at(page, site, "code", service, "?lang=en")
    page.fill("#otp", "0123")
    with page.expect_popup() as opened:
        page.get_by_role("link", name=words("en")["support.accessibility"]).click()
    statement = opened.value
    expect_screen(statement, "statement")
    assert statement.url == f"{site}/accessibility/?tenant=cozone&lang=en"
    assert statement.evaluate("window.opener") is None
    expect(statement.locator("html")).to_have_attribute("lang", "en")
    expect(statement.locator("h1")).to_have_text(words("accessibility.en")["statement.heading"])
    expect(statement.locator("footer")).to_contain_text("2FA_SEsupport@azets.com")
    statement.close()
    expect_screen(page, "code")
    expect(page.locator("#otp")).to_have_value("0123")


def test_the_language_changes_in_place_and_is_kept(page: Page, service: FakeService, site: str) -> None:
    """As everywhere else."""
    offer_every_language(service)
    show_statement(page, service, site, "?lang=sv")
    expect(page.locator(".hint")).to_contain_text("26\u00a0november 2026")
    page.click('#languages [lang="fi"]')
    expect(page.locator("h1")).to_have_text(words("accessibility.fi")["statement.heading"])
    expect(page.locator(".hint")).to_contain_text("26.\u00a0marraskuuta 2026")
    expect(page.locator("#languages a").first).to_be_focused()
    page.goto(f"{site}/accessibility/")
    expect(page.locator("html")).to_have_attribute("lang", "fi")


def test_it_is_there_without_the_service(new_page: Page, service: FakeService, site: str) -> None:
    """Whoever cannot use the product can still read whom to tell."""
    new_page.clock.install()
    for _ in range(3):
        service.lose_next("GET /api/tenant")
    new_page.goto(f"{site}/accessibility/?lang=sv")
    for _ in range(3):
        new_page.clock.run_for(3_000)
        new_page.wait_for_timeout(100)
    expect_screen(new_page, "statement")
    expect(new_page.locator("main")).to_contain_text(
        words("accessibility.sv")["statement.barrier.elsewhere"]
    )
    expect(new_page.locator("main")).to_contain_text(
        words("accessibility.sv")["statement.untested.others.unknown"]
    )
    assert "Tvåsteg" not in new_page.locator("main").inner_text()
    expect(new_page.locator("footer")).to_be_hidden()


@pytest.mark.parametrize("language", languages())
def test_every_language_says_the_same(language: str) -> None:
    """All that the page names, and nothing else."""
    swedish, other = words("accessibility.sv"), words(f"accessibility.{language}")
    own = {key for key in keys_in(MARKUP) if key.startswith("statement.")}
    assert list(other) == list(swedish)
    assert set(other) == own
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in swedish.items()
    }
    assert language == "sv" or not set(other.values()) & set(swedish.values())


NOBODY_YET = {"sv": "Ingen har ännu", "en": "Nobody has", "nb": "Ingen har ennå", "da": "Ingen har endnu"}
NOBODY_YET["fi"] = "Kukaan ei ole vielä"


@pytest.mark.parametrize("language", languages())
def test_it_admits_that_nobody_went_by_the_script_for_as_long_as_nobody_has(language: str) -> None:
    """The runs are noted in docs/accessibility.md: the first one makes this text untrue."""
    runs = table("## Runs of the script", DOCS / "accessibility.md")
    has_run = any(run["Result"] != "not run yet" for run in runs)
    admits = words(f"accessibility.{language}")["statement.untested.people"].startswith(
        NOBODY_YET[language]
    )
    assert admits is not has_run


def test_its_day_is_the_one_on_which_the_checklist_was_held_against_the_tests() -> None:
    """Who changes the one thinks of the other."""
    stated = re.search(r"new Date\('(\d{4}-\d\d-\d\d)T", SCRIPT)
    noted = re.search(
        r"held against the tests on (\d{4}-\d\d-\d\d)", (DOCS / "accessibility.md").read_text("utf-8")
    )
    assert stated is not None
    assert noted is not None
    assert stated[1] == noted[1]
