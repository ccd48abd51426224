"""The product as a developer starts it: real processes, real ports."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
CHALICE = str(Path(sys.executable).with_name("chalice"))
PATIENCE_SECONDS = 30
_MARK = "TVASTEG_TEST_RUN"


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """One start of the product, with everything it started itself."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path
    mark: str

    def said(self) -> str:
        """Return all that was printed so far."""
        return self.output.read_text(encoding="utf-8")

    def wait_until_ready(self, *, times: int = 1) -> None:
        """Return when the product has said *times* times that it serves."""
        wait_for(lambda: self.said().count("Serving on") >= times or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def processes(self) -> list[int]:
        """Return the ids of all processes of this start that are alive, orphans too (Linux)."""
        needle = f"{_MARK}={self.mark}".encode()
        return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if needle in _environment(entry)]

    def get(self, path: str) -> Answer:
        """Return the answer to a GET of exactly *path*, which nothing here tidies up."""
        return _request(self.port, "GET", path)


class Browser:
    """What a browser on the local server sends and keeps, as far as the API can tell."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""

    def get(self, path: str) -> object:
        """Return the JSON that is at *path*."""
        return self._json("GET", path, None, {})

    def post(self, path: str, **fields: object) -> object:
        """Return the JSON that *path* answers to *fields*."""
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self._port}",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        return self._json("POST", path, json.dumps(fields), headers)

    def _json(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> object:
        answer = _request(self._port, method, path, body, headers | {"Cookie": self._cookie})
        assert answer.status == 200, answer.body
        self._cookie = answer.headers.get("Set-Cookie", self._cookie).partition(";")[0]
        return json.loads(answer.body)


def _request(
    port: int, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


@contextmanager
def started(
    command: Sequence[str], *, port: int, folder: Path, project: Path = PROJECT, **environment: str
) -> Iterator[Run]:
    """Run *command* in *project* with its output in *folder*; leave no process of it behind."""
    mark = uuid.uuid4().hex
    output = folder / f"{mark}.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=clean_environment() | {_MARK: mark} | environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    run = Run(process=process, port=port, output=output, mark=mark)
    try:
        yield run
    finally:
        for pid in run.processes():
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)


def make_run(port: int) -> Sequence[str]:
    """Return what `make run` runs once everything is installed."""
    return [sys.executable, "-m", "chalicelib.local", "--port", str(port)]


def chalice_local(port: int) -> Sequence[str]:
    """Return plain `chalice local`."""
    return [CHALICE, "local", "--stage", "local", "--host", "127.0.0.1", "--port", str(port)]


def clean_environment() -> dict[str, str]:
    """Return the environment without anything that points at a backend or grants access to one."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE"))} | {
        "PYTHONUNBUFFERED": "1"
    }


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return when *condition* holds; fail after *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _environment(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:  # it has just ended, or is not ours to see
        return b""
