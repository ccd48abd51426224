"""A small world to test in: two portals, their users, a clock that waits for us, and all that is logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from chalice.app import Chalice

from chalicelib.accounts.record import HELP_DESK, User
from chalicelib.bootstrap import Services, Stores, assemble
from chalicelib.settings import Settings
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant
from tests.support.aws import SETTINGS, Moto, moto
from tests.support.clock import ManualClock
from tests.support.handlers import ENVIRONMENT_TO_IMPORT_THE_APP, environment_of
from tests.support.help_desk import HelpDesk
from tests.support.memory import memory_stores
from tests.support.portal import RETURN_URL, ClientKey, Portal, client_of
from tests.support.wizard import HOST, Phone, Transport, Wizard, chalice_transport, through_front_door

ANNA = "anna@firma.se"
ANNAS_PASSWORD = "sju-lugna-sommarmoln"
BERIT = "berit@byra.se"
BERITS_PASSWORD = "tre-tysta-vinterskogar"
STINA = "stina@servicedesk.se"
STINAS_PASSWORD = "fem-blanka-insjöar"

COZONE: dict[str, Any] = {
    "id": "cozone",
    "portal_name": "Azets Cozone",
    "issuer": "Azets Cozone",
    "brand": {"colour": "#005f86", "logo": None},
    "support": {"mail": "2FA_SEsupport@azets.com", "phone": None, "hours": None},
    "languages": ["sv", "en"],
    "default_language": "sv",
    "methods": ["totp"],
    "policy": {"second_factor": "required", "deadline": None, "grace_days": None},
    "return_urls": ["https://cozone.azets.com/"],
    "hosts": [],
    "clients": [],
    "passwords": "directory",
    "sign_in_url": None,
    "reauthentication_url": None,
    "own_key": False,
    "forgotten_password_url": None,
    "neutral_password_errors": False,
    "strict_window": False,
    "recovery_codes": True,
}
BYRA: dict[str, Any] = COZONE | {"id": "byra", "portal_name": "Byrå Nord", "issuer": "Byrå Nord"}


class World:
    """
    The whole service over *stores*, by a clock of its own.

    Anna is a user of the tenant ``cozone``. What concerns the tables is there
    only if *aws* is.
    """

    def __init__(self, stores: Stores, *, settings: Settings = SETTINGS, aws: Moto | None = None) -> None:
        self.clock = ManualClock()
        self.log_lines: list[str] = []
        self.settings = settings
        self.stores = stores
        self.services: Services = assemble(
            settings, stores, clock=self.clock, write_line=self.log_lines.append
        )
        self.app: Chalice = _create_app(self.services)
        self.tenant: Tenant = self.add_tenant()
        self.user: User = self.add_user()
        self._aws = aws

    @property
    def aws(self) -> Moto:
        """The emulated AWS below, if this world stands on it."""
        assert self._aws is not None, "this world stands on doubles"
        return self._aws

    def use(self, services: Services) -> None:
        """Let browsers opened from now on meet *services* instead."""
        self.services = services
        self.app = _create_app(services)

    def add_tenant(self, **differences: Any) -> Tenant:
        """Make a tenant like ``cozone`` but for *differences*; or change it."""
        return self.services.tenants.apply(Profile.from_json(COZONE | differences))

    def add_user(
        self, tenant: Tenant | None = None, *, username: str = ANNA, password: str = ANNAS_PASSWORD
    ) -> User:
        """Add a user."""
        return self.services.directory.create_user(
            tenant or self.tenant, username=username, password=password, language="sv"
        )

    def add_staff(
        self, tenant: Tenant | None = None, *, username: str = STINA, password: str = STINAS_PASSWORD
    ) -> User:
        """Add somebody to a tenant's help desk."""
        return self.services.directory.create_user(
            tenant or self.tenant, username=username, password=password, language="sv", role=HELP_DESK
        )

    def help_desk(
        self, *, tenant: str = "cozone", username: str = STINA, password: str = STINAS_PASSWORD
    ) -> HelpDesk:
        """Open a new browser at the help desk's page; Stina sits at it unless said otherwise."""
        return HelpDesk(
            chalice_transport(self.app),
            tenant=tenant,
            username=username,
            password=password,
            clock=self.clock,
        )

    def add_byra_with_berit(self) -> User:
        """Make a second tenant, ``byra``, and its user Berit."""
        return self.add_user(self.add_tenant(**BYRA), username=BERIT, password=BERITS_PASSWORD)

    def add_portal(self, tenant_id: str = "example", **differences: Any) -> Portal:
        """Make a tenant that holds its users' passwords itself, and return its server."""
        key = ClientKey()
        profile = {
            "portal_name": "Exempelportalen",
            "issuer": "Exempelportalen",
            "return_urls": [RETURN_URL],
            "clients": [client_of(key)],
            "passwords": "portal",
            "sign_in_url": "https://portal.example/sign-in",
        }
        self.add_tenant(**profile | {"id": tenant_id} | differences)
        return self.portal(f"{tenant_id}.web", key)

    def add_portal_at_front_door(self) -> Portal:
        """Make a portal's tenant and return its server, which asks through CloudFront."""
        portal = self.add_portal()
        portal.url = f"https://{HOST}"
        portal.transport = through_front_door(
            portal.transport, origin_secret=self.settings.origin_secrets[0]
        )
        return portal

    def portal(self, client_id: str, key: ClientKey) -> Portal:
        """Return the server of a portal, whose client has *key*."""
        return Portal(transport=chalice_transport(self.app), clock=self.clock, client_id=client_id, key=key)

    def arrived(self, portal: Portal, user: str, **said: Any) -> Wizard:
        """Open a new browser at which *user* has just come from *portal*, which said *said* of them."""
        wizard = self.wizard()
        answer = wizard.arrive(portal.token_for(user, **said))
        assert answer.status == 200, answer.text
        return wizard

    def enrolled_at(self, portal: Portal, user: str) -> Phone:
        """Let *user* come from *portal* and bind an authenticator; return the phone."""
        wizard = self.arrived(portal, user)
        wizard.begin()
        phone = wizard.scan()
        answer = wizard.confirm(phone.otp())
        assert answer.status == 200, answer.text
        return phone

    def wizard(
        self, *, tenant: str = "cozone", username: str = ANNA, password: str = ANNAS_PASSWORD
    ) -> Wizard:
        """Open a new browser at our page; Anna sits at it unless said otherwise."""
        return Wizard(
            chalice_transport(self.app),
            tenant=tenant,
            username=username,
            password=password,
            clock=self.clock,
        )

    def wizard_over(self, transport: Transport) -> Wizard:
        """Open a new browser at which Anna sits, whose requests go by *transport*."""
        return Wizard(transport, tenant="cozone", username=ANNA, password=ANNAS_PASSWORD, clock=self.clock)

    def wizard_at_front_door(self, *, username: str = ANNA, password: str = ANNAS_PASSWORD) -> Wizard:
        """Open a new browser in front of CloudFront, as there is in every stage but ``local``."""
        return Wizard(
            through_front_door(chalice_transport(self.app), origin_secret=self.settings.origin_secrets[0]),
            tenant="cozone",
            username=username,
            password=password,
            clock=self.clock,
        )

    def help_desk_at_front_door(self) -> HelpDesk:
        """Open a new browser at the help desk's page in front of CloudFront; Stina sits at it."""
        return HelpDesk(
            through_front_door(chalice_transport(self.app), origin_secret=self.settings.origin_secrets[0]),
            tenant="cozone",
            username=STINA,
            password=STINAS_PASSWORD,
            clock=self.clock,
        )

    def berits_wizard(self) -> Wizard:
        """Open a new browser at which Berit of ``byra`` sits."""
        return self.wizard(tenant="byra", username=BERIT, password=BERITS_PASSWORD)

    def restarted(self) -> World:
        """Return another instance of the service over the same stores: nothing in memory goes along."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.services = assemble(
            self.settings, self.stores, clock=self.clock, write_line=self.log_lines.append
        )
        other.app = _create_app(other.services)
        return other

    @property
    def last_line(self) -> dict[str, Any]:
        """The log line of the last request."""
        return cast("dict[str, Any]", json.loads(self.log_lines[-1]))

    def aws_calls(self) -> dict[str, int]:
        """Return how often the last request called each AWS operation, by the log."""
        return cast("dict[str, int]", self.last_line["aws_calls"])

    def kms_calls(self) -> int:
        """Return how many calls to KMS the last request made, by the log."""
        return sum(count for name, count in self.aws_calls().items() if name.startswith("KMS."))

    def row(self, sort_key: str) -> dict[str, Any] | None:
        """Return Anna's row of that sort key, in DynamoDB's own notation."""
        partition = f"T#{self.user.tenant_id}#U#{self.user.user_id}"
        rows = [r for r in self.aws.state() if r["pk"]["S"] == partition and r["sk"]["S"] == sort_key]
        return rows[0] if rows else None

    def event_kinds(self) -> list[str]:
        """Return the kinds of all events so far, oldest first."""
        return [event["kind"]["S"] for event in self.aws.events()]


@contextmanager
def moto_world(**settings: Any) -> Iterator[World]:
    """Yield a world over moto, with *settings* other than the local stage's."""
    with moto() as aws:
        yield World(aws.stores, settings=replace(SETTINGS, **settings), aws=aws)


def memory_world() -> World:
    """Return a world over in-memory doubles: quicker, and without tables to look at."""
    return World(memory_stores())


def _create_app(services: Services) -> Chalice:
    # Importing `app` builds a deployed service beside ours; it calls nothing.
    with environment_of(ENVIRONMENT_TO_IMPORT_THE_APP):
        app: Chalice = import_module("app").create_app(services)
    return app
