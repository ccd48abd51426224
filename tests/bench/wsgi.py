"""
The app as a WSGI application: every request becomes the event that API Gateway would send.

Whoever calls it from here comes through the front door, for the bench runs the deployed stage.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from chalice.app import Chalice

from tests.support.wizard import HOST, Answer, Transport

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STAGE = "prod"
ORIGIN_SECRET = "front-door-of-the-bench-0123456789"
_FRONT_DOOR = {"HTTP_X_ORIGIN_SECRET": ORIGIN_SECRET, "HTTP_X_VIEWER_HOST": HOST}
_CONTEXT = SimpleNamespace(aws_request_id="bench", get_remaining_time_in_millis=lambda: 15_000)


def wsgi(app: Chalice) -> WSGIApplication:
    """Return *app* as a WSGI application. Chalice keeps the request in the app: one thread at a time."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = app(event_of(environ), _CONTEXT)
        headers = {**answer["headers"], **{n: v[0] for n, v in answer["multiValueHeaders"].items()}}
        status = HTTPStatus(answer["statusCode"])
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [answer["body"].encode()]

    return application


def event_of(environ: WSGIEnvironment) -> dict[str, Any]:
    """Return API Gateway's event for a request; no route of ours has parameters in its path."""
    names = {name: name.removeprefix("HTTP_").replace("_", "-").title() for name in environ}
    headers = {names[name]: value for name, value in environ.items() if name.startswith("HTTP_")}
    if "CONTENT_TYPE" in environ:
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    query = parse_qs(environ.get("QUERY_STRING", ""))
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return {
        "resource": environ["PATH_INFO"],
        "path": environ["PATH_INFO"],
        "httpMethod": environ["REQUEST_METHOD"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": environ["REQUEST_METHOD"],
            "resourcePath": environ["PATH_INFO"],
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": body.decode() or None,
        "isBase64Encoded": False,
    }


class _Head:
    """What WSGI calls to begin an answer."""

    status: str
    headers: list[tuple[str, str]]

    def __call__(
        self, status: str, headers: list[tuple[str, str]], _: object = None, /
    ) -> Callable[[bytes], object]:
        self.status, self.headers = status, headers
        return _write_nothing


def _write_nothing(_: bytes) -> None:
    raise AssertionError("our answers are returned, not written")


def calling(application: WSGIApplication) -> Transport:
    """Return a transport that calls *application* in this process and thread, as CloudFront would."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path, _, query = path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **_FRONT_DOOR,
        }
        for name, value in headers.items():
            variable = name.upper().replace("-", "_")
            environ[variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"] = value
        if "origin" in headers:
            environ["HTTP_ORIGIN"] = f"https://{HOST}"
        head = _Head()
        text = b"".join(application(environ, head)).decode()
        return Answer(
            status=int(head.status[:3]),
            headers={name.lower(): value for name, value in head.headers},
            body=json.loads(text) if text else None,
            text=text,
        )

    return send
