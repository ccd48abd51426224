"""
A package run as Lambda runs it: Lambda's own runtime in a clean environment, fed by a Runtime API of ours.

The runtime lives in a virtual environment of its own in which nothing else is
installed: whatever the package does not bring along is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

PROJECT = Path(__file__).parents[2]
PYTHON = PROJECT / ".venv-lambda/bin/python"
PATIENCE_SECONDS = 60
TIMEOUT_SECONDS = 60  # more than any function of ours keeps back for itself

Event = Any  # what Lambda hands to a function and takes from it: any JSON


class FunctionError(Exception):
    """The function did not start, raised, or ended; the message is its own report."""


class LambdaFunction:
    """A started function; it handles one event at a time, as one instance on Lambda does."""

    def __init__(self, api: _RuntimeApi, process: subprocess.Popen[bytes], started_at: float) -> None:
        self._api = api
        self._process = process
        self._started_at = started_at

    def invoke(self, event: Event) -> Event:
        """
        Return what the function answers to *event*.

        Raises:
            FunctionError: It did not start, raised, or ended.
        """
        self._api.events.put(event)
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                outcome = self._api.outcomes.get(timeout=0.1)
            except Empty:
                if self._process.poll() is not None and self._api.outcomes.empty():
                    raise FunctionError(f"the process ended with {self._process.returncode}") from None
                continue
            if outcome.failed:
                raise FunctionError(json.dumps(outcome.content))
            return outcome.content
        raise FunctionError(f"no answer within {PATIENCE_SECONDS} seconds")

    @property
    def process_id(self) -> int:
        """The process in which it runs."""
        return self._process.pid

    @property
    def init_seconds(self) -> float:
        """How long it took from the start of the process until it asked for its first event."""
        return self._api.first_asked_at - self._started_at

    @property
    def first_answer_seconds(self) -> float:
        """How long it took from the start of the process to its first answer, if the event was waiting."""
        return self._api.first_answered_at - self._started_at


@contextmanager
def running(
    package: Path,
    handler: str,
    *,
    output: Path,
    environment: Mapping[str, str],
    memory_mb: int = 1024,
) -> Iterator[LambdaFunction]:
    """
    Yield the function *handler* of the unpacked *package*, which ends with the block.

    *environment* is what the function's configuration sets. What it prints goes
    to *output*.
    """
    assert PYTHON.exists(), "Lambda's runtime is not installed: `make test` and `make bench` do it first."
    api = _RuntimeApi()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    region = environment.get("AWS_REGION", "eu-north-1")
    given = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": str(package),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": "tvasteg",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": "/tvasteg/prod/api",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0123456789abcdef",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "ASIATESTING",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "PYTHONDONTWRITEBYTECODE": "1",  # /var/task cannot be written to
    }
    with output.open("wb") as printed:
        started_at = time.monotonic()
        process = subprocess.Popen(
            [PYTHON, "-m", "awslambdaric", handler],
            cwd=package,
            env=given | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        try:
            yield LambdaFunction(api, process, started_at)
        finally:
            process.kill()  # as Lambda does: without a word
            process.wait()
            api.close()


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    failed: bool
    content: Event


class _RuntimeApi(ThreadingHTTPServer):
    """The part of Lambda that a runtime talks to (API version 2018-06-01)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApiHandler)
        self.events: Queue[Event] = Queue()
        self.outcomes: Queue[_Outcome] = Queue()
        self.first_asked_at = 0.0
        self.first_answered_at = 0.0

    def handle_error(self, *_: object) -> None:
        """Say nothing: a function that is killed resets its connection."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _RuntimeApiHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _RuntimeApi

    def do_GET(self) -> None:
        """Give the next event, whenever there is one."""
        api = self.server
        api.first_asked_at = api.first_asked_at or time.monotonic()
        event = api.events.get()
        deadline_ms = int((time.time() + TIMEOUT_SECONDS) * 1000)
        self._answer(
            HTTPStatus.OK,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-north-1:123456789012:function:t",
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}",
            },
        )

    def do_POST(self) -> None:
        """Take an answer, an error, or the news that the function could not even be loaded."""
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        api = self.server
        api.first_answered_at = api.first_answered_at or time.monotonic()
        self._answer(HTTPStatus.ACCEPTED, {"status": "OK"}, {})
        api.outcomes.put(_Outcome(failed=not self.path.endswith("/response"), content=content))

    def _answer(self, status: HTTPStatus, content: Event, headers: Mapping[str, str]) -> None:
        octets = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """Say nothing: the test tells what went wrong."""
