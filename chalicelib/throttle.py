"""
How long a guesser waits: pure arithmetic, no clock, no I/O.

SP 800-63B "Rate Limiting (Throttling)" asks for growing waits and a hard end;
RTS (EU) 2018/389 Art. 4(3)(b) allows at most five failures before the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """
    The waits between attempts, by failures in a row.

    The first *free_attempts* are taken at once; then waits double from
    *first_wait_seconds* up to *longest_wait_seconds*. From *disabled_at*
    failures on nothing is taken any more; None means waits only.
    """

    free_attempts: int
    first_wait_seconds: int
    longest_wait_seconds: int
    disabled_at: int | None

    def wait_seconds(self, consecutive_failures: int) -> int:
        """Return the wait, in seconds since the last attempt, before the next is taken."""
        if consecutive_failures < self.free_attempts:
            return 0
        doublings = consecutive_failures - self.free_attempts
        # 2**32 seconds already dwarf any longest wait; the cap keeps the power small.
        return min(self.first_wait_seconds << min(doublings, 32), self.longest_wait_seconds)

    def allows(self, *, consecutive_failures: int, seconds_since_last_attempt: int) -> bool:
        """Say whether an attempt is taken now."""
        if self.disables(consecutive_failures):
            return False
        return seconds_since_last_attempt >= self.wait_seconds(consecutive_failures)

    def disables(self, consecutive_failures: int) -> bool:
        """Say whether this many failures in a row end the matter for good."""
        return self.disabled_at is not None and consecutive_failures >= self.disabled_at

    def waiting_rungs(self) -> list[tuple[int, int]]:
        """
        Return (failures, wait in seconds) for each rung, the last holding from there on.

        This is `allows` in the form of a table, for a store that must decide by
        one condition instead of by code.
        """
        rungs = []
        failures = self.free_attempts
        while True:
            wait = self.wait_seconds(failures)
            rungs.append((failures, wait))
            if wait >= self.longest_wait_seconds:
                return rungs
            failures += 1


OTP_LADDER = Ladder(free_attempts=5, first_wait_seconds=30, longest_wait_seconds=3600, disabled_at=20)
# Anybody who knows a user name can fail its password: waits only, or a
# stranger could lock everybody out.
PASSWORD_LADDER = Ladder(free_attempts=5, first_wait_seconds=30, longest_wait_seconds=900, disabled_at=None)

# Four guesses a day between the owner's own sign-ins would never meet the
# ladder; this does: at most 30 failures a calendar month (UTC).
OTP_FAILURES_PER_MONTH = 30

# A set of recovery codes costs ten slow hashes, an event kept for years and a mail to each address.
RECOVERY_SETS_PER_DAY = 10
# A key begun, confirmed, a name given, an authenticator removed: each costs an event kept for years, and
# what it changes a mail to each address. A change of phone takes two steps, so these are twenty.
STEPS_PER_DAY = 40
# Each lifts the guesser's waits and the month's cap: without an end to it there would be neither.
UNLOCKS_PER_MONTH = 3


def day_of(epoch_seconds: int) -> str:
    """Return the UTC day as ``20261123``."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y%m%d")


def end_of_day_epoch_seconds(epoch_seconds: int) -> int:
    """Return the first second of the following UTC day."""
    today = datetime.fromtimestamp(epoch_seconds, UTC).replace(hour=0, minute=0, second=0)
    return int((today + timedelta(days=1)).timestamp())


def month_of(epoch_seconds: int) -> str:
    """Return the UTC calendar month as ``2026_11``."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y_%m")


def end_of_month_epoch_seconds(epoch_seconds: int) -> int:
    """Return the first second of the following UTC month."""
    now = datetime.fromtimestamp(epoch_seconds, UTC)
    # 32 days after the first lie in the next month, whatever this one's length.
    in_next_month = now.replace(day=1) + timedelta(days=32)
    start = in_next_month.replace(day=1, hour=0, minute=0, second=0)
    return int(start.timestamp())
