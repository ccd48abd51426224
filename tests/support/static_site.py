"""The static files on a port of their own, with the very headers that every stage sends."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STATIC_FOLDER = ROOT / "static"
SECURITY_HEADERS: dict[str, str] = json.loads(
    (ROOT / "chalicelib" / "web" / "security_headers.json").read_text("utf-8"),
)
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


class _StaticFiles(http.server.BaseHTTPRequestHandler):
    """One file per GET; nothing outside the folder, no listing, no log."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/")
        if path == "" or path.endswith("/"):
            path += "index.html"
        file = (STATIC_FOLDER / path).resolve()
        is_ours = file.is_relative_to(STATIC_FOLDER) and file.is_file()
        body = file.read_bytes() if is_ours else b""
        self.send_response(HTTPStatus.OK if is_ours else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", MEDIA_TYPES.get(file.suffix, "text/plain"))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")  # as deployed pages have it, see site.py
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Tests speak for themselves."""


@contextmanager
def serve_static_site() -> Iterator[str]:
    """Serve `static/` on a free port of this machine and give the site's address, without a final slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _StaticFiles)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
