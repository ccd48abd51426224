"""Time that passes only when a test says so."""

from __future__ import annotations

# A Monday morning inside one calendar month, at the first second of a time step.
A_MONDAY_MORNING = 1_795_424_400  # 2026-11-23T09:00:00Z


class ManualClock:
    """A clock in epoch seconds, as the product takes one; it stands until moved."""

    def __init__(self, now: float = A_MONDAY_MORNING) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds

    def advance_to_next_time_step(self) -> None:
        """Let time pass until authenticator apps show their next code."""
        self.now = (self.now // 30 + 1) * 30
