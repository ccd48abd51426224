"""Every state of the journey from the sign-in to its end, for every eye and ear."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.static.fake_service import RIGHT_CODE, FakeService, in_minutes, recovery_codes
from tests.static.looks import (
    NARROW,
    WIDE,
    Book,
    every_window,
    expect_sound,
    expect_sound_in_every_window,
    expect_sound_when_come_to,
    offer_every_language,
    shown_by,
)
from tests.static.screens import enter_code, expect_screen, give_password, open_at, press
from tests.support.axe import violations
from tests.support.logos import logo
from tests.support.static_site import SECURITY_HEADERS

CONFIRMATION = "POST /api/enrolment/confirmation"
LOGO = "/tenants/cozone/0123456789abcdef.svg"


def unfold(page: Page) -> None:
    """Open whatever can be folded out."""
    for folding in page.locator("main summary").all():
        folding.click()


def expect_told(page: Page) -> None:
    """Wait until something is told to be wrong."""
    expect(page.locator(".summary")).to_be_focused()


def show_sign_in(page: Page, service: FakeService, site: str, query: str) -> None:
    """Where everybody begins whose portal has no sign-in of its own."""
    service.tenant["forgotten_password_url"] = "https://portal.example/forgotten"
    service.tenant["support"] |= {"phone": "08-123 456 78", "hours": {"sv": "Vardagar 8\u201317"}}
    open_at(page, site, "sign-in", service, query)


def show_sign_in_empty(page: Page, service: FakeService, site: str, query: str) -> None:
    """Two fields with nothing in them."""
    show_sign_in(page, service, site, query)
    press(page, "continue")
    expect_told(page)


def show_method(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 1, with a last day, and everything that can be asked."""
    service.policy = {"second_factor": "required", "due_at": "2126-12-02T00:00:00Z"}
    open_at(page, site, "method", service, query)
    unfold(page)


def show_method_optional(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 1 for whoever may do without."""
    service.policy = {"second_factor": "optional", "due_at": None}
    open_at(page, site, "method", service, query)


def show_cancelled(page: Page, service: FakeService, site: str, query: str) -> None:
    """Nothing is changed."""
    open_at(page, site, "method", service, query)
    press(page, "cancel")
    expect_screen(page, "stopped")


def show_password(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 2."""
    service.tenant["forgotten_password_url"] = "https://portal.example/forgotten"
    open_at(page, site, "method", service, query)
    press(page, "activate")
    expect_screen(page, "password")


def show_password_wrong(page: Page, service: FakeService, site: str, query: str) -> None:
    """And another password, to be seen."""
    show_password(page, service, site, query)
    page.fill("#current-password", "wrong")
    press(page, "show-password")
    press(page, "continue")
    expect_told(page)


def show_phone(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 3, on a computer."""
    open_at(page, site, "phone", service, query)


def show_phone_none(page: Page, service: FakeService, site: str, query: str) -> None:
    """And no phone chosen."""
    show_phone(page, service, site, query)
    press(page, "continue")
    expect_told(page)


def show_phone_here(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 3 on an iPhone, which is asked for itself."""
    open_at(page, site, "method", service, query)
    page.evaluate("() => Object.defineProperty(navigator, 'userAgent', { value: 'Mozilla/5.0 (iPhone)' })")
    press(page, "activate")
    give_password(page)
    expect(page.locator("#same-phone-yes")).to_be_checked()


def show_app(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 4, on a computer."""
    open_at(page, site, "app", service, query)


def show_app_all(page: Page, service: FakeService, site: str, query: str) -> None:
    """With the key to be typed, and the QR code larger."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show_app(page, service, site, query)
    unfold(page)
    press(page, "copy-key")
    if page.locator('[data-action="enlarge"]').is_visible():
        press(page, "enlarge")
    expect(page.locator("#key-said")).not_to_be_empty()


def show_app_renewed(page: Page, service: FakeService, site: str, query: str) -> None:
    """With another key than before."""
    open_at(page, site, "code", service, query)
    service.refuse_next(CONFIRMATION, 410, "enrolment_expired")
    service.enrolment = None
    enter_code(page, "111222")
    press(page, "resume")
    press(page, "activate")
    page.check("#phone-android")
    press(page, "continue")
    expect_screen(page, "app")


def show_app_android(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 4 on the Android phone itself."""
    service.sign_in(is_fresh=True)
    service.begin("android", same_phone=True)
    page.goto(f"{site}/{query}#app")
    expect_screen(page, "app")
    unfold(page)


def show_app_iphone(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 4 on the iPhone itself."""
    service.sign_in(is_fresh=True)
    service.begin("iphone", same_phone=True)
    page.goto(f"{site}/{query}#app")
    expect_screen(page, "app")
    unfold(page)


def show_code(page: Page, service: FakeService, site: str, query: str) -> None:
    """Step 5."""
    open_at(page, site, "code", service, query)


def show_code_wrong(page: Page, service: FakeService, site: str, query: str) -> None:
    """A wrong code, for the second time."""
    show_code(page, service, site, query)
    enter_code(page, "111222")
    expect_told(page)
    press(page, "confirm")
    expect(page.locator("#otp-help")).to_be_visible()
    expect_told(page)


def show_code_waiting(page: Page, service: FakeService, site: str, query: str) -> None:
    """Too many wrong codes, for now."""
    show_code(page, service, site, query)
    service.refuse_next(CONFIRMATION, 429, "too_many_attempts", retry_at=in_minutes(2))
    enter_code(page, "111222")
    expect_told(page)


def show_code_asked(page: Page, service: FakeService, site: str, query: str) -> None:
    """A code that is looked at."""
    show_code(page, service, site, query)
    service.slow.add(CONFIRMATION)
    enter_code(page, RIGHT_CODE)
    expect(page.locator(".waiting")).not_to_be_empty()


def show_code_waited(page: Page, service: FakeService, site: str, query: str) -> None:
    """The wait is over, and somebody still reads of it."""
    show_code(page, service, site, query)
    service.refuse_next(CONFIRMATION, 429, "too_many_attempts", retry_at=in_minutes(1 / 30))
    enter_code(page, "111222")
    expect(page.locator(".over")).to_be_focused()


def show_more_time(page: Page, service: FakeService, site: str, query: str) -> None:
    """The question whether more time is needed."""
    service.idle_minutes = 1
    show_code(page, service, site, query)
    expect(page.locator("dialog")).to_be_visible()


def show_more_time_last(page: Page, service: FakeService, site: str, query: str) -> None:
    """The word that the session ends, which nothing lengthens any more."""
    service.absolute_minutes = 1
    show_code(page, service, site, query)
    expect(page.locator("dialog")).to_be_visible()


def show_done(page: Page, service: FakeService, site: str, query: str) -> None:
    """The end, for somebody with recovery codes at home."""
    service.offers_codes, service.codes = True, recovery_codes()
    open_at(page, site, "done", service, query)


def show_expired(page: Page, service: FakeService, site: str, query: str) -> None:
    """A key that is too old."""
    show_code(page, service, site, query)
    service.refuse_next(CONFIRMATION, 410, "enrolment_expired")
    enter_code(page, "111222")
    expect_screen(page, "stopped")


def show_fault(page: Page, service: FakeService, site: str, query: str) -> None:
    """A page that is not whole."""
    page.route("**/setup.html", lambda route: route.abort())
    service.sign_in(is_fresh=True)
    page.goto(f"{site}/{query}#phone")
    expect_screen(page, "stopped")
    page.unroute("**/setup.html")


BOOK = Book("journey", shown_by(globals()))


@pytest.mark.requirement("W3", "W4", "W5", "W7")
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


BRANDS = {"yellow": ("#ffe600", None), "black": ("#000000", None), "a logo": ("#005f86", LOGO)}


@pytest.mark.requirement("W5")
@pytest.mark.parametrize(("colour", "address"), BRANDS.values(), ids=BRANDS)
def test_every_brand_is_sound_in_light_and_dark(
    page: Page, service: FakeService, site: str, colour: str, address: str | None
) -> None:
    """A colour that is nearly white, one that is nearly the dark page, and a logo in place of the name."""
    service.tenant["brand"] = {"colour": colour, "logo": address, "logo_dark": None}
    offer_every_language(service)
    headers = SECURITY_HEADERS | {"Content-Type": "image/svg+xml"}
    page.route(f"**{LOGO}", lambda route: route.fulfill(headers=headers, body=logo()))
    show_method(page, service, site, "?tenant=cozone&lang=sv")
    if address is not None:
        expect(page.locator("#portal img")).not_to_have_js_property("naturalWidth", 0)
    for window in (WIDE, NARROW):
        window.open_on(page)
        expect_sound(page, "sv")


def test_what_stands_in_the_page_for_want_of_texts_is_sound_too(page: Page, site: str) -> None:
    """In all languages at once."""
    page.route("**/i18n/*.json", lambda route: route.fulfill(status=404, body="{}"))
    page.goto(site)
    expect(page.locator("#late h1")).to_be_visible()
    assert violations(page) == []
    expect(page.locator("footer")).to_be_hidden()
