"""The account, and the phones that it lists: named, removed, added, replaced."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.static.fake_service import PASSWORD, RIGHT_CODE, FakeService, a_phone, recovery_codes
from tests.static.screens import (
    act_on,
    asked_for_the_code,
    at_the_account,
    begun,
    enter_code,
    expect_heading,
    expect_refusal,
    expect_screen,
    give_password,
    open_at,
    press,
    says,
)

RENAMING = "POST /api/authenticators/name"
REMOVING = "POST /api/authenticators/removal"
BEGINNING = "POST /api/enrolment"


def test_the_account_tells_what_there_is(page: Page, service: FakeService, site: str) -> None:
    """Phones with their days, codes left, and what can be done."""
    at_the_account(
        page,
        service,
        site,
        offers_codes=True,
        phones=[a_phone(), {**a_phone("phone-2", "Jobbtelefonen"), "last_used_at": None}],
        codes=recovery_codes(7),
    )
    expect(page).to_have_title("Din 2-\u2060stegsverifiering \u2013 Azets Cozone")
    first, second = page.locator("#phones li").all()
    expect(first).to_contain_text("Google Authenticator")
    expect(first).to_contain_text("Inställd 9\u00a0januari 2026.")
    expect(first).to_contain_text(re.compile(r"Användes senast (?:\d+\s\w+ )?kl\.\s\d\d:\d\d\."))
    expect(second).to_contain_text(says("account.phone.unused"))
    expect(second.get_by_role("button", name="Byt namn Jobbtelefonen")).to_be_visible()
    expect(page.locator("#codes-left")).to_have_text("Du har 7 återställningskoder kvar.")
    expect(page.locator("#browsers")).to_have_count(0)
    expect(page.locator('main [data-action="done"]')).to_have_count(0)


def test_a_name_is_changed(page: Page, service: FakeService, site: str) -> None:
    """With the password, and with a word that it is done."""
    at_the_account(page, service, site)
    act_on(page, "Google Authenticator", "rename")
    expect(page.locator("h1 .step")).to_have_count(0)
    give_password(page)
    expect_heading(page, "rename", "rename.heading")
    expect(page.locator("#name")).to_have_value("Google Authenticator")
    page.fill("#name", "  ")
    press(page, "continue")
    expect_refusal(page, says("name.empty"))
    page.fill("#name", "x" * 41)
    press(page, "continue")
    expect_refusal(page, says("name.too_long"))
    page.fill("#name", " Annas telefon ")
    press(page, "continue")
    expect_heading(page, "account", "account.heading")
    expect(page.locator("#phones")).to_contain_text("Annas telefon")
    expect(page.locator("#live")).to_have_text(says("account.phone.renamed"))
    expect(page.locator(".told")).to_have_text(says("account.phone.renamed"))
    assert [r.post_data_json for r in service.calls(RENAMING)] == [
        {"authenticator": "phone-1", "name": "Annas telefon"}
    ]
    act_on(page, "Annas telefon", "rename")
    expect_screen(page, "rename")
    page.reload()
    expect_screen(page, "rename")
    press(page, "cancel")
    expect_screen(page, "account")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("\U0001f469\u200d\U0001f4bb jobb", "\U0001f469\U0001f4bb jobb"),
        ("Jobb\u2028telefonen\u200e ", "Jobb telefonen"),
        ("\u00a0Annas\u1680mobil\u00ad", "Annas mobil"),
    ],
)
def test_a_name_loses_what_cannot_be_seen_by_itself(
    page: Page, service: FakeService, site: str, typed: str, sent: str
) -> None:
    """Joined emoji, marks of direction: the server refuses them, and nobody could know why."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    expect_screen(page, "rename")
    page.fill("#name", typed)
    press(page, "continue")
    expect_screen(page, "account")
    assert [json.loads(r.post_data or "")["name"] for r in service.calls(RENAMING)] == [sent]


def test_a_name_that_the_server_refuses_is_told_at_the_field(
    page: Page, service: FakeService, site: str
) -> None:
    """A reload would help nobody."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    expect_screen(page, "rename")
    service.refuse_next(RENAMING, 400, "body_malformed", field="name")
    press(page, "continue")
    expect_refusal(page, says("name.unusable"))
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")


def test_a_password_too_old_is_asked_for_and_leads_back(
    page: Page, service: FakeService, site: str
) -> None:
    """With a word about why."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "rename")
    expect_screen(page, "rename")
    service.is_fresh = False
    press(page, "continue")
    expect_screen(page, "password")
    expect_refusal(page, says("problem.reauthentication_required"))
    give_password(page)
    expect_screen(page, "rename")


@pytest.mark.requirement("W7", "E8")
def test_a_phone_is_removed_after_its_effects_are_told(page: Page, service: FakeService, site: str) -> None:
    """Which sessions end, and what to do in the app."""
    at_the_account(
        page, service, site, is_fresh=True, phones=[a_phone(), a_phone("phone-2", "Jobbtelefonen")]
    )
    act_on(page, "Jobbtelefonen", "remove")
    expect_heading(page, "remove", "remove.heading")
    told = page.locator("main li")
    expect(told).to_have_text(
        [says("remove.others"), says("remove.sessions"), says("remove.row", issuer="Azets Cozone")]
    )
    expect(page.locator('main [data-action="confirm"]')).to_have_text(says("action.remove"))
    expect(page.locator("main .lead")).to_contain_text("Jobbtelefonen")
    press(page, "confirm")
    expect_screen(page, "account")
    expect(page.locator(".told")).to_have_text(says("account.phone.removed"))
    expect(page.locator("#phones li")).to_have_count(1)
    assert [r.post_data_json for r in service.calls(REMOVING)] == [{"authenticator": "phone-2"}]


def test_the_only_phone_is_not_removed_where_one_is_needed(
    page: Page, service: FakeService, site: str
) -> None:
    """The user is told what to do instead, and can do it at once."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "remove")
    expect_heading(page, "remove", "remove.needed.heading")
    expect(page.locator('main [data-action="confirm"]')).to_have_count(0)
    press(page, "replace")
    expect_heading(page, "method", "again.replace.heading")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    assert begun(service)[0]["replaces"] == "phone-1"


def test_a_refusal_to_remove_the_last_one_is_told(page: Page, service: FakeService, site: str) -> None:
    """Another window may have removed the other."""
    at_the_account(page, service, site, is_fresh=True, phones=[a_phone(), a_phone("phone-2", "Jobb")])
    act_on(page, "Jobb", "remove")
    service.refuse_next(REMOVING, 409, "last_authenticator")
    press(page, "confirm")
    expect_refusal(page, says("problem.last_authenticator"))


@pytest.mark.parametrize("kind", ["rename", "remove", "replace"])
def test_a_phone_removed_in_another_window_is_told_on_the_account(
    page: Page, service: FakeService, site: str, kind: str
) -> None:
    """Not as a page that does not exist; nor is anything else lost."""
    at_the_account(page, service, site, is_fresh=True, phones=[a_phone(), a_phone("phone-2", "Jobb")])
    act_on(page, "Jobb", kind)
    if kind == "replace":
        press(page, "activate")
        page.check("#phone-android")
    expect_screen(page, "phone" if kind == "replace" else kind)
    service.phones.pop()
    calls = {"rename": RENAMING, "remove": REMOVING, "replace": BEGINNING}
    service.refuse_next(calls[kind], 404, "not_found")
    press(page, "confirm" if kind == "remove" else "continue")
    expect_heading(page, "account", "account.heading")
    expect(page.locator(".told")).to_have_text("Telefonen är redan borttagen")
    expect(page.locator("#live")).to_have_text("Telefonen är redan borttagen")
    expect(page.locator("#phones li")).to_have_count(1)
    page.reload()
    expect_screen(page, "account")


def test_the_only_phone_may_go_where_none_is_needed(page: Page, service: FakeService, site: str) -> None:
    """And the end says what is off now."""
    service.policy = {"second_factor": "optional", "due_at": None}
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "remove")
    expect(page.locator("main li").first).to_have_text(says("remove.last"))
    expect(page.locator('main [data-action="confirm"]')).to_have_text(says("action.remove_last"))
    press(page, "confirm")
    expect_heading(page, "stopped", "stopped.turned_off")
    press(page, "resume")
    expect_screen(page, "method")
    expect(page.locator("h1")).to_contain_text(says("method.heading"))


def test_another_phone_is_added_beside_the_first(page: Page, service: FakeService, site: str) -> None:
    """Through the counted steps; it takes nothing's place."""
    at_the_account(page, service, site, is_fresh=True)
    press(page, "add")
    expect_heading(page, "method", "again.add.heading")
    page.reload()
    expect(page.locator("h1")).to_contain_text(says("again.add.heading"))
    press(page, "activate")
    page.check("#phone-iphone")
    press(page, "continue")
    press(page, "continue")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    assert begun(service)[0] == {"phone": "iphone", "same_phone": False}
    assert len(service.phones) == 2


def test_a_new_wish_drops_the_key_of_the_one_before(page: Page, service: FakeService, site: str) -> None:
    """Else the code of an added phone could take another one's place."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "replace")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    for _ in range(3):
        page.go_back()
    expect_screen(page, "account")
    press(page, "add")
    press(page, "activate")
    expect(page.locator("#phone-android")).not_to_be_checked()
    assert len(service.calls("DELETE /api/enrolment")) == 1


def test_a_changed_phone_says_which_one_it_replaces_even_with_the_same_choice(
    page: Page, service: FakeService, site: str
) -> None:
    """Only a new beginning says so for sure: another window may have begun something else."""
    at_the_account(page, service, site, is_fresh=True)
    act_on(page, "Google Authenticator", "replace")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")
    press(page, "back")
    press(page, "continue")
    expect_screen(page, "app")
    assert [wish.get("replaces") for wish in begun(service)] == ["phone-1"] * 2


def test_no_more_than_five(page: Page, service: FakeService, site: str) -> None:
    """The page does not offer what the server refuses, and tells if it does all the same."""
    at_the_account(
        page, service, site, is_fresh=True, phones=[a_phone(f"p-{at}", f"T{at}") for at in range(5)]
    )
    expect(page.locator('main [data-action="add"]')).to_have_count(0)
    expect(page.locator("main")).to_contain_text("Du kan ha högst 5 telefoner.")
    service.phones.pop()
    page.reload()
    press(page, "add")
    press(page, "activate")
    page.check("#phone-android")
    service.refuse_next(BEGINNING, 409, "too_many_authenticators")
    press(page, "continue")
    expect_refusal(page, says("problem.too_many_authenticators"))


def test_an_account_whose_lists_cannot_be_had_can_still_be_left(
    new_page: Page, service: FakeService, site: str
) -> None:
    """The code was right: nobody is asked for it again."""
    new_page.clock.install()
    asked_for_the_code(new_page, service, site)
    for _ in range(3):
        service.refuse_next("GET /api/second-factor", 503, "service_unavailable")
    enter_code(new_page, RIGHT_CODE)
    for _ in range(3):
        new_page.clock.run_for(3_000)
        new_page.wait_for_timeout(100)
    expect_screen(new_page, "account")
    expect_refusal(new_page, says("problem.service_unavailable"))
    expect(new_page.locator("#phones")).to_have_count(0)
    press(new_page, "sign-out")
    expect_screen(new_page, "sign-in")


def test_what_somebody_else_had_is_not_shown_to_the_next_user(
    page: Page, service: FakeService, site: str
) -> None:
    """On the same page, and when the lists of the next one cannot be had."""
    at_the_account(page, service, site, phones=[a_phone(name="Annas telefon")])
    expect(page.locator("#phones")).to_contain_text("Annas telefon")
    press(page, "sign-out")
    expect_screen(page, "sign-in")
    page.fill("#username", "bo@firma.se")
    page.fill("#current-password", PASSWORD)
    press(page, "continue")
    expect_screen(page, "verify")
    service.refuse_next("GET /api/second-factor", 500, "internal_error")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "account")
    expect_refusal(page, says("problem.internal_error"))
    assert "Annas telefon" not in page.content()


@pytest.mark.parametrize("language", ["sv", "en"])
def test_staff_go_on_to_the_help_desk(page: Page, service: FakeService, site: str, language: str) -> None:
    """Their portal is the support page."""
    page.route("**/help-desk/", lambda route: route.fulfill(body="help desk", content_type="text/html"))
    service.role = "help_desk"
    open_at(page, site, "code", service, f"?lang={language}")
    enter_code(page, RIGHT_CODE)
    expect_screen(page, "done")
    expect(page.locator('main [data-action="done"]')).to_have_text(says("action.to_help_desk", language))
    page.goto(f"{site}/?lang={language}&x#account")
    expect(page.locator('main [data-action="done"]')).to_have_text(says("action.to_help_desk", language))
    press(page, "done")
    page.wait_for_url("**/help-desk/")
