"""The port: where sessions are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from chalicelib.errors import ConditionRefusedError
from chalicelib.sessions.session import Rotation, Session
from chalicelib.storage.changes import Change


class SessionReplacedError(ConditionRefusedError):
    """The session was replaced, ended or, for who was to replace it, changed while the request ran."""


class SessionStore(Protocol):
    """Sessions by the hash of their id."""

    def get(self, session_key: str) -> Session | None:
        """Return the session, strongly read, be it live, replaced or over; else None."""

    def started(self, session: Session) -> Change:
        """Return the change that stores a new session."""

    def rotated(
        self, rotation: Rotation, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> tuple[Change, ...]:
        """
        Return the changes that put the successor in the replaced session's place.

        *answer* is what the request is answered, kept for its repetition. Refused
        with `SessionReplacedError` unless the replaced session was still live and, in what
        changes while it lives, as it was read: its successor begins with that.
        """

    def finished(
        self, session: Session, *, request_hash: str, answer: Mapping[str, Any], now: int
    ) -> Change:
        """
        Return the change that ends *session* with its last request, which may be repeated.

        *answer* is what it is answered. Refused with `SessionReplacedError` unless
        the session was still live.
        """

    def pending_until_set(self, session: Session, pending_until: int | None) -> Change:
        """Return the change that lets *session* live as long as its pending authenticator."""

    def used(self, session: Session, *, awaiting_codes: bool, now: int) -> Change:
        """
        Return the change that notes that *session* was used for what it commits with.

        Refused with `SessionReplacedError` unless it is still live. *awaiting_codes*: refused
        with `ReauthenticationRequiredError` unless it is, and the recovery codes for what it
        bound are still to be acknowledged.
        """

    def acted(self, session: Session, *, request_hash: str, now: int) -> Change:
        """
        Return the change that notes that this request took effect in *session* with what it commits with.

        Refused with `SessionReplacedError` unless it is still live, and if the same request took
        effect a short time ago: of one that is sent twice at once one takes effect.
        """

    def codes_acknowledged(self, session: Session) -> Change:
        """
        Return the change that lets *session* no longer await recovery codes, if it does.

        Refused with `SessionReplacedError` unless it is still live.
        """

    def ended(self, session: Session) -> Change:
        """
        Return the change that removes *session*, which is live.

        Refused with `SessionReplacedError` if it was replaced or ended meanwhile.
        """

    def seen(self, session: Session, *, now: int) -> None:
        """
        Note that *session* was used. One conditional write.

        Raises:
            SessionReplacedError: It was replaced or ended meanwhile.
        """
