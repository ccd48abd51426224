"""`static/` under the same origin as the API, as CloudFront serves it in deployed stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from chalice.app import Chalice, Response

from chalicelib.local import PROJECT
from chalicelib.web.content_types import CONTENT_TYPES

STATIC = PROJECT / "static"


def serve(app: Chalice, *, folder: Path = STATIC) -> None:
    """
    Give every text file now in *folder* a route of its own, and ``index.html`` the root.

    A request can only name one of these routes, so no path leads out of *folder*.
    The content is read at each request: an edit shows at the next reload of the page.
    """
    headers = json.loads((PROJECT / "chalicelib/web/security_headers.json").read_text())
    for path in sorted(folder.rglob("*")):
        # Chalice answers binary content with an error unless the request names its type.
        if path.suffix not in CONTENT_TYPES or path.name.startswith("."):
            continue
        route = f"/{path.relative_to(folder).as_posix()}"
        if route == "/index.html":
            route = "/"
        headers_of_file = headers | {
            "Content-Type": CONTENT_TYPES[path.suffix],
            "Cache-Control": "no-cache",
        }
        app.route(route, methods=["GET"], name=f"static{route}")(_view(path, headers_of_file))


def _view(path: Path, headers: dict[str, str]) -> Callable[[], Response]:
    def view() -> Response:
        return Response(path.read_text(encoding="utf-8"), headers=dict(headers))

    return view
