"""
A function's URL as AWS serves it: signed requests only, and whose they are stands in the event.

The signature is computed anew here with the same key and compared, so a body that was changed on
the way, another region or another key is refused as IAM does.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Handle = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]
Event = dict[str, Any]


@dataclass
class FunctionUrl:
    """The URL of *handle*; *identities* are ARNs by access key, with their secret."""

    handle: Handle
    identities: Mapping[str, tuple[str, str]]
    region: str
    url: str = ""
    events: list[Event] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    """What the next requests are answered with, before the function is asked."""
    losing: list[int] = field(default_factory=list)
    """What the next requests are answered with once the function has done its work."""


@contextmanager
def function_url(
    handle: Handle, *, identities: Mapping[str, tuple[str, str]], region: str = "eu-north-1"
) -> Iterator[FunctionUrl]:
    """Yield the running URL, which ends with the block."""
    function = FunctionUrl(handle=handle, identities=identities, region=region)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content = _answer(function, dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test tells what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    function.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield function
    finally:
        server.shutdown()
        server.server_close()


def _answer(function: FunctionUrl, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    if function.failing:
        return function.failing.pop(0), b""
    arn = _identity(function, headers, body)
    if arn is None:
        return (
            403,
            b'{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}',
        )
    event = request_event(body, arn=arn, headers=headers)
    function.events.append(event)
    answer = function.handle(event, SimpleNamespace(aws_request_id=f"r-{len(function.events)}"))
    if function.losing:
        return function.losing.pop(0), b""
    return int(answer["statusCode"]), str(answer["body"]).encode()


def request_event(
    body: bytes, *, arn: str | None, headers: Mapping[str, str] | None = None, encoded: bool = False
) -> Event:
    """Return the event of payload format 2.0 for a request that *arn* has signed."""
    iam = {
        "accessKey": "AKIA",
        "accountId": "123456789012",
        "callerId": "AROA:eva",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": arn,
        "userId": "AROA:eva",
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {
            "accountId": "123456789012",
            "authorizer": {"iam": iam},
            "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "url-request",
        },
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def _identity(function: FunctionUrl, headers: Mapping[str, str], body: bytes) -> str | None:
    presented = headers.get("Authorization", "")
    access_key = presented.partition("Credential=")[2].partition("/")[0]
    if access_key not in function.identities:
        return None
    secret, arn = function.identities[access_key]
    signed = {
        "Content-Type": headers.get("Content-Type", ""),
        **(
            {"X-Amz-Security-Token": headers["X-Amz-Security-Token"]}
            if "X-Amz-Security-Token" in headers
            else {}
        ),
    }
    request = AWSRequest("POST", function.url, headers=signed, data=body)
    auth = SigV4Auth(Credentials(access_key, secret), "lambda", function.region)
    request.context["timestamp"] = headers["X-Amz-Date"]
    request.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    string_to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    signature = auth.signature(string_to_sign, request)
    return arn if presented.endswith(f"Signature={signature}") else None


def answered(reply: Mapping[str, Any]) -> Any:
    """Return the JSON of what a function answers."""
    return json.loads(reply["body"])
