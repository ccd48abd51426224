"""
The embedded backend: moto's server in a process of its own, made atomic.

It is a process of its own so that what was enrolled outlives a reload of the
product's code. Nothing is kept on disk: when it ends, every local secret is gone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from botocore.model import StructureShape
from moto.core.serialize import BaseJSONSerializer
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


moto_serializes_structures = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - there is no public place


def _serialize_only_what_is_there(
    serializer: BaseJSONSerializer,
    serialized: MutableMapping[str, Any],
    value: object,
    shape: StructureShape,
    key: str,
) -> None:
    if shape.name != "AttributeValue" or not isinstance(value, dict) or not key:
        moto_serializes_structures(serializer, serialized, value, shape, key)
        return
    written: dict[str, Any] = {}
    for member, member_value in value.items():
        serializer._serialize(written, member_value, shape.members[member], member)  # noqa: SLF001
    serialized[serializer.get_serialized_name(shape, key)] = written


def make_moto_quick() -> None:
    """
    Let moto write of each attribute the one member that it has.

    moto looks for all ten of them under six names each, which is half of all its work.
    """
    BaseJSONSerializer._serialize_type_structure = _serialize_only_what_is_there  # type: ignore[method-assign, assignment]  # noqa: SLF001


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
    make_moto_quick()
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
