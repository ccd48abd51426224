"""
The embedded backend: moto's server in a process of its own, made atomic.

It is a process of its own so that what was enrolled outlives a reload of the
product's code. Nothing is kept on disk: when it ends, every local secret is gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from chalicelib.local.lifeline import end_with_parent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_one_action_at_a_time = threading.Lock()
_call_action = DynamoHandler.call_action


def _call_action_alone(handler: DynamoHandler) -> Any:  # noqa: ANN401 - moto's own tuple
    with _one_action_at_a_time:
        return _call_action(handler)


def make_moto_atomic() -> None:
    """
    Let moto's DynamoDB run one action at a time, in this process.

    moto reads, compares and writes without a lock: of sixteen parallel writes
    that only one may win, several do. DynamoDB promises better, and the product
    rests on that promise.
    """
    DynamoHandler.call_action = _call_action_alone  # type: ignore[method-assign]


class _OwnProgramsOnly:
    """
    The backend for programs of this machine, not for pages in its browser.

    moto answers any page that asks: one that finds the port could read every
    table. Programs send no Origin, and call this machine by its own name.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").rpartition(":")[0]
        if "HTTP_ORIGIN" in environ or host not in {"127.0.0.1", "localhost"}:
            start_response("403 Forbidden", [("Content-Length", "0")])
            return []
        return self._application(environ, start_response)


def main() -> None:
    """Serve on a free loopback port, print that port, end with the parent."""
    make_moto_atomic()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for every AWS call
    server = make_server(
        "127.0.0.1",
        0,
        _OwnProgramsOnly(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    print(server.server_port, flush=True)
    end_with_parent()
    server.serve_forever()


if __name__ == "__main__":
    main()
