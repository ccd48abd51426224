"""Somebody at the page, wherever it is served: what they do there, and what they see."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, unquote, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.static.texts import words
from tests.support.browser import Guard
from tests.support.pictures import picture_of
from tests.support.wizard import Clock, Phone

_CALL = """
async ([method, path, body, key]) => {
  const headers = { 'Idempotency-Key': key };
  if (body !== null) headers['Content-Type'] = 'application/json';
  const content = body === null ? null : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: content });
  const text = await response.text();
  return [response.status, text === '' ? null : JSON.parse(text)];
}
"""


class Person(Protocol):
    """Somebody with an account; *password* is what they know."""

    @property
    def username(self) -> str:
        """The name they sign in with."""

    @property
    def password(self) -> str:
        """What they know."""


@dataclass(kw_only=True)
class Visitor:
    """*person* at *page*, which is served at *url* and talks *language*; their phones go by *clock*."""

    page: Page
    person: Person
    url: str
    clock: Clock
    guard: Guard
    language: str = "sv"
    requests: list[str] = field(default_factory=list)
    """Every request to the API so far, as "METHOD path"."""

    def __post_init__(self) -> None:
        self.guard.keep_secret(self.person.password, self.person.username)
        self.page.on("request", self._note)

    def _note(self, request: Any) -> None:
        path = urlsplit(request.url).path
        if path.startswith("/api/"):
            self.requests.append(f"{request.method} {path}")

    # What is on the page

    @property
    def main(self) -> Locator:
        """The screen."""
        return self.page.locator("main")

    @property
    def otp(self) -> Locator:
        """The field for the code."""
        return self.page.locator("#otp")

    @property
    def summary(self) -> Locator:
        """What is wrong, at the top of the screen."""
        return self.page.locator(".summary")

    def words(self, key: str, **values: object) -> str:
        """Return the text of *key* in the visitor's language, as a page shows it."""
        return words(self.language)[key].format(**values)

    def sees(self, screen: str, heading: str | None = None) -> None:
        """Wait until that screen is shown; *heading* is the text key of its heading."""
        expect(self.main).to_have_attribute("data-screen", screen)
        if heading is not None:
            expect(self.page.locator("h1")).to_contain_text(self.words(heading))

    def is_told(self, text: str) -> None:
        """Wait until the summary says *text*, the reader has been moved to it, and the title warns."""
        expect(self.summary).to_contain_text(text)
        expect(self.summary).to_be_focused()
        expect(self.page).to_have_title(re.compile(f"^{self.words('error.prefix')} "))

    def is_told_about_the_code(self, text: str) -> None:
        """Wait until *text* is told at the top and at the field, which keeps what was typed."""
        self.is_told(text)
        expect(self.otp).to_have_attribute("aria-invalid", "true")
        expect(self.otp).to_have_accessible_description(re.compile(re.escape(text)))
        expect(self.otp).not_to_have_value("")

    def key(self) -> str:
        """Return the key on the page, read as a person does."""
        return (self.page.locator("#key").text_content() or "").replace(" ", "")

    # What a person does

    def open(self, address: str = "/") -> None:
        """Open that address of the product, as if typed into a new window."""
        if self.page.url != "about:blank":
            self.page.goto("about:blank")  # from our own page another fragment would be a mere step
        self.page.goto(f"{self.url}{address}")

    def press(self, action: str) -> None:
        """Press the button of *action*."""
        self.page.click(f'main [data-action="{action}"]')

    def signs_in(self) -> None:
        """Fill in the sign-in form and send it."""
        self.page.fill("#username", self.person.username)
        self.page.fill("#current-password", self.person.password)
        self.press("continue")

    def gives_password(self) -> None:
        """Give the password again."""
        self.page.fill("#current-password", self.person.password)
        self.press("continue")

    def chooses(self, phone: str = "android") -> None:
        """Choose the kind of phone."""
        self.page.check(f"#phone-{phone}")
        self.press("continue")
        self.sees("app")

    def goes_from_method_to_app(self) -> None:
        """Turn it on, give the password, choose a phone."""
        self.press("activate")
        self.sees("password")
        self.gives_password()
        self.sees("phone")
        self.chooses()

    def enters(self, otp: str) -> None:
        """Type a code and confirm it."""
        self.otp.fill(otp)
        self.press("confirm")

    def codes(self) -> list[str]:
        """Return the recovery codes on the page, which from now on are watched for."""
        self.sees("recovery", "recovery.heading")
        expect(self.page.locator("#codes li")).to_have_count(10)
        codes = self.page.locator("#codes li").all_text_contents()
        self.guard.keep_secret(*codes, *[code.replace("-", "") for code in codes])
        return codes

    def keeps_codes(self) -> list[str]:
        """Write the recovery codes down, say so and go on; return them."""
        codes = self.codes()
        self.page.check("#kept")
        self.press("continue")
        return codes

    def finishes(self) -> list[str]:
        """Keep the recovery codes and come to the end; return them."""
        codes = self.keeps_codes()
        self.sees("done", "done.heading")
        return codes

    def pastes(self, text: str) -> None:
        """Copy *text* elsewhere and paste it into the field that has the focus."""
        self.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        self.page.keyboard.press("Control+V")

    def scans(self, *, from_afar: bool = False) -> Phone:
        """Hold a phone before the screen: read the QR code off a screenshot, of all if *from_afar*."""
        self.page.locator("#qr").scroll_into_view_if_needed()
        screenshot = self.page.screenshot() if from_afar else self.page.locator("#qr").screenshot()
        uri = picture_of(screenshot).qr_text()
        address = urlsplit(uri)
        parameters = parse_qs(address.query, strict_parsing=True)
        assert (address.scheme, address.netloc) == ("otpauth", "totp")
        assert unquote(address.path) == f"/Azets Cozone:{self.person.username}"
        assert parameters == {"secret": parameters["secret"], "issuer": ["Azets Cozone"]}
        return self.holds(parameters["secret"][0])

    def holds(self, key: str) -> Phone:
        """Return a phone with *key*, which from now on is watched for."""
        phone = Phone(key, self.clock)
        grouped = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
        self.guard.keep_secret(key, grouped, "otpauth:", *[phone.otp(steps=steps) for steps in (-1, 0, 1)])
        return phone

    # The same without the page

    def calls(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and answer of one request made from within the browser."""
        if not self.page.url.startswith(self.url):
            self.open()
        status, answer = self.page.evaluate(_CALL, [method, path, body, secrets.token_hex(16)])
        return status, answer

    # Other windows and other computers

    def second_tab(self) -> Self:
        """Return the same person in another tab of the same browser."""
        return replace(self, page=self.page.context.new_page(), requests=[])

    def expects_broken_line(self, path: str) -> None:
        """Let the console say that no answer came from *path*."""
        self.guard.broken.add(f"{self.url}{path}")
