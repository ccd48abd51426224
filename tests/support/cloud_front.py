"""
CloudFront as a viewer meets it: HTTPS on this machine, going by the deployed distribution.

MiniStack keeps the whole configuration and serves the bucket by it, but looks its
custom origins up in the real DNS. So this front reads the configuration anew for
each request, as the deploy command left it, and goes by it: behaviours, methods,
what is forwarded, the function (run for real), the origin's path and headers, and
the headers of answers. Only the way to the bucket is MiniStack's own, because it
checks the bucket's policy against CloudFront's identity.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright._impl._driver import compute_driver_executable

from tests.support.ministack import ATTEMPTS, lost_its_worker

Json = Any
Headers = list[tuple[str, str]]
PATIENCE_SECONDS = 120

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "te"}
# CloudFront says these of itself, whatever the origin said.
_ORIGINS_OWN = _HOP_BY_HOP | {"date", "server"}
_EVALUATE = """
const vm = require('vm');
require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const { code, event } = JSON.parse(line);
  const context = vm.createContext({ console: { log() {} } });
  vm.runInContext(code, context);
  process.stdout.write(JSON.stringify(await context.handler(event)) + '\\n');
});
"""


class Distribution:
    """The deployed distribution, as CloudFront's API describes it now."""

    def __init__(self, cloudfront: Any, distribution_id: str) -> None:
        self._cloudfront = cloudfront
        self.distribution_id = distribution_id
        self.domain: str = cloudfront.get_distribution(Id=distribution_id)["Distribution"]["DomainName"]

    def config(self) -> Json:
        """Return its configuration."""
        return self._cloudfront.get_distribution_config(Id=self.distribution_id)["DistributionConfig"]

    def forwarded(self, behaviour: Json, headers: Mapping[str, str]) -> dict[str, str]:
        """Return those of the viewer's *headers*, in lower case, that the origin gets."""
        policy_id = behaviour.get("OriginRequestPolicyId")
        if policy_id is None:
            return {}
        policy = self._cloudfront.get_origin_request_policy_config(Id=policy_id)
        config = policy["OriginRequestPolicyConfig"]
        kind: str = config["HeadersConfig"]["HeaderBehavior"]
        listed = {name.lower() for name in config["HeadersConfig"].get("Headers", {}).get("Items", [])}
        takes_listed = kind == "whitelist"
        takes_all = kind == "allViewer"
        assert takes_listed or takes_all or kind == "allExcept", f"this front does not know {kind}"

        def passes(name: str) -> bool:
            return takes_all or (name in listed) == takes_listed

        kept = {name: value for name, value in headers.items() if name != "cookie" and passes(name)}
        if config["CookiesConfig"]["CookieBehavior"] == "all" and "cookie" in headers:
            kept["cookie"] = headers["cookie"]
        return kept

    def dressed(self, behaviour: Json, headers: Headers) -> Headers:
        """Return *headers* of an answer with what the response headers policy sets."""
        policy_id = behaviour.get("ResponseHeadersPolicyId")
        if policy_id is None:
            return headers
        policy = self._cloudfront.get_response_headers_policy_config(Id=policy_id)
        for name, value, overrides in _policy_headers(policy["ResponseHeadersPolicyConfig"]):
            is_there = any(name.lower() == present.lower() for present, _ in headers)
            if overrides or not is_there:
                headers = [entry for entry in headers if entry[0].lower() != name.lower()]
                headers.append((name, value))
        return headers

    def viewer_request_code(self, behaviour: Json) -> str | None:
        """Return the code of the function that sees each request first, as it is live."""
        for association in behaviour.get("FunctionAssociations", {}).get("Items", []):
            assert association["EventType"] == "viewer-request", "this front knows no other"
            name = association["FunctionARN"].rpartition("/")[2]
            live = self._cloudfront.get_function(Name=name, Stage="LIVE")
            code: str = live["FunctionCode"].read().decode()
            return code
        return None


class FunctionRunner:
    """Runs CloudFront Functions in the Node that Playwright brings."""

    def __init__(self) -> None:
        node, _ = compute_driver_executable()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [node, "-e", _EVALUATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, code: str, event: Json) -> Json:
        """Return what the function's handler makes of *event*."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            stdin.write(json.dumps({"code": code, "event": event}) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

    def close(self) -> None:
        """End Node."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)
        self._process.stdout.close()


@contextmanager
def cloud_front(cloudfront: Any, distribution_id: str, *, endpoint_url: str, folder: Path) -> Iterator[str]:
    """Yield the address, on this machine, under which the distribution is served until the block ends."""
    runner = FunctionRunner()
    handler = type(
        "_BoundViewerHandler",
        (_ViewerHandler,),
        {
            "distribution": Distribution(cloudfront, distribution_id),
            "runner": runner,
            "endpoint": urlsplit(endpoint_url).netloc,
            "tls": _self_signed(folder),
        },
    )
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.end()
        runner.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self.connections: set[ssl.SSLSocket] = set()

    def end(self) -> None:
        """Cut off who is still connected, and wait for their threads."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, *about: Any) -> None:
        # Browsers leave as they like, and refuse a certificate once before they are told to take it.
        if not isinstance(sys.exc_info()[1], ConnectionError | ssl.SSLError | TimeoutError):
            super().handle_error(*about)


class _ViewerHandler(BaseHTTPRequestHandler):
    server: _Server
    distribution: Distribution
    runner: FunctionRunner
    endpoint: str
    tls: ssl.SSLContext
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS

    def setup(self) -> None:
        # Here, in the connection's own thread: browsers also connect and then say nothing.
        self.request.settimeout(PATIENCE_SECONDS)
        self.request = self.tls.wrap_socket(self.request, server_side=True)
        self.server.connections.add(self.request)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.connections.discard(self.request)
            self.request.close()

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        config = self.distribution.config()
        path, _, query = self.path.partition("?")
        behaviour = _behaviour_for(config, path)
        if self.command not in behaviour["AllowedMethods"]["Items"]:
            self._answer(403, [("Content-Type", "text/plain")], b"This method is not allowed", behaviour)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        code = self.distribution.viewer_request_code(behaviour)
        if code is not None:
            path, headers = self._after_the_function(code, path, headers)
        origin = next(o for o in config["Origins"]["Items"] if o["Id"] == behaviour["TargetOriginId"])
        if "CustomOriginConfig" in origin:
            target = f"{origin.get('OriginPath', '')}{path}{'?' if query else ''}{query}"
            headers = self.distribution.forwarded(behaviour, headers)
            headers["host"] = _emulated_host(origin["DomainName"], self.endpoint)
            for own in origin.get("CustomHeaders", {}).get("Items", []):
                headers[own["HeaderName"].lower()] = own["HeaderValue"]
        else:
            target = self.path
            headers = {"host": self.distribution.domain, "x-forwarded-proto": "https"}
        self._answer(*self._ask(target, headers, body), behaviour)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Tests speak for themselves."""

    def _after_the_function(
        self, code: str, path: str, headers: dict[str, str]
    ) -> tuple[str, dict[str, str]]:
        cookie = headers.pop("cookie", None)
        event = {
            "version": "1.0",
            "context": {"distributionId": self.distribution.distribution_id, "eventType": "viewer-request"},
            "viewer": {"ip": self.client_address[0]},
            "request": {
                "method": self.command,
                "uri": path,
                "querystring": {},
                "headers": {name: {"value": value} for name, value in headers.items()},
                "cookies": {},
            },
        }
        request = self.runner.run(code, event)
        assert "statusCode" not in request, "this front takes requests from functions, no answers"
        headers = {name: field["value"] for name, field in request["headers"].items()}
        return request["uri"], headers | ({"cookie": cookie} if cookie else {})

    def _ask(self, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Headers, bytes]:
        for _ in range(ATTEMPTS):
            answer = self._ask_once(target, headers, body)
            if not lost_its_worker(answer[0]):
                break
        return answer

    def _ask_once(self, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Headers, bytes]:
        connection = http.client.HTTPConnection(self.endpoint, timeout=PATIENCE_SECONDS)
        try:
            connection.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            if body:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: Headers, body: bytes, behaviour: Json) -> None:
        self.send_response(status)
        kept = [entry for entry in headers if entry[0].lower() not in _ORIGINS_OWN]
        for name, value in self.distribution.dressed(behaviour, kept):
            self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _behaviour_for(config: Json, path: str) -> Json:
    for behaviour in config.get("CacheBehaviors", {}).get("Items", []):
        if re.match(translate(behaviour["PathPattern"]), path):
            return behaviour
    return config["DefaultCacheBehavior"]


def _emulated_host(domain: str, endpoint: str) -> str:
    """Return the name by which MiniStack knows the API behind *domain*."""
    api, service, *_ = domain.split(".")
    assert service == "execute-api"
    return f"{api}.execute-api.localhost:{endpoint.rpartition(':')[2]}"


def _policy_headers(config: Json) -> Iterator[tuple[str, str, bool]]:
    known = config["SecurityHeadersConfig"]
    transport = known["StrictTransportSecurity"]
    parts = [
        f"max-age={transport['AccessControlMaxAgeSec']}",
        *(["includeSubDomains"] if transport["IncludeSubdomains"] else []),
        *(["preload"] if transport["Preload"] else []),
    ]
    yield "Strict-Transport-Security", "; ".join(parts), transport["Override"]
    policy = known["ContentSecurityPolicy"]
    yield "Content-Security-Policy", policy["ContentSecurityPolicy"], policy["Override"]
    yield "X-Frame-Options", known["FrameOptions"]["FrameOption"], known["FrameOptions"]["Override"]
    referrer = known["ReferrerPolicy"]
    yield "Referrer-Policy", referrer["ReferrerPolicy"], referrer["Override"]
    yield "X-Content-Type-Options", "nosniff", known["ContentTypeOptions"]["Override"]
    for custom in config.get("CustomHeadersConfig", {}).get("Items", []):
        yield custom["Header"], custom["Value"], custom["Override"]


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "front.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
