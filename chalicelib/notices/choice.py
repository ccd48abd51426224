"""
Of which events a user is told by mail, and of which not.

SP 800-63B 4.1.2.1, 4.2.3 and 4.6 ask for a notice of whatever changes a second factor or
recovers an account. Pure: no clock, no I/O.
"""

from __future__ import annotations

from chalicelib.audit.event import (
    ADDRESSES_CHANGED,
    ATTEMPTS_WARNED,
    AUTHENTICATOR_BOUND,
    AUTHENTICATOR_DISABLED,
    AUTHENTICATOR_IMPORTED,
    AUTHENTICATOR_REMOVED,
    BROWSER_REMEMBERED,
    RECOVERY_CODE_USED,
    RECOVERY_CODES_DISABLED,
    RECOVERY_CODES_MADE,
    SECOND_FACTOR_RESET,
    SECOND_FACTOR_UNLOCKED,
    Event,
)

# What is always told, however often it happens: each of these changes what opens the account,
# or who hears of that.
ALWAYS_TOLD = frozenset(
    {
        AUTHENTICATOR_BOUND,
        AUTHENTICATOR_IMPORTED,
        AUTHENTICATOR_REMOVED,
        AUTHENTICATOR_DISABLED,
        RECOVERY_CODES_MADE,
        RECOVERY_CODE_USED,
        RECOVERY_CODES_DISABLED,
        SECOND_FACTOR_RESET,
        SECOND_FACTOR_UNLOCKED,
        ADDRESSES_CHANGED,
    }
)
# What is told up to a few times a day: somebody else could have it told again and again.
TOLD_WITHIN_BUDGET = frozenset({ATTEMPTS_WARNED, BROWSER_REMEMBERED})
TOLD = ALWAYS_TOLD | TOLD_WITHIN_BUDGET
# `authenticator.revoked` is not among them: whatever revokes an authenticator binds another in the
# same transaction, and the notice of that one says so.

MOST_WITHIN_BUDGET_A_DAY = 20
FEW_CODES_LEFT = 3


def text_name(event: Event, *, opens_later: bool) -> str | None:
    """Return the name of the text that tells of *event*; None if nobody is told of it by mail."""
    if event.kind not in TOLD:
        return None
    details = event.details or {}
    match event.kind:
        case "attempts.warned":
            return f"{event.kind}.{details['of']}.{details['failures']}"
        case "recovery_code.used" if int(details["left"]) <= FEW_CODES_LEFT:
            return f"{event.kind}.few"
        case "second_factor.reset" if opens_later:
            return f"{event.kind}.later"
    return event.kind
