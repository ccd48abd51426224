"""The in-memory double of sessions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.errors import (
    ReauthenticationRequiredError,
)
from chalicelib.sessions.session import Replacement, Rotation, Session
from chalicelib.sessions.store import SessionReplacedError
from chalicelib.storage.changes import Change
from tests.support.memory.transactions import MemoryTransactions, MemoryWrite


class MemorySessions:
    """The `SessionStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._transactions = transactions
        self._sessions: dict[str, Session] = {}

    def get(self, session_key: str) -> Session | None:
        with self._transactions.lock:
            return self._sessions.get(session_key)

    def started(self, session: Session) -> Change:
        def take_effect() -> None:
            self._sessions[session.session_key] = session

        return self._change(session, lambda: session.session_key not in self._sessions, take_effect)

    def rotated(
        self, rotation: Rotation, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> tuple[Change, ...]:
        replaced = rotation.replaced
        mark = self._replaced(
            replaced, salt=rotation.salt, request_hash=request_hash, answer=answer, now=now
        )
        assert isinstance(mark.write, MemoryWrite)

        def is_as_read() -> bool:
            stored = self._sessions.get(replaced.session_key)
            return (
                stored is not None
                and stored.replacement is None
                and (stored.enrolled_at, stored.pending_until)
                == (replaced.enrolled_at, replaced.pending_until)
            )

        write = MemoryWrite(mark.write.row, is_as_read, mark.write.take_effect)
        return Change(write, mark.refused), self.started(rotation.successor.session)

    def finished(
        self, session: Session, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> Change:
        salt = secrets.token_bytes(32)
        return self._replaced(session, salt=salt, request_hash=request_hash, answer=answer, now=now)

    def _replaced(
        self, session: Session, *, salt: bytes, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> Change:
        replacement = Replacement(
            replaced_at=now,
            request_hash=request_hash,
            salt=salt,
            answer=json.loads(json.dumps(answer)),
        )
        return self._update(session, replacement=replacement)

    def pending_until_set(self, session: Session, pending_until: int | None) -> Change:
        return self._update(session, pending_until=pending_until)

    def used(self, session: Session, *, awaiting_codes: bool, now: int) -> Change:
        change = self._update(session, last_seen_at=now)
        if not awaiting_codes:
            return change
        assert isinstance(change.write, MemoryWrite)
        key, take_effect = session.session_key, change.write.take_effect

        def awaits() -> bool:
            return self._is_live(key) and self._sessions[key].enrolled_at is not None

        write = MemoryWrite(change.write.row, awaits, take_effect)
        return Change(write, ReauthenticationRequiredError())

    def acted(self, session: Session, *, request_hash: str, now: int) -> Change:
        change = self._update(session, last_seen_at=now, acted_at=now, acted_by_request=request_hash)
        assert isinstance(change.write, MemoryWrite)
        key, take_effect = session.session_key, change.write.take_effect

        def is_new() -> bool:
            return self._is_live(key) and not self._sessions[key].has_done(request_hash, now=now)

        return Change(MemoryWrite(change.write.row, is_new, take_effect), change.refused)

    def codes_acknowledged(self, session: Session) -> Change:
        return self._update(session, enrolled_at=None)

    def ended(self, session: Session) -> Change:
        key = session.session_key
        return self._change(session, lambda: self._is_live(key), lambda: _forget(self._sessions, key))

    def seen(self, session: Session, *, now: int) -> None:
        self._transactions.commit(self._update(session, last_seen_at=now))

    def _update(self, session: Session, **fields: Any) -> Change:
        key = session.session_key

        def take_effect() -> None:
            self._sessions[key] = replace(self._sessions[key], **fields)

        return self._change(session, lambda: self._is_live(key), take_effect)

    def _is_live(self, key: str) -> bool:
        stored = self._sessions.get(key)
        return stored is not None and stored.replacement is None

    @staticmethod
    def _change(session: Session, allowed: Callable[[], bool], take_effect: Callable[[], None]) -> Change:
        return Change(
            MemoryWrite(("session", session.session_key), allowed, take_effect), SessionReplacedError()
        )


def _forget(rows: dict[Any, Any], key: object) -> None:
    rows.pop(key, None)
