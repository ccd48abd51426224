"""Who does something, and on which occasion: what every step of a journey is handed."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.accounts.record import User
from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Owner
from chalicelib.sessions.session import OpenSession, Session


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A user within a live session."""

    opened: OpenSession
    user: User

    @property
    def session(self) -> Session:
        """The session itself."""
        return self.opened.session

    @property
    def owner(self) -> Owner:
        """The caller as the owner of authenticators."""
        return Owner(tenant_id=self.session.tenant_id, user_id=self.session.user_id)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """
    One request: when it came (epoch seconds, by the server's clock) and which it is.

    *request_hash* tells a repetition of this very request from any other.
    """

    now: int
    request_id: str
    request_hash: str

    def event(self, kind: str, session: Session, *, subject: str | None = None) -> Event:
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
        )
