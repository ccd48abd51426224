"""
The product over real HTTP, in processes of its own, by a clock that stands still.

`serving` starts one server; run as a program this module is that server. It is
Chalice's own local server over the real stores, so several of them share nothing
but DynamoDB and KMS, as Lambda's instances do.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from botocore.config import Config as ClientConfig
from botocore.session import Session as AwsSession

from chalicelib.bootstrap import Stores, stores_on
from chalicelib.settings import Settings
from chalicelib.storage.dynamodb import CLIENT_CONFIG, AwsClient
from chalicelib.web.cookie import COOKIE_NAME
from tests.support import wizard
from tests.support.handlers import ENVIRONMENT_TO_IMPORT_THE_APP

PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
SETTINGS = Settings(
    stage="local",
    region="eu-north-1",
    state_table="race-state",
    events_table="race-events",
    secret_key_id="alias/race-secrets",
    signing_key_id="alias/race-assertions",
    default_tenant="cozone",
    origin_secrets=(),
)
# Two hundred requests at once may keep one of them waiting: that is no outage here.
_PATIENT = CLIENT_CONFIG.merge(
    ClientConfig(connect_timeout=PATIENCE_SECONDS, read_timeout=PATIENCE_SECONDS, max_pool_connections=256)
)
_Result = TypeVar("_Result")


class _Connection(Protocol):
    def connect(self) -> None: ...

    def close(self) -> None: ...


_Opened = TypeVar("_Opened", bound=_Connection)


class HeldClock:
    """A clock that several processes read and that moves only when a test moves it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> float:
        return float(self.path.read_text())

    def set(self, epoch_seconds: int) -> None:
        """Make it *epoch_seconds* everywhere, at once."""
        new = self.path.with_suffix(".new")
        new.write_text(str(epoch_seconds))
        new.replace(self.path)


@dataclass(frozen=True, kw_only=True)
class Backend:
    """An emulated AWS, as this process talks to it."""

    url: str
    dynamodb: AwsClient
    kms: AwsClient

    @classmethod
    @contextmanager
    def at(cls, url: str) -> Iterator[Backend]:
        """Yield clients of the AWS at *url*, with patience and any credentials."""
        session = AwsSession()
        session.set_credentials("race", "race")
        dynamodb, kms = (
            session.create_client(service, region_name=SETTINGS.region, endpoint_url=url, config=_PATIENT)
            for service in ("dynamodb", "kms")
        )
        try:
            yield cls(url=url, dynamodb=dynamodb, kms=kms)
        finally:
            dynamodb.close()
            kms.close()

    def stores(self) -> Stores:
        """Return the product's own stores over this backend."""
        return stores_on(SETTINGS, dynamodb=self.dynamodb, kms=self.kms)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    port: int
    output: Path

    def request_lines(self) -> list[dict[str, Any]]:
        """Return its log: one line for each request so far."""
        return [json.loads(line) for line in self.output.read_text().splitlines()[1:]]


@contextmanager
def serving(backend: Backend, clock: HeldClock, folder: Path) -> Iterator[Server]:
    """Yield a server over *backend* by *clock*; it ends with the block."""
    output = folder / f"server-{uuid.uuid4().hex}.jsonl"
    with output.open("wb") as sink, output.with_suffix(".stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.live_server", backend.url, str(clock.path)],
            cwd=PROJECT,
            env=os.environ | ENVIRONMENT_TO_IMPORT_THE_APP,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=errors,
        )
    try:
        yield Server(port=_announced_port(process, output), output=output)
    finally:
        process.terminate()
        process.communicate()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered: *cookie* is the session id it handed out, if any."""

    status: int
    body: dict[str, Any]
    cookie: str | None

    @property
    def outcome(self) -> str:
        """The problem code, or ``ok``."""
        return str(self.body.get("code", "ok"))


@dataclass
class Page:
    """One browser tab on one server: it sends what our page sends."""

    port: int
    session_id: str = field(default="", repr=False)
    _connection: http.client.HTTPConnection | None = None

    def connect(self) -> None:
        """Open the connection, so that the request itself is all that is left to do."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        connection.connect()
        self._connection = connection

    def post(self, path: str, *, key: str | None = None, **fields: object) -> Answer:
        """Return the answer to *fields*, sent under the idempotency key *key* or a fresh one."""
        if self._connection is None:
            self.connect()
        assert self._connection is not None
        headers = {
            "Content-Type": "application/json",
            "Cookie": f"{COOKIE_NAME}={self.session_id}",
            "Idempotency-Key": key or uuid.uuid4().hex,
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        self._connection.request("POST", path, body=json.dumps(fields), headers=headers)
        response = self._connection.getresponse()
        body = json.loads(response.read())
        handed_out = response.headers.get("Set-Cookie", "").partition(";")[0].partition("=")[2]
        return Answer(status=response.status, body=body, cookie=handed_out or None)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Line:
    """One connection of a portal's server to one of ours: the transport of its requests."""

    port: int
    _connection: http.client.HTTPConnection | None = None

    def connect(self) -> None:
        """Open the connection, so that the request itself is all that is left to do."""
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        self._connection.connect()

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> wizard.Answer:
        """Send one request and return its answer."""
        if self._connection is None:
            self.connect()
        assert self._connection is not None
        self._connection.request(method, path, body=body, headers=dict(headers))
        response = self._connection.getresponse()
        text = response.read().decode()
        return wizard.Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=json.loads(text) if text else None,
            text=text,
        )

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def all_at_once(
    pages: Sequence[_Opened], request: Callable[[_Opened, int], _Result], *, pool: ThreadPoolExecutor
) -> list[_Result]:
    """
    Return what *request* gives for each page or line and its number, all sent at the same moment.

    *pool* must have a thread for every page.
    """
    for page in pages:
        page.connect()
    start = threading.Barrier(len(pages))

    def send(number: int, page: _Opened) -> _Result:
        start.wait(PATIENCE_SECONDS)
        try:
            return request(page, number)
        finally:
            page.close()

    return list(pool.map(send, range(len(pages)), pages))


def _announced_port(process: subprocess.Popen[bytes], output: Path) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, output.with_suffix(".stderr").read_text()
        first, newline, _ = output.read_text().partition("\n")
        if newline:
            return int(first)
        time.sleep(0.05)
    raise AssertionError("the server did not start in time")


def main(backend_url: str, clock_path: str) -> None:
    """Serve until told to end, and print the port, then a line for every request."""
    from chalice.config import Config  # noqa: PLC0415 - only the server needs Chalice's tools
    from chalice.local import create_local_server  # noqa: PLC0415

    from app import create_app  # noqa: PLC0415
    from chalicelib.bootstrap import assemble  # noqa: PLC0415
    from chalicelib.local import server as local_server  # noqa: PLC0415
    from chalicelib.local.lifeline import end_with_parent  # noqa: PLC0415
    from chalicelib.web.request_log import write_to_stdout  # noqa: PLC0415

    end_with_parent()
    local_server.mend()
    with Backend.at(backend_url) as backend:
        services = assemble(
            SETTINGS,
            backend.stores(),
            clock=HeldClock(Path(clock_path)),
            write_line=write_to_stdout,
        )
        server = create_local_server(create_app(services), Config(), "127.0.0.1", 0)
        write_to_stdout(str(server.server.server_address[1]))
        server.server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
