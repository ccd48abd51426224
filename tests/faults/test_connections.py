"""Connections to AWS: open before the first request, and not used once AWS may have closed them."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from botocore.session import Session

from chalicelib.bootstrap import Stores, aws_stores, stores_on
from chalicelib.connections import LONGEST_IDLE_SECONDS
from chalicelib.errors import ServiceUnavailableError
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.storage.dynamodb import make_client
from tests.support.aws import SETTINGS
from tests.support.clock import ManualClock

PATIENCE_SECONDS = 60
ROW = {"pk": {"S": "T#cozone"}, "sk": {"S": "TOTP"}, "format_version": {"N": "1"}}
KEY = {name: ROW[name] for name in ("pk", "sk")}
SECRET = bytes(20)
_ANSWERS = {
    "GetItem": {"Item": ROW},
    "UpdateItem": {"Attributes": ROW},
    "Decrypt": {"Plaintext": "A" * 27 + "="},
}
_RESET_WHEN_CLOSED = struct.pack("ii", 1, 0)


class EmulatedAws(ThreadingHTTPServer):
    """DynamoDB and KMS as far as a connection is concerned: they answer, and end connections as told."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.connections = 0
        self.calls: list[str] = []
        self.closes_after_answering = False
        self.has_closed = Event()
        self.oldest_known = 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forget_connections(self) -> None:
        """
        Forget every connection there is, and let nobody know.

        So it looks to a process that was frozen meanwhile: whoever writes on one is
        reset, and what was written is not even read.
        """
        self.oldest_known = self.connections + 1

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        self.has_closed.set()


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EmulatedAws

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1
        self._number = self.server.connections

    def do_GET(self) -> None:
        assert "authorization" not in self.headers
        self._answer("GET", {})

    def do_POST(self) -> None:
        if self._number < self.server.oldest_known:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_WHEN_CLOSED)
            self.close_connection = True
            return
        self.rfile.read(int(self.headers["content-length"]))
        operation = self.headers["x-amz-target"].rpartition(".")[2]
        self._answer(operation, _ANSWERS[operation])

    def _answer(self, call: str, body: object) -> None:
        self.server.calls.append(call)
        octets = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)
        self.close_connection = self.server.closes_after_answering

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def emulated_aws(port: int = 0) -> Iterator[EmulatedAws]:
    with EmulatedAws(port) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def starting_at(url: str, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Return the stores of a process that starts on Lambda, with AWS at *url*."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    return aws_stores(SETTINGS, connected=True)


def running_at(url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Return the stores of a process by *clock*, with AWS at *url*."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    dynamodb, kms = (
        make_client(Session(), service, region=SETTINGS.region) for service in ("dynamodb", "kms")
    )
    return stores_on(SETTINGS, dynamodb=dynamodb, kms=kms, clock=clock)


def read(stores: Stores) -> None:
    assert stores.transactions.get_item("T#cozone", "TOTP") == ROW  # type: ignore[attr-defined]


def write(stores: Stores) -> None:
    stores.transactions.update_item(  # type: ignore[attr-defined]
        Key=KEY, UpdateExpression="ADD failures :one", ExpressionAttributeValues={":one": {"N": "1"}}
    )


def open_a_secret(stores: Stores) -> None:
    context = SealContext(tenant_id="cozone", user_id="anna", authenticator_id="phone")
    assert stores.cipher.open(SealedSecret(ciphertext=b"sealed", key_arn="key"), context).octets == SECRET


def test_both_connections_are_open_before_the_first_request(
    aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = starting_at(aws.url, monkeypatch)
    assert (aws.connections, aws.calls) == (2, ["GET", "GET"])
    read(stores)
    write(stores)
    open_a_secret(stores)
    assert aws.connections == 2


@pytest.mark.parametrize("accepts", [False, True], ids=["refusing", "silent"])
def test_a_start_without_aws_is_no_fault(monkeypatch: pytest.MonkeyPatch, *, accepts: bool) -> None:
    """Nor does it stay one: the first request finds its connection by itself."""
    with socket.socket() as nobody:
        nobody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        nobody.bind(("127.0.0.1", 0))
        if accepts:
            nobody.listen()
        port = nobody.getsockname()[1]
        stores = starting_at(f"http://127.0.0.1:{port}", monkeypatch)
    with emulated_aws(port):
        read(stores)
        write(stores)
        open_a_secret(stores)


@pytest.mark.requirement("V2")
def test_a_write_after_a_long_pause_is_not_sent_into_the_void(
    aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda froze the process and AWS closed the connection: no user is to pay for that."""
    clock = ManualClock()
    stores = running_at(aws.url, clock, monkeypatch)
    for act in (write, open_a_secret, read):
        act(stores)
        aws.forget_connections()
        clock.advance(LONGEST_IDLE_SECONDS + 1)
        act(stores)
    assert aws.calls.count("UpdateItem") == 2


def test_a_connection_in_use_is_kept(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    stores = running_at(aws.url, clock, monkeypatch)
    for _ in range(5):
        write(stores)
        clock.advance(LONGEST_IDLE_SECONDS)
    assert aws.connections == 1


@pytest.mark.requirement("V2")
def test_a_connection_that_was_seen_to_close_is_replaced(
    aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.closes_after_answering = True
    stores = running_at(aws.url, ManualClock(), monkeypatch)
    for act in (write, write, open_a_secret, open_a_secret, read):
        aws.has_closed.clear()
        act(stores)
        assert aws.has_closed.wait(PATIENCE_SECONDS)
    assert aws.connections == 5


@pytest.mark.requirement("V2")
def test_what_cannot_be_known_is_not_guessed(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection lost in use: the read is tried again, the write may have taken effect and is not."""
    stores = running_at(aws.url, ManualClock(), monkeypatch)
    read(stores)
    aws.forget_connections()
    read(stores)
    aws.forget_connections()
    with pytest.raises(ServiceUnavailableError):
        write(stores)
    assert "UpdateItem" not in aws.calls
    write(stores)
