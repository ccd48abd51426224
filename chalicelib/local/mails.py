"""
Mails of the stage `local`: printed where the server runs, and shown on a page of its own.

Nothing leaves the machine. Kept in memory, the last hundred, newest first.
"""

from __future__ import annotations

import html
import json
from collections import deque
from collections.abc import Callable
from threading import Lock

from chalice.app import Chalice, Response

from chalicelib.local import PROJECT
from chalicelib.notices.mail import Mail

PATH = "/local/mails"
_MOST_KEPT = 100


class PrintedMails:
    """The `MailSender` of the stage `local`; *write* is where a developer reads along."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._mails: deque[Mail] = deque(maxlen=_MOST_KEPT)
        self._lock = Lock()

    def send(self, mail: Mail) -> None:
        with self._lock:
            self._mails.appendleft(mail)
        body = "\n".join(f"  | {line}" for line in mail.text.splitlines())
        self._write(f"  Mail to {mail.to}: {mail.subject}\n{body}")

    @property
    def newest_first(self) -> tuple[Mail, ...]:
        """The last mails."""
        with self._lock:
            return tuple(self._mails)


def serve(app: Chalice, mails: PrintedMails) -> None:
    """Give *app* the page that shows *mails*. No deployed stage has it: this package does not ship."""
    headers = json.loads((PROJECT / "chalicelib/web/security_headers.json").read_text(encoding="utf-8"))
    headers |= {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}

    def view() -> Response:
        return Response(_page(mails.newest_first), headers=dict(headers))

    app.route(PATH, methods=["GET"], name="local mails")(view)


def _page(mails: tuple[Mail, ...]) -> str:
    shown = "".join(_article(mail) for mail in mails) or "<p>No mail was sent yet.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mails</title>'
        '<meta name="viewport" content="width=device-width"></head>'
        f"<body><main><h1>Mails of this stage, newest first</h1>{shown}</main></body></html>"
    )


def _article(mail: Mail) -> str:
    facts = {"From": mail.sender_name, "To": mail.to, "Reply to": mail.reply_to or "nobody"}
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items())
    return (
        f"<article><h2>{html.escape(mail.subject)}</h2><dl>{rows}</dl>"
        f"<pre>{html.escape(mail.text)}</pre></article>"
    )
