"""The session cookie: unreadable to scripts, never sent by a foreign site, bound to this host."""

from __future__ import annotations

from collections.abc import Mapping

COOKIE_NAME = "__Host-s"
_ATTRIBUTES = "Secure; HttpOnly; SameSite=Strict; Path=/"
_LONGEST_SESSION_ID = 128


def session_id_in(headers: Mapping[str, str]) -> str | None:
    """
    Return the session id that the browser presents, if it looks like one.

    Only spaces and tabs stand around a cookie (RFC 6265 §5.4): a neighbouring site
    may set a cookie named no-break space and ours, which no browser's rule for
    ``__Host-`` covers. Of two sessions none is believed.
    """
    parts = (part.strip(" \t").partition("=") for part in headers.get("cookie", "").split(";"))
    values = [value for name, _, value in parts if name == COOKIE_NAME]
    if len(values) != 1 or not 0 < len(values[0]) <= _LONGEST_SESSION_ID or not values[0].isascii():
        return None
    return values[0]


def setting(session_id: str) -> str:
    """Return the Set-Cookie value that hands *session_id* to the browser."""
    return f"{COOKIE_NAME}={session_id}; {_ATTRIBUTES}"


def expiring() -> str:
    """Return the Set-Cookie value that makes the browser forget it."""
    return f"{COOKIE_NAME}=; Max-Age=0; {_ATTRIBUTES}"
