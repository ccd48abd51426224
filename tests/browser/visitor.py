"""Somebody at the page of these tests, which also have a hand on the product behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext

from tests.browser.product import Person, Product
from tests.support import visitor
from tests.support.browser import Guard
from tests.support.wizard import COOKIE_NAME, Phone, Wizard

CONFIRMATION = "/api/enrolment/confirmation"
VERIFICATION = "/api/verification"


@dataclass(kw_only=True)
class Visitor(visitor.Visitor):
    """Somebody who can skip what a test is not about."""

    person: Person
    product: Product

    def is_signed_in(self) -> None:
        """Be signed in with the password alone."""
        wizard = self._wizard()
        assert wizard.sign_in().status == 200
        self._takes_over(wizard)

    def has_begun(self, *, phone: str = "android", same_phone: bool = False) -> Phone:
        """Be signed in, with a key that waits for its code; return the phone that knows it."""
        wizard = self._wizard()
        wizard.sign_in()
        wizard.prove_again()
        offer = wizard.begin(phone=phone, same_phone=same_phone)
        assert offer.status == 200
        self._takes_over(wizard)
        return self.holds(offer.body["key"])

    def has_enrolled(self) -> Phone:
        """Have turned it on a minute ago; return the phone."""
        phone = self._wizard().enrolled()
        self.product.clock.advance(60)
        return self.holds(phone.key)

    def _wizard(self) -> Wizard:
        return self.product.world.wizard(username=self.person.username, password=self.person.password)

    def _takes_over(self, wizard: Wizard) -> None:
        """Go on in this browser with the session of *wizard*."""
        assert wizard.session_id is not None
        self.page.context.add_cookies(
            [
                {
                    "name": COOKIE_NAME,
                    "value": wizard.session_id,
                    "domain": urlsplit(self.product.url).hostname or "",
                    "path": "/",
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Strict",
                }
            ]
        )

    def is_asked_for_the_code(self) -> Phone:
        """Have turned it on, have signed in again, and see the screen that asks for the code."""
        phone = self.has_enrolled()
        self.is_signed_in()
        self.open()
        self.sees("verify")
        return phone

    def is_at(self, screen: str, *, phone: str = "android", same_phone: bool = False) -> Phone:
        """Have begun and see *screen*, which is app or code."""
        device = self.has_begun(phone=phone, same_phone=same_phone)
        self.open(f"/#{screen}")
        self.sees(screen)
        return device


def visitor_at(context: BrowserContext, product: Product, person: Person, **how: Any) -> Visitor:
    """Return *person* at a new window of *context*, guarded."""
    guard = Guard(context, product.url)  # before the first page, which it is to watch
    return Visitor(
        page=context.new_page(),
        person=person,
        url=product.url,
        clock=product.clock,
        guard=guard,
        product=product,
        **how,
    )
