"""The stored record of a set of recovery codes, frozen. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.authenticators.record import Attempt
from chalicelib.throttle import RECOVERY_SETS_PER_DAY, day_of

# The letter in front of a code says which of the set it is, so that one hash decides.
# No I, which is read as a 1.
LETTERS = "ABCDEFGHJK"


@dataclass(frozen=True, kw_only=True)
class StoredCode:
    """What is kept of one code: *code_hash* is an Argon2id PHC string. *used_at* None: not spent yet."""

    code_hash: str = field(repr=False)
    used_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class RecoveryCodes:
    """
    A user's one set in force, by the letters of its codes.

    *left* is how many of them are still to be spent. *acknowledged_at* is None until the
    user said that they are kept. Disabled, none of them works any more. *made_by_day* is how
    many sets were made on which UTC day; it is only shown, for the store itself decides by it.
    """

    set_id: str
    made_at: int
    acknowledged_at: int | None
    is_disabled: bool
    left: int
    codes: Mapping[str, StoredCode]
    made_by_day: Mapping[str, int] = field(default_factory=dict, compare=False)

    def has_reached_day_cap(self, *, now: int) -> bool:
        """Say whether so many sets were made today that no more are."""
        return self.made_by_day.get(day_of(now), 0) >= RECOVERY_SETS_PER_DAY


@dataclass(frozen=True, kw_only=True)
class RecoveryReservation:
    """
    An attempt that has been counted, before its code is looked at.

    *codes* is None where the user has no set. *was_accepted* is true when this very attempt
    has spent its code already: nothing was counted and nothing needs comparing. *month* is
    where it was counted, *past_months* are counts that no longer matter.
    """

    attempt: Attempt
    month: str
    codes: RecoveryCodes | None
    consecutive_failures: int
    was_accepted: bool
    past_months: tuple[str, ...] = ()
