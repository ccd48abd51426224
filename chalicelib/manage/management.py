"""
What users see and change of their own second factor: authenticators, and remembered browsers.

Changing anything takes the present factor and a fresh password. What is removed stops at once:
every condition of a verification names the very authenticator.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.accounts.record import ENROLLED, NOT_ENROLLED
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import (
    AUTHENTICATOR_REMOVED,
    AUTHENTICATOR_RENAMED,
    BROWSER_FORGOTTEN,
    EventLog,
)
from chalicelib.authenticators.record import MOST_AUTHENTICATORS, BoundAuthenticators
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.record import RememberedBrowser, browser_key_of
from chalicelib.browsers.store import BrowsersChangedError, RememberedBrowserStore
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import (
    AuthenticatorDisabledError,
    ConditionRefusedError,
    EnrolmentReplacedError,
    LastAuthenticatorError,
    NotFoundError,
    NotSignedInError,
    ReauthenticationRequiredError,
    ServiceUnavailableError,
    VerificationRequiredError,
)
from chalicelib.recovery_codes.record import RecoveryCodes
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.sessions.session import rotate
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from chalicelib.standing import Continuation, Standing, timestamp
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.profile import Policy
from chalicelib.tenants.store import TenantStore

_TRIES_TO_FORGET = 5


@dataclass(frozen=True, kw_only=True)
class Management:
    """One user's second factor, in the user's own hands."""

    tenants: TenantStore
    authenticators: AuthenticatorStore
    recovery_codes: RecoveryCodeStore
    browsers: RememberedBrowserStore
    accounts: AccountStore
    sessions: SessionStore
    events: EventLog
    transactions: Transactions
    method: str

    def overview(self, caller: Caller, *, browser_id: str | None, now: int) -> dict[str, Any]:
        """
        Return all that the caller has; no secret within. *browser_id* is what their browser presents.

        Raises:
            VerificationRequiredError: The session has not been verified.
        """
        if not caller.session.is_verified:
            raise VerificationRequiredError
        bound = self.authenticators.bound(caller.owner, self.method)
        return self._overview(caller, bound, browser_id=browser_id, now=now)

    def rename(
        self,
        caller: Caller,
        occasion: Occasion,
        authenticator_id: str,
        *,
        name: str,
        browser_id: str | None,
    ) -> dict[str, Any]:
        """
        Call an authenticator *name* from now on, and return the `overview` after that.

        A name that it bears already changes nothing and is told by no event.

        Raises:
            VerificationRequiredError: The session has not given a code or a recovery code.
            ReauthenticationRequiredError: The password was proven too long ago.
            TooManyAttemptsError: Today's steps with authenticators are taken.
            NotFoundError: The user has no authenticator of that id.
            NotSignedInError: Authenticators were changed or reset meanwhile.
            SessionReplacedError: The session was replaced or ended meanwhile.
        """
        _require_proofs(caller, now=occasion.now)
        self._known(caller, authenticator_id)
        try:
            self.transactions.commit(
                self.sessions.used(caller.session, awaiting_codes=False, now=occasion.now),
                self.accounts.step_taken(caller.user, now=occasion.now),
                self.authenticators.renamed(caller.owner, self.method, authenticator_id, name=name),
                self.events.recorded(
                    occasion.event(AUTHENTICATOR_RENAMED, caller.session, subject=authenticator_id)
                ),
            )
        except SessionReplacedError:
            raise
        except ConditionRefusedError:
            self._known(caller, authenticator_id)  # else it is called so already
        bound = self.authenticators.bound(caller.owner, self.method)
        return self._overview(caller, bound, browser_id=browser_id, now=occasion.now)

    def remove(self, caller: Caller, occasion: Occasion, authenticator_id: str) -> Continuation:
        """
        End the use of an authenticator, and return the session's successor.

        One transaction; every other session and every remembered browser of the user ends with
        it, and what waited to be confirmed is dropped. With the last one the recovery codes go
        too, and the session is verified no longer: there is nothing left that it was verified by.

        Raises:
            VerificationRequiredError: The session has not given a code or a recovery code.
            ReauthenticationRequiredError: The password was proven too long ago.
            TooManyAttemptsError: Today's steps with authenticators are taken.
            NotFoundError: The user has no authenticator of that id.
            AuthenticatorDisabledError: They are disabled; one that takes their place removes them.
            LastAuthenticatorError: It is the only one, and the tenant asks for a second factor,
                be it from a later day on.
            NotSignedInError: Another change came first and ended this session.
            SessionReplacedError: The session was replaced meanwhile.
        """
        _require_proofs(caller, now=occasion.now)
        try:
            bound = self._known(caller, authenticator_id)
        except NotFoundError as error:
            # This very request may run beside itself and have removed it: then it is to be told so.
            session = self.sessions.get(caller.session.session_key)
            if session is None or session.replacement is not None:
                raise SessionReplacedError from error
            raise
        if bound.is_disabled:
            raise AuthenticatorDisabledError
        is_last = len(bound.entries) == 1
        if is_last and not _may_be_without(caller, self.tenants.get(caller.user.tenant_id).profile.policy):
            raise LastAuthenticatorError
        try:
            return self._removed(caller, occasion, bound, authenticator_id, is_last=is_last)
        except EnrolmentReplacedError as error:
            raise NotSignedInError from error
        except SessionReplacedError:
            raise
        except ConditionRefusedError as error:
            # As long as the epoch is the same, the same ones are bound: they were disabled meanwhile.
            raise AuthenticatorDisabledError from error

    def _removed(
        self,
        caller: Caller,
        occasion: Occasion,
        bound: BoundAuthenticators,
        authenticator_id: str,
        *,
        is_last: bool,
    ) -> Continuation:
        owner, user, now = caller.owner, caller.user, occasion.now
        # The password proof is spent with what it was given for.
        proofs: dict[str, int | str | None] = {"reauthenticated_at": None, "pending_until": None}
        if is_last:
            proofs |= {"verified_at": None, "verified_by": None, "enrolled_at": None}
        rotation = rotate(caller.opened, now=now, epoch=user.epoch + 1, **proofs)
        status = NOT_ENROLLED if is_last else ENROLLED
        user_after = replace(
            user,
            epoch=user.epoch + 1,
            status=status,
            recovery_set=None if is_last else user.recovery_set,
        )
        staying = tuple(entry for entry in bound.entries if entry.authenticator_id != authenticator_id)
        answer = Standing(
            caller=replace(caller, opened=rotation.successor, user=user_after),
            bound=None if is_last else replace(bound, entries=staying),
        ).as_json()
        self.transactions.commit(
            # First of all: whoever comes second learns that the session has ended, not what else changed.
            self.accounts.second_factor_changed(
                user, epoch=user.epoch, status=status, keeps_recovery_codes=not is_last, step_at=now
            ),
            *self.authenticators.removed(owner, self.method, authenticator_id, is_last=is_last),
            *([self.recovery_codes.voided(owner)] if is_last else []),
            self.browsers.voided(owner),
            *self.sessions.rotated(rotation, request_hash=occasion.request_hash, answer=answer, now=now),
            self.events.recorded(
                occasion.event(AUTHENTICATOR_REMOVED, caller.session, subject=authenticator_id)
            ),
        )
        return Continuation(opened=rotation.successor, standing=answer)

    def forget_browser(self, caller: Caller, occasion: Occasion, browser_key: str) -> None:
        """
        Let one browser stand for nothing any more; if it does already, nothing changes.

        Raises:
            VerificationRequiredError: The session has not been verified.
            SessionReplacedError: The session was replaced or ended meanwhile.
        """
        if not caller.session.is_verified:
            raise VerificationRequiredError
        try:
            self.transactions.commit(
                self.sessions.used(caller.session, awaiting_codes=False, now=occasion.now),
                self.browsers.forgotten(caller.owner, browser_key),
                self.events.recorded(
                    occasion.event(BROWSER_FORGOTTEN, caller.session, subject=browser_key)
                ),
            )
        except BrowsersChangedError:
            return

    def forget_all_browsers(self, caller: Caller, occasion: Occasion) -> None:
        """
        Let no browser of the caller's stand for a code any more, the present one included.

        The event says how many did. One transaction, which nobody else's comes in between.

        Raises:
            VerificationRequiredError: The session has not been verified.
            SessionReplacedError: The session was replaced or ended meanwhile.
            ServiceUnavailableError: Browsers came and went under our hands.
        """
        if not caller.session.is_verified:
            raise VerificationRequiredError
        for _ in range(_TRIES_TO_FORGET):
            known = self.browsers.all(caller.owner)
            live = _that_count(known, caller, now=occasion.now)
            if not live:
                return
            details = {"count": str(len(live))}
            with suppress(BrowsersChangedError):
                self.transactions.commit(
                    self.sessions.used(caller.session, awaiting_codes=False, now=occasion.now),
                    self.browsers.all_forgotten(caller.owner, known=known),
                    self.events.recorded(
                        occasion.event(BROWSER_FORGOTTEN, caller.session, details=details)
                    ),
                )
                return
        raise ServiceUnavailableError

    def _known(self, caller: Caller, authenticator_id: str) -> BoundAuthenticators:
        bound = self.authenticators.bound(caller.owner, self.method)
        if bound is None or bound.entry(authenticator_id) is None:
            raise NotFoundError
        return bound

    def _overview(
        self, caller: Caller, bound: BoundAuthenticators | None, *, browser_id: str | None, now: int
    ) -> dict[str, Any]:
        live = _that_count(self.browsers.all(caller.owner), caller, now=now)
        return {
            "authenticators": [
                {
                    "id": entry.authenticator_id,
                    "name": entry.name,
                    "bound_at": timestamp(entry.bound_at),
                    "last_used_at": timestamp(entry.last_used_at),
                }
                for entry in (bound.entries if bound else ())
            ],
            "most_authenticators": MOST_AUTHENTICATORS,
            "last_removable": _may_be_without(caller, caller.profile.policy),
            "recovery_codes": _recovery_codes_json(self.recovery_codes.current(caller.owner)),
            "remembered_browsers": [
                _browser_json(browser, browser_id=browser_id)
                for browser in sorted(live, key=lambda browser: browser.remembered_at)
            ],
        }


def _require_proofs(caller: Caller, *, now: int) -> None:
    if not caller.session.has_proven_factor:
        raise VerificationRequiredError
    if not caller.session.password_is_fresh(now=now):
        raise ReauthenticationRequiredError
    caller.user.require_step_left(now=now)


def _that_count(
    browsers: Iterable[RememberedBrowser], caller: Caller, *, now: int
) -> list[RememberedBrowser]:
    remember_days = caller.profile.policy.remember_days
    return [
        browser for browser in browsers if browser.counts(caller.user, remember_days=remember_days, now=now)
    ]


def _may_be_without(caller: Caller, policy: Policy) -> bool:
    # A deadline gives time to begin with; it gives nobody leave to take off what they have.
    return not policy.is_required and not caller.user.is_staff


def _recovery_codes_json(codes: RecoveryCodes | None) -> dict[str, Any] | None:
    if codes is None:
        return None
    return {
        "made_at": timestamp(codes.made_at),
        "left": codes.left,
        "acknowledged": codes.acknowledged_at is not None,
        "disabled": codes.is_disabled,
    }


def _browser_json(browser: RememberedBrowser, *, browser_id: str | None) -> dict[str, Any]:
    return {
        "id": browser.browser_key,
        "remembered_at": timestamp(browser.remembered_at),
        "last_used_at": timestamp(browser.last_used_at),
        "expires_at": timestamp(browser.expires_at),
        "current": browser_id is not None and browser_key_of(browser_id) == browser.browser_key,
    }
