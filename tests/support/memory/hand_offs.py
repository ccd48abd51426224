"""The in-memory double of hand-offs from portals and of the way back."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.errors import (
    ClientNotAuthenticatedError,
    ConditionRefusedError,
    HandOffExpiredError,
    ReturnCodeUsedError,
)
from chalicelib.hand_offs.record import Exchange, HandOff, ReturnCode
from chalicelib.storage.changes import Change
from tests.support.memory.transactions import MemoryWrite


class MemoryHandOffs:
    """The `HandOffStore` double."""

    def __init__(self) -> None:
        self._hand_offs: dict[str, HandOff] = {}
        self._spent_jwts: set[str] = set()
        self._codes: dict[str, ReturnCode] = {}

    def get(self, key: str) -> HandOff | None:
        return self._hand_offs.get(key)

    def begun(self, hand_off: HandOff, *, jwt_key: str, jwt_expires_at: int) -> tuple[Change, ...]:
        del jwt_expires_at

        def take_effect() -> None:
            self._hand_offs[hand_off.key] = hand_off

        spent = MemoryWrite(
            ("jwt", jwt_key), lambda: jwt_key not in self._spent_jwts, lambda: self._spent_jwts.add(jwt_key)
        )
        stored = MemoryWrite(
            ("hand-off", hand_off.key), lambda: hand_off.key not in self._hand_offs, take_effect
        )
        return Change(spent, ClientNotAuthenticatedError()), Change(stored, ConditionRefusedError())

    def exchanged(self, hand_off: HandOff, *, request_hash: str, now: int) -> Change:
        key = hand_off.key

        def is_fresh() -> bool:
            stored = self._hand_offs.get(key)
            return stored is not None and stored.exchange is None and stored.valid_until >= now

        def take_effect() -> None:
            exchange = Exchange(exchanged_at=now, request_hash=request_hash)
            self._hand_offs[key] = replace(self._hand_offs[key], exchange=exchange)

        return Change(MemoryWrite(("hand-off", key), is_fresh, take_effect), HandOffExpiredError())

    def issued(self, code: ReturnCode) -> Change:
        def take_effect() -> None:
            self._codes[code.key] = code

        write = MemoryWrite(("return", code.key), lambda: code.key not in self._codes, take_effect)
        return Change(write, ConditionRefusedError())

    def return_code(self, key: str) -> ReturnCode | None:
        return self._codes.get(key)

    def redeemed(self, code: ReturnCode, *, assertion_id: str, jwt_key: str, now: int) -> Change:
        key = code.key

        def is_fresh() -> bool:
            stored = self._codes.get(key)
            return stored is not None and stored.assertion_id is None and stored.valid_until >= now

        def take_effect() -> None:
            self._codes[key] = replace(self._codes[key], assertion_id=assertion_id, redeemed_by=jwt_key)

        return Change(MemoryWrite(("return", key), is_fresh, take_effect), ReturnCodeUsedError())
