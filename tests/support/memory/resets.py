"""The in-memory double of `ResetStore`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chalicelib.authenticators.record import Owner
from chalicelib.errors import ConditionRefusedError, ResetCodeExpiredError, TwoFactorError
from chalicelib.resets.record import MOST_RESET_CODE_ATTEMPTS, Reset
from chalicelib.storage.changes import Change
from tests.support.memory.transactions import MemoryTransactions, MemoryWrite


class MemoryResets:
    """The `ResetStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._resets: dict[Owner, Reset] = {}

    def pending(self, owner: Owner) -> Reset | None:
        with self._lock:
            return self._resets.get(owner)

    def begun(self, owner: Owner, reset: Reset) -> Change:
        def take_effect() -> None:
            self._resets[owner] = reset

        return self._change(owner, lambda: True, take_effect, refused=ConditionRefusedError())

    def attempted(self, owner: Owner, reset: Reset, *, now: int) -> Change:
        def may_be_tried() -> bool:
            stored = self._resets.get(owner)
            return (
                stored is not None
                and stored.code_hash == reset.code_hash
                and stored.opens_at <= now <= stored.expires_at
                and stored.attempts < MOST_RESET_CODE_ATTEMPTS
            )

        def take_effect() -> None:
            stored = self._resets[owner]
            self._resets[owner] = replace(stored, attempts=stored.attempts + 1)

        return self._change(owner, may_be_tried, take_effect, refused=ResetCodeExpiredError())

    def spent(self, owner: Owner) -> Change:
        def take_effect() -> None:
            self._resets.pop(owner, None)

        return self._change(owner, lambda: True, take_effect, refused=ConditionRefusedError())

    @staticmethod
    def _change(
        owner: Owner,
        allowed: Callable[[], bool],
        take_effect: Callable[[], None],
        *,
        refused: TwoFactorError,
    ) -> Change:
        row = ("reset", owner.tenant_id, owner.user_id)
        return Change(MemoryWrite(row, allowed, take_effect), refused)
