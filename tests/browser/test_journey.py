"""The guide's journey from the sign-in to the next sign-in, as users make it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Request, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import CONFIRMATION, Visitor
from tests.static.screens import USER_AGENTS, keys_of, tab_to


@pytest.mark.requirement("T6", "T7", "T10", "T12", "E12", "W1", "W4", "S8", "B43", "B64")
@pytest.mark.parametrize(("language", "locale"), [("sv", "sv-SE"), ("en", "en-GB")])
def test_from_the_first_sign_in_to_the_next(new_visitor: NewVisitor, language: str, locale: str) -> None:
    """The QR code is read off the screen, the code pasted as the app shows it and accepted once."""
    visitor = new_visitor(language=language, locale=locale)
    page, clock = visitor.page, visitor.product.clock
    visitor.open()
    visitor.sees("sign-in", "sign_in.heading")
    visitor.signs_in()
    visitor.sees("method", "method.heading")
    visitor.press("activate")
    visitor.sees("password", "password.heading")
    visitor.gives_password()
    visitor.sees("phone", "phone.heading")
    visitor.chooses("iphone")
    visitor.sees("app", "setup.heading")
    phone = visitor.scans(from_afar=True)
    visitor.press("continue")
    visitor.sees("code", "setup.heading")
    otp = phone.otp()
    visitor.otp.focus()
    visitor.pastes(f"{otp[:3]} {otp[3:]}")
    visitor.press("confirm")
    visitor.sees("recovery", "recovery.heading")
    expect(page.locator("#live")).to_have_text(visitor.words("status.code_accepted"))
    visitor.finishes()
    assert phone.key not in page.content().replace(" ", "")
    assert visitor.calls("GET", "/api/enrolment")[0] == 409
    assert visitor.calls("DELETE", "/api/session")[0] == 204
    visitor.open()
    visitor.signs_in()
    visitor.sees("verify", "verify.heading")
    visitor.enters(otp)
    visitor.is_told_about_the_code(visitor.words("problem.otp_already_used"))
    clock.advance_to_next_time_step()
    clock.advance(30)
    otp = phone.otp()
    visitor.guard.keep_secret(otp)
    visitor.enters(f"{otp[:3]} {otp[3:]}")
    visitor.sees("account", "account.heading")

    elsewhere = new_visitor(language=language, locale=locale, person=visitor.person)
    elsewhere.open()
    elsewhere.signs_in()
    elsewhere.sees("verify")
    elsewhere.enters(otp)
    elsewhere.is_told_about_the_code(visitor.words("problem.otp_already_used"))
    assert elsewhere.calls("GET", "/api/session")[1]["verified"] is False


@pytest.mark.requirement("W6", "B43")
def test_the_key_by_hand(visitor: Visitor) -> None:
    """Somebody whose camera fails unfolds the key, copies or reads it, and is through."""
    visitor.is_at("app")
    page = visitor.page
    expect(page.locator("#key")).to_be_hidden()
    page.click("main summary")
    expect(page.locator("#key")).to_be_visible()
    visitor.press("copy-key")
    expect(page.locator("#key-said")).to_have_text("Nyckeln är kopierad")
    expect(page.locator("#live")).to_have_text("Nyckeln är kopierad")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == visitor.key()
    assert len(copied) == 32
    expect(page.locator(".key-list")).to_contain_text(f"Azets Cozone {visitor.person.username}")
    phone = visitor.holds(visitor.key())
    visitor.press("continue")
    visitor.enters(phone.otp())
    visitor.finishes()


@pytest.mark.requirement("W6")
@pytest.mark.parametrize("kind", ["android", "iphone"])
def test_all_on_the_same_phone(new_visitor: NewVisitor, kind: str) -> None:
    """The key is copied there, the browser throws the page away meanwhile, and the journey goes on."""
    visitor = new_visitor(
        user_agent=USER_AGENTS[kind], viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True
    )
    page = visitor.page
    visitor.open()
    visitor.signs_in()
    visitor.press("activate")
    visitor.gives_password()
    visitor.sees("phone")
    expect(page.locator(f"#phone-{kind}")).to_be_checked()
    expect(page.locator("#same-phone-yes")).to_be_checked()
    visitor.press("continue")
    visitor.sees("app")
    expect(page.locator("#qr")).to_be_hidden()
    visitor.press("copy-key")
    expect(page.locator("#key-said")).to_have_text(visitor.words("key.copied"))
    phone = visitor.holds(page.evaluate("navigator.clipboard.readText()"))
    page.reload()
    visitor.sees("app")
    assert visitor.key() == phone.key
    visitor.press("continue")
    visitor.sees("code")
    page.reload()
    visitor.otp.focus()
    visitor.pastes(phone.otp())
    visitor.press("confirm")
    visitor.finishes()


@pytest.mark.requirement("W5")
def test_by_keyboard_alone(visitor: Visitor) -> None:
    """Tab, Space and Enter are enough, every stop can be seen, and Enter three times is one request."""
    page, keyboard = visitor.page, visitor.page.keyboard
    confirmations: list[Request] = []
    page.on(
        "request",
        lambda request: confirmations.append(request) if request.url.endswith(CONFIRMATION) else None,
    )
    visitor.open()
    visitor.sees("sign-in")
    tab_to(page, "#username")
    keyboard.type(visitor.person.username)
    tab_to(page, "#current-password")
    keyboard.type(visitor.person.password)
    keyboard.press("Enter")
    visitor.sees("method")
    tab_to(page, '[data-action="activate"]')
    keyboard.press("Space")
    visitor.sees("password")
    tab_to(page, "#current-password")
    keyboard.type(visitor.person.password)
    keyboard.press("Enter")
    visitor.sees("phone")
    tab_to(page, "[name=phone]")
    keyboard.press("Space")
    keyboard.press("ArrowDown")
    expect(page.locator("#phone-iphone")).to_be_checked()
    keyboard.press("Enter")
    visitor.sees("app")
    tab_to(page, "summary")
    keyboard.press("Enter")
    expect(page.locator("#key")).to_be_visible()
    phone = visitor.holds(visitor.key())
    tab_to(page, '[data-action="copy-key"]')
    keyboard.press("Enter")
    expect(page.locator("#key-said")).to_have_text(visitor.words("key.copied"))
    tab_to(page, '[data-action="continue"]')
    keyboard.press("Enter")
    visitor.sees("code")
    expect(page.locator("h1")).to_be_focused()
    tab_to(page, "#otp")
    keyboard.type(phone.otp())
    for _ in range(3):
        keyboard.press("Enter")
    visitor.codes()
    tab_to(page, "#kept")
    keyboard.press("Space")
    keyboard.press("Enter")
    visitor.sees("done", "done.heading")
    # On a slow machine the page asks once more under the same key: that is the same request.
    assert len(keys_of(confirmations)) == 1


@pytest.mark.requirement("E1", "E4", "E5", "E8")
def test_moving_to_another_phone(new_visitor: NewVisitor) -> None:
    """The old phone works until the new one is confirmed, and never again after that."""
    visitor = new_visitor()
    old = visitor.is_asked_for_the_code()
    visitor.enters(old.otp())
    visitor.sees("account", "account.heading")
    visitor.press("replace")
    visitor.sees("method")
    visitor.goes_from_method_to_app()
    new = visitor.scans()
    assert new.key != old.key

    visitor.product.clock.advance(60)
    elsewhere = new_visitor(person=visitor.person)
    elsewhere.open()
    elsewhere.signs_in()
    elsewhere.sees("verify")
    elsewhere.enters(new.otp())
    elsewhere.is_told_about_the_code(visitor.words("problem.otp_mismatch"))
    elsewhere.enters(old.otp())
    elsewhere.sees("account", "account.heading")

    visitor.press("continue")
    visitor.enters(new.otp())
    visitor.finishes()

    visitor.product.clock.advance(60)
    elsewhere.page.reload()
    elsewhere.sees("sign-in")
    elsewhere.signs_in()
    elsewhere.sees("verify")
    elsewhere.enters(old.otp())
    elsewhere.is_told_about_the_code(visitor.words("problem.otp_mismatch"))
    elsewhere.enters(new.otp())
    elsewhere.sees("account", "account.heading")
