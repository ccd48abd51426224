"""
How long an event is kept, by its kind. Pure: no clock, no storage.

What was changed and who did it answers for years; who signed in and who tried answers
for a good year, for that is more of a person's days than anybody needs for longer. The
sweep begins at `expires_at`: nothing else ever removes an event.
"""

from __future__ import annotations

from chalicelib.audit import event as kinds
from chalicelib.audit.event import Event

_DAY_SECONDS = 24 * 60 * 60

SECURITY = "security"
ACTIVITY = "activity"
# Five years with their leap days; a year and the month in which somebody looks back at it.
DAYS_KEPT = {SECURITY: 5 * 365 + 2, ACTIVITY: 400}

RETENTION_CLASSES = {
    kinds.ENROLMENT_BEGUN: SECURITY,
    kinds.ENROLMENT_CANCELLED: SECURITY,
    kinds.AUTHENTICATOR_BOUND: SECURITY,
    kinds.AUTHENTICATOR_REVOKED: SECURITY,
    kinds.AUTHENTICATOR_DISABLED: SECURITY,
    kinds.AUTHENTICATOR_RENAMED: SECURITY,
    kinds.AUTHENTICATOR_REMOVED: SECURITY,
    kinds.AUTHENTICATOR_IMPORTED: SECURITY,
    kinds.RECOVERY_CODES_MADE: SECURITY,
    kinds.RECOVERY_CODES_ACKNOWLEDGED: SECURITY,
    kinds.RECOVERY_CODES_DISABLED: SECURITY,
    kinds.RECOVERY_CODE_USED: SECURITY,
    kinds.BROWSER_REMEMBERED: SECURITY,
    kinds.BROWSER_FORGOTTEN: SECURITY,
    kinds.SECOND_FACTOR_RESET: SECURITY,
    kinds.SECOND_FACTOR_UNLOCKED: SECURITY,
    kinds.RESET_CODE_ACCEPTED: SECURITY,
    kinds.ADDRESSES_CHANGED: SECURITY,
    kinds.USER_ADDED: SECURITY,
    kinds.USER_ERASED: SECURITY,
    kinds.ASSERTION_FLAGGED: SECURITY,
    kinds.SESSION_STARTED: ACTIVITY,
    kinds.SESSION_REAUTHENTICATED: ACTIVITY,
    kinds.SESSION_ENDED: ACTIVITY,
    kinds.HAND_OFF_BEGUN: ACTIVITY,
    kinds.HAND_OFF_RETURNED: ACTIVITY,
    kinds.ASSERTION_ISSUED: ACTIVITY,
    kinds.ATTEMPTS_WARNED: ACTIVITY,
    kinds.ATTEMPT_COUNTED: ACTIVITY,
    kinds.ATTEMPT_ACCEPTED: ACTIVITY,
}


def expires_at(event: Event) -> int:
    """Return from when on *event* may be swept, in epoch seconds; of a kind in no class, the latest."""
    return event.occurred_at + DAYS_KEPT[RETENTION_CLASSES.get(event.kind, SECURITY)] * _DAY_SECONDS
