"""A browser at our page, without the page: it keeps the cookie and asks as our own page does."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import mintotp
from chalice.app import Chalice
from chalice.test import Client

HOST = "127.0.0.1:8000"
ORIGIN = f"http://{HOST}"
COOKIE_NAME = "__Host-s"
BROWSER_COOKIE = re.compile(r"__Host-b=(?P<browser_id>[^;]*)")

Clock = Callable[[], float]


@dataclass(frozen=True)
class Answer:
    """What the service said: header names in lower case, *body* read from JSON (None if empty)."""

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str

    @property
    def problem(self) -> str | None:
        """The problem's code, or None for a success."""
        return self.body["code"] if self.status >= 400 else None

    @property
    def cookie(self) -> str | None:
        """The session id that this answer hands out; empty if it takes the cookie away."""
        set_cookie = self.headers.get("set-cookie")
        if set_cookie is None:
            return None
        name, _, value = set_cookie.partition(";")[0].partition("=")
        return value if name == COOKIE_NAME else None

    @property
    def browser_cookie(self) -> str | None:
        """By what the browser is to be known later, if this answer says; empty to forget it."""
        found = BROWSER_COOKIE.search(self.headers.get("set-cookie", ""))
        return None if found is None else found["browser_id"]


Transport = Callable[[str, str, Mapping[str, str], bytes], Answer]


def chalice_transport(app: Chalice) -> Transport:
    """Return a transport that hands requests to *app* in this process; for one thread at a time."""
    client = Client(app)

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        response = client.http.request(method, path, headers=dict(headers), body=body)
        text = response.body.decode()
        together: Mapping[str, str | list[str]] = dict(response.headers)
        return Answer(
            status=response.status_code,
            headers={
                name.lower(): value if isinstance(value, str) else ", ".join(value)
                for name, value in together.items()
            },
            body=json.loads(text) if text else None,
            text=text,
        )

    return send


def through_front_door(transport: Transport, *, origin_secret: str) -> Transport:
    """Return *transport* with CloudFront in front of it, which proves itself by *origin_secret*."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        added = {"x-origin-secret": origin_secret, "x-viewer-host": HOST}
        if headers.get("origin") == ORIGIN:
            added["origin"] = f"https://{HOST}"
        return transport(method, path, {**headers, **added}, body)

    return send


@dataclass(frozen=True)
class Phone:
    """An authenticator app that was given *key*; it computes by a clock, not with our code."""

    key: str
    clock: Clock

    def otp(self, *, steps: int = 0) -> str:
        """Return the code shown now, or *steps* time steps later (earlier if negative)."""
        return str(mintotp.hotp(self.key, int(self.clock() // 30) + steps))

    def wrong_otp(self) -> str:
        """Return six digits that are no code of the last or next ten minutes."""
        near = {self.otp(steps=steps) for steps in range(-21, 22)}
        return next(otp for otp in (f"{number:06}" for number in range(1_000_000)) if otp not in near)

    def forms_of_key(self) -> list[str]:
        """Return every form in which the secret could slip out."""
        octets = base64.b32decode(self.key)
        return [
            self.key,
            self.key.lower(),
            " ".join(self.key[at : at + 4] for at in range(0, len(self.key), 4)),
            octets.hex(),
            octets.hex().upper(),
            base64.b64encode(octets).decode().rstrip("="),
            base64.urlsafe_b64encode(octets).decode().rstrip("="),
            octets.decode("latin-1"),
            repr(octets)[2:-1],
            "otpauth:",
            quote("otpauth://", safe=""),
        ]


class Wizard:
    """One browser of one user. Calls give answers, never raise for a problem."""

    def __init__(
        self, transport: Transport, *, tenant: str, username: str, password: str, clock: Clock
    ) -> None:
        self.tenant = tenant
        self.username = username
        self.password = password
        self.session_id: str | None = None
        self.browser_id: str | None = None
        self._transport = transport
        self._clock = clock

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str | None] | None = None,
        keep_cookie: bool = True,
    ) -> Answer:
        """
        Send one request as our page does, and keep the cookie of its answer.

        *raw* are bytes to send instead of *body* as JSON; *headers* replace ours,
        None takes one away; *keep_cookie* false means that the answer was lost.
        """
        sent: dict[str, str | None] = {"host": HOST, "sec-fetch-site": "same-origin"}
        cookies = {COOKIE_NAME: self.session_id, "__Host-b": self.browser_id}
        if any(cookies.values()):
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        if method != "GET":
            sent["origin"] = ORIGIN
            sent["idempotency-key"] = idempotency_key or new_idempotency_key()
        if body is not None or raw is not None:
            sent["content-type"] = "application/json"
        sent |= headers or {}
        octets = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        kept = {name: value for name, value in sent.items() if value is not None}
        answer = self._transport(method, path, kept, octets)
        if keep_cookie and answer.cookie is not None:
            self.session_id = answer.cookie or None
        if keep_cookie and answer.browser_cookie is not None:
            self.browser_id = answer.browser_cookie or None
        return answer

    def sign_in(self, *, password: str | None = None, **how: Any) -> Answer:
        """Send user name and password."""
        body = {
            "tenant": self.tenant,
            "username": self.username,
            "password": self.password if password is None else password,
        }
        return self.call("POST", "/api/session", body, **how)

    def session(self, **how: Any) -> Answer:
        """Ask where this sign-in stands."""
        return self.call("GET", "/api/session", **how)

    def sign_out(self, **how: Any) -> Answer:
        """Sign out."""
        return self.call("DELETE", "/api/session", **how)

    def prove_again(self, *, password: str | None = None, **how: Any) -> Answer:
        """Send the password once more."""
        body = {"password": self.password if password is None else password}
        return self.call("POST", "/api/session/password", body, **how)

    def begin(
        self,
        *,
        phone: str = "android",
        same_phone: bool = False,
        replaces: str | None = None,
        **how: Any,
    ) -> Answer:
        """Ask for a new authenticator's key, perhaps in place of the one whose id *replaces* is."""
        body: dict[str, object] = {"phone": phone, "same_phone": same_phone}
        if replaces is not None:
            body |= {"replaces": replaces}
        return self.call("POST", "/api/enrolment", body, **how)

    def begin_replacement(self, **how: Any) -> Answer:
        """Ask for a key to take the place of the authenticator bound last."""
        return self.begin(replaces=self.authenticator_ids()[-1], **how)

    def offer(self, **how: Any) -> Answer:
        """Ask for the key again."""
        return self.call("GET", "/api/enrolment", **how)

    def cancel(self, **how: Any) -> Answer:
        """Drop the key."""
        return self.call("DELETE", "/api/enrolment", **how)

    def confirm(self, otp: object, **how: Any) -> Answer:
        """Confirm the new authenticator by its code."""
        return self.call("POST", "/api/enrolment/confirmation", {"otp": otp}, **how)

    def arrive(self, hand_off: str, **how: Any) -> Answer:
        """Come from a portal by the token of its link."""
        return self.call("POST", "/api/session/hand-off", {"hand_off": hand_off}, **how)

    def return_to_portal(self, **how: Any) -> Answer:
        """Ask for the way back to the portal."""
        return self.call("POST", "/api/session/return", **how)

    def verify(self, otp: object, *, remember: bool | None = None, **how: Any) -> Answer:
        """Give the code asked for at sign-in; *remember* as the box is ticked, None without one."""
        body = {"otp": otp} if remember is None else {"otp": otp, "remember": remember}
        return self.call("POST", "/api/verification", body, **how)

    def second_factor(self, **how: Any) -> Answer:
        """Ask what there is: authenticators, recovery codes, remembered browsers."""
        return self.call("GET", "/api/second-factor", **how)

    def authenticator_ids(self) -> list[str]:
        """Return the ids of the authenticators, the one bound first before the others."""
        return [entry["id"] for entry in self.second_factor().body["authenticators"]]

    def rename(self, authenticator: str, name: str, **how: Any) -> Answer:
        """Call an authenticator otherwise."""
        body = {"authenticator": authenticator, "name": name}
        return self.call("POST", "/api/authenticators/name", body, **how)

    def remove(self, authenticator: str, **how: Any) -> Answer:
        """End the use of an authenticator."""
        return self.call("POST", "/api/authenticators/removal", {"authenticator": authenticator}, **how)

    def forget(self, browser: str, **how: Any) -> Answer:
        """Let a remembered browser, or ``all``, be remembered no more."""
        return self.call("POST", "/api/remembered-browsers/removal", {"browser": browser}, **how)

    def make_recovery_codes(self, **how: Any) -> Answer:
        """Ask for a new set of recovery codes."""
        return self.call("POST", "/api/recovery-codes", {}, **how)

    def acknowledge_recovery_codes(self, set_id: object, **how: Any) -> Answer:
        """Say that the codes of that set are kept."""
        return self.call("POST", "/api/recovery-codes/acknowledgement", {"set": set_id}, **how)

    def recover(self, recovery_code: object, **how: Any) -> Answer:
        """Give a recovery code in place of the code asked for at sign-in."""
        return self.call("POST", "/api/verification/recovery-code", {"recovery_code": recovery_code}, **how)

    def give_reset_code(self, reset_code: object, **how: Any) -> Answer:
        """Give the code that the help desk said."""
        return self.call("POST", "/api/session/reset-code", {"reset_code": reset_code}, **how)

    def scan(self) -> Phone:
        """Return a phone that has just been given the key on offer."""
        return Phone(self.offer().body["key"], self._clock)

    def begun(self) -> Phone:
        """Sign in, prove the password again and begin; return the phone that scanned the key."""
        self.sign_in()
        self.prove_again()
        answer = self.begin()
        assert answer.status == 200, answer.text
        return Phone(answer.body["key"], self._clock)

    def enrolled(self) -> Phone:
        """Go the whole way from the sign-in to the confirmed code; return the phone."""
        phone = self.begun()
        answer = self.confirm(phone.otp())
        assert answer.status == 200, answer.text
        return phone

    def enrolled_with_codes(self) -> tuple[Phone, list[str]]:
        """Go the whole way to the recovery codes, and keep them; return the phone and the codes."""
        phone = self.enrolled()
        made = self.make_recovery_codes()
        assert made.status == 201, made.text
        answer = self.acknowledge_recovery_codes(made.body["set"])
        assert answer.status == 200, answer.text
        return phone, made.body["codes"]


def wrong_recovery_code(right: str) -> str:
    """Return a code of the same letter as *right*, whose owner was never shown it."""
    return right[:-1] + ("0" if right[-1] != "0" else "1")


def new_idempotency_key() -> str:
    """Return what a page draws for every action of its user."""
    return secrets.token_urlsafe(24)
