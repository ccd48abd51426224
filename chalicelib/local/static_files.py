"""`static/` and tenants' logos under the API's own origin, as CloudFront serves them in deployed stages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

from chalice.app import Chalice, Request, Response

from chalicelib.local import PROJECT
from chalicelib.web.content_types import CONTENT_TYPES

STATIC = PROJECT / "static"


def serve(app: Chalice, *, folder: Path = STATIC) -> None:
    """
    Give every text file now in *folder* a route of its own, and ``index.html`` its folder's too.

    A request can only name one of these routes, so no path leads out of *folder*.
    The content is read at each request: an edit shows at the next reload of the page.
    """
    headers = _security_headers()
    for path in sorted(folder.rglob("*")):
        # Chalice answers binary content with an error unless the request names its type.
        if path.suffix not in CONTENT_TYPES or path.name.startswith("."):
            continue
        route = f"/{path.relative_to(folder).as_posix()}"
        headers_of_file = headers | {
            "Content-Type": CONTENT_TYPES[path.suffix],
            "Cache-Control": "no-cache",
        }
        view = _view(path, headers_of_file)
        if route == "/index.html":
            route = "/"
        elif path.name == "index.html":
            at_folder = route.removesuffix("/index.html")
            app.route(at_folder, methods=["GET"], name=f"static{at_folder}")(_folder_view(app, view))
        app.route(route, methods=["GET"], name=f"static{route}")(view)


def serve_logos(app: Chalice, logos: Mapping[str, bytes]) -> None:
    """Serve what is in *logos* when it is asked for, by their addresses: no path leads to anything else."""
    headers = _security_headers() | {"Content-Type": CONTENT_TYPES[".svg"], "Cache-Control": "no-cache"}

    def logo(tenant_id: str, name: str) -> Response:
        content = logos.get(f"/tenants/{tenant_id}/{name}")
        if content is None:
            return Response("", status_code=404, headers={**_security_headers()})
        return Response(content.decode("utf-8"), headers=dict(headers))

    app.route("/tenants/{tenant_id}/{name}", methods=["GET"], name="logo")(logo)


def _security_headers() -> dict[str, str]:
    headers: dict[str, str] = json.loads((PROJECT / "chalicelib/web/security_headers.json").read_text())
    return headers


def _view(path: Path, headers: dict[str, str]) -> Callable[[], Response]:
    def view() -> Response:
        return Response(path.read_text(encoding="utf-8"), headers=dict(headers))

    return view


def _folder_view(app: Chalice, page: Callable[[], Response]) -> Callable[[], Response]:
    """
    Return a view that shows *page* at ``/folder/``, and leads there from ``/folder``.

    To Chalice both are one route. From the second the page's own links would lead to
    the files of the wizard.
    """

    def view() -> Response:
        request = cast("Request", app.current_request)  # there is one wherever a view runs
        path = request.context["path"]
        if path.endswith("/"):
            return page()
        query = urlencode(request.query_params or {})
        return Response("", status_code=308, headers={"Location": f"{path}/{'?' if query else ''}{query}"})

    return view
