"""Sign in, prove the password again, sign out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.accounts.authority import PasswordAuthority, ProvenPassword
from chalicelib.accounts.grace import grace_until
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import (
    SESSION_ENDED,
    SESSION_REAUTHENTICATED,
    SESSION_STARTED,
    EventLog,
)
from chalicelib.authenticators.record import Owner
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.store import BrowsersChangedError
from chalicelib.caller import Caller, Occasion
from chalicelib.sessions.session import (
    OpenSession,
    Session,
    rotate,
    session_key_of,
    start_session,
    successor_id,
)
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from chalicelib.sign_in.remembered import BrowserRecognition, KnownBrowser
from chalicelib.standing import Continuation, Standing, find_standing
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.store import TenantStore


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """The ways into and out of a session."""

    tenants: TenantStore
    authority: PasswordAuthority
    accounts: AccountStore
    sessions: SessionStore
    authenticators: AuthenticatorStore
    recognition: BrowserRecognition
    events: EventLog
    transactions: Transactions
    method: str

    def begin(
        self,
        occasion: Occasion,
        *,
        tenant_id: str,
        username: str,
        password: str,
        browser_id: str | None = None,
    ) -> Continuation:
        """
        Return a new session for the user whose password this is.

        A remembered browser, which presents *browser_id*, stands for the code; never for the password.

        Raises:
            NotFoundError: There is no such tenant.
            TenantSuspendedError: The operator has closed the service to it.
            PasswordHeldByPortalError: This tenant's users sign in at their portal.
            PasswordMismatchError: Name and password do not belong together.
            TooManyAttemptsError: The next attempt is not due yet.
        """
        now = occasion.now
        tenant = self.tenants.get(tenant_id)
        tenant.require_open()
        proven = self.authority.prove(tenant, username=username, password=password, now=now)
        user = proven.user
        due_at = grace_until(
            self.accounts,
            tenant.profile.policy,
            tenant_id=tenant_id,
            user_id=user.user_id,
            user=user,
            now=now,
        )
        bound = self.authenticators.bound(Owner(tenant_id=tenant_id, user_id=user.user_id), self.method)
        browser = self.recognition.known(browser_id, user, tenant.profile.policy, bound, now=now)
        opened = self._started(occasion, proven, due_at=due_at, browser=browser)
        caller = Caller(opened=opened, user=user, tenant=tenant)
        return Continuation(opened=opened, standing=Standing(caller=caller, bound=bound).as_json())

    def _started(
        self,
        occasion: Occasion,
        proven: ProvenPassword,
        *,
        due_at: int | None,
        browser: KnownBrowser | None,
    ) -> OpenSession:
        user = proven.user
        opened = start_session(
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            epoch=user.epoch,
            user_created_at=user.created_at,
            now=occasion.now,
            due_at=due_at,
            **(browser.proofs if browser else {}),
        )
        subject = browser.browser_key if browser else None
        try:
            self.transactions.commit(
                self.sessions.started(opened.session),
                proven.forgiven,
                *([browser.used] if browser else []),
                self.events.recorded(occasion.event(SESSION_STARTED, opened.session, subject=subject)),
            )
        except BrowsersChangedError:
            # Forgotten since it was looked up: it stands for nothing.
            return self._started(occasion, proven, due_at=due_at, browser=None)
        return opened

    def prove_again(self, caller: Caller, occasion: Occasion, *, password: str) -> Continuation:
        """
        Return the session's successor, in which authenticators may be changed for a while.

        Raises:
            PasswordHeldByPortalError: The portal has to ask for it.
            PasswordMismatchError: It is not the password.
            TooManyAttemptsError: The next attempt is not due yet.
            SessionReplacedError: The session was replaced meanwhile.
        """
        now = occasion.now
        proven = self.authority.prove_again(caller.tenant, caller.user, password=password, now=now)
        rotation = rotate(caller.opened, now=now, reauthenticated_at=now)
        successor = rotation.successor
        answer = self.standing(replace(caller, opened=successor), now=now).as_json()
        self.transactions.commit(
            *self.sessions.rotated(rotation, request_hash=occasion.request_hash, answer=answer, now=now),
            proven.forgiven,
            self.events.recorded(occasion.event(SESSION_REAUTHENTICATED, successor.session)),
        )
        return Continuation(opened=successor, standing=answer)

    def standing(self, caller: Caller, *, now: int) -> Standing:
        """Return where the caller stands now."""
        return find_standing(self.authenticators, caller, method=self.method, now=now)

    def end(self, session_id: str | None, occasion: Occasion) -> Session | None:
        """
        End the session of that id, or the one in its place by now, and return it.

        None if there is none. Whoever signs out with an id that is just being
        replaced is signed out all the same.
        """
        while session_id is not None:
            session = self.sessions.get(session_key_of(session_id))
            if session is None:
                return None
            if session.replacement is not None:
                session_id = successor_id(session_id, session.replacement.salt)
                continue
            # Refused if it was replaced or ended meanwhile: look again.
            with suppress(SessionReplacedError):
                self.transactions.commit(
                    self.sessions.ended(session),
                    self.events.recorded(occasion.event(SESSION_ENDED, session)),
                )
                return session
        return None
