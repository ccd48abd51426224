"""The code at sign-in: a verification that raises the session to a fully verified one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.audit.event import AUTHENTICATOR_DISABLED
from chalicelib.authenticators.record import Attempt
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Caller, Occasion
from chalicelib.sessions.session import rotate
from chalicelib.sessions.store import SessionStore
from chalicelib.standing import Continuation, Standing, find_own_pending
from chalicelib.storage.changes import Transactions
from chalicelib.totp import OneTimePassword
from chalicelib.verifier import Verifier


@dataclass(frozen=True, kw_only=True)
class SignInCheck:
    """Asks a session for a code."""

    verifier: Verifier
    authenticators: AuthenticatorStore
    sessions: SessionStore
    transactions: Transactions

    def verify(self, caller: Caller, occasion: Occasion, *, otp: OneTimePassword) -> Continuation:
        """
        Return the session's fully verified successor.

        A fault after the code was accepted loses nothing: the same request again
        finds it accepted and goes on from there.

        Raises:
            Whatever `Verifier.verify` raises.
            SessionReplacedError: The session was replaced meanwhile.
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
        )
        pending = None
        if session.pending_until is not None:
            # A code given once more in the middle of a replacement keeps what waits.
            pending = find_own_pending(self.authenticators, caller, now=now)
        rotation = rotate(caller.opened, now=now, verified_at=now)
        successor = replace(caller, opened=rotation.successor)
        answer = Standing(caller=successor, bound=bound, pending=pending).as_json()
        self.transactions.commit(
            *self.sessions.rotated(rotation, request_hash=occasion.request_hash, answer=answer, now=now)
        )
        return Continuation(opened=rotation.successor, standing=answer)
