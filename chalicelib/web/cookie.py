"""The session cookie: unreadable to scripts, never sent by a foreign site, bound to this host."""

from __future__ import annotations

from collections.abc import Mapping

COOKIE_NAME = "__Host-s"
BROWSER_COOKIE_NAME = "__Host-b"
_ATTRIBUTES = "Secure; HttpOnly; SameSite=Strict; Path=/"
_LONGEST_SESSION_ID = 128
_BROWSER_SECONDS = 90 * 24 * 60 * 60


def session_id_in(headers: Mapping[str, str]) -> str | None:
    """
    Return the session id that the browser presents, if it looks like one.

    Only spaces and tabs stand around a cookie (RFC 6265 §5.4): a neighbouring site
    may set a cookie named no-break space and ours, which no browser's rule for
    ``__Host-`` covers. Of two sessions none is believed.
    """
    return _id_in(headers, COOKIE_NAME)


def browser_id_in(headers: Mapping[str, str]) -> str | None:
    """Return the id that a remembered browser presents, if it looks like one."""
    return _id_in(headers, BROWSER_COOKIE_NAME)


def _id_in(headers: Mapping[str, str], cookie_name: str) -> str | None:
    parts = (part.strip(" \t").partition("=") for part in headers.get("cookie", "").split(";"))
    values = [value for name, _, value in parts if name == cookie_name]
    if len(values) != 1 or not 0 < len(values[0]) <= _LONGEST_SESSION_ID or not values[0].isascii():
        return None
    return values[0]


def setting(session_id: str) -> str:
    """Return the Set-Cookie value that hands *session_id* to the browser."""
    return f"{COOKIE_NAME}={session_id}; {_ATTRIBUTES}"


def expiring() -> str:
    """Return the Set-Cookie value that makes the browser forget it."""
    return f"{COOKIE_NAME}=; Max-Age=0; {_ATTRIBUTES}"


def remembering(browser_id: str) -> str:
    """Return the Set-Cookie value that makes the browser known at later sign-ins; empty forgets it."""
    # The table decides until when it counts; a browser keeps no cookie longer than 400 days.
    max_age_seconds = _BROWSER_SECONDS if browser_id else 0
    return f"{BROWSER_COOKIE_NAME}={browser_id}; Max-Age={max_age_seconds}; {_ATTRIBUTES}"
