"""Life after the set-up, as users live it: recovery codes, phones, browsers that are known, a reset."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.product import Person, Product
from tests.browser.visitor import VERIFICATION, Visitor
from tests.support.wizard import Phone
from tests.support.world import STINAS_PASSWORD

MAKING = "/api/recovery-codes"


def row(visitor: Visitor, name: str, action: str) -> None:
    """Press the button of *action* in the row of *name*."""
    visitor.page.locator(".row", has_text=name).locator(f'[data-action="{action}"]').click()


def is_through(visitor: Visitor) -> Phone:
    """Have set it up, have signed in again with a code, and see the account; return the phone."""
    phone = visitor.is_asked_for_the_code()
    visitor.enters(phone.otp())
    visitor.sees("account", "account.heading")
    return phone


def uses_a_recovery_code(visitor: Visitor, code: str) -> None:
    """Say that the phone is away, and give *code* instead."""
    visitor.page.click("main summary")
    visitor.press("go")
    visitor.sees("recover", "recover.heading")
    visitor.page.fill("#recovery-code", code)
    visitor.press("confirm")


@pytest.mark.requirement("R5")
def test_codes_are_shown_once_and_made_anew_if_the_answer_was_lost(visitor: Visitor) -> None:
    """A set that nobody saw, and one that was reloaded away, work no more."""
    phone = visitor.is_at("code")
    visitor.page.wait_for_load_state("networkidle")
    visitor.expects_broken_line(MAKING)
    with visitor.product.loses_answers(MAKING):
        visitor.enters(phone.otp())
        visitor.sees("recovery", "recovery.failed.heading")
        expect(visitor.summary).to_be_focused()
    visitor.press("continue")
    first = visitor.codes()
    visitor.page.reload()
    expect(visitor.main.locator(".note")).to_have_text(visitor.words("recovery.again"))
    second = visitor.finishes()
    assert not set(first) & set(second)
    visitor.page.reload()
    visitor.sees("done")
    visitor.calls("DELETE", "/api/session")
    visitor.open()
    visitor.signs_in()
    visitor.sees("verify")
    uses_a_recovery_code(visitor, first[0])
    visitor.is_told(visitor.words("problem.recovery_code_mismatch"))
    visitor.page.fill("#recovery-code", second[0])
    visitor.press("confirm")
    visitor.sees("method", "again.lost.heading")


@pytest.mark.requirement("R5", "R6")
def test_without_the_phone_a_recovery_code_leads_to_a_new_one(new_visitor: NewVisitor) -> None:
    """Once each; the old phone works no more when the new one is confirmed."""
    visitor = new_visitor()
    old = visitor.is_at("code")
    visitor.enters(old.otp())
    codes = visitor.finishes()
    visitor.calls("DELETE", "/api/session")
    visitor.product.clock.advance(60)
    visitor.open()
    visitor.signs_in()
    visitor.sees("verify")
    uses_a_recovery_code(visitor, f" {codes[3].lower().replace('-', ' ')} ")
    visitor.sees("method", "again.lost.heading")
    expect(visitor.page.locator("#codes-left")).to_have_text("Du har 9 återställningskoder kvar.")
    visitor.goes_from_method_to_app()
    new = visitor.scans()
    visitor.press("continue")
    visitor.enters(new.otp())
    newer = visitor.finishes()
    assert not set(codes) & set(newer)

    visitor.calls("DELETE", "/api/session")
    visitor.product.clock.advance(60)
    visitor.open()
    visitor.signs_in()
    visitor.sees("verify")
    visitor.enters(old.otp())
    visitor.is_told_about_the_code(visitor.words("problem.otp_mismatch"))
    visitor.enters(new.otp())
    visitor.sees("account")
    expect(visitor.page.locator("#phones li")).to_have_count(1)


@pytest.mark.requirement("R6")
def test_a_used_recovery_code_is_told_and_not_now_goes_on(new_visitor: NewVisitor) -> None:
    """The account then says how many are left."""
    visitor = new_visitor()
    phone = visitor.is_at("code")
    visitor.enters(phone.otp())
    codes = visitor.finishes()
    for expected in ("account", "recover"):
        visitor.calls("DELETE", "/api/session")
        visitor.product.clock.advance(60)
        visitor.open()
        visitor.signs_in()
        visitor.sees("verify")
        uses_a_recovery_code(visitor, codes[0])
        if expected == "account":
            visitor.sees("method")
            visitor.press("not-now")
            visitor.sees("account", "account.heading")
            expect(visitor.page.locator("#codes-left")).to_have_text("Du har 9 återställningskoder kvar.")
        else:
            visitor.is_told(visitor.words("problem.recovery_code_used"))


def adds_a_phone(visitor: Visitor, name: str) -> Phone:
    """Bind one more phone, and call it *name*; return it."""
    visitor.press("add")
    visitor.sees("method", "again.add.heading")
    visitor.goes_from_method_to_app()
    phone = visitor.scans()
    visitor.press("continue")
    visitor.enters(phone.otp())
    visitor.finishes()
    visitor.open()
    visitor.sees("account")
    names = visitor.page.locator("#phones h3")
    expect(names).to_have_count(2)
    row(visitor, names.all_text_contents()[1], "rename")
    visitor.sees("password")
    visitor.gives_password()
    visitor.sees("rename", "rename.heading")
    visitor.page.fill("#name", name)
    visitor.press("continue")
    visitor.sees("account")
    expect(visitor.page.locator(".told")).to_have_text(visitor.words("account.phone.renamed"))
    expect(names.last).to_have_text(name)
    return phone


def signs_in_again(visitor: Visitor) -> None:
    """Come to the question for the code, a minute later."""
    visitor.product.clock.advance(60)
    visitor.page.reload()
    visitor.sees("sign-in")
    visitor.signs_in()
    visitor.sees("verify")


@pytest.mark.requirement("W7", "E8")
def test_a_second_phone_is_added_named_and_removed(new_visitor: NewVisitor) -> None:
    """Both work side by side; the one removed stops at once, and so do other sign-ins."""
    visitor = new_visitor()
    first = is_through(visitor)
    second = adds_a_phone(visitor, "Jobbtelefonen")
    elsewhere = new_visitor(person=visitor.person)
    elsewhere.open()
    signs_in_again(elsewhere)
    elsewhere.enters(second.otp())
    elsewhere.sees("account")
    row(visitor, "Jobbtelefonen", "remove")
    visitor.sees("remove", "remove.heading")
    visitor.press("confirm")
    visitor.sees("account")
    expect(visitor.page.locator(".told")).to_have_text(visitor.words("account.phone.removed"))
    expect(visitor.page.locator("#phones h3")).to_have_count(1)
    assert elsewhere.calls("GET", "/api/session")[0] == 401
    signs_in_again(elsewhere)
    elsewhere.enters(second.otp())
    elsewhere.is_told_about_the_code(visitor.words("problem.otp_mismatch"))
    elsewhere.enters(first.otp())
    elsewhere.sees("account")


def test_the_only_phone_stays_where_one_is_needed(visitor: Visitor) -> None:
    """The page says what to do instead."""
    is_through(visitor)
    row(visitor, "Google Authenticator", "remove")
    visitor.sees("password")
    visitor.gives_password()
    visitor.sees("remove", "remove.needed.heading")
    visitor.press("cancel")
    visitor.sees("account")


@pytest.fixture
def trusting(product: Product) -> Person:
    """Somebody of a tenant that lets browsers be remembered."""
    policy = {"second_factor": "required", "deadline": None, "remember_days": 30}
    tenant = product.world.add_tenant(id="litar", policy=policy)
    user = product.world.add_user(tenant, username="tora@firma.se", password=STINAS_PASSWORD)
    return Person(user=user, password=STINAS_PASSWORD)


def test_a_browser_that_is_remembered_needs_no_code_until_it_is_forgotten(
    new_visitor: NewVisitor, trusting: Person
) -> None:
    """What it stands for is the sign-in: a change asks for the code all the same."""
    visitor = new_visitor(person=trusting)
    here = "/?tenant=litar"
    visitor.open(here)
    visitor.signs_in()
    visitor.sees("method")
    visitor.goes_from_method_to_app()
    phone = visitor.scans()
    visitor.press("continue")
    visitor.enters(phone.otp())
    visitor.finishes()

    def comes_again() -> None:
        visitor.calls("DELETE", "/api/session")
        visitor.product.clock.advance(60)
        visitor.open(here)
        visitor.signs_in()

    comes_again()
    visitor.sees("verify")
    visitor.page.get_by_label("Lita på den här datorn i 30 dagar").check()
    visitor.enters(phone.otp())
    visitor.sees("account")
    comes_again()
    visitor.sees("account")
    row(visitor, "Google Authenticator", "rename")
    visitor.sees("verify")
    expect(visitor.main.locator(".note")).to_have_text(visitor.words("verify.change"))
    visitor.press("cancel")
    visitor.sees("account")
    row(visitor, visitor.words("account.browser.this"), "forget-browser")
    expect(visitor.page.locator(".told")).to_have_text(visitor.words("account.browser.forgotten"))
    expect(visitor.page.locator("#browsers li")).to_have_count(0)
    comes_again()
    visitor.sees("verify")


def test_after_a_reset_the_code_of_the_help_desk_opens_a_new_set_up(
    visitor: Visitor, product: Product
) -> None:
    """As it was said on the telephone, and only then."""
    old = visitor.has_enrolled()
    product.world.add_staff(username="sven@servicedesk.se", password=STINAS_PASSWORD)
    desk = product.world.help_desk(username="sven@servicedesk.se").begins_work()
    reset = desk.reset(visitor.person.user.user_id)
    assert reset.status == 201, reset.text
    visitor.guard.keep_secret(reset.body["reset_code"])
    visitor.open()
    visitor.signs_in()
    visitor.sees("reset-code", "reset_code.heading")
    visitor.page.fill("#reset-code", "0000-0000")
    visitor.press("continue")
    visitor.is_told(visitor.words("problem.reset_code_mismatch"))
    visitor.page.fill("#reset-code", reset.body["reset_code"].lower().replace("-", " "))
    visitor.press("continue")
    visitor.sees("method", "method.heading")
    visitor.goes_from_method_to_app()
    new = visitor.scans()
    assert new.key != old.key
    visitor.press("continue")
    visitor.enters(new.otp())
    visitor.finishes()


def test_new_recovery_codes_take_the_place_of_the_old_ones(visitor: Visitor) -> None:
    """After the password, and a word about what happens to the old ones."""
    is_through(visitor)
    expect(visitor.page.locator("#codes-left")).to_have_text(visitor.words("account.codes.none"))
    visitor.press("renew")
    visitor.sees("password")
    visitor.gives_password()
    visitor.sees("renew", "renew.heading")
    visitor.press("continue")
    visitor.keeps_codes()
    visitor.sees("account")
    expect(visitor.page.locator("#codes-left")).to_have_text("Du har 10 återställningskoder kvar.")


@pytest.mark.requirement("S8", "R7")
def test_the_file_with_the_codes_is_made_in_the_browser(visitor: Visitor) -> None:
    """Under the page's own policy, without a request."""
    phone = visitor.is_at("code")
    visitor.enters(phone.otp())
    codes = visitor.codes()
    before = len(visitor.requests)
    with visitor.page.expect_download() as download:
        visitor.press("save-codes")
    text = download.value.path().read_text("utf-8")
    assert re.findall(r"^[A-K]-\S+$", text, re.MULTILINE) == codes
    assert len(visitor.requests) == before
    visitor.press("copy-codes")
    expect(visitor.page.locator("#codes-said")).to_have_text(visitor.words("recovery.copied"))
    assert visitor.page.evaluate("navigator.clipboard.readText()").split() == codes
    assert visitor.calls("GET", "/api/session")[1]["recovery_codes"]["due"] is True
    assert visitor.calls("POST", VERIFICATION, {"otp": "000000"})[0] != 200
