"""
Assertions that a user's second factor was proven: JWTs (RFC 7519) signed by KMS (ES256, RFC 7518 §3.4).

What a portal checks in them is said in docs/example-portal. One proves a
second factor for one user, one client and one occasion, and for a minute.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.assertions.signing_keys import KeyRing, SigningKey
from chalicelib.assertions.store import SigningKeyStore
from chalicelib.hand_offs.record import ReturnCode
from chalicelib.keys.signer import Signer, base64url
from chalicelib.sessions.session import CODE, RECOVERY_CODE, REMEMBERED_BROWSER
from chalicelib.tenants.client import client_id_of

ASSERTION_SECONDS = 60
# RFC 8176: what was proven in this very sign-in, beside the password that the portal has. A
# recovery code is a one-time password too (§2, "otp"). For the cookie of a remembered browser the
# registry has no word: "swk" and "hwk" would say that a key was proven without being shown.
_METHODS_PROVEN = {CODE: ["otp"], RECOVERY_CODE: ["otp"], REMEMBERED_BROWSER: []}
TWO_STEP = "urn:tvasteg:acr:two-step"
_REMEMBERED_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """What is to be signed. *issuer* is our own address without a path."""

    assertion_id: str
    issuer: str
    code: ReturnCode
    issued_at: int

    def claims(self) -> dict[str, Any]:
        """
        Return the claims, times in epoch seconds.

        ``auth_time`` is when the code was accepted, be it at an earlier sign-in whose browser
        was remembered. ``amr`` then holds nothing, and ``verified_by`` alone says why there is
        an assertion: a portal that wants a code and looks for ``otp`` is not let down.
        """
        code = self.code
        return {
            "iss": self.issuer,
            "aud": client_id_of(code.tenant_id, code.client_name),
            "sub": code.portal_user,
            "tenant": code.tenant_id,
            "nonce": code.nonce,
            "iat": self.issued_at,
            "exp": self.issued_at + ASSERTION_SECONDS,
            "jti": self.assertion_id,
            "auth_time": code.verified_at,
            "amr": methods_proven(code.verified_by),
            "verified_by": code.verified_by,
            "acr": TWO_STEP,
        }


def methods_proven(verified_by: str) -> list[str]:
    """Return as ``amr`` what was proven where *verified_by* stood for the second factor."""
    return list(_METHODS_PROVEN[verified_by])


def new_assertion_id() -> str:
    """Return 128 random bits."""
    return secrets.token_hex(16)


class AssertionSigner:
    """
    Signs with the key whose turn it is, and tells which keys portals must know.

    The ring is remembered for a minute: a key that is new signs nothing for a day.
    """

    def __init__(
        self, store: SigningKeyStore, signer: Signer, *, first_key_id: str, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._signer = signer
        self._first_key_id = first_key_id
        self._clock = clock
        self._first_ring: KeyRing | None = None
        self._remembered: tuple[float, KeyRing] | None = None

    def signed(self, assertion: Assertion) -> str:
        """
        Return *assertion* as a JWT; one call to the key service.

        Raises:
            ServiceUnavailableError: The key service did not answer as it should.
        """
        key = self.ring().signing(now=assertion.issued_at)
        header = {"alg": "ES256", "kid": key.kid, "typ": "JWT"}
        signing_input = f"{_part(header)}.{_part(assertion.claims())}"
        signature = self._signer.sign(key.key_id, signing_input.encode())
        return f"{signing_input}.{base64url(signature)}"

    def published(self, *, now: int) -> dict[str, Any]:
        """Return the keys to know at *now*, as a JWK set (RFC 7517 §5)."""
        return {"keys": [dict(key.jwk) for key in self.ring().published(now=now)]}

    def ring(self) -> KeyRing:
        """
        Return the keys as they were at most a minute ago.

        Raises:
            ServiceUnavailableError: Neither the store nor the key service told.
        """
        now = self._clock()
        if self._remembered is None or now - self._remembered[0] >= _REMEMBERED_SECONDS:
            self._remembered = (now, self._store.ring() or self._ring_of_the_first())
        return self._remembered[1]

    def _ring_of_the_first(self) -> KeyRing:
        if self._first_ring is None:
            jwk = self._signer.public_jwk(self._first_key_id)
            first = SigningKey(key_id=self._first_key_id, jwk=jwk, signs_from=0)
            self._first_ring = KeyRing(keys=(first,))
        return self._first_ring


def _part(claims: dict[str, Any]) -> str:
    return base64url(json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode())
