"""The help desk's page: finding a user, resetting and unlocking them, for eyes, ears and keyboards."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.static.desk import names, open_page, sign_in, write
from tests.static.fake_help_desk import (
    PAGE_USERS,
    REASON,
    RESET_CODE,
    STAFF,
    TICKET,
    FakeHelpDesk,
    event,
    user,
)
from tests.static.fake_service import PASSWORD, RIGHT_CODE, in_minutes
from tests.static.screens import (
    EMPTY_STORAGE_AT_SIGN_OUT,
    enter_code,
    expect_refusal,
    expect_screen,
    press,
)
from tests.static.test_help_desk_texts import words

RESET = "POST /api/help-desk/reset"
UNLOCK = "POST /api/help-desk/unlock"
USERS = "GET /api/help-desk/users"
COUNTS = "GET /api/help-desk/counts"


@pytest.fixture
def service() -> FakeHelpDesk:
    """The stand-in for the API, signed out."""
    return FakeHelpDesk()


# Coming in


def test_staff_come_in_by_keyboard_alone_and_land_where_they_wanted(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Password, then a code: the address says all the while where to."""
    service.second_factor = "active"
    open_page(page, site, "#user/id-anna", "sign-in")
    page.focus("#username")
    page.keyboard.type(STAFF)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect_screen(page, "code")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("012 345")
    page.keyboard.press("Enter")
    expect_screen(page, "user")
    expect(page.locator("h1")).to_contain_text("anna@firma.se")
    expect(page.locator("h1")).to_be_focused()
    expect(page).to_have_title("Om användaren \u2013 Support för Azets Cozone")
    expect(page.locator("#who")).to_contain_text(STAFF)
    assert service.calls("POST /api/help-desk/session")[0].post_data_json == {
        "tenant": "cozone",
        "username": STAFF,
        "password": PASSWORD,
    }


@pytest.mark.requirement("E11")
def test_who_has_no_second_factor_is_led_to_the_wizard_first(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """And sees nobody until then."""
    open_page(page, site, "#user/id-anna", "sign-in", "?tenant=cozone&lang=en")
    sign_in(page)
    expect_screen(page, "set-up")
    expect(page.locator("main a.button")).to_have_attribute("href", "/?tenant=cozone&lang=en")
    assert service.calls("GET /api/help-desk/user") == []


def test_a_locked_out_member_of_staff_is_told_whom_to_ask(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    service.second_factor = "active"
    open_page(page, site, "", "sign-in")
    sign_in(page)
    service.refuse_next("POST /api/verification", 423, "authenticator_disabled")
    enter_code(page, "111222")
    expect_screen(page, "own-disabled")


def test_a_user_of_the_portal_is_not_let_in(page: Page, service: FakeHelpDesk, site: str) -> None:
    """The same cookie serves both pages: somebody may be signed in who has no business here."""
    service.sign_in_as_staff(role="user", username="anna@firma.se")
    open_page(page, site, "#users", "sign-in")
    expect(page.locator("main .note")).to_contain_text("anna@firma.se")
    expect(page.locator("#who")).to_be_hidden()
    sign_in(page)
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "users")


def test_a_wrong_pair_is_told_as_one_and_a_wait_with_its_end(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    open_page(page, site, "", "sign-in")
    sign_in(page, password="wrong")
    expect_refusal(page, words("sv")["problem.password_mismatch"])
    expect(page.locator("#current-password")).to_have_value("")
    expect(page.locator("#username")).to_have_value(STAFF)
    service.refuse_next("POST /api/help-desk/session", 429, "too_many_attempts", retry_at=in_minutes(9))
    sign_in(page)
    expect(page.locator(".summary")).to_contain_text(
        re.compile(r"logga in\. Försök igen .*kl\.\s\d\d:\d\d$")
    )


def test_the_end_of_a_wait_is_told_until_the_next_error_and_leaves_a_newer_one_alone(
    new_page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Each has nothing to do with the other."""
    new_page.clock.install()
    open_page(new_page, site, "", "sign-in")
    call = "POST /api/help-desk/session"
    service.refuse_next(call, 429, "too_many_attempts", retry_at=in_minutes(2))
    sign_in(new_page)
    expect_refusal(new_page, "För många felaktiga försök")
    new_page.clock.run_for(2 * 60_000 + 1_000)
    expect(new_page.locator("main .over")).to_have_text(words("sv")["status.wait_over"])
    service.refuse_next(call, 429, "too_many_attempts", retry_at=in_minutes(9))
    sign_in(new_page)
    expect_refusal(new_page, "För många felaktiga försök")
    expect(new_page.locator("main .over")).to_have_count(0)
    sign_in(new_page, password="")
    expect_refusal(new_page, words("sv")["password.empty"])
    new_page.clock.run_for(9 * 60_000)
    expect_refusal(new_page, words("sv")["password.empty"])


def test_the_end_of_a_session_leads_to_the_sign_in_and_back(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Nothing of a user stays on the page meanwhile."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    service._sign_out({})
    press(page, "refresh")
    expect_screen(page, "sign-in")
    expect(page.locator("main .note")).to_have_text(words("sv")["sign_in.ended"])
    assert "anna@" not in page.content()
    sign_in(page)
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "user")


def test_signing_out_forgets_whom_they_looked_at(page: Page, service: FakeHelpDesk, site: str) -> None:
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    page.click('#who [data-action="sign-out"]')
    expect_screen(page, "sign-in")
    expect(page.locator("#live")).to_have_text(words("sv")["status.signed_out"])
    assert len(service.calls("DELETE /api/session")) == 1
    assert page.url.endswith("#users")
    assert "anna@" not in page.content()


def test_the_language_outlives_the_sign_out(new_page: Page, service: FakeHelpDesk, site: str) -> None:
    """Which empties the storage of the site."""
    new_page.add_init_script(EMPTY_STORAGE_AT_SIGN_OUT)
    service.sign_in_as_staff()
    open_page(new_page, site)
    new_page.click('[data-action="language"]')
    expect(new_page.locator("html")).to_have_attribute("lang", "en")
    new_page.click('#who [data-action="sign-out"]')
    expect_screen(new_page, "sign-in")
    assert new_page.evaluate("localStorage.language") == "en"


@pytest.mark.requirement("W2")
def test_two_minutes_before_the_end_one_press_gives_more_time(
    new_page: Page, service: FakeHelpDesk, site: str
) -> None:
    new_page.clock.install()
    service.sign_in_as_staff()
    open_page(new_page, site, "#user/id-anna/reset", "reset")
    new_page.fill("#reason", REASON)
    new_page.clock.run_for(13 * 60_000 + 5_000)
    expect(new_page.locator("dialog")).to_be_visible()
    service.idle_minutes += 13 + 5 / 60
    new_page.click('dialog [data-action="stay"]')
    expect(new_page.locator("dialog")).to_be_hidden()
    expect(new_page.locator("#reason")).to_have_value(REASON)
    service._sign_out({})
    new_page.clock.run_for(15 * 60_000 + 2_000)
    expect_screen(new_page, "sign-in")


@pytest.mark.requirement("W2")
def test_a_session_is_not_asked_about_before_it_is_surely_over(
    new_page: Page, service: FakeHelpDesk, site: str
) -> None:
    """At its very end it still is not over, and asking would be using it."""
    new_page.clock.install()
    service.ends_at = in_minutes(15)
    service.sign_in_as_staff()
    open_page(new_page, site, "#user/id-anna", "user")
    new_page.clock.pause_at(service.ends_at)
    expect(new_page.locator("dialog")).to_be_visible()
    asked = len(service.calls("GET /api/session"))
    new_page.clock.run_for(4_000)
    new_page.wait_for_timeout(100)
    assert len(service.calls("GET /api/session")) == asked
    service._sign_out({})
    new_page.clock.run_for(2_000)
    expect_screen(new_page, "sign-in")
    expect(new_page.locator("dialog")).to_be_hidden()


# Finding somebody


def test_the_list_says_how_far_everybody_is(page: Page, service: FakeHelpDesk, site: str) -> None:
    """Counts on top, and each status as a word with a sign of its own."""
    service.sign_in_as_staff()
    open_page(page, site)
    expect(page.locator("#counts")).to_have_text("Klara: 1 av 5. Spärrade: 1.")
    row = page.get_by_role("row", name=re.compile("david@firma.se"))
    expect(row.get_by_role("cell").first).to_contain_text("Spärrad")
    expect(row.locator("svg.sign use")).to_have_attribute("href", "#sign-disabled")
    signs = page.locator("table.users use").evaluate_all(
        "(all) => all.map((use) => use.getAttribute('href'))"
    )
    assert len(set(signs)) == 5
    shown = page.locator("#result").aria_snapshot()
    assert shown.startswith('- table "Alla användare, efter namn 5 visas"')
    assert "- rowheader" in shown
    assert "- columnheader" in shown


def test_counts_are_asked_for_once_and_again_after_what_changes_them(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Not at every search: each count reads its part of a long list."""
    service.sign_in_as_staff()
    open_page(page, site)
    expect(page.locator("#counts")).to_have_text("Klara: 1 av 5. Spärrade: 1.")
    page.fill("#search", "carl")
    press(page, "search")
    expect(page.locator("table.users tbody tr")).to_have_count(1)
    page.locator("#filter a", has_text="Påbörjad (1)").last.click()
    page.wait_for_url("**/*#users/begun")
    assert len(service.calls(COUNTS)) == 1
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    press(page, "reset")
    expect_screen(page, "reset-done")
    press(page, "done")
    expect_screen(page, "user")
    page.click(".way-back a")
    expect(page.locator("#counts")).to_have_text("Klara: 0 av 5. Spärrade: 1.")


def test_of_very_many_users_is_said_that_they_are_more(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    service.more_than = ["enrolled", "total"]
    service.sign_in_as_staff()
    open_page(page, site)
    expect(page.locator("#counts")).to_have_text("Klara: mer än 1 av mer än 5. Spärrade: 1.")
    expect(page.locator("#filter a").first).to_have_text("Alla (mer än 5)")
    page.click("#languages a")
    expect(page.locator("#counts")).to_have_text("Done: more than 1 of more than 5. Blocked: 1.")


def test_the_list_does_without_counts_that_cannot_be_had(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    service.refuse_next(COUNTS, 500, "internal_error")
    service.sign_in_as_staff()
    open_page(page, site)
    assert len(names(page)) == 5
    expect(page.locator("#counts")).to_be_empty()
    expect(page.locator("#filter a").first).to_have_text("Alla")
    chip = page.locator("#filter a", has_text="Spärrad")
    chip.click()
    expect(page.locator("#counts")).to_have_text("Klara: 1 av 5. Spärrade: 1.")
    expect(chip).to_be_focused()


def test_a_filter_shows_one_status_and_can_be_linked_to(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """The chip keeps the focus, and the number found is said."""
    service.sign_in_as_staff()
    open_page(page, site)
    chip = page.locator("#filter a", has_text="Spärrad")
    chip.click()
    expect(page.locator("table.users tbody tr")).to_have_count(1)
    assert names(page) == ["david@firma.se"]
    expect(chip).to_be_focused()
    expect(chip).to_have_attribute("aria-current", "true")
    expect(page.locator("#filter a", has_text="Alla")).not_to_have_attribute("aria-current", "true")
    expect(page.locator("#live")).to_have_text("1 visas")
    assert page.url.endswith("#users/disabled")
    page.reload()
    expect(page.locator("table.users tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("table.users tbody tr")).to_have_count(5)


def test_names_are_searched_for_by_their_beginning(page: Page, service: FakeHelpDesk, site: str) -> None:
    """By the server; the name stands in no address of the page."""
    service.sign_in_as_staff()
    open_page(page, site)
    page.fill("#search", "  carl@ ")
    page.keyboard.press("Enter")
    expect(page.locator("table.users tbody tr")).to_have_count(1)
    expect(page.locator("#search")).to_be_focused()
    assert service.calls(USERS)[-1].url.endswith("?search=carl%40")
    assert "carl" not in page.url
    page.click("table.users a")
    expect_screen(page, "user")
    page.click(".way-back a")
    expect(page.locator("#search")).to_have_value("carl@")
    assert names(page) == ["carl@firma.se"]


def test_a_reference_leads_straight_to_its_user(page: Page, service: FakeHelpDesk, site: str) -> None:
    """As read out from the foot of the user's page, in any case and with spaces."""
    service.sign_in_as_staff()
    open_page(page, site)
    page.fill("#search", " 7F3C 9ABC")
    press(page, "search")
    expect_screen(page, "user")
    expect(page.locator("h1")).to_contain_text("anna@firma.se")
    assert page.url.endswith("#user/id-anna")
    page.go_back()
    expect_screen(page, "users")


def test_what_looks_like_a_reference_may_be_a_name(page: Page, service: FakeHelpDesk, site: str) -> None:
    """And what is neither is told as both."""
    service.users.append(user("deadbeef@firma.se"))
    service.sign_in_as_staff()
    open_page(page, site)
    page.fill("#search", "deadbeef")
    press(page, "search")
    expect(page.locator("table.users tbody tr")).to_have_count(1)
    page.fill("#search", "0123abcd")
    press(page, "search")
    expect(page.locator("#result")).to_contain_text("sju dagarna har referensen 0123abcd")


def test_a_reference_of_a_busy_portal_is_told_as_not_among_the_latest(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """And is looked for as a name all the same."""
    service.sign_in_as_staff()
    open_page(page, site)
    service.refuse_next("GET /api/help-desk/user", 404, "search_unfinished")
    page.fill("#search", "0123abcd")
    press(page, "search")
    expect(page.locator("#result")).to_contain_text(words("sv")["problem.search_unfinished"])
    assert service.calls(USERS)[-1].url.endswith("?search=0123abcd")


def test_fifty_at_a_time_and_more_on_request(page: Page, service: FakeHelpDesk, site: str) -> None:
    """The reader goes on at the first new one."""
    service.users = [user(f"kund.{number:03}@firma.se") for number in range(120)]
    service.sign_in_as_staff()
    open_page(page, site)
    expect(page.locator("#shown")).to_have_text("50 visas, det finns fler")
    press(page, "more")
    expect(page.locator("table.users tbody tr")).to_have_count(2 * PAGE_USERS)
    expect(page.locator("table.users a").nth(PAGE_USERS)).to_be_focused()
    expect(page.locator("#live")).to_have_text("100 visas, det finns fler")
    press(page, "more")
    expect(page.locator("#shown")).to_have_text("120 visas")
    expect(page.locator("#more")).to_be_hidden()
    assert len(set(names(page))) == 120


def test_an_empty_list_says_why_and_what_next(page: Page, service: FakeHelpDesk, site: str) -> None:
    service.sign_in_as_staff()
    open_page(page, site, "#users/reset")
    page.fill("#search", "zz")
    press(page, "search")
    expect(page.locator("#result")).to_contain_text("med statusen Nollställd börjar på zz")
    press(page, "show-all")
    expect(page.locator("table.users tbody tr")).to_have_count(5)
    expect(page.locator("#search")).to_have_value("")
    service.users.clear()
    open_page(page, site)
    expect(page.locator("#result")).to_have_text(words("sv")["users.none"])


def test_a_list_that_cannot_be_had_says_so_and_can_be_asked_for_again(
    new_page: Page, service: FakeHelpDesk, site: str
) -> None:
    new_page.clock.install()
    service.sign_in_as_staff()
    for _ in range(3):
        service.refuse_next(USERS, 503, "service_unavailable")
    new_page.goto(f"{site}/help-desk/")
    for _ in range(3):
        new_page.clock.run_for(3_000)
        new_page.wait_for_timeout(100)
    expect_screen(new_page, "stopped")
    expect(new_page.locator(".lead")).to_have_text(words("sv")["problem.service_unavailable"])
    press(new_page, "retry")
    expect_screen(new_page, "users")


# One user


def test_a_user_is_shown_with_all_that_helps_and_nothing_that_opens(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Phones, waits, codes left, browsers and events in words; addresses only in part."""
    service.details["id-anna"] = {"waiting_until": in_minutes(25)}
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    main = page.locator("main")
    expect(main).to_contain_text("Aktiv")
    expect(main).to_contain_text(
        re.compile(r"Användaren får vänta till .*kl\.\s\d\d:\d\d efter felaktiga koder")
    )
    expect(page.locator("#authenticators tbody tr").first).to_contain_text("Google Authenticator")
    expect(page.locator("#authenticators tbody tr").last).to_contain_text("Aldrig")
    expect(page.locator("#facts")).to_contain_text("a***@firma.se")
    expect(page.locator("#facts")).to_contain_text("Återställningskoder kvar6")
    told = page.locator(".events li").nth(2)
    expect(told).to_contain_text(f"Av supporten ({STAFF})")
    expect(told).to_contain_text("Ärende: INC-4700")
    expect(told).to_contain_text(re.compile(r"25.november 2026 kl\..14:32"))
    assert page.locator("main input, main textarea").count() == 0


def test_recovery_codes_that_are_blocked_are_not_counted(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Else the help desk would send their user to them."""
    service.details["id-anna"] = {"recovery_codes_left": 8, "recovery_codes_disabled": True}
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    expect(page.locator("#facts")).to_contain_text(
        f"Återställningskoder kvar{words('sv')['facts.recovery_codes_disabled']}"
    )


def test_an_event_without_words_of_its_own_gets_a_plain_sentence(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """A newer service tells an older page of something new."""
    service.details["id-anna"] = {"events": [event("moon.landed", by="martian")]}
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    expect(page.locator(".events .what")).to_have_text("Något hände som sidan saknar ord för (moon.landed)")


@pytest.mark.parametrize("name", ["berit", "carl"])
def test_who_has_nothing_to_reset_is_offered_none(
    page: Page, service: FakeHelpDesk, site: str, name: str
) -> None:
    service.sign_in_as_staff()
    open_page(page, site, f"#user/id-{name}", "user")
    expect(page.locator("#to-reset")).to_have_count(0)
    expect(page.locator("#to-unlock")).to_have_count(1)


def test_a_user_who_is_gone_is_told_as_such(page: Page, service: FakeHelpDesk, site: str) -> None:
    service.sign_in_as_staff()
    open_page(page, site, "#user/nobody", "stopped")
    expect(page.locator("h1")).to_have_text(words("sv")["stopped.missing"])
    page.click('main [data-link="list"]')
    expect_screen(page, "users")


# Reset


@pytest.mark.requirement("E11", "W7")
def test_a_reset_asks_for_check_reason_and_ticket_and_shows_its_code_once(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """The effects stand above the form; the code is gone with the view."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    page.click("#to-reset")
    expect_screen(page, "reset")
    effects = page.locator("main .note")
    for effect in ("loggas ut överallt", "Återställningskoder", "a***@firma.se", "ställa in allt igen"):
        expect(effects).to_contain_text(effect)
    press(page, "reset")
    for key in ("identity_check.empty", "reason.empty", "ticket.empty"):
        expect_refusal(page, words("sv")[key])
    page.check("#check-bankid")
    page.fill("#reason", "   stulen  ")
    page.fill("#ticket", "x" * 61)
    press(page, "reset")
    expect_refusal(page, words("sv")["reason.short"])
    expect_refusal(page, words("sv")["ticket.long"])
    expect(page.locator("#reason")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#reason")).to_have_accessible_description(re.compile("minst 10 tecken"))
    assert service.calls(RESET) == []
    write(page, "bankid")
    press(page, "reset")
    expect_screen(page, "reset-done")
    expect(page.locator("h1")).to_be_focused()
    assert service.calls(RESET)[0].post_data_json == {
        "user": "id-anna",
        "identity_check": "bankid",
        "reason": REASON,
        "ticket": TICKET,
    }
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    expect(page.locator("#spelled")).to_have_text("4 Filip 9 Kalle \u2013 Adam 7 Qvintus Xerxes")
    expect(page.locator(".until")).to_have_text(
        re.compile(r"^Fungerar till \d+.\w+ \d{4} kl\..\d\d:\d\d\.$")
    )
    press(page, "done")
    expect_screen(page, "user")
    expect(page.locator("main")).to_contain_text("Nollställd")
    assert RESET_CODE not in page.content()


@pytest.mark.requirement("S8", "B47")
def test_the_code_is_nowhere_but_on_the_screen(
    page: Page, context: BrowserContext, service: FakeHelpDesk, site: str
) -> None:
    """Not in address, history, storage, cookie or title; neither Back nor a reload brings it again."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    page.click("#to-reset")
    write(page)
    press(page, "reset")
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    kept = page.evaluate(
        "JSON.stringify([history.state, {...localStorage}, {...sessionStorage}, document.cookie])"
    )
    asked = " ".join(request.url for request in service.requests)
    for place in (kept, page.url, page.title(), asked, str(context.cookies())):
        assert RESET_CODE not in place
        assert REASON not in place
    page.emulate_media(media="print")
    expect(page.locator("#reset-code")).to_be_hidden()
    page.emulate_media(media="screen")
    page.reload()
    expect_screen(page, "user")
    assert RESET_CODE not in page.content()
    page.go_back()
    expect_screen(page, "user")
    assert len(service.calls(RESET)) == 1


def test_leaving_wipes_the_code_from_the_page(page: Page, service: FakeHelpDesk, site: str) -> None:
    """Whichever way: a page that the browser keeps for Back keeps no code."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    press(page, "reset")
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert RESET_CODE not in page.content()
    expect(page.locator("#spelled")).to_have_text("")


def test_a_code_that_opens_later_says_when_and_not_before(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    service.opens_in_minutes = 48 * 60
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-david/reset", "reset")
    write(page)
    press(page, "reset")
    expect(page.locator(".until")).to_have_text(re.compile(r"^Fungerar först .+\. Slutar fungera .+\.$"))
    first, second = page.locator(".tasks li").all()[:2]
    expect(first).to_contain_text("Den fungerar först")
    expect(second).to_contain_text("Logga sedan in i Azets Cozone")


def test_the_code_is_spelled_in_the_language_in_use(page: Page, service: FakeHelpDesk, site: str) -> None:
    """Also after it was changed; and what was wiped no other language brings back."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    press(page, "reset")
    spelled = page.locator("#spelled")
    expect(spelled).to_have_text("4 Filip 9 Kalle \u2013 Adam 7 Qvintus Xerxes")
    page.click("#languages a")
    expect(spelled).to_have_text("4 Foxtrot 9 Kilo \u2013 Alfa 7 Quebec X-ray")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("main [lang]")).to_have_count(0)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    page.click("#languages a")
    expect(page.locator("html")).to_have_attribute("lang", "sv")
    expect(spelled).to_have_text("")
    assert RESET_CODE not in page.content()


@pytest.mark.requirement("E11")
def test_an_old_code_is_asked_for_anew_and_what_was_written_is_sent_then(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """The button of the code's form says what it does; going back finds the form as it was."""
    service.sign_in_as_staff(is_fresh_code=False)
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page, "manager")
    press(page, "reset")
    expect_screen(page, "code")
    expect(page.locator('[data-action="confirm"]')).to_have_text("Bekräfta och nollställ")
    expect(page.locator(".lead")).to_contain_text("anna@firma.se")
    enter_code(page, "111222")
    expect_refusal(page, words("sv")["problem.otp_mismatch"])
    press(page, "back-to-form")
    expect_screen(page, "reset")
    expect(page.locator("#check-manager")).to_be_checked()
    expect(page.locator("#reason")).to_have_value(REASON)
    press(page, "reset")
    enter_code(page, RIGHT_CODE)
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    sent = [request.post_data for request in service.calls(RESET)]
    assert sent == [sent[0]] * 3


def test_a_refusal_after_the_code_comes_back_to_the_form(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    service.sign_in_as_staff(is_fresh_code=False)
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    press(page, "reset")
    expect_screen(page, "code")
    service.refuse_next(RESET, 409, "enrolment_replaced")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "reset")
    expect_refusal(page, words("sv")["problem.enrolment_replaced"])
    expect(page.locator("#ticket")).to_have_value(TICKET)


def test_a_reset_without_an_answer_says_what_that_means(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """It may have been made; made again it does no harm, and goes out under the same key."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    service.lose_next(RESET)
    press(page, "reset")
    expect_refusal(page, words("sv")["problem.network.reset"])
    press(page, "reset")
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)


def test_three_times_enter_is_one_reset(page: Page, service: FakeHelpDesk, site: str) -> None:
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna/reset", "reset")
    write(page)
    service.slow.add(RESET)
    page.focus("#ticket")
    for _ in range(3):
        page.keyboard.press("Enter")
    expect(page.locator('[data-action="reset"]')).to_have_attribute("aria-disabled", "true")
    service.release()
    expect_screen(page, "reset-done")
    assert len(service.calls(RESET)) == 1


@pytest.mark.parametrize("way", ["cancel", "to-user", "back"])
def test_nothing_takes_the_place_of_the_code_while_it_is_on_its_way(
    page: Page, service: FakeHelpDesk, site: str, way: str
) -> None:
    """It is shown once: whoever breaks off too late gets it all the same, and for the right user."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-berit", "user")
    page.click(".way-back a")
    page.click("table.users a >> text=anna@firma.se")
    page.click("#to-reset")
    expect_screen(page, "reset")
    write(page)
    service.slow |= {RESET, "GET /api/help-desk/user", USERS}
    press(page, "reset")
    expect(page.locator(f"#{'cancel' if way == 'back' else way}")).to_have_attribute(
        "aria-disabled", "true"
    )
    if way == "back":
        page.go_back()
        page.go_back()
    else:
        page.dispatch_event(f"#{way}", "click")
    page.wait_for_timeout(200)
    service.release()
    expect_screen(page, "reset-done")
    page.wait_for_timeout(200)
    expect(page.locator("#reset-code")).to_have_text(RESET_CODE)
    expect(page.locator(".lead")).to_contain_text("anna@firma.se")
    assert page.url.endswith("#user/id-anna")


def test_after_a_reset_that_was_refused_the_form_is_where_it_was(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """With its address, even if somebody went back meanwhile; and its links lead away again."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    page.click("#to-reset")
    write(page)
    service.refuse_next(RESET, 409, "enrolment_replaced")
    service.slow.add(RESET)
    press(page, "reset")
    expect(page.locator("#cancel")).to_have_attribute("aria-disabled", "true")
    page.go_back()
    service.release()
    expect_refusal(page, words("sv")["problem.enrolment_replaced"])
    assert page.url.endswith("#user/id-anna/reset")
    expect(page.locator("#reason")).to_have_value(REASON)
    page.click("#cancel")
    expect_screen(page, "user")


# Unlock


@pytest.mark.parametrize(
    ("known", "first"),
    [
        ({"waiting_until": in_minutes(30)}, True),
        ({"month_cap_reached": True}, True),
        ({"waiting_until": in_minutes(-1)}, False),
        ({}, False),
    ],
)
def test_what_helps_now_comes_first_and_stands_out(
    page: Page, service: FakeHelpDesk, site: str, known: dict[str, Any], *, first: bool
) -> None:
    """Whoever only has to wait need not be reset; nobody presses what takes everything away by habit."""
    service.details["id-anna"] = known
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    buttons = page.locator("main .actions > *")
    expect(buttons).to_have_text(["Ta bort väntetiden …", "Nollställ …", "Uppdatera"])
    expect(page.locator("main .primary")).to_have_text(["Ta bort väntetiden …"] if first else [])


def test_unlocking_ends_a_wait(page: Page, service: FakeHelpDesk, site: str) -> None:
    service.details["id-anna"] = {"waiting_until": in_minutes(30)}
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna", "user")
    page.click("#to-unlock")
    write(page, None)
    press(page, "unlock")
    expect_screen(page, "user")
    expect(page.locator("#live")).to_have_text(words("sv")["user.unlocked"])
    expect(page.locator("main")).not_to_contain_text("får vänta till")
    assert service.calls(UNLOCK)[0].post_data_json == {
        "user": "id-anna",
        "reason": REASON,
        "ticket": TICKET,
    }


@pytest.mark.requirement("E11")
def test_who_was_unlocked_three_times_this_month_is_to_be_reset(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    service.details["id-anna"] = {"waiting_until": in_minutes(30)}
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna/unlock", "unlock")
    write(page, None)
    service.refuse_next(UNLOCK, 429, "too_many_attempts", retry_at=in_minutes(20 * 24 * 60))
    press(page, "unlock")
    expect_refusal(page, words("sv")["problem.too_many_attempts.unlock"])


@pytest.mark.requirement("E11")
def test_a_recovery_code_of_the_staffs_own_leads_to_a_new_phone_first(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Or to a code, after which they are where they wanted to be."""
    service.sign_in_as_staff(verified_by="recovery_code")
    open_page(page, site, "#user/id-anna", "code", "?tenant=cozone&lang=sv")
    expect(page.locator("p.lead:visible")).to_have_text(words("sv")["code.recovered"])
    page.locator("summary").click()
    link = page.locator("main [data-link=wizard]")
    expect(link).to_have_attribute("href", "/?tenant=cozone&lang=sv")
    assert service.calls("GET /api/help-desk/user") == []
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "user")


def test_no_wait_is_taken_from_who_is_blocked(page: Page, service: FakeHelpDesk, site: str) -> None:
    """A recovery code or a reset helps: no button promises otherwise, and who gets there is told."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-david", "user")
    expect(page.locator("main .primary")).to_have_text("Nollställ …")
    expect(page.locator("main")).to_contain_text("återställningskod går det att logga in med den")
    expect(page.locator("#to-unlock")).to_have_count(0)
    open_page(page, site, "#user/id-david/unlock", "unlock")
    write(page, None)
    press(page, "unlock")
    expect_refusal(page, words("sv")["problem.authenticator_disabled"])


# Everywhere


def test_an_address_alone_changes_nothing(page: Page, service: FakeHelpDesk, site: str) -> None:
    """A link that somebody sends shows a form at most."""
    service.sign_in_as_staff()
    for address in (
        "#user/id-anna/reset",
        "#user/id-anna/unlock",
        "#user/id-anna/reset-done",
        "#nonsense/x",
    ):
        page.goto(f"{site}/help-desk/?{address.count('/')}{address}")
        page.wait_for_load_state("networkidle")
    assert [request for request in service.requests if request.method != "GET"] == []


def test_the_language_changes_in_place(page: Page, service: FakeHelpDesk, site: str) -> None:
    """What was written stays, and the wizard's choice is the same."""
    service.sign_in_as_staff()
    open_page(page, site, "#user/id-anna/reset", "reset")
    page.fill("#reason", "kort")
    press(page, "reset")
    page.click('[data-action="language"][data-language="en"]')
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".summary")).to_contain_text(words("en")["reason.short"])
    expect(page).to_have_title("Error: Reset two-\u2060step verification \u2013 Support for Azets Cozone")
    expect(page.locator("#reason")).to_have_value("kort")
    page.click(".way-back a")
    expect_screen(page, "user")
    expect(page.locator("time").first).to_have_text("2 March 2026")
    assert page.evaluate("localStorage.language") == "en"


@pytest.mark.requirement("W5")
def test_without_colours_of_ours_everything_is_still_there(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    """Forced colours: the chosen chip has an edge of its own, signs are drawn in the text's colour."""
    page.emulate_media(forced_colors="active")
    service.sign_in_as_staff()
    open_page(page, site, "#users/disabled")
    edge = "(element) => getComputedStyle(element).borderTopColor"
    chosen = page.locator("#filter [aria-current]").evaluate(edge)
    assert chosen != page.locator("#filter a").first.evaluate(edge)
    ink = "(element) => [getComputedStyle(element).stroke, getComputedStyle(element.parentElement).color]"
    drawn, text = page.locator("table.users .sign").evaluate(ink)
    assert drawn == text


@pytest.mark.requirement("W5")
def test_on_a_narrow_screen_rows_are_cards_that_are_still_a_table(
    page: Page, service: FakeHelpDesk, site: str
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    service.sign_in_as_staff()
    open_page(page, site)
    expect(page.locator("table.users .label").last).to_be_visible()
    assert page.get_by_role("row").count() == 6
    assert page.get_by_role("columnheader").count() == 3
