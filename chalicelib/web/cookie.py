"""The session cookie: unreadable to scripts, never sent by a foreign site, bound to this host."""

from __future__ import annotations

from collections.abc import Mapping

COOKIE_NAME = "__Host-s"
_ATTRIBUTES = "Secure; HttpOnly; SameSite=Strict; Path=/"
_LONGEST_SESSION_ID = 128


def session_id_in(headers: Mapping[str, str]) -> str | None:
    """Return the session id that the browser presents, if it looks like one."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE_NAME and 0 < len(value) <= _LONGEST_SESSION_ID and value.isascii():
            return value
    return None


def setting(session_id: str) -> str:
    """Return the Set-Cookie value that hands *session_id* to the browser."""
    return f"{COOKIE_NAME}={session_id}; {_ATTRIBUTES}"


def expiring() -> str:
    """Return the Set-Cookie value that makes the browser forget it."""
    return f"{COOKIE_NAME}=; Max-Age=0; {_ATTRIBUTES}"
