"""The port: one event of a user's life with a second factor."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.storage.changes import Change

# Kinds of events. Those of a change are committed with it. Attempts come from the
# stream of the table ``state`` instead (see `attempts`), so that a sign-in stays two writes.
SESSION_STARTED = "session.started"
SESSION_REAUTHENTICATED = "session.reauthenticated"
SESSION_ENDED = "session.ended"
ENROLMENT_BEGUN = "enrolment.begun"
ENROLMENT_CANCELLED = "enrolment.cancelled"
AUTHENTICATOR_BOUND = "authenticator.bound"
AUTHENTICATOR_REVOKED = "authenticator.revoked"
AUTHENTICATOR_DISABLED = "authenticator.disabled"
HAND_OFF_BEGUN = "hand_off.begun"
HAND_OFF_RETURNED = "hand_off.returned"
ASSERTION_ISSUED = "assertion.issued"
ASSERTION_FLAGGED = "assertion.flagged"
AUTHENTICATOR_RENAMED = "authenticator.renamed"
AUTHENTICATOR_REMOVED = "authenticator.removed"
AUTHENTICATOR_IMPORTED = "authenticator.imported"
RECOVERY_CODES_MADE = "recovery_codes.made"
RECOVERY_CODES_ACKNOWLEDGED = "recovery_codes.acknowledged"
RECOVERY_CODES_DISABLED = "recovery_codes.disabled"
RECOVERY_CODE_USED = "recovery_code.used"
BROWSER_REMEMBERED = "browser.remembered"
BROWSER_FORGOTTEN = "browser.forgotten"
SECOND_FACTOR_RESET = "second_factor.reset"
SECOND_FACTOR_UNLOCKED = "second_factor.unlocked"
RESET_CODE_ACCEPTED = "reset_code.accepted"
ADDRESSES_CHANGED = "addresses.changed"
USER_ADDED = "user.added"
USER_ERASED = "user.erased"
ATTEMPTS_WARNED = "attempts.warned"
ATTEMPT_COUNTED = "attempt.counted"
ATTEMPT_ACCEPTED = "attempt.accepted"


@dataclass(frozen=True, kw_only=True)
class Event:
    """
    One thing that happened. Ids only: no name, code, secret or address within.

    *actor* is the user, a portal's client, one of the help desk or an operator (``operator``
    and their IAM identity); *subject* what was changed or issued, for example an
    authenticator's id; *reference* the first characters of the sign-in id; *source* the
    network that the request came from, its address cut short; *details* what the kind of
    event says besides, such as the reason for a reset.
    Two events of the same *event_id* and time are one, and appended once.
    """

    kind: str
    tenant_id: str
    user_id: str
    occurred_at: int
    actor: str
    request_id: str | None
    reference: str | None
    subject: str | None = None
    source: str | None = None
    details: Mapping[str, str] | None = None
    event_id: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def is_by_operator(self) -> bool:
        """True if the actor is an operator, and no user, client or one of the help desk."""
        return self.actor.startswith(operator_actor(""))


def operator_actor(identity: str) -> str:
    """Return how an operator of that IAM identity is called as an actor: nobody else has a colon."""
    return f"operator:{identity}"


class EventLog(Protocol):
    """Events can be added, and nothing else."""

    def recorded(self, event: Event) -> Change:
        """Return the change that appends *event*; commit it together with what it tells of."""
