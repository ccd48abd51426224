"""
The operators' commands against `make run`: what the function ``Admin`` is in the cloud.

IAM stands in front of that function; here stands only that programs of this machine ask. A page
cannot: a browser names the page's origin, or says by Sec-Fetch that a page asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from urllib.parse import urlsplit

from chalice.app import Chalice, Response

from chalicelib.admin.assembly import admin_over
from chalicelib.admin.front import LOCAL_PATH, Front
from chalicelib.keys.cipher import SecretCipher
from chalicelib.storage.changes import Transactions
from chalicelib.storage.dynamodb import Database
from chalicelib.web.request_log import WriteLine

IDENTITY = "local"
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def serve(app: Chalice, transactions: Transactions, cipher: SecretCipher, *, write_line: WriteLine) -> None:
    """Give *app* a route for operators, over the database of *transactions*."""
    assert isinstance(transactions, Database)  # noqa: S101 - the stage local has no other
    front = Front(admin=admin_over(transactions, cipher), write_line=write_line)

    def view() -> Response:
        request = app.current_request
        assert request is not None  # noqa: S101 - Chalice calls views within a request
        headers = {name.lower(): value for name, value in request.headers.items()}
        identity = IDENTITY if is_own_program(headers) else None
        raw = request.raw_body
        body = raw.encode() if isinstance(raw, str) else bytes(raw)
        reply = front.answer(identity=identity, body=body, request_id=uuid.uuid4().hex)
        return Response(reply.content, status_code=reply.status, headers={"Cache-Control": "no-store"})

    route = app.route(LOCAL_PATH, methods=["POST"], content_types=["application/json"], name=LOCAL_PATH)
    route(view)


def is_own_program(headers: Mapping[str, str]) -> bool:
    """Say whether a program of this machine asks, and no page in its browser; names in lower case."""
    if "origin" in headers or any(name.startswith("sec-fetch-") for name in headers):
        return False
    try:
        return urlsplit(f"http://{headers.get('host', '')}").hostname in _OWN_NAMES
    except ValueError:
        return False
