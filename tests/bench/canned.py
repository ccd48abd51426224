"""
DynamoDB and KMS that cost next to nothing: every answer is written down beforehand.

They know one tenant and one signed-in user with one authenticator, accept every
write and keep nothing, so the same request can be made again and again. Once
as doubles of the clients' methods, once as an HTTP server in a process of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import mintotp

from chalicelib.accounts.record import lookup_hash
from chalicelib.local import demo
from chalicelib.sessions.session import session_key_of
from chalicelib.totp import SharedSecret, time_step_at
from tests.support.live_server import PROJECT

NOW = 1_795_435_200  # 2026-11-23T12:00:00Z
SESSION_ID = "c" * 43
SECRET = SharedSecret(bytes(range(20)))
CODE: str = mintotp.hotp(SECRET.base32, time_step_at(NOW))
WRONG_CODE = f"{(int(CODE) + 1) % 1_000_000:06}"

USER_ID = "a" * 32
_AUTHENTICATOR_ID = "b" * 32
_CIPHERTEXT = bytes(184)  # as long as KMS makes it of twenty bytes
_KEY_ARN = "arn:aws:kms:eu-north-1:111122223333:key/11111111-2222-3333-4444-555555555555"
USERNAME = "anna@firma.se"
_LOOKUP_KEY = bytes(32)


def _s(value: str) -> dict[str, str]:
    return {"S": value}


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}


SESSION_ROW: dict[str, Any] = {
    "pk": _s(f"S#{session_key_of(SESSION_ID)}"),
    "sk": _s("SESSION"),
    "format_version": _n(1),
    "tenant": _s("cozone"),
    "user": _s(USER_ID),
    "sign_in_id": _s("d" * 32),
    "epoch": _n(1),
    "created_at": _n(NOW - 30),
    "last_seen_at": _n(NOW - 30),
    "expires_at": _n(NOW + 3_600),
}
USER_ROW: dict[str, Any] = {
    "pk": _s(f"T#cozone#U#{USER_ID}"),
    "sk": _s("USER"),
    "format_version": _n(1),
    "user_id": _s(USER_ID),
    "username": _s(USERNAME),
    "language": _s("sv"),
    "status": _s("enrolled"),
    "epoch": _n(1),
    "created_at": _n(NOW - 86_400),
    "password_hash": _s(
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43,
    ),
    "status_key": _s("T#cozone#enrolled"),
    "name_key": _s(USERNAME),
}
PROFILE_ROW: dict[str, Any] = {
    "pk": _s("T#cozone"),
    "sk": _s("PROFILE"),
    "format_version": _n(1),
    "profile": _s(demo.PROFILE.read_text(encoding="utf-8")),
    "version": _n(1),
    "lookup_key": {"B": _LOOKUP_KEY},
}
LOOKUP_ROW: dict[str, Any] = {
    "pk": _s(f"LOOKUP#{lookup_hash(_LOOKUP_KEY, USERNAME)}"),
    "sk": _s("USER"),
    "format_version": _n(1),
    "user_id": _s(USER_ID),
}
AUTHENTICATOR_ROW: dict[str, Any] = {
    "pk": USER_ROW["pk"],
    "sk": _s("TOTP"),
    "format_version": _n(1),
    "status": _s("ACTIVE"),
    "consecutive_failures": _n(1),
    "last_attempt_at": _n(NOW),
    "failures_2026_11": _n(1),
    "entries": {
        "M": {
            _AUTHENTICATOR_ID: {
                "M": {
                    "name": _s("Google Authenticator"),
                    "ciphertext": {"B": _CIPHERTEXT},
                    "key_arn": _s(_KEY_ARN),
                    "version": _n(1),
                    "last_accepted_time_step": _n(1),
                    "bound_at": _n(NOW - 86_400),
                    "last_used_at": _n(NOW - 86_400),
                }
            }
        }
    },
}
_ROWS = {row["pk"]["S"]: row for row in (SESSION_ROW, USER_ROW, PROFILE_ROW, LOOKUP_ROW)}


class CannedDynamoDb:
    """A DynamoDB client without anything behind its methods."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Return the row of that partition."""
        return {"Item": _ROWS[request["Key"]["pk"]["S"]]}

    def update_item(self, **_: Any) -> dict[str, Any]:
        """Return the authenticator's row."""
        return {"Attributes": AUTHENTICATOR_ROW}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        """Accept."""
        return {}


class CannedKms:
    """A KMS client that knows one plaintext."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def decrypt(self, **_: Any) -> dict[str, Any]:
        """Return the one secret."""
        return {"Plaintext": SECRET.octets, "KeyId": _KEY_ARN}


@contextmanager
def canned_server() -> Iterator[str]:
    """Yield the URL of a server that answers as `CannedDynamoDb` and `CannedKms` do."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.canned"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.communicate()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _http(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, default=_base64).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


_OPERATIONS = {
    b"UpdateItem": _http({"Attributes": AUTHENTICATOR_ROW}),
    b"TransactWriteItems": _http({}),
    b"Decrypt": _http({"Plaintext": SECRET.octets, "KeyId": _KEY_ARN}),
}
_FOUND = {partition: _http({"Item": row}) for partition, row in _ROWS.items()}
_NOT_FOUND = _http({})


class _Connection(asyncio.Protocol):
    """Reads requests just far enough to know which answer to give."""

    def __init__(self) -> None:
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
        if len(rest) < int(headers[b"content-length"]):
            return
        self._unread = b""
        operation = head[head.index(b"X-Amz-Target: ") :].split(b"\r\n", 1)[0].rpartition(b".")[2]
        if operation == b"GetItem":
            partition = json.loads(rest)["Key"]["pk"]["S"]
            answer = _FOUND.get(partition, _NOT_FOUND)
        else:
            answer = _OPERATIONS[operation]
        self._transport.write(answer)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve())
