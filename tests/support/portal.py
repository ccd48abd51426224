"""A portal's server, without the portal: it signs its requests itself, and believes nothing unproven."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.wizard import HOST, Answer, Clock, Transport

RETURN_URL = "https://portal.example/return"
_COORDINATE_BYTES = 32


def base64url(octets: bytes) -> str:
    """Return *octets* as JOSE writes them."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class ClientKey:
    """A key pair on P-256 that a portal draws for itself."""

    kid: str = "key-1"
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    @property
    def jwk(self) -> dict[str, str]:
        """What the tenant's profile lists of it."""
        numbers = self.private.public_key().public_numbers()
        x, y = (base64url(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid}

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return a JWT, signed without any library of ours."""
        return jwt_of(json.dumps(header).encode(), json.dumps(claims).encode(), self.signature)

    def signature(self, octets: bytes) -> bytes:
        """Return the signature of *octets* as JOSE has it."""
        der = self.private.sign(octets, ec.ECDSA(hashes.SHA256()))
        return b"".join(number.to_bytes(_COORDINATE_BYTES, "big") for number in decode_dss_signature(der))


def jwt_of(header: bytes, claims: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return a JWT of exactly these parts, whatever they are, signed by *sign*."""
    signing_input = f"{base64url(header)}.{base64url(claims)}"
    return f"{signing_input}.{base64url(sign(signing_input.encode()))}"


def client_of(*keys: ClientKey, name: str = "web") -> dict[str, Any]:
    """Return what a profile says of a client with *keys*."""
    return {"name": name, "keys": {"keys": [key.jwk for key in keys]}}


@dataclass(kw_only=True)
class Portal:
    """The server of one portal. Calls give answers, never raise for a problem."""

    transport: Transport
    clock: Clock
    client_id: str
    key: ClientKey
    url: str = f"http://{HOST}"
    return_url: str = RETURN_URL

    def claims(self, path: str, body: bytes, **differences: Any) -> dict[str, Any]:
        """Return the claims for one request; *differences* replace ours, None takes one away."""
        now = int(self.clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{self.url}{path}",
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
            "body_sha256": base64url(hashlib.sha256(body).digest()),
        }
        return {name: value for name, value in (claims | differences).items() if value is not None}

    def jwt(
        self,
        path: str,
        body: bytes,
        *,
        header: Mapping[str, Any] | None = None,
        key: ClientKey | None = None,
        **claims: Any,
    ) -> str:
        """Return a JWT for one request, as asked otherwise than it should be."""
        key = key or self.key
        head = {"alg": "ES256", "kid": key.kid, "typ": "JWT"} | dict(header or {})
        kept = {name: value for name, value in head.items() if value is not None}
        return key.sign(kept, self.claims(path, body, **claims))

    def call(
        self,
        path: str,
        body: object,
        *,
        jwt: str | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Ask one of the portals' routes, with a fresh JWT unless one is given."""
        octets = json.dumps(body).encode() if raw is None else raw
        token = self.jwt(path, octets) if jwt is None else jwt
        sent: dict[str, str | None] = {
            "host": urlsplit(self.url).netloc,
            "content-type": "application/json",
            "authorization": f"Bearer {token}",
        }
        sent |= headers or {}
        kept = {name: value for name, value in sent.items() if value is not None}
        return self.transport("POST", path, kept, octets)

    def status(self, user: str, **how: Any) -> Answer:
        """Ask where *user* stands."""
        return self.call("/api/portal/status", {"user": user}, **how)

    def verify(self, user: str, otp: object, *, attempt_id: str | None = None, **how: Any) -> Answer:
        """Ask whether *otp* is right."""
        attempt_id = attempt_id or secrets.token_urlsafe(16)
        body = {"user": user, "otp": otp, "attempt_id": attempt_id}
        return self.call("/api/portal/verification", body, **how)

    def said_of(self, user: str, **differences: Any) -> dict[str, Any]:
        """Return what the portal says of *user* when it hands them over, but for *differences*."""
        return {
            "user": user,
            "username": f"{user}@portal.example",
            "language": "sv",
            "auth_time": int(self.clock()),
            "identity_verified": True,
            "purpose": "sign-in",
            "return_url": self.return_url,
            "state": "state-of-the-portal",
            "nonce": "nonce-of-the-portal",
        } | differences

    def hand_off(self, user: str, *, how: Mapping[str, Any] | None = None, **differences: Any) -> Answer:
        """Hand *user* over; *differences* replace what the portal says of them."""
        return self.call("/api/portal/hand-off", self.said_of(user, **differences), **(how or {}))

    def token_for(self, user: str, **differences: Any) -> str:
        """Hand *user* over and return what stands behind ``#hand-off=`` in the link."""
        answer = self.hand_off(user, **differences)
        assert answer.status == 201, answer.text
        return str(urlsplit(answer.body["url"]).fragment.removeprefix("hand-off="))

    def redeem(self, code: str, **how: Any) -> Answer:
        """Redeem what the user's browser brought back."""
        return self.call("/api/portal/assertion", {"code": code}, **how)

    def keys(self) -> KeySet:
        """Return the keys that the service publishes."""
        answer = self.transport("GET", "/api/jwks", {"host": urlsplit(self.url).netloc}, b"")
        return KeySet.import_key_set(answer.body)

    def checked(self, assertion: str) -> dict[str, Any]:
        """Return the claims of *assertion*, its signature checked by another library than ours."""
        return dict(jwt.decode(assertion, self.keys(), algorithms=["ES256"]).claims)


def brought_back(answer: Answer) -> dict[str, str]:
    """Return what the user's browser takes to the portal, by name."""
    assert answer.status == 200, answer.text
    query = parse_qs(urlsplit(answer.body["url"]).query, strict_parsing=True)
    return {name: value for name, (value,) in query.items()}
