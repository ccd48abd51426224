"""
Sessions on the server: the browser has a drawn id and nothing else.

A signed cookie would not do: whoever kept an old one could bring back what was
used up, such as the `state` of a hand-off. A real portal keeps these in its database.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, cast

from flask import Flask, Request, Response, session
from flask.sessions import SessionInterface, SessionMixin

COOKIE_NAME = "__Host-portal"
LONGEST_SECONDS = 60 * 60


class Session(dict[str, Any], SessionMixin):
    """What the portal knows of one browser."""

    def __init__(self) -> None:
        super().__init__()
        self.ends_at = time.time() + LONGEST_SECONDS
        self.id = self.kept_under = secrets.token_urlsafe()
        self["form_key"] = secrets.token_urlsafe()


def start_anew(**kept: object) -> None:
    """Let this browser's session know only *kept*, under an id and a form key nobody has seen before."""
    this = cast("Session", session)
    this.clear()
    this.update(kept, form_key=secrets.token_urlsafe())
    this.id = secrets.token_urlsafe()


class Sessions(SessionInterface):
    """Keeps the sessions in memory."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def open_session(self, app: Flask, request: Request) -> Session:  # noqa: ARG002 - Flask's signature
        """Return the session that the browser's cookie names, or a new one."""
        session = self._sessions.get(request.cookies.get(COOKIE_NAME, ""))
        return session if session is not None and session.ends_at > time.time() else Session()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Keep the session under its id alone, and tell the browser that id."""
        kept = cast("Session", session)
        self._sessions.pop(kept.kept_under, None)
        for id_ in [id_ for id_, other in self._sessions.items() if other.ends_at < time.time()]:
            self._sessions.pop(id_, None)
        self._sessions[kept.id] = kept
        kept.kept_under = kept.id
        response.set_cookie(COOKIE_NAME, kept.id, secure=True, httponly=True, samesite="Lax")
