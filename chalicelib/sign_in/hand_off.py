"""From a portal's link into a session: once, and only while the link is fresh."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.accounts.grace import grace_until
from chalicelib.accounts.record import User
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import SESSION_STARTED, EventLog
from chalicelib.authenticators.record import Owner
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.store import BrowsersChangedError
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import HandOffExpiredError
from chalicelib.hand_offs.record import HandOff, key_of_token
from chalicelib.hand_offs.store import HandOffStore
from chalicelib.sessions.session import OpenSession, request_hash, session_key_of, start_session
from chalicelib.sessions.store import SessionStore
from chalicelib.sign_in.remembered import BrowserRecognition, KnownBrowser
from chalicelib.standing import Continuation, Standing, find_own_pending
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.store import Tenant, TenantStore


@dataclass(frozen=True, kw_only=True)
class HandOffExchange:
    """Exchanges a link's token for a session."""

    tenants: TenantStore
    accounts: AccountStore
    hand_offs: HandOffStore
    sessions: SessionStore
    authenticators: AuthenticatorStore
    recognition: BrowserRecognition
    events: EventLog
    transactions: Transactions
    method: str

    def exchange(
        self, occasion: Occasion, *, token: str, idempotency_key: str, browser_id: str | None = None
    ) -> Continuation:
        """
        Return the session of the user whom a portal handed over with *token*.

        One transaction uses up the link and starts the session. If its answer was
        lost, the same request gets the same session again for 60 seconds. A remembered
        browser, which presents *browser_id*, stands for the code.

        Raises:
            HandOffExpiredError: The link was used, is too old, or never was.
            TenantSuspendedError: The operator has closed the service to the tenant.
        """
        hand_off = self._known(key_of_token(token))
        tenant = self.tenants.get(hand_off.tenant_id)
        tenant.require_open()
        user = self.accounts.get(hand_off.tenant_id, hand_off.user_id)
        if user is None or hand_off.begun_at < user.created_at:
            raise HandOffExpiredError  # whoever it was for has been erased
        bound = self.authenticators.bound(
            Owner(tenant_id=user.tenant_id, user_id=user.user_id), self.method
        )
        # Keyed with the token, which is nowhere stored: a copy of the table repeats nothing.
        request = request_hash("hand-off", idempotency_key, session_id=token, body=b"")
        try:
            browser = self.recognition.known(
                browser_id, user, tenant.profile.policy, bound, now=occasion.now
            )
            opened = self._started(
                hand_off, user, tenant, occasion, token=token, request=request, browser=browser
            )
        except HandOffExpiredError:
            opened = self._repeated(
                self._known(hand_off.key), token=token, request=request, now=occasion.now
            )
        caller = Caller(opened=opened, user=user, tenant=tenant)
        pending = find_own_pending(self.authenticators, caller, now=occasion.now)
        standing = Standing(caller=caller, bound=bound, pending=pending)
        return Continuation(opened=opened, standing=standing.as_json())

    def _known(self, key: str) -> HandOff:
        hand_off = self.hand_offs.get(key)
        if hand_off is None:
            raise HandOffExpiredError
        return hand_off

    def _started(
        self,
        hand_off: HandOff,
        user: User,
        tenant: Tenant,
        occasion: Occasion,
        *,
        token: str,
        request: str,
        browser: KnownBrowser | None,
    ) -> OpenSession:
        now = occasion.now
        if hand_off.exchange is not None or hand_off.valid_until < now:
            raise HandOffExpiredError  # which the condition below would say too, at the price of a write
        due_at = grace_until(
            self.accounts,
            tenant.profile.policy,
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            user=user,
            now=now,
        )
        opened = start_session(
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            epoch=user.epoch,
            user_created_at=user.created_at,
            now=now,
            session_id=hand_off.session_id(token),
            # The portal's proof of the password is as good as ours, for as long.
            reauthenticated_at=min(hand_off.auth_time, now),
            due_at=due_at,
            hand_off_key=hand_off.key,
            purpose=hand_off.purpose,
            **(browser.proofs if browser else {}),
        )
        subject = browser.browser_key if browser else None
        try:
            self.transactions.commit(
                self.hand_offs.exchanged(hand_off, request_hash=request, now=now),
                self.sessions.started(opened.session),
                *([browser.used] if browser else []),
                self.events.recorded(occasion.event(SESSION_STARTED, opened.session, subject=subject)),
            )
        except BrowsersChangedError:
            # Forgotten since it was looked up: it stands for nothing.
            return self._started(
                hand_off, user, tenant, occasion, token=token, request=request, browser=None
            )
        return opened

    def _repeated(self, hand_off: HandOff, *, token: str, request: str, now: int) -> OpenSession:
        if hand_off.exchange is None or not hand_off.exchange.repeats(request, now=now):
            raise HandOffExpiredError
        session_id = hand_off.session_id(token)
        session = self.sessions.get(session_key_of(session_id))
        if session is None or session.replacement is not None:
            raise HandOffExpiredError  # it has gone on since
        return OpenSession(session_id=session_id, session=session)
