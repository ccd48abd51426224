"""The code at sign-in: a verification that raises the session to a fully verified one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.audit.event import AUTHENTICATOR_DISABLED, BROWSER_REMEMBERED, EventLog
from chalicelib.authenticators.record import Attempt
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.record import (
    MOST_BROWSERS,
    Binding,
    RememberedBrowser,
    browser_key_of,
    remembered_until,
)
from chalicelib.browsers.store import BrowsersChangedError, RememberedBrowserStore
from chalicelib.caller import Caller, Occasion
from chalicelib.sessions.session import CODE, Rotation, browser_id_of, rotate
from chalicelib.sessions.store import SessionStore
from chalicelib.standing import Continuation, Standing, find_own_pending
from chalicelib.storage.changes import Change, Transactions
from chalicelib.totp import OneTimePassword
from chalicelib.verifier import Verifier

_TRIES_TO_REMEMBER = 5


@dataclass(frozen=True, kw_only=True)
class SignInCheck:
    """Asks a session for a code."""

    verifier: Verifier
    authenticators: AuthenticatorStore
    browsers: RememberedBrowserStore
    sessions: SessionStore
    events: EventLog
    transactions: Transactions

    def verify(
        self,
        caller: Caller,
        occasion: Occasion,
        *,
        otp: OneTimePassword,
        remember: bool = False,
        browser_id: str | None = None,
    ) -> Continuation:
        """
        Return the session's fully verified successor.

        A fault after the code was accepted loses nothing: the same request again
        finds it accepted and goes on from there. With *remember*, and where the tenant
        allows it, the browser stands for the code for some days; it takes the place of what
        *browser_id* stood for, and of the oldest where there are ten. One read more. Where
        others are remembered and forgotten under its hands, the browser is not: the standing
        then says so, and the code is taken all the same.

        Raises:
            Whatever `Verifier.verify` raises.
            SessionReplacedError: The session was replaced or changed meanwhile.
        """
        session, now = caller.session, occasion.now
        attempt = Attempt(
            caller=session.session_key,
            attempt_id=occasion.request_hash,
            made_at=now,
            request_id=occasion.request_id,
            reference=session.reference,
        )
        bound = self.verifier.verify(
            caller.owner,
            otp,
            attempt,
            strict=caller.profile.strict_window,
            disabled_event=occasion.event(AUTHENTICATOR_DISABLED, session),
            find_user=lambda: caller.user,
        )
        pending = None
        if session.pending_until is not None:
            # A code given once more in the middle of a replacement keeps what waits.
            pending = find_own_pending(self.authenticators, caller, now=now)
        rotation = rotate(caller.opened, now=now, verified_at=now, verified_by=CODE)
        successor = replace(caller, opened=rotation.successor)
        answer = Standing(caller=successor, bound=bound, pending=pending).as_json()
        # The help desk's staff give a code every time, whatever the tenant allows its users.
        days = None if caller.user.is_staff else caller.profile.policy.remember_days
        if remember and days:
            new_id = browser_id_of(caller.opened.session_id, rotation.salt)
            browser = RememberedBrowser(
                browser_key=browser_key_of(new_id),
                binding=Binding.of(caller.user),
                remembered_at=now,
                expires_at=remembered_until(days, now=now),
            )
            answer["remembered"] = True
            if self._commit_remembering(caller, occasion, rotation, browser, answer, browser_id=browser_id):
                return Continuation(opened=rotation.successor, standing=answer, remembered=new_id)
            answer["remembered"] = False
        self.transactions.commit(
            *self.sessions.rotated(rotation, request_hash=occasion.request_hash, answer=answer, now=now)
        )
        return Continuation(opened=rotation.successor, standing=answer)

    def _commit_remembering(
        self,
        caller: Caller,
        occasion: Occasion,
        rotation: Rotation,
        browser: RememberedBrowser,
        answer: Mapping[str, Any],
        *,
        browser_id: str | None,
    ) -> bool:
        """Commit *rotation* together with *browser*, and say whether there was a moment for it."""
        event = occasion.event(BROWSER_REMEMBERED, caller.session, subject=browser.browser_key)
        for _ in range(_TRIES_TO_REMEMBER):
            with suppress(BrowsersChangedError):
                self.transactions.commit(
                    *self.sessions.rotated(
                        rotation, request_hash=occasion.request_hash, answer=answer, now=occasion.now
                    ),
                    self._remembered(caller, browser, browser_id=browser_id),
                    self.events.recorded(event),
                )
                return True
        return False

    def _remembered(self, caller: Caller, browser: RememberedBrowser, *, browser_id: str | None) -> Change:
        known = self.browsers.all(caller.owner)
        presented = browser_key_of(browser_id) if browser_id else None
        days, now = caller.profile.policy.remember_days, browser.remembered_at
        staying = [
            one
            for one in known
            if one.browser_key != presented and one.counts(caller.user, remember_days=days, now=now)
        ]
        staying.sort(key=lambda one: one.last_used_at or one.remembered_at)
        staying = staying[-(MOST_BROWSERS - 1) :]
        leaving = [one for one in known if one not in staying]
        return self.browsers.remembered(caller.owner, browser, known=known, in_place_of=leaving)
