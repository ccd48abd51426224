"""The help desk's own entrance: names and passwords apart from those of the users they help."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.accounts.authority import PasswordAuthority
from chalicelib.accounts.record import HELP_DESK
from chalicelib.audit.event import SESSION_STARTED, EventLog
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Caller, Occasion
from chalicelib.sessions.session import start_session
from chalicelib.sessions.store import SessionStore
from chalicelib.standing import Continuation, Standing
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.store import TenantStore


@dataclass(frozen=True, kw_only=True)
class StaffSignIn:
    """The way into a session for the help desk's staff; the way out is everybody's."""

    tenants: TenantStore
    authority: PasswordAuthority
    sessions: SessionStore
    authenticators: AuthenticatorStore
    events: EventLog
    transactions: Transactions
    method: str

    def begin(self, occasion: Occasion, *, tenant_id: str, username: str, password: str) -> Continuation:
        """
        Return a new session for the one of the staff whose password this is.

        No time is given to go without a second factor, and no browser stands for it.

        Raises:
            NotFoundError: There is no such tenant.
            TenantSuspendedError: The operator has closed the service to it.
            PasswordMismatchError: Name and password do not belong together.
            TooManyAttemptsError: The next attempt is not due yet.
        """
        now = occasion.now
        tenant = self.tenants.get(tenant_id)
        tenant.require_open()
        proven = self.authority.prove(tenant, username=username, password=password, now=now, role=HELP_DESK)
        user = proven.user
        opened = start_session(
            tenant_id=tenant_id,
            user_id=user.user_id,
            epoch=user.epoch,
            user_created_at=user.created_at,
            now=now,
            due_at=None,
        )
        self.transactions.commit(
            self.sessions.started(opened.session),
            proven.forgiven,
            self.events.recorded(occasion.event(SESSION_STARTED, opened.session)),
        )
        caller = Caller(opened=opened, user=user, tenant=tenant)
        bound = self.authenticators.bound(caller.owner, self.method)
        return Continuation(opened=opened, standing=Standing(caller=caller, bound=bound).as_json())
