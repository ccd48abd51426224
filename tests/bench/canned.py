"""
DynamoDB and KMS that cost next to nothing: every answer is written down beforehand.

A visitor stands before every step of the journey, brought there by the product
itself over moto. The rows of that moment are what is read ever after: writes are
accepted and keep nothing, so the same request can be made again and again. Once
as doubles of the clients' methods, once as an HTTP server in a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.keys.kms import KmsCipher
from chalicelib.totp import SECRET_BYTES
from tests.bench.journey import (
    PASSWORD,
    STEPS,
    TENANT,
    VERIFICATION,
    YARDSTICK,
    Ticket,
    Visitor,
)
from tests.bench.wsgi import ORIGIN_SECRET, STAGE, calling, wsgi
from tests.support.aws import SETTINGS, moto
from tests.support.live_server import PROJECT
from tests.support.world import World

NOW = 1_795_435_200  # 2026-11-23T12:00:00Z

Row = dict[str, Any]  # in DynamoDB's own notation
Rows = list[Row]

_KEY_ARN = "arn:aws:kms:eu-north-1:111122223333:key/11111111-2222-3333-4444-555555555555"
_BEFORE_THE_SECRET = bytes(164)  # so that a ciphertext is as long as KMS makes it of twenty bytes


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Every row of the moment, and for each step (route, occasion) the visitor who stands before it."""

    rows: Rows
    tickets: Mapping[tuple[str, str], Ticket]


def set_stage(*, at: int = NOW) -> Stage:
    """Return the stage at that time (epoch seconds); its sessions are good for a quarter of an hour."""
    with moto() as aws:
        cipher = KmsCipher(CannedKms(), key_id=SETTINGS.secret_key_id)
        settings = replace(SETTINGS, stage=STAGE, origin_secrets=(ORIGIN_SECRET,))
        world = World(replace(aws.stores, cipher=cipher), settings=settings, aws=aws)
        world.clock.now = at - sum(step.seconds_before for step in STEPS)
        transport = calling(wsgi(world.app))
        visitors = {}
        for number, step in enumerate(STEPS):
            username = f"visitor-{number}@firma.se"
            user = world.add_user(username=username, password=PASSWORD)
            ticket = Ticket(username=username, user_id=user.user_id)
            visitors[step.name] = Visitor(ticket, transport, world.clock)
        waiting = dict(visitors)
        for step in STEPS:
            world.clock.advance(step.seconds_before)
            del waiting[step.name]
            for visitor in waiting.values():
                for _ in range(step.times):
                    step.taken_by(visitor)
        tickets = {name: visitor.ticket for name, visitor in visitors.items()}
        rows = aws.state()
        return Stage(rows=[*rows, yardstick_row(rows, tickets[VERIFICATION])], tickets=tickets)


def yardstick_row(rows: Rows, ticket: Ticket) -> Row:
    """Return the row that the yardstick updates: *ticket*'s authenticator, out of *rows*, as nobody's."""
    (row,) = [row for row in rows if _key(row) == (f"T#{TENANT}#U#{ticket.user_id}", "TOTP")]
    return row | {"pk": {"S": YARDSTICK}}


class CannedDynamoDb:
    """A DynamoDB client without anything behind its methods but *rows*."""

    def __init__(self, rows: Rows) -> None:
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))
        self._rows = {_key(row): row for row in rows}

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Return the row of that key."""
        row = self._rows.get(_key(request["Key"]))
        return {"Item": row} if row else {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Return the row as it was, or refuse what the journey's own conditions refuse."""
        row = self._rows.get(_key(request["Key"]))
        if _refuses(row, request):
            error = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": row or {}}
            raise ClientError(error, "UpdateItem")
        return {"Attributes": row or _new_row(request)}

    def put_item(self, **_: Any) -> dict[str, Any]:
        """Accept."""
        return {}

    def delete_item(self, **_: Any) -> dict[str, Any]:
        """Accept."""
        return {}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        """Accept."""
        return {}


class CannedKms:
    """A KMS client whose ciphertexts end with the plaintext."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def encrypt(self, **request: Any) -> dict[str, Any]:
        """Return something as long as a ciphertext."""
        return {"CiphertextBlob": _BEFORE_THE_SECRET + request["Plaintext"], "KeyId": _KEY_ARN}

    def decrypt(self, **request: Any) -> dict[str, Any]:
        """Return what `encrypt` was given."""
        return {"Plaintext": request["CiphertextBlob"][-SECRET_BYTES:], "KeyId": _KEY_ARN}


def _key(row: Row) -> tuple[str, str]:
    return row["pk"]["S"], row["sk"]["S"]


def _new_row(request: Mapping[str, Any]) -> Row:
    return {**request["Key"], "format_version": {"N": "1"}}


def _refuses(row: Row | None, request: Mapping[str, Any]) -> bool:
    """Say what the update's condition comes to: is there such a row, an attempt left, a step not spent?"""
    if row is None:
        return "attribute_not_exists(pk)" not in request["ConditionExpression"]
    values = request["ExpressionAttributeValues"]
    if ":rung0" in values and "consecutive_failures" in row:
        return int(row["consecutive_failures"]["N"]) >= int(values[":rung0"]["N"])
    if ":step" in values:
        entries = row["entries"]["M"].values()
        return any(
            int(entry["M"]["last_accepted_time_step"]["N"]) >= int(values[":step"]["N"])
            for entry in entries
        )
    return False


@contextmanager
def canned_server(rows: Rows, *, tls: Path | None = None) -> Iterator[str]:
    """
    Yield the URL of a server that answers as `CannedDynamoDb` over *rows* and `CannedKms` do.

    With *tls*, a PEM file with certificate and key, it speaks HTTPS.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.canned", *([str(tls)] if tls else [])],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(rows, default=_base64).encode() + b"\n")
        process.stdin.flush()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.communicate()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _http(body: Mapping[str, Any], *, status: str = "200 OK") -> bytes:
    text = json.dumps(body, default=_base64).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


class _Server:
    """The answers, each ready to be sent as it is."""

    def __init__(self, rows: Rows) -> None:
        self._rows = {_key(row): row for row in rows}
        self._found = {key: _http({"Item": row}) for key, row in self._rows.items()}
        self._updated = {key: _http({"Attributes": row}) for key, row in self._rows.items()}
        self.nothing = _http({})

    def answer(self, operation: bytes, text: bytes) -> bytes:
        if operation == b"TransactWriteItems":
            return self.nothing
        request = json.loads(text)
        if operation == b"GetItem":
            return self._found.get(_key(request["Key"]), self.nothing)
        if operation == b"UpdateItem":
            return self._update(request)
        if operation == b"Decrypt":
            blob = base64.b64decode(request["CiphertextBlob"])
            return _http({"Plaintext": blob[-SECRET_BYTES:], "KeyId": _KEY_ARN})
        if operation == b"Encrypt":
            secret = base64.b64decode(request["Plaintext"])
            return _http({"CiphertextBlob": _BEFORE_THE_SECRET + secret, "KeyId": _KEY_ARN})
        return self.nothing

    def _update(self, request: Mapping[str, Any]) -> bytes:
        key = _key(request["Key"])
        row = self._rows.get(key)
        if _refuses(row, request):
            error = {"__type": "ConditionalCheckFailedException", "message": "no", "Item": row or {}}
            return _http(error, status="400 Bad Request")
        return self._updated[key] if row else _http({"Attributes": _new_row(request)})


class _Connection(asyncio.Protocol):
    """Reads requests just far enough to know which answer to give."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, blank_line, rest = self._unread.partition(b"\r\n\r\n")
        if not blank_line:
            return
        headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if len(rest) < int(headers.get(b"content-length", b"0")):
            return
        self._unread = b""
        if head.startswith(b"GET"):  # a process that starts opens its connections
            self._transport.write(self._server.nothing)
            return
        operation = head[head.index(b"X-Amz-Target: ") :].split(b"\r\n", 1)[0].rpartition(b".")[2]
        self._transport.write(self._server.answer(operation, rest))


async def _serve(rows: Rows, *, tls: str | None) -> None:
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls)
    answers = _Server(rows)
    listening = await asyncio.get_running_loop().create_server(
        lambda: _Connection(answers), "127.0.0.1", 0, backlog=128, ssl=context
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(json.loads(sys.stdin.readline()), tls=sys.argv[1] if sys.argv[1:] else None))
