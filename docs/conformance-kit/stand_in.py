"""Stands in for Tvåsteg: the same routes and answers, spoiled as a case wants it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from joserfc.jwk import ECKey

from calls import Calls
from tokens import Assertion, changed, signed

ACR = "urn:tvasteg:acr:two-step"
HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """
    An answer, whose end may be cut, and which may be late.

    None for *status* closes the line without a word.
    """

    status: int | None
    body: bytes = b""
    content_type: str = "application/json"
    location: str | None = None
    is_cut: bool = False
    is_late: bool = False

    def with_members(self, **changes: object) -> Answer:
        """Return the answer with other members, or without those that are `MISSING`."""
        return replace(self, body=json.dumps(changed(json.loads(self.body), changes)).encode())


def as_json(body: object, *, status: int = 200) -> Answer:
    """Return the answer that says *body*."""
    return Answer(status=status, body=json.dumps(body).encode())


@dataclass(kw_only=True)
class Play:
    """
    How Tvåsteg is played for one sign-in: what comes *next*, and what is spoiled.

    *spoiled* changes the right answer of a route, *sign* makes the assertion of
    the right one. What was asked, the ids of attempts, and the last hand-off and
    assertion are kept to be looked at.
    """

    next: str
    spoiled: Mapping[str, Callable[[Answer], Answer]] = field(default_factory=dict)
    sign: Callable[[Assertion], str] = signed
    asked: set[str] = field(default_factory=set)
    attempt_ids: list[str] = field(default_factory=list)
    hand_off: dict[str, Any] | None = None
    assertion: str | None = None

    @property
    def never_asked(self) -> set[str]:
        """What is spoiled and was never asked for: the case did not take place."""
        is_refused_before = self.spoiled.keys() - {"assertion"}  # whoever looks for the keys first
        signing = set() if self.sign is signed or is_refused_before else {"assertion"}
        return (signing | self.spoiled.keys()) - self.asked


class StandIn:
    """Tvåsteg as the portal meets it at *url*; *play* says what it does now."""

    def __init__(self, *, port: int, calls: Calls, late_seconds: float = 12) -> None:
        self.url = f"http://{HOST}:{port}"
        self.calls = calls
        self.play = Play(next="enrol")
        self._key = ECKey.generate_key("P-256", {"kid": "tvasteg-1", "use": "sig", "alg": "ES256"})
        self._attackers_key = ECKey.generate_key(
            "P-256", {"kid": "attacker-1", "use": "sig", "alg": "ES256"}
        )
        self._late_seconds = late_seconds
        self._released = threading.Event()
        self._port = port
        self._user = ""

    @contextmanager
    def served(self) -> Iterator[None]:
        """Answer requests for the block."""
        stand_in = self

        class Handler(_Handler):
            tvasteg = stand_in

        server = ThreadingHTTPServer((HOST, self._port), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            self._released.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def wait(self) -> None:
        """Let a caller wait, but not longer than the kit itself runs."""
        self._released.wait(self._late_seconds)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to one request."""
        _, _, place = path.partition("/api/")
        if path == "/attacker/jwks":
            return as_json({"keys": [self._attackers_key.as_dict(private=False)]})
        if (method, place) == ("GET", "jwks"):
            return self._spoiled("jwks", as_json({"keys": [self._key.as_dict(private=False)]}))
        if path.startswith("/elsewhere/"):  # whoever follows a redirect finds the right answer there
            return self._right(path.removeprefix("/elsewhere/"), {"user": self._user, "code": ""})
        question = place.removeprefix("portal/")
        if method != "POST" or question not in {"status", "verification", "hand-off", "assertion"}:
            return problem(404, "not_found")
        if not self.calls.take(question, url=self.url + path, headers=headers, body=body):
            return problem(401, "client_not_authenticated")
        fields = json.loads(body)
        self.calls.look_at(question, fields)
        self._user = fields.get("user", self._user)
        return self._spoiled(question, self._right(question, fields))

    def _spoiled(self, route: str, right: Answer) -> Answer:
        self.play.asked.add(route)
        spoil = self.play.spoiled.get(route)
        return spoil(right) if spoil else right

    def _right(self, question: str, fields: Mapping[str, Any]) -> Answer:
        match question:
            case "status":
                factor = {"verify": "active", "support": "disabled"}.get(self.play.next, "none")
                policy = "optional" if self.play.next == "offer" else "required"
                status = {"user": fields["user"], "second_factor": factor, "policy": policy}
                return as_json({**status, "due_at": None, "next": self.play.next})
            case "verification":
                self.play.attempt_ids.append(fields.get("attempt_id", ""))
                proof = {"verified_at": _iso(time.time()), "amr": ["otp"], "acr": ACR}
                return as_json({"user": fields["user"], "second_factor": "active", **proof})
            case "hand-off":
                self.play.hand_off = dict(fields)
                link = f"{self.url}/?tenant={self._tenant}&lang=sv#hand-off=played-by-the-kit"
                return as_json({"url": link, "expires_at": _iso(time.time() + 120)}, status=201)
            case _:
                self.play.assertion = self.play.sign(self._assertion())
                return as_json({"assertion": self.play.assertion})

    @property
    def _tenant(self) -> str:
        return self.calls.client_id.partition(".")[0]

    def _assertion(self) -> Assertion:
        hand_off = self.play.hand_off or {}
        now = int(time.time())
        return Assertion(
            header={"alg": "ES256", "typ": "JWT", "kid": "tvasteg-1"},
            claims={
                "iss": self.url,
                "aud": self.calls.client_id,
                "sub": hand_off.get("user"),
                "tenant": self._tenant,
                "nonce": hand_off.get("nonce"),
                "iat": now,
                "exp": now + 60,
                "jti": f"played-{time.time_ns()}",
                "auth_time": now,
                "amr": ["otp"],
                "verified_by": "code",
                "acr": ACR,
            },
            key=self._key,
            attackers_key=self._attackers_key,
        )


def problem(status: int, code: str, **more: object) -> Answer:
    """Return one of Tvåsteg's problems."""
    body = {"type": f"urn:tvasteg:problem:{code}", "title": code, "status": status, "code": code, **more}
    return Answer(status=status, body=json.dumps(body).encode(), content_type="application/problem+json")


def _iso(epoch_seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_seconds))


class _Handler(BaseHTTPRequestHandler):
    tvasteg: StandIn

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.tvasteg.answer(method, urlsplit(self.path).path, dict(self.headers), body)
        if answer.is_late:
            self.tvasteg.wait()
        self.close_connection = True
        if answer.status is None:
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.location:
            self.send_header("Location", answer.location)
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if answer.is_cut else answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the report says it all."""
