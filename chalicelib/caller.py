"""Who does something, and on which occasion: what every step of a journey is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.accounts.record import User
from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Owner
from chalicelib.sessions.session import OpenSession, Session
from chalicelib.tenants.client import Client, client_id_of
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A user within a live session, and their tenant as it was at most a minute ago."""

    opened: OpenSession
    user: User
    tenant: Tenant

    @property
    def session(self) -> Session:
        """The session itself."""
        return self.opened.session

    @property
    def profile(self) -> Profile:
        """How the caller's tenant looks, speaks and what it asks."""
        return self.tenant.profile

    @property
    def password_holder(self) -> str:
        """Who can ask for the caller's password again: ``directory`` or ``portal``."""
        if self.user.is_staff:
            return "directory"
        return "portal" if self.user.password_hash is None else self.profile.passwords

    @property
    def second_factor(self) -> str:
        """
        Whether the caller must have one, ``required`` or ``optional``.

        Staff must in every tenant, and so must whoever had one until the help desk reset it.
        """
        if self.user.is_staff or self.user.reset_pending:
            return "required"
        return self.profile.policy.second_factor

    @property
    def owner(self) -> Owner:
        """The caller as the owner of authenticators."""
        return Owner(tenant_id=self.session.tenant_id, user_id=self.session.user_id)


@dataclass(frozen=True, kw_only=True)
class PortalClient:
    """
    A portal's client that has proven its key, and its tenant as it is now.

    *jwt_key* stands for the JWT that proved it, which ends at *jwt_expires_at*.
    """

    tenant: Tenant
    client: Client
    jwt_key: str
    jwt_expires_at: int

    @property
    def tenant_id(self) -> str:
        """The one tenant whose users the client may ask about."""
        return self.tenant.tenant_id

    @property
    def client_id(self) -> str:
        """The id that the client signs with."""
        return client_id_of(self.tenant_id, self.client.name)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """
    One request: when it came (epoch seconds, by the server's clock) and which it is.

    *request_hash* tells a repetition of this very request from any other. *source* is the
    network it came from, where the front door tells.
    """

    now: int
    request_id: str
    request_hash: str
    source: str | None = None

    def event(
        self,
        kind: str,
        session: Session,
        *,
        subject: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Event:
        """Return the event that tells what *session*'s user did on this occasion."""
        return Event(
            kind=kind,
            tenant_id=session.tenant_id,
            user_id=session.user_id,
            occurred_at=self.now,
            actor=session.user_id,
            request_id=self.request_id,
            reference=session.reference,
            subject=subject,
            source=self.source,
            details=details,
        )

    def event_by_staff(
        self,
        staff: Caller,
        kind: str,
        *,
        user_id: str,
        details: Mapping[str, str] | None = None,
    ) -> Event:
        """Return the event that tells what one of the help desk did about the user of that id."""
        return Event(
            kind=kind,
            tenant_id=staff.session.tenant_id,
            user_id=user_id,
            occurred_at=self.now,
            actor=staff.user.user_id,
            request_id=self.request_id,
            reference=staff.session.reference,
            source=self.source,
            details=details,
        )

    def event_by(
        self,
        client: PortalClient,
        kind: str,
        *,
        user_id: str,
        reference: str | None = None,
        subject: str | None = None,
    ) -> Event:
        """Return the event that tells what a portal's *client* did about the user of that id."""
        return Event(
            kind=kind,
            tenant_id=client.tenant_id,
            user_id=user_id,
            occurred_at=self.now,
            actor=client.client_id,
            request_id=self.request_id,
            reference=reference,
            subject=subject,
            source=self.source,
        )
