"""
Sessions on the server: the browser has a drawn id and nothing else.

A signed cookie would not do: whoever kept an old one could bring back what was
used up, such as the `state` of a hand-off. A real portal keeps these in its
database, with conditional writes where a lock is here.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, Request, Response, session
from flask.sessions import SessionInterface, SessionMixin

COOKIE_NAME = "__Host-portal"
LONGEST_SECONDS = 60 * 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """A session as it is between requests; each change of it is another one."""

    id: str
    ends_at: float
    content: str


class Session(dict[str, Any], SessionMixin):
    """What the portal knows of one browser: one request's own copy of what was *kept*, or a new one."""

    def __init__(self, kept: Kept | None = None) -> None:
        super().__init__(json.loads(kept.content) if kept else {"form_key": secrets.token_urlsafe()})
        self.kept = kept
        self.id = kept.id if kept else secrets.token_urlsafe()
        self.ends_at = kept.ends_at if kept else time.time() + LONGEST_SECONDS

    def start_anew(self, **known: object) -> None:
        """Know only what is *known*, under an id and a form key nobody has seen before."""
        self.clear()
        self.update(known, form_key=secrets.token_urlsafe())
        self.id = secrets.token_urlsafe()


def start_anew(**known: object) -> None:
    """Let this browser's session know only what is *known*."""
    cast("Session", session).start_anew(**known)


class Sessions(SessionInterface):
    """Keeps the sessions in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._lock = threading.Lock()

    def open_session(self, app: Flask, request: Request) -> Session:  # noqa: ARG002 - Flask's signature
        """Return the session that the browser's cookie names, or a new one."""
        with self._lock:
            kept = self._kept.get(request.cookies.get(COOKIE_NAME, ""))
        return Session(kept if kept and kept.ends_at > time.time() else None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Keep the session, and tell the browser its id: never one that another request has drawn."""
        this = cast("Session", session)
        if self.keep(this):
            response.set_cookie(COOKIE_NAME, this.id, secure=True, httponly=True, samesite="Lax")

    def keep(self, session: SessionMixin) -> bool:
        """
        Keep what this request did to its session; return whether there was anything to keep.

        What comes too late is dropped: a change, if another request changed the
        session meanwhile, so that nothing used up comes back; and whatever was
        done under an id that is no more.
        """
        this = cast("Session", session)
        before, after = this.kept, Kept(id=this.id, ends_at=this.ends_at, content=json.dumps({**this}))
        with self._lock:
            if before is not None:
                now_kept = self._kept.get(before.id)
                is_same_id = after.id == before.id
                if now_kept is None or (is_same_id and now_kept is not before):
                    return False
                if is_same_id and after.content == before.content:
                    return False
                del self._kept[before.id]
            now = time.time()
            self._kept = {id_: kept for id_, kept in self._kept.items() if kept.ends_at > now}
            self._kept[after.id] = this.kept = after
        return True
