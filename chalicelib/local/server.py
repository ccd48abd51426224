"""
What `chalice local` lacks: a prepared backend, plain words, speed, a narrow watch.

Chalice builds its server class itself and offers no place for ours, so what is
mended here is set on Chalice's own classes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from http.server import HTTPServer
from pathlib import Path

from chalice.cli.filewatch.stat import StatFileWatcher
from chalice.local import ChaliceRequestHandler, ThreadedHTTPServer

from chalicelib.local.stopping import port_in_use, stop

SIMULTANEOUS_CONNECTIONS = 128


def mend() -> None:
    """
    Make Chalice's server fit for a browser and for many clients at once.

    As it comes, its backlog of five lets a sixth simultaneous connection wait a
    second, and Nagle's algorithm against delayed acknowledgements costs every
    request 44 ms.
    """
    ThreadedHTTPServer.request_queue_size = SIMULTANEOUS_CONNECTIONS
    ChaliceRequestHandler.disable_nagle_algorithm = True
    ChaliceRequestHandler.wbufsize = -1  # buffered: one packet an answer


def at_server_start(prepare: Callable[[], None], *, announce: Callable[[str], None]) -> None:
    """
    Call *prepare* when a server has its port, and *announce* with its URL when it listens.

    Only `chalice local` makes such a server; `chalice package` imports the same
    app and must reach no backend. A port in use ends the process with a sentence.
    """

    def bind(server: ThreadedHTTPServer) -> None:
        try:
            HTTPServer.server_bind(server)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            stop(port_in_use(server.server_address[1]))

    def activate(server: ThreadedHTTPServer) -> None:
        prepare()
        HTTPServer.server_activate(server)
        announce(f"http://{server.server_address[0]}:{server.server_address[1]}/")

    ThreadedHTTPServer.server_bind = bind
    ThreadedHTTPServer.server_activate = activate


def reload_only_for(code: Iterable[Path], *, names_in: Path) -> None:
    """
    Let Chalice's reloader look at *code* (files and folders) and at the names below *names_in*.

    As it comes, it looks at the whole project every second, the virtual
    environment and every cache of every tool included, and restarts for any.
    It also outlives Chalice's parent process when that one is killed.
    """
    roots = tuple(code)
    before = _state_of(roots, names_in)
    parent = os.getppid()

    def poll(_watcher: StatFileWatcher, _root: str, restart: Callable[[], None]) -> None:
        if os.getppid() != parent:
            os._exit(0)
        if _state_of(roots, names_in) != before:
            restart()

    setattr(StatFileWatcher, "_single_pass_poll", poll)  # noqa: B010 - private: the public ones walk everything


def _state_of(roots: Iterable[Path], names_in: Path) -> dict[Path, int]:
    state = dict.fromkeys(names_in.rglob("*"), 0)
    for root in roots:
        for path in (root, *root.rglob("*")):
            if path.suffix in {".py", ".json"}:
                state[path] = _modified_at(path)
    return state


def _modified_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # an editor is just replacing it
        return 0
