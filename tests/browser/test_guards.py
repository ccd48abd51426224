"""What keeps others out: foreign pages, frames, and the rules that the page itself runs under."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.product import Product
from tests.browser.visitor import CONFIRMATION, Visitor

_EVIL = b"<!doctype html><link rel=icon href='data:,'><title>Evil</title><body>"


class _EvilPage(http.server.BaseHTTPRequestHandler):
    """A page without any rules."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_EVIL)))
        self.end_headers()
        self.wfile.write(_EVIL)

    def log_message(self, *_arguments: object) -> None:
        """Tests speak for themselves."""


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    """Where the foreign page is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _EvilPage)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


_FETCH = """
async ([url, method, body, headers, mode]) => {
  try {
    const answer = await fetch(url, { method, mode, headers, credentials: 'include', body });
    return `${answer.type} ${answer.status}`;
  } catch (error) {
    return error.name;
  }
}
"""
_SUBMIT = """
([action, enctype, name, value]) => {
  const form = Object.assign(document.createElement('form'), { action, method: 'POST', enctype });
  form.append(Object.assign(document.createElement('input'), { name, value }));
  document.body.append(form);
  form.submit();
}
"""
KEY = "a" * 32


def attack(page: Page, evil_url: str, product: Product, otp: str) -> None:
    """Try from a foreign page whatever a browser lets it send to the routes that change something."""
    confirmation = json.dumps({"otp": otp})
    begin = json.dumps({"phone": "iphone", "same_phone": True})
    own_headers = {"Content-Type": "application/json", "Idempotency-Key": KEY}
    for method, path, body in (
        ("POST", CONFIRMATION, confirmation),
        ("POST", "/api/enrolment", begin),
        ("DELETE", "/api/enrolment", None),
        ("DELETE", "/api/session", None),
    ):
        url = f"{product.url}{path}"
        assert page.evaluate(_FETCH, [url, method, body, own_headers, "cors"]) == "TypeError"
        if method == "POST":
            plain = {"Content-Type": "text/plain"}
            assert page.evaluate(_FETCH, [url, method, body, plain, "no-cors"]) != "basic 200"
    # A form of plain text can look like JSON: its "=" hides in one field more.
    for enctype, name, value in (
        ("text/plain", '{"otp": "' + otp + '", "x": "', '"}'),
        ("application/x-www-form-urlencoded", "otp", otp),
    ):
        url = f"{product.url}{CONFIRMATION}"
        with page.expect_navigation(url=url) as answer:
            page.evaluate(_SUBMIT, [url, enctype, name, value])
        assert answer.value.status == 403
        page.goto(evil_url)


@pytest.mark.requirement("S5", "S10")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_foreign_page_changes_nothing(
    new_visitor: NewVisitor, evil_port: int, chromium: Browser, host: str
) -> None:
    """Not even with the right code, on the same host, where the browser sends the cookie along."""
    visitor = new_visitor()
    phone = visitor.is_at("code")
    context = chromium.new_context(storage_state=visitor.page.context.storage_state())
    try:
        page = context.new_page()
        page.goto(f"http://{host}:{evil_port}/")
        attack(page, page.url, visitor.product, phone.otp())
    finally:
        context.close()
    status, session = visitor.calls("GET", "/api/session")
    assert (status, session["second_factor"], session["verified"]) == (200, "none", False)
    assert session["enrolment"]["phone"] == "android"
    assert visitor.calls("GET", "/api/enrolment")[1]["key"] == phone.key
    visitor.enters(phone.otp())
    visitor.finishes()


@pytest.mark.requirement("S6")
def test_no_page_can_frame_it(chromium: Browser, product: Product, evil_port: int) -> None:
    """Nobody is led to type a code under another page's glass."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{evil_port}/")
    with page.expect_console_message(lambda message: "frame" in message.text.lower()):
        page.evaluate(
            "(src) => document.body.append(Object.assign(document.createElement('iframe'), { src }))",
            product.url,
        )
    expect(page.frame_locator("iframe").locator("#main")).to_have_count(0)
    context.close()


@pytest.mark.requirement("S6", "S12")
@pytest.mark.parametrize(
    "breach",
    [
        "() => fetch('http://127.0.0.1:9/').catch(() => {})",
        "() => { document.body.setAttribute('style', 'color: red'); }",
        "() => { document.body.append(Object.assign(new Image(), { src: 'data:image/gif,x' })); }",
        "() => { try { document.body.innerHTML = '<b>x</b>'; } catch {} }",
        "() => console.error('anything')",
        "() => { setTimeout(() => { throw new Error('anything'); }); }",
        "() => fetch('/nowhere')",
    ],
)
def test_the_guard_of_these_tests_bites(visitor: Visitor, breach: str) -> None:
    """The browser refuses what the policy forbids, and any test here fails for it."""
    visitor.open()
    visitor.sees("sign-in")
    visitor.guard.check()
    visitor.page.evaluate(breach)
    expect(visitor.page.locator("h1")).to_have_text(visitor.words("sign_in.heading"))
    _expect_complaint(visitor)


@pytest.mark.requirement("S8", "B47")
@pytest.mark.parametrize(
    "place",
    [
        "(secret) => localStorage.setItem('x', secret)",
        "(secret) => sessionStorage.setItem('x', secret)",
        "(secret) => history.replaceState({ secret }, '')",
        "(secret) => history.replaceState(null, '', `#${encodeURIComponent(secret)}`)",
        "(secret) => { document.title = secret; }",
        "(secret) => { document.cookie = `x=${secret}`; }",
    ],
)
def test_the_guard_of_these_tests_finds_secrets(visitor: Visitor, place: str) -> None:
    """Wherever the page could keep one, the password among them."""
    visitor.open()
    visitor.sees("sign-in")
    visitor.page.evaluate(place, visitor.person.password)
    _expect_complaint(visitor)


def _expect_complaint(visitor: Visitor) -> None:
    """Expect the guard to complain, and let it rest after that."""
    for _ in range(50):
        try:
            visitor.guard.check()
        except AssertionError:
            break
        visitor.page.wait_for_timeout(20)  # messages come a little after the deed
    else:
        raise AssertionError("the guard slept")
    visitor.page.close()
    visitor.guard.forget()
