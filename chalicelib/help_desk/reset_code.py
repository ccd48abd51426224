"""The code that the help desk said: it opens the next enrolment, for whoever also has the password."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.audit.event import ATTEMPT_COUNTED, RESET_CODE_ACCEPTED, EventLog
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.caller import Caller, Occasion
from chalicelib.errors import ResetCodeExpiredError, ResetCodeMismatchError
from chalicelib.resets.record import ResetCode
from chalicelib.resets.store import ResetStore
from chalicelib.sessions.session import rotate
from chalicelib.sessions.store import SessionStore
from chalicelib.standing import Continuation, find_standing
from chalicelib.storage.changes import Transactions


@dataclass(frozen=True, kw_only=True)
class ResetCodeCheck:
    """Takes the help desk's one-time code within a sign-in."""

    resets: ResetStore
    authenticators: AuthenticatorStore
    sessions: SessionStore
    events: EventLog
    transactions: Transactions
    method: str

    def accept(self, caller: Caller, occasion: Occasion, *, code: ResetCode) -> Continuation:
        """
        Return the session's successor, in which an authenticator may be bound.

        The attempt is counted, together with its event, before the code is looked at. The code
        is not spent by this but by the authenticator that is bound: whoever loses the answer,
        or the session, gives it once more.

        Raises:
            ResetNotOpenError: The tenant lets resets wait; nothing was counted.
            ResetCodeExpiredError: There is no code (any more) that could be given.
            ResetCodeMismatchError: It is not the code; the attempt stays counted.
            SessionReplacedError: The session was replaced meanwhile.
        """
        owner, now = caller.owner, occasion.now
        reset = self.resets.pending(owner)
        if reset is None:
            raise ResetCodeExpiredError
        reset.require_open(now=now)
        # The condition holds all of it once more: what is counted is what is looked at below.
        self.transactions.commit(
            self.resets.attempted(owner, reset, now=now),
            self.events.recorded(
                occasion.event(ATTEMPT_COUNTED, caller.session, details={"proof": "reset_code"})
            ),
        )
        if not reset.is_ended_by(code):
            raise ResetCodeMismatchError
        # A newer reset, or an authenticator bound elsewhere, has ended this session by its epoch.
        rotation = rotate(caller.opened, now=now, reset_proven_at=now)
        successor = rotation.successor
        standing = find_standing(
            self.authenticators, replace(caller, opened=successor), method=self.method, now=now
        )
        answer = standing.as_json()
        self.transactions.commit(
            *self.sessions.rotated(rotation, request_hash=occasion.request_hash, answer=answer, now=now),
            self.events.recorded(occasion.event(RESET_CODE_ACCEPTED, successor.session)),
        )
        return Continuation(opened=successor, standing=answer)
