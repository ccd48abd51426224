"""
The journey whose requests the bench counts, times and prices: one list for all of them.

A visitor can go the whole way; a step is one request on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.support.clock import ManualClock
from tests.support.portal import Portal, brought_back
from tests.support.wizard import Answer, Phone, Transport, Wizard

TENANT = "cozone"
YARDSTICK = f"T#{TENANT}#U#yardstick"  # the partition of the row by which everything is measured
PASSWORD = "sju-lugna-sommarmoln"
VERIFICATION = ("POST /api/verification", "right code")
PORTAL_VERIFICATION = ("POST /api/portal/verification", "right code")


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """Who a visitor is and how far they have come; it can be sent to another process."""

    username: str
    user_id: str = ""
    session_id: str | None = None
    key: str | None = field(default=None, repr=False)
    wrong_code: str = ""


class Visitor:
    """One browser and the phone beside it."""

    def __init__(self, ticket: Ticket, transport: Transport, clock: ManualClock) -> None:
        self._clock = clock
        self._ticket = ticket
        self.wizard = Wizard(
            transport, tenant=TENANT, username=ticket.username, password=PASSWORD, clock=clock
        )
        self.wizard.session_id = ticket.session_id

    @property
    def ticket(self) -> Ticket:
        """What another `Visitor` needs to go on from here."""
        return replace(self._ticket, session_id=self.wizard.session_id)

    @property
    def right_code(self) -> str:
        """What the phone shows now."""
        assert self._ticket.key is not None
        return Phone(self._ticket.key, self._clock).otp()

    @property
    def wrong_code(self) -> str:
        """Six digits that the phone shows at no time near."""
        return self._ticket.wrong_code

    def begin(self, *, phone: str = "android") -> Answer:
        """Begin an enrolment and scan its key."""
        answer = self.wizard.begin(phone=phone)
        assert answer.status == 200, answer.text
        key = answer.body["key"]
        self._ticket = replace(self._ticket, key=key, wrong_code=Phone(key, self._clock).wrong_otp())
        return answer

    def sign_in_anew(self) -> Answer:
        """Sign in from a browser without a session."""
        self.wizard.session_id = None
        return self.wizard.sign_in()

    def ask_for_the_tenant(self) -> Answer:
        """Ask what the page shows before anybody has signed in."""
        return self.wizard.call("GET", f"/api/tenant?tenant={TENANT}")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request: its name in every table, what it sends and what it is answered."""

    route: str
    occasion: str = ""
    status: int = 200
    act: Callable[[Visitor], Answer]
    times: int = 1  # in a row: the last ones are alike
    seconds_before: int = 0

    @property
    def name(self) -> tuple[str, str]:
        """Route and occasion."""
        return self.route, self.occasion

    def taken_by(self, visitor: Visitor) -> Answer:
        """Let *visitor* make the request, and return the answer, which is the expected one."""
        answer = self.act(visitor)
        assert answer.status == self.status, f"{self.name}: {answer.status} {answer.text}"
        return answer


STEPS: tuple[Step, ...] = (
    Step(route="GET /api/tenant", act=Visitor.ask_for_the_tenant),
    Step(
        route="GET /api/session",
        occasion="not signed in",
        status=401,
        act=lambda visitor: visitor.wizard.session(),
    ),
    Step(route="POST /api/session", occasion="first sign-in", act=Visitor.sign_in_anew),
    Step(route="GET /api/session", act=lambda visitor: visitor.wizard.session()),
    Step(route="POST /api/session/password", act=lambda visitor: visitor.wizard.prove_again()),
    Step(route="POST /api/enrolment", occasion="the first time", act=Visitor.begin),
    Step(
        route="POST /api/enrolment",
        occasion="again",
        act=lambda visitor: visitor.wizard.begin(phone="iphone"),
    ),
    Step(route="GET /api/enrolment", act=lambda visitor: visitor.wizard.offer()),
    Step(route="DELETE /api/enrolment", status=204, act=lambda visitor: visitor.wizard.cancel()),
    Step(route="POST /api/enrolment", occasion="after cancelling", act=Visitor.begin),
    Step(
        route="POST /api/enrolment/confirmation",
        occasion="wrong code",
        status=422,
        act=lambda visitor: visitor.wizard.confirm(visitor.wrong_code),
    ),
    Step(
        route="POST /api/enrolment/confirmation",
        occasion="right code",
        act=lambda visitor: visitor.wizard.confirm(visitor.right_code),
    ),
    Step(
        route="POST /api/session",
        occasion="later sign-in",
        act=Visitor.sign_in_anew,
        seconds_before=30,
    ),
    Step(
        route=VERIFICATION[0],
        occasion=VERIFICATION[1],
        act=lambda visitor: visitor.wizard.verify(visitor.right_code),
    ),
    Step(
        route="POST /api/verification",
        occasion="code spent",
        status=409,
        act=lambda visitor: visitor.wizard.verify(visitor.right_code),
    ),
    Step(
        route="POST /api/verification",
        occasion="wrong code",
        status=422,
        act=lambda visitor: visitor.wizard.verify(visitor.wrong_code),
        times=4,
    ),
    Step(
        route="POST /api/verification",
        occasion="too many attempts",
        status=429,
        act=lambda visitor: visitor.wizard.verify(visitor.right_code),
    ),
    Step(
        route="POST /api/verification",
        occasion="malformed code",
        status=400,
        act=lambda visitor: visitor.wizard.verify("12345"),
    ),
    Step(route="DELETE /api/session", status=204, act=lambda visitor: visitor.wizard.sign_out()),
)
STEP_NAMED = {step.name: step for step in STEPS}


class PortalVisit:
    """A portal, one of its users' browsers, and the phone beside it."""

    USER = "user-of-the-portal"

    def __init__(self, portal: Portal, wizard: Wizard, clock: ManualClock) -> None:
        self.portal = portal
        self.wizard = wizard
        self._clock = clock
        self._token = ""
        self._code = ""
        self._key = ""

    @property
    def phone(self) -> Phone:
        """What was enrolled in the wizard."""
        return Phone(self._key, self._clock)

    def hand_over(self) -> Answer:
        """Let the portal hand its user over."""
        answer = self.portal.hand_off(self.USER)
        self._token = answer.body["url"].partition("#hand-off=")[2]
        return answer

    def arrive(self) -> Answer:
        """Open the link."""
        return self.wizard.arrive(self._token)

    def enrol(self) -> None:
        """Bind a phone, as every other visitor does."""
        self._key = self.wizard.begin().body["key"]
        self.wizard.confirm(self.phone.otp())

    def go_back(self) -> Answer:
        """Return to the portal."""
        answer = self.wizard.return_to_portal()
        self._code = brought_back(answer)["code"]
        return answer

    def redeem(self) -> Answer:
        """Let the portal redeem what came back."""
        return self.portal.redeem(self._code)


@dataclass(frozen=True, kw_only=True)
class PortalStep:
    """One request on a portal user's way; *before* is what happens beside it, uncounted."""

    route: str
    occasion: str = ""
    act: Callable[[PortalVisit], Answer]
    before: Callable[[PortalVisit], None] = lambda _: None
    seconds_before: int = 0


PORTAL_STEPS: tuple[PortalStep, ...] = (
    PortalStep(route="GET /api/jwks", act=lambda visit: visit.wizard.call("GET", "/api/jwks")),
    PortalStep(
        route="POST /api/portal/status",
        occasion="no second factor",
        act=lambda visit: visit.portal.status(visit.USER),
    ),
    PortalStep(route="POST /api/portal/hand-off", occasion="a new user", act=PortalVisit.hand_over),
    PortalStep(route="POST /api/portal/hand-off", occasion="a known user", act=PortalVisit.hand_over),
    PortalStep(route="POST /api/session/hand-off", act=PortalVisit.arrive),
    PortalStep(route="POST /api/session/return", before=PortalVisit.enrol, act=PortalVisit.go_back),
    PortalStep(route="POST /api/portal/assertion", act=PortalVisit.redeem),
    PortalStep(
        route="POST /api/portal/status",
        occasion="second factor active",
        act=lambda visit: visit.portal.status(visit.USER),
    ),
    PortalStep(
        route=PORTAL_VERIFICATION[0],
        occasion=PORTAL_VERIFICATION[1],
        act=lambda visit: visit.portal.verify(visit.USER, visit.phone.otp()),
        seconds_before=30,
    ),
    PortalStep(
        route=PORTAL_VERIFICATION[0],
        occasion="wrong code",
        act=lambda visit: visit.portal.verify(visit.USER, visit.phone.wrong_otp()),
    ),
)
