"""A release on a port of its own, as viewers get it: by the keys of its bucket, compressed."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

import brotli

from chalicelib.deployment.site import FOR_GOOD, Release, SiteFile
from tests.support.static_site import SECURITY_HEADERS, STATIC_FOLDER

COMPRESSED_FROM_BYTES = 1_000
"""CloudFront sends smaller files as they are."""
QUALITY = 5
"""CloudFront does not say its own. What is compressed while a viewer waits is at 4 to 6 elsewhere."""

Api = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any] | None]]


@cache
def release() -> Release:
    """Return what `make deploy` would publish now."""
    return Release.of(STATIC_FOLDER)


def published(path: str) -> SiteFile:
    """Return the published file that was `static/{path}`."""
    keys = (path, f"v/{release().name}/{path}")
    return next(file for file in (*release().entrance, *release().lasting) if file.key in keys)


def sent(content: bytes) -> bytes:
    """Return the body that viewers get for a file of that *content*."""
    return content if len(content) < COMPRESSED_FROM_BYTES else brotli.compress(content, quality=QUALITY)


class _Handler(http.server.BaseHTTPRequestHandler):
    files: Mapping[str, SiteFile]
    api: Api
    asked_for: list[str]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def answer(self) -> None:
        path = self.path.split("?")[0]
        self.asked_for.append(path)
        if path.startswith("/api/"):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = type(self).api(f"{self.command} {path}", json.loads(body or b"{}"))
            content = b"" if answer is None else json.dumps(answer).encode()
            self._send(status, content, {"Content-Type": "application/json", "Cache-Control": "no-store"})
            return
        file = self.files.get(path.removeprefix("/") or "index.html")
        if file is None:
            self._send(HTTPStatus.NOT_FOUND, b"", {"Content-Type": "text/plain"})
            return
        headers = {"Content-Type": file.content_type, "Cache-Control": file.cache_control}
        self._send(HTTPStatus.OK, file.content, headers | {"Vary": "Accept-Encoding"})

    do_GET = do_POST = do_DELETE = answer  # noqa: N815

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        body = content
        # The API's answers are none of CloudFront's to compress: it caches none.
        if "br" in self.headers.get("Accept-Encoding", "") and not self.path.startswith("/api/"):
            body = sent(content)
        self.send_response(status)
        for name, value in (SECURITY_HEADERS | headers).items():
            self.send_header(name, value)
        if body is not content:
            self.send_header("Content-Encoding", "br")
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Tests speak for themselves."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _nothing(_call: str, _body: dict[str, Any]) -> tuple[int, None]:
    return HTTPStatus.SERVICE_UNAVAILABLE, None


@contextmanager
def serve_published_site(
    api: Api = _nothing, logos: Mapping[str, bytes] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """
    Serve the release, and *logos* by their keys, as `make tenant` puts them beside it.

    Gives the site's address, and a list that fills with the paths asked for.
    """
    asked_for: list[str] = []
    files = {file.key: file for file in (*release().lasting, *release().entrance)}
    files |= {
        key: SiteFile(key=key, content=content, cache_control=FOR_GOOD, kind=".svg")
        for key, content in (logos or {}).items()
    }
    handler = type("_BoundHandler", (_Handler,), {"files": files, "api": api, "asked_for": asked_for})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}", asked_for
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
