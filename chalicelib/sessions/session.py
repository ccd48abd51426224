"""
What a session is and how one follows another. Pure: no clock, no storage.

An id is 256 random bits, known to the browser alone; the store holds its
SHA-256. A replaced session's successor id is derived from the replaced id and a
salt drawn at the replacement: the browser has one half, the row the other. So a
request whose answer was lost can be answered again with the very same cookie,
while neither a copy of the table nor an old cookie yields the new id.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.accounts.record import User

IDLE_SECONDS = 15 * 60
ABSOLUTE_SECONDS = 60 * 60
# How long a replaced id may repeat the request that replaced it.
REPEATABLE_SECONDS = 60
# A password proof opens the change of authenticators for this long.
REAUTHENTICATION_SECONDS = 5 * 60
REFERENCE_CHARACTERS = 8

# What can stand for the second factor in a sign-in.
CODE = "code"
RECOVERY_CODE = "recovery_code"
REMEMBERED_BROWSER = "remembered_browser"


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """
    How a session came to be replaced: when, by which request, and what it was answered.

    *request_hash* is that of `request_hash`.
    """

    replaced_at: int
    request_hash: str
    salt: bytes = field(repr=False)
    answer: dict[str, Any] = field(repr=False)

    def repeats(self, request_hash: str, *, now: int) -> bool:
        """Say whether this request is the one that replaced the session, still within its time."""
        return (
            hmac.compare_digest(self.request_hash, request_hash)
            and now - self.replaced_at <= REPEATABLE_SECONDS
        )


@dataclass(frozen=True, kw_only=True)
class Session:
    """
    One browser's standing with us. All times are epoch seconds.

    *session_key* is the hash of the id. *sign_in_id* runs through all
    replacements of one sign-in. *epoch* is the user's at the time: a change of
    authenticators raises it and so ends every other session. *pending_until* is
    when the authenticator begun in this sign-in stops waiting to be confirmed.
    *due_at* is until when the user may go on without a second factor, None for at
    once. *verified_by* says what stood for the second factor: ``code``, ``recovery_code`` or
    ``remembered_browser``; of the last, *remembered_at* is when the code was given that it
    stands for. *user_created_at* is the user's, for whoever is stored anew after an erasure
    may have the same id: None in rows of earlier releases. *enrolled_at* is when this sign-in
    bound an authenticator for which no recovery codes have been acknowledged yet.
    *reset_proven_at* is when the help desk's one-time code was given. *hand_off_key* names the
    hand-off by which a portal began the sign-in, if one did, and *purpose* says what for.
    *acted_by_request* is the last request that took effect without replacing the session and
    yet must not take effect twice: see `has_done`.
    """

    session_key: str
    tenant_id: str
    user_id: str
    sign_in_id: str
    epoch: int
    created_at: int
    last_seen_at: int
    reauthenticated_at: int | None = None
    verified_at: int | None = None
    verified_by: str | None = None
    remembered_at: int | None = None
    user_created_at: int | None = None
    enrolled_at: int | None = None
    reset_proven_at: int | None = None
    pending_until: int | None = None
    due_at: int | None = None
    hand_off_key: str | None = None
    purpose: str | None = None
    acted_at: int | None = None
    acted_by_request: str | None = None
    replacement: Replacement | None = None

    @property
    def reference(self) -> str:
        """What the page shows and the help desk searches by."""
        return self.sign_in_id[:REFERENCE_CHARACTERS]

    @property
    def ends_at(self) -> int:
        """When the session ends, whatever happens."""
        return self.created_at + ABSOLUTE_SECONDS

    @property
    def idle_until(self) -> int:
        """When it ends unless used before; a pending authenticator keeps it that long."""
        return min(max(self.last_seen_at + IDLE_SECONDS, self.pending_until or 0), self.ends_at)

    def has_ended(self, *, now: int) -> bool:
        """Say whether the session is too old to use; exactly at its end it still is not."""
        return now > self.idle_until

    def is_of(self, user: User) -> bool:
        """Say whether it is *user*'s, and nothing has ended it: no change of factors, no erasure."""
        if self.user_created_at is None:
            # Of an earlier release. Nobody signs in before they are stored.
            is_same = self.created_at >= user.created_at
        else:
            is_same = self.user_created_at == user.created_at
        return is_same and self.epoch == user.epoch

    def has_done(self, request_hash: str, *, now: int) -> bool:
        """Say whether this very request took effect a short time ago, so that it is answered as before."""
        return (
            self.acted_by_request is not None
            and self.acted_at is not None
            and hmac.compare_digest(self.acted_by_request, request_hash)
            and now - self.acted_at <= REPEATABLE_SECONDS
        )

    @property
    def is_verified(self) -> bool:
        """True once the second factor, or what may stand for it, was accepted in this sign-in."""
        return self.verified_at is not None

    @property
    def factor_given_at(self) -> int | None:
        """When the code, or the recovery code, was really given: at an earlier sign-in if remembered."""
        return self.remembered_at if self.verified_by == REMEMBERED_BROWSER else self.verified_at

    @property
    def has_proven_factor(self) -> bool:
        """
        True once a code or a recovery code was accepted: a remembered browser opens no changes.

        Nor does what an earlier release accepted, whose sessions do not say what it was.
        """
        return self.is_verified and self.verified_by in {CODE, RECOVERY_CODE}

    @property
    def has_given_code(self) -> bool:
        """True once a code of an authenticator was accepted, and no recovery code after it."""
        return self.is_verified and self.verified_by == CODE

    def code_is_fresh(self, *, now: int) -> bool:
        """Say whether a code of an authenticator was given a short time ago."""
        return (
            self.has_given_code
            and self.verified_at is not None
            and now - self.verified_at <= REAUTHENTICATION_SECONDS
        )

    @property
    def password_fresh_until(self) -> int | None:
        """Until when the last password proof opens a change of authenticators."""
        if self.reauthenticated_at is None:
            return None
        return self.reauthenticated_at + REAUTHENTICATION_SECONDS

    def password_is_fresh(self, *, now: int) -> bool:
        """Say whether the password was proven again a short time ago."""
        fresh_until = self.password_fresh_until
        return fresh_until is not None and now <= fresh_until


@dataclass(frozen=True, kw_only=True)
class OpenSession:
    """A session together with the id that its browser presented."""

    session_id: str = field(repr=False)
    session: Session


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """A session and the one that is to take its place."""

    replaced: Session
    successor: OpenSession
    salt: bytes = field(repr=False)


def new_session_id() -> str:
    """Return 256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def session_key_of(session_id: str) -> str:
    """Return what the store knows an id by."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def successor_id(session_id: str, salt: bytes) -> str:
    """Return the id that replaced *session_id*; 256 bits, needing both halves."""
    return hmac.new(salt, session_id.encode(), hashlib.sha256).hexdigest()


def browser_id_of(session_id: str, salt: bytes) -> str:
    """
    Return the id of a browser that is remembered with the request that replaced *session_id*.

    Made like `successor_id`, so that a lost answer can be given again, and of neither can
    the other be made.
    """
    return hmac.new(salt, f"browser|{session_id}".encode(), hashlib.sha256).hexdigest()


def request_hash(route: str, idempotency_key: str, *, session_id: str, body: bytes) -> str:
    """
    Return what a replaced session remembers of the request that replaced it.

    Keyed with the session's id, which is nowhere stored: bodies hold passwords,
    and a copy of the table must not serve to guess them.
    """
    request = f"{route}|{idempotency_key}|".encode() + body
    return hmac.new(session_id.encode(), request, hashlib.sha256).hexdigest()


def start_session(
    *,
    tenant_id: str,
    user_id: str,
    epoch: int,
    now: int,
    session_id: str | None = None,
    **begun: Any,  # noqa: ANN401 - times and names
) -> OpenSession:
    """
    Return a new session for a user whose password was just proven, here or at the portal.

    *begun* are fields of `Session` that are known from the beginning; an id is
    drawn unless the caller has drawn one.
    """
    session_id = session_id or new_session_id()
    session = Session(
        session_key=session_key_of(session_id),
        tenant_id=tenant_id,
        user_id=user_id,
        sign_in_id=secrets.token_hex(16),
        epoch=epoch,
        created_at=now,
        last_seen_at=now,
        **begun,
    )
    return OpenSession(session_id=session_id, session=session)


def rotate(opened: OpenSession, *, now: int, **proofs: int | str | None) -> Rotation:
    """
    Return a successor with *proofs* (fields of `Session`) in place.

    Nothing is stored yet: commit the store's ``rotated`` changes.
    """
    salt = secrets.token_bytes(32)
    session_id = successor_id(opened.session_id, salt)
    session = replace(
        opened.session,
        session_key=session_key_of(session_id),
        last_seen_at=now,
        acted_at=None,
        acted_by_request=None,
        **proofs,  # type: ignore[arg-type]  # times, counts and what stands for the factor
    )
    successor = OpenSession(session_id=session_id, session=session)
    return Rotation(replaced=opened.session, successor=successor, salt=salt)
