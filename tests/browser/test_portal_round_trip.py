"""A portal and Tvåsteg together, as their users meet both: two processes, two addresses, real time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.local.product import Run, make_run, started
from tests.portal.example import PASSWORD, RunningPortal, running_portal
from tests.support.axe import violations
from tests.support.browser import Guard
from tests.support.visitor import Visitor
from tests.support.wizard import Phone

NOT_IN = "Vi kan inte kontrollera din andra faktor just nu. Du är inte inloggad. Försök igen om en stund."


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the portal."""

    username: str
    password: str = PASSWORD


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[RunningPortal]:
    """The example portal."""
    with running_portal(tmp_path) as running:
        yield running


@pytest.fixture
def tvasteg(portal: RunningPortal, tmp_path: Path) -> Iterator[Run]:
    """Tvåsteg, which knows the portal's tenant."""
    profile = tmp_path / "tenant.json"
    profile.write_text(json.dumps(portal.profile))
    command = [*make_run(portal.tvasteg_port), "--profile", str(profile)]
    with started(command, port=portal.tvasteg_port, folder=tmp_path) as run:
        run.wait_until_ready()
        yield run


@dataclass(kw_only=True)
class PortalVisitor(Visitor):
    """Somebody who wants to get into the portal at *portal_url*."""

    portal_url: str

    def sends_password(self) -> None:
        """Give user name and password to the portal."""
        self.page.goto(f"{self.portal_url}/sign-in")
        self.page.get_by_label("Användarnamn").fill(self.person.username)
        self.page.get_by_label("Lösenord").fill(self.person.password)
        self.presses("Logga in")

    def sends_code(self, otp: str) -> None:
        """Give a code to the portal."""
        expect(self.page.get_by_label("Sexsiffrig kod")).to_be_focused()
        self.page.keyboard.type(otp)
        self.presses("Fortsätt")

    def presses(self, name: str) -> None:
        """Press a button of the portal."""
        self.page.get_by_role("button", name=name).click()

    def reads(self, *sentences: str) -> None:
        """Read all of that on the portal's page."""
        for sentence in sentences:
            expect(self.page.get_by_role("main")).to_contain_text(sentence)
        assert violations(self.page) == [], sentences[0]
        assert self.page.url.startswith(f"{self.portal_url}/")

    def enrols(self) -> Phone:
        """Go through the wizard and back to the portal; return the phone."""
        self.sees("method")
        self.press("activate")
        self.sees("phone")  # the portal asked for the password just now
        self.chooses()
        phone = self.holds(self.key())
        self.press("continue")
        self.enters(phone.otp())
        self.finishes()
        self.press("done")
        return phone

    def is_in(self, *, how: str) -> None:
        """Be signed in at the portal with a second factor, and leave again."""
        self.reads("Du är inloggad", self.person.username, how, "otp", "urn:tvasteg:acr:two-step")
        self.presses("Logga ut")
        expect(self.page.get_by_label("Användarnamn")).to_be_focused()


NewVisitor = Callable[[str], PortalVisitor]


@pytest.fixture
def new_visitor(chromium: Browser, portal: RunningPortal, tvasteg: Run) -> Iterator[NewVisitor]:
    """Return a function that seats the portal's user of that name at a browser of their own."""
    url = f"http://127.0.0.1:{tvasteg.port}"
    contexts = []

    def seat(username: str) -> PortalVisitor:
        context = chromium.new_context(locale="sv-SE")
        contexts.append(context)
        guard = Guard(context, url, also=portal.url)  # before the first page, which it is to watch
        return PortalVisitor(
            page=context.new_page(),
            person=Person(username),
            url=url,
            clock=time.time,
            guard=guard,
            portal_url=portal.url,
        )

    yield seat
    for context in contexts:
        context.close()


@pytest.mark.requirement("M4", "M6", "B58")
def test_through_the_wizard_and_back_then_with_a_code_and_not_at_all_without_tvasteg(
    new_visitor: NewVisitor, tvasteg: Run
) -> None:
    anna = new_visitor("anna@firma.se")
    anna.sends_password()
    phone = anna.enrols()
    anna.is_in(how="Hos Tvåsteg")
    anna.guard.check()

    otp = phone.otp(steps=1)
    anna.sends_password()
    anna.sends_code(phone.wrong_otp())
    anna.reads("Koden stämmer inte.")
    anna.sends_code(otp)
    anna.is_in(how="Kod i portalens eget fält")
    anna.sends_password()
    anna.sends_code(otp)
    anna.reads("Koden har redan använts. Vänta på nästa kod i appen.")

    bo = new_visitor("bo@firma.se")
    bo.sends_password()
    phone = bo.enrols()
    bo.is_in(how="Hos Tvåsteg")
    bo.sends_password()
    bo.presses("Ange koden hos Tvåsteg i stället")
    bo.sees("verify", "verify.heading")
    bo.enters(phone.otp(steps=1))
    bo.reads("Du är inloggad", "Hos Tvåsteg")
    bo.presses("Byt telefon eller hantera")
    bo.sees("verify")
    bo.guard.check()
    bo.page.go_back()
    bo.reads("Du är inloggad")

    tvasteg.process.terminate()
    tvasteg.process.wait()
    anna.sends_password()
    anna.reads(NOT_IN)
    bo.presses("Byt telefon eller hantera")
    bo.reads("Vi når inte Tvåsteg just nu. Du är fortfarande inloggad.")
    bo.presses("Logga ut")
    bo.sends_password()
    bo.reads(NOT_IN)
