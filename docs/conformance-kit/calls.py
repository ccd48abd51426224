"""What Tvåsteg asks of every call of a portal; here each fault is named, which Tvåsteg never does."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

LONGEST_PROOF_SECONDS = 120
CLOCKS_MAY_DIFFER_SECONDS = 60
FRESH_PASSWORD_SECONDS = 300
_ATTEMPT_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_FIELDS = {
    "status": {"user"},
    "verification": {"user", "otp", "attempt_id"},
    "assertion": {"code"},
    "hand-off": {"user", "username", "language", "auth_time", "identity_verified", "purpose"}
    | {"return_url", "state", "nonce"},
}


@dataclass(kw_only=True)
class Calls:
    """The calls of the client *client_id*, whose public *keys* are known: how many, and their *faults*."""

    client_id: str
    keys: KeySet
    count: int = 0
    faults: set[str] = field(default_factory=set)
    _seen: set[tuple[str, object]] = field(default_factory=set)

    def take(self, question: str, *, url: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Note all faults of one call; return whether Tvåsteg would know the caller."""
        self.count += 1
        try:
            unproven = self._faults_of_proof(headers, url=url, body=body)
        except (JoseError, LookupError, TypeError, ValueError) as error:
            unproven = [f"the proof in Authorization is not readable: {error!r}"]
        self.faults |= {f"{question}: {fault}" for fault in unproven}
        return not unproven

    def look_at(self, question: str, body: Mapping[str, Any]) -> None:
        """Note what is wrong with the fields of a call."""
        faults = [f"{name} is missing" for name in sorted(_FIELDS[question] - body.keys())]
        faults += [f"{name} is not known" for name in sorted(body.keys() - _FIELDS[question])]
        if not faults and question == "hand-off":
            faults += self._faults_of_hand_off(body)
        if not faults and question == "verification" and not _ATTEMPT_ID.fullmatch(str(body["attempt_id"])):
            faults.append("attempt_id is not 16 to 64 letters, digits, - or _")
        self.faults |= {f"{question}: {fault}" for fault in faults}

    def _faults_of_proof(self, headers: Mapping[str, str], *, url: str, body: bytes) -> list[str]:
        scheme, _, proof = headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return ["there is no proof of the client in Authorization"]
        token = jwt.decode(proof, self.keys, algorithms=["ES256", "EdDSA"])
        claims, now = token.claims, time.time()
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")
        wrong = {
            "kid is missing": "kid" not in token.header,
            "Content-Type is not application/json": headers.get("Content-Type") != "application/json",
            f"iss is not {self.client_id}": claims["iss"] != self.client_id,
            f"sub is not {self.client_id}": claims["sub"] != self.client_id,
            f"aud is not {url}": claims["aud"] != url,
            "body_sha256 is not that of the body": claims["body_sha256"] != digest,
            "it lives longer than 120 s": claims["exp"] - claims["iat"] > LONGEST_PROOF_SECONDS,
            "it has expired": claims["exp"] <= now - CLOCKS_MAY_DIFFER_SECONDS,
            "iat is in the future": claims["iat"] > now + CLOCKS_MAY_DIFFER_SECONDS,
            "jti is not 16 to 128 characters": not 16 <= len(claims["jti"]) <= 128,  # noqa: PLR2004
            "jti was used before": self._is_known("jti", claims["jti"]),
        }
        return [fault for fault, is_so in wrong.items() if is_so]

    def _faults_of_hand_off(self, body: Mapping[str, Any]) -> list[str]:
        age = time.time() - body["auth_time"]
        wrong = {
            "identity_verified is not true": body["identity_verified"] is not True,
            "purpose is neither sign-in nor manage": body["purpose"] not in {"sign-in", "manage"},
            "auth_time is not that of a fresh password check": abs(age) > FRESH_PASSWORD_SECONDS,
        }
        for name in ("state", "nonce"):
            wrong[f"{name} is not 16 to 512 characters"] = not 16 <= len(body[name]) <= 512  # noqa: PLR2004
            wrong[f"{name} was used before"] = self._is_known(name, body[name])
        return [fault for fault, is_so in wrong.items() if is_so]

    def _is_known(self, name: str, value: object) -> bool:
        is_known = (name, value) in self._seen
        self._seen.add((name, value))
        return is_known
