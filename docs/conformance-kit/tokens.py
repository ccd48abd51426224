"""Assertions, right and wrong ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

MISSING = object()


def changed(part: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """Return *part* with *changes*, and without what they call `MISSING`."""
    return {name: value for name, value in {**part, **changes}.items() if value is not MISSING}


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """What the right assertion would say, before anybody signs it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: ECKey
    attackers_key: ECKey

    def with_header(self, **changes: object) -> Assertion:
        """Return it with another header."""
        return replace(self, header=changed(self.header, changes))

    def with_claims(self, **changes: object) -> Assertion:
        """Return it with other claims, or without those that are `MISSING`."""
        return replace(self, claims=changed(self.claims, changes))

    def by_attacker(self) -> Assertion:
        """Return it as somebody would sign it who does not have our key."""
        return replace(self, key=self.attackers_key)

    @property
    def signing_input(self) -> str:
        """The first two parts."""
        return ".".join(_base64url(json.dumps(part).encode()) for part in (self.header, self.claims))


def signed(assertion: Assertion) -> str:
    """Return the assertion, rightly signed by its key whatever the header says."""
    signature = JWSRegistry.algorithms["ES256"].sign(assertion.signing_input.encode(), assertion.key)
    return f"{assertion.signing_input}.{_base64url(signature)}"


def unsigned(assertion: Assertion, *, alg: str = "none") -> str:
    """Return it with alg none, however that is spelt, which asks to be believed without a signature."""
    return f"{assertion.with_header(alg=alg).signing_input}."


def signed_with(signature: bytes) -> Callable[[Assertion], str]:
    """Return what puts *signature* under an assertion, whether it is one or not."""
    return lambda assertion: f"{assertion.signing_input}.{_base64url(signature)}"


def signed_with_public_key(assertion: Assertion) -> str:
    """Return it with HS256, the public key taken for a shared secret."""
    forged = assertion.with_header(alg="HS256")
    secret = assertion.key.as_pem(private=False)
    signature = hmac.digest(secret, forged.signing_input.encode(), hashlib.sha256)
    return f"{forged.signing_input}.{_base64url(signature)}"


def broken(assertion: Assertion) -> str:
    """Return it with claims that were changed after it was signed."""
    _, _, signature = signed(assertion).rpartition(".")
    return f"{assertion.with_claims(jti='changed-afterwards').signing_input}.{signature}"


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
