"""A stand-in for the API, just true enough to drive the pages: the real one has its own tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import segno
from playwright.sync_api import Page, Request, Route

PASSWORD = "correct horse"
RIGHT_CODE = "012345"
CODES = [f"{letter}-7K2M9-QXT3P-V{at}W" for at, letter in enumerate("ABCDEFGHJK")]
RESET_CODE = "4F7K9QXT"
KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
URI = f"otpauth://totp/Azets%20Cozone:anna%40firma.se?secret={KEY}&issuer=Azets%20Cozone"

TENANT: dict[str, Any] = {
    "id": "cozone",
    "portal_name": "Azets Cozone",
    "issuer": "Azets Cozone",
    "brand": {"colour": "#005f86", "logo": None, "logo_dark": None},
    "support": {"mail": "2FA_SEsupport@azets.com", "phone": None, "hours": None},
    "languages": ["sv", "en"],
    "default_language": "sv",
    "methods": ["totp"],
    "suspended": False,
    "passwords": "directory",
    "sign_in_url": None,
    "reauthentication_url": None,
    "return_url": None,
    "forgotten_password_url": None,
    "neutral_password_errors": False,
    "policy": {"second_factor": "required", "deadline": None, "remember_days": None},
}

PORTAL = "https://portal.example"
RETURN_URL = f"{PORTAL}/return"
"""Where a portal takes its users back; what the service adds to it follows."""


def in_minutes(minutes: float) -> str:
    """Return the time that many minutes from now, as the API writes times."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_phone(phone_id: str = "phone-1", name: str = "Google Authenticator") -> dict[str, Any]:
    """Return a phone as the API lists it."""
    return {
        "id": phone_id,
        "name": name,
        "bound_at": "2026-01-09T08:00:00Z",
        "last_used_at": in_minutes(-9),
    }


def a_browser(browser_id: str = "browser-1", *, current: bool = False) -> dict[str, Any]:
    """Return a browser that is remembered as the API lists it."""
    return {
        "id": browser_id,
        "remembered_at": "2026-01-09T08:00:00Z",
        "last_used_at": None,
        "expires_at": "2026-02-08T08:00:00Z",
        "current": current,
    }


def recovery_codes(left: int = 10, *, acknowledged: bool = True, disabled: bool = False) -> dict[str, Any]:
    """Return a set of recovery codes as the API tells of it."""
    return {"made_at": in_minutes(-9), "left": left, "acknowledged": acknowledged, "disabled": disabled}


def _qr() -> dict[str, Any]:
    code = segno.make(URI, error="m", micro=False)
    drawing = code.svg_inline(omitsize=True, border=4, svgclass=None, lineclass=None)
    return {"size": code.symbol_size(border=4)[0], "path": drawing.split(' d="')[1].split('"')[0]}


@dataclass
class FakeService:
    """The API of one user; change its attributes to put it into another state."""

    tenant: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(TENANT)))
    username: str = "anna@firma.se"
    is_signed_in: bool = False
    purpose: str | None = None
    """What a portal handed the user over for; `None` is a sign-in of our own."""
    policy: dict[str, Any] = field(default_factory=lambda: {"second_factor": "required", "due_at": None})
    second_factor: str = "none"
    is_verified: bool = False
    verified_by: str = "code"
    """What stands for the second factor, once verified."""
    is_fresh: bool = False
    phones: list[dict[str, Any]] = field(default_factory=lambda: [a_phone()])
    """Those that are bound, once anything is."""
    offers_codes: bool = False
    codes: dict[str, Any] | None = None
    """The set of recovery codes in force, as the API tells of it."""
    is_due: bool = False
    """Whether recovery codes have to be given and kept."""
    sets: int = 0
    browsers: list[dict[str, Any]] = field(default_factory=list)
    is_reset: bool = False
    role: str = "user"
    enrolment: dict[str, Any] | None = None
    replaced: str | None = None
    """Which phone the pending one is to take the place of."""
    idle_minutes: float = 15
    absolute_minutes: float = 60
    ends_at: str | None = None
    """When the session ends, if that is not so many minutes after each answer."""
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Hand-offs that nobody has taken up yet: by token, the state into which each puts the browser."""
    problems: dict[str, list[tuple[int, dict[str, Any]] | None]] = field(default_factory=dict)
    """Refusals to give next, by "METHOD path"; `None` stands for a connection that breaks."""
    requests: list[Request] = field(default_factory=list)
    slow: set[str] = field(default_factory=set)
    """Calls that are answered only by `release`."""
    held: list[Route] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        """Answer the API requests of *page*."""
        page.route("**/api/**", self.answer)

    def refuse_next(self, call: str, status: int, code: str, **members: Any) -> None:
        """Refuse the next *call* ("POST /api/verification") with that problem."""
        self.problems.setdefault(call, []).append((status, {"code": code, **members}))

    def lose_next(self, call: str) -> None:
        """Let the next *call* get no answer."""
        self.problems.setdefault(call, []).append(None)

    def sign_in(self, **state: Any) -> None:
        """Put the browser into a signed-in state."""
        self.is_signed_in = True
        for name, value in state.items():
            setattr(self, name, value)

    def hand_over(self, purpose: str = "sign-in", **state: Any) -> str:
        """Return the fragment of a portal's link, which signs its user in once, in that state."""
        token = f"hand-off-token-{len(self.links)}"
        self.links[token] = {"purpose": purpose, **state}
        return f"#hand-off={token}"

    def hold_passwords_at_portal(self) -> None:
        """Let only the portal ask for passwords."""
        self.tenant |= {
            "passwords": "portal",
            "sign_in_url": f"{PORTAL}/sign-in",
            "reauthentication_url": f"{PORTAL}/again",
        }

    def begin(self, phone: str = "android", *, same_phone: bool = False) -> None:
        """Make a key pending."""
        self.enrolment = {"phone": phone, "same_phone": same_phone, "expires_at": in_minutes(30)}

    def calls(self, call: str) -> list[Request]:
        """Return the requests made by *call*."""
        return [request for request in self.requests if _call_of(request) == call]

    def release(self) -> None:
        """Answer what is held back, and hold nothing back any more."""
        self.slow.clear()
        while self.held:
            self._answer(self.held.pop(0))

    def answer(self, route: Route) -> None:
        """Answer one request, now or when it is released."""
        self.requests.append(route.request)
        if _call_of(route.request) in self.slow:
            self.held.append(route)
        else:
            self._answer(route)

    def _answer(self, route: Route) -> None:
        call = _call_of(route.request)
        waiting = self.problems.get(call, [])
        if waiting:
            refusal = waiting.pop(0)
            if refusal is None:
                route.abort()
            else:
                _give(route, *refusal)
            return
        body = json.loads(route.request.post_data or "{}")
        status, answer = self._act(call, body)
        _give(route, status, answer)

    def _act(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if call not in _FOR_ANYBODY and not self.is_signed_in:
            return 401, {"code": "not_signed_in"}
        return getattr(self, _ACTIONS[call])(body)  # type: ignore[no-any-return]

    def _read_tenant(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, self.tenant

    def _sign_in(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["password"] != PASSWORD:
            return 422, {"code": "password_mismatch"}
        self.is_signed_in = True
        return 200, self._session()

    def _take_up(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["hand_off"] not in self.links:
            return 410, {"code": "hand_off_expired"}
        self._sign_out(body)
        self.sign_in(**self.links.pop(body["hand_off"]))
        return 200, self._session()

    def _session(self) -> dict[str, Any]:
        is_on = self.second_factor == "active"
        return {
            "reference": "7f3k9abc",
            "tenant": "cozone",
            "username": self.username,
            "hand_off": self.purpose and {"purpose": self.purpose},
            "password": self.tenant["passwords"],
            "policy": self.policy,
            "second_factor": self.second_factor,
            "verified": self.is_verified,
            "verified_by": self.verified_by if self.is_verified else None,
            "recovery_codes": {
                "offered": self.offers_codes,
                "made": self.codes is not None,
                "due": self.is_due,
            },
            "reset_code_required": self.is_reset,
            "role": self.role,
            "password_fresh_until": in_minutes(5) if self.is_fresh else None,
            "enrolment": self.enrolment,
            "authenticator": {
                "name": "Google Authenticator",
                "bound_at": in_minutes(-9),
                "last_used_at": None,
            }
            if is_on
            else None,
            "expires_at": in_minutes(self.idle_minutes),
            "ends_at": self.ends_at or in_minutes(self.absolute_minutes),
        }

    def _read_session(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, self._session()

    def _sign_out(self, _body: dict[str, Any]) -> tuple[int, None]:
        self.is_signed_in = self.is_verified = self.is_fresh = self.is_due = False
        self.verified_by = "code"
        self.enrolment = self.purpose = None
        return 204, None

    def _return(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.purpose is None:
            return 409, {"code": "not_handed_off"}
        outcome = "code=return-code" if self.is_verified else "error=access_denied"
        self._sign_out(body)
        return 200, {"url": f"{RETURN_URL}?{outcome}&state=xyz"}

    def _prove_password(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["password"] != PASSWORD:
            return 422, {"code": "password_mismatch"}
        self.is_fresh = True
        return 200, self._session()

    def _refusal_of_change(self) -> tuple[int, dict[str, Any]] | None:
        if not self.is_verified or self.verified_by == "remembered_browser":
            return 401, {"code": "verification_required"}
        return None if self.is_fresh else (401, {"code": "reauthentication_required"})

    def _begin(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        refusal = self._refusal_of_change() if self.second_factor == "active" else None
        if refusal is not None:
            return refusal
        self.begin(body["phone"], same_phone=body["same_phone"])
        self.replaced = body.get("replaces")
        return self._offer(body)

    def _offer(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.enrolment is None:
            return 409, {"code": "enrolment_not_begun"}
        return 200, {
            "enrolment": self.enrolment,
            "issuer": "Azets Cozone",
            "account_name": "anna@firma.se",
            "key": KEY,
            "uri": URI,
            "qr": _qr(),
        }

    def _drop(self, _body: dict[str, Any]) -> tuple[int, None]:
        self.enrolment = None
        return 204, None

    def _confirm(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["otp"] != RIGHT_CODE:
            return 422, {"code": "otp_mismatch"}
        if self.second_factor == "active":
            self.phones = [phone for phone in self.phones if phone["id"] != self.replaced]
            self.phones.append(a_phone(f"phone-{len(self.phones) + 2}", "Google Authenticator 2"))
        self.is_due = self.offers_codes
        self.is_fresh = False
        self.enrolment = None
        self.second_factor, self.is_verified, self.verified_by = "active", True, "code"
        return 200, self._session()

    def _verify(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["otp"] != RIGHT_CODE:
            return 422, {"code": "otp_mismatch"}
        self.is_verified, self.verified_by = True, "code"
        return 200, self._session()

    def _recover(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.codes is None or body["recovery_code"] != CODES[0].replace("-", ""):
            return 422, {"code": "recovery_code_mismatch"}
        self.codes["left"] -= 1
        self.is_verified, self.verified_by = True, "recovery_code"
        return 200, {**self._session(), "recovery_codes_left": self.codes["left"]}

    def _make_codes(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        refusal = None if self.is_due else self._refusal_of_change()
        if refusal is not None:
            return refusal
        self.sets += 1
        self.codes = recovery_codes(acknowledged=False)
        codes = [f"{code[:-1]}{self.sets}" for code in CODES]
        return 201, {"set": f"set-{self.sets}", "codes": codes, "made_at": in_minutes(0)}

    def _acknowledge(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.codes is None or body["set"] != f"set-{self.sets}":
            return 409, {"code": "recovery_codes_replaced"}
        self.codes["acknowledged"] = True
        self.is_due = False
        return 200, self._session()

    def _give_reset_code(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["reset_code"] != RESET_CODE:
            return 422, {"code": "reset_code_mismatch"}
        self.is_reset = False
        return 200, self._session()

    def _second_factor(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self.is_verified:
            return 401, {"code": "verification_required"}
        return 200, {
            "authenticators": self.phones if self.second_factor != "none" else [],
            "most_authenticators": 5,
            "last_removable": self.policy["second_factor"] == "optional",
            "recovery_codes": self.codes,
            "remembered_browsers": self.browsers,
        }

    def _rename(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        refusal = self._refusal_of_change()
        if refusal is not None:
            return refusal
        next(phone for phone in self.phones if phone["id"] == body["authenticator"])["name"] = body["name"]
        return self._second_factor(body)

    def _remove(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        refusal = self._refusal_of_change()
        if refusal is not None:
            return refusal
        self.phones = [phone for phone in self.phones if phone["id"] != body["authenticator"]]
        if not self.phones:
            self.second_factor, self.is_verified, self.codes = "none", False, None
        return 200, self._session()

    def _forget_browser(self, body: dict[str, Any]) -> tuple[int, None]:
        self.browsers = [
            browser for browser in self.browsers if body["browser"] not in {"all", browser["id"]}
        ]
        return 204, None


_ACTIONS = {
    "GET /api/tenant": "_read_tenant",
    "POST /api/session": "_sign_in",
    "POST /api/session/hand-off": "_take_up",
    "GET /api/session": "_read_session",
    "DELETE /api/session": "_sign_out",
    "POST /api/session/return": "_return",
    "POST /api/session/password": "_prove_password",
    "POST /api/enrolment": "_begin",
    "GET /api/enrolment": "_offer",
    "DELETE /api/enrolment": "_drop",
    "POST /api/enrolment/confirmation": "_confirm",
    "POST /api/verification": "_verify",
    "POST /api/verification/recovery-code": "_recover",
    "POST /api/recovery-codes": "_make_codes",
    "POST /api/recovery-codes/acknowledgement": "_acknowledge",
    "POST /api/session/reset-code": "_give_reset_code",
    "GET /api/second-factor": "_second_factor",
    "POST /api/authenticators/name": "_rename",
    "POST /api/authenticators/removal": "_remove",
    "POST /api/remembered-browsers/removal": "_forget_browser",
}
_FOR_ANYBODY = {
    "GET /api/tenant",
    "POST /api/session",
    "POST /api/session/hand-off",
    "DELETE /api/session",
}


def _call_of(request: Request) -> str:
    return f"{request.method} {urlsplit(request.url).path}"


def _give(route: Route, status: int, body: dict[str, Any] | None) -> None:
    media_type = "application/json" if status < 400 else "application/problem+json"
    route.fulfill(status=status, content_type=media_type, body="" if body is None else json.dumps(body))
