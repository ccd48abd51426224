"""
`python -m chalicelib.local`: the embedded backend and `chalice local`, until Ctrl-C.

With `--portal-port` the example portal runs beside them, with `--profile` there
is one more tenant.

Each child has a process group of its own, so that Ctrl-C reaches this process
alone and everything is stopped in one place; `lifeline` covers the case that
this process is killed.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from chalicelib.local import PROJECT
from chalicelib.local.demo import MORE_PROFILES
from chalicelib.local.example_portal import example_portal
from chalicelib.local.lifeline import ENVIRONMENT_NAME
from chalicelib.local.stopping import port_in_use, stop

HOST = "127.0.0.1"
POLL_SECONDS = 0.2
PATIENCE_SECONDS = 5


def main() -> int:
    """Run until a signal comes or a child ends; return the exit code."""
    options = _options()
    _require_free(options.port, name="PORT")
    if options.portal_port is not None:
        _require_free(options.portal_port, name="PORTAL_PORT")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt_once)
    try:
        with ExitStack() as stack:
            _run_until_one_ends(list(_start_children(stack, options)))
    except KeyboardInterrupt:
        return 0
    return 1  # whatever ended has said why


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chalicelib.local")
    ports: dict[str, Any] = {"type": int, "choices": range(1, 65536), "metavar": "1-65535"}
    parser.add_argument("--port", default=8000, **ports)
    parser.add_argument("--portal-port", **ports)
    parser.add_argument("--profile", type=Path, metavar="FILE")
    return parser.parse_args()


def _require_free(port: int, *, name: str) -> None:
    """Say at once what the server would only find out after the backend has started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            stop(port_in_use(port, name=name) if in_use else f"Port {port}: {error.strerror}.")


def _interrupt_once(*_signal: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # an impatient second one must not stop the stopping
    raise KeyboardInterrupt


def _start_children(stack: ExitStack, options: argparse.Namespace) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {ENVIRONMENT_NAME: "stdin", "PYTHONUNBUFFERED": "1"}
    profiles = [options.profile.resolve()] if options.profile else []
    chalice = Path(sys.executable).with_name("chalice")
    if not chalice.exists():
        stop("Chalice is not installed beside this Python: start with `make run`, which installs it.")
    if not environment.get("AWS_ENDPOINT_URL"):
        backend = stack.enter_context(
            _child([sys.executable, "-m", "chalicelib.local.backend"], environment, stdout=subprocess.PIPE)
        )
        yield backend
        environment["AWS_ENDPOINT_URL"] = _endpoint_of(backend)
    if options.portal_port is not None:
        portal = stack.enter_context(example_portal(port=options.portal_port, tvasteg_port=options.port))
        profiles.append(portal.profile)
        yield stack.enter_context(_child(portal.command, environment | portal.environment))
    environment[MORE_PROFILES] = os.pathsep.join(str(profile) for profile in profiles)
    command = [str(chalice), "local", "--stage", "local", "--host", HOST, "--port", str(options.port)]
    yield stack.enter_context(_child(command, environment))


def _endpoint_of(backend: subprocess.Popen[bytes]) -> str:
    """Return the backend's URL; it prints its port once it takes requests."""
    port = backend.stdout.readline() if backend.stdout else b""
    if not port:
        stop("The embedded backend did not start; what it said is above.")
    return f"http://{HOST}:{int(port)}"


def _run_until_one_ends(children: Sequence[subprocess.Popen[bytes]]) -> None:
    parent = os.getppid()
    while all(child.poll() is None for child in children):
        time.sleep(POLL_SECONDS)
        if "MAKELEVEL" in os.environ and os.getppid() != parent:
            return  # make was killed and could not pass it on


@contextmanager
def _child(
    command: Sequence[str], environment: dict[str, str], *, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* in a process group of its own, and stop that whole group at the end."""
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=stdout, process_group=0
    ) as child:
        try:
            yield child
        finally:
            _stop_group(child)


def _stop_group(leader: subprocess.Popen[bytes]) -> None:
    # SIGINT first: only for that does Chalice take its worker along and wait for it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, number)
        with suppress(subprocess.TimeoutExpired):
            leader.wait(PATIENCE_SECONDS)
            return


if __name__ == "__main__":
    sys.exit(main())
