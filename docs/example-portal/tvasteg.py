"""
All that a portal needs to ask Tvåsteg: prove who asks, ask, hand a user over, check who comes back.

Success returns and everything else raises, so let a user in only after a call has returned.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from time import time
from typing import Any, NamedTuple

import requests
from joserfc import jwk, jwt

HOW: Any = {"timeout": 5, "allow_redirects": False}  # nobody waits long, or follows to elsewhere


class RefusedError(Exception):
    """Tvåsteg said no; the argument is its problem, whose `code` says why."""


class Tvasteg(NamedTuple):
    """Tvåsteg at *url*, as the client *client_id* whose private *key* only this portal has."""

    url: str
    client_id: str
    key: jwk.ECKey

    def ask(self, question: str, **details: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
        """Return the answer to a question: status, verification, hand-off or assertion."""
        answer = requests.post(f"{self.url}/api/portal/{question}", json=details, auth=self._prove, **HOW)  # noqa: S113
        if answer.status_code not in {200, 201}:
            raise RefusedError(answer.json())
        return answer.json()

    def hand_off(self, *, identity_verified: bool, **details: str | int) -> tuple[str, dict[str, str]]:
        """
        Return where to send the user, and what the user's session must keep until the return.

        Has the portal proven who this is, at *auth_time*? Say *identity_verified* only then: on the
        strength of it Tvåsteg lets the user bind an authenticator.
        """
        kept = {"state": token_urlsafe(), "nonce": token_urlsafe()}
        return self.ask("hand-off", identity_verified=identity_verified, **details, **kept)["url"], kept

    def redeem(self, code: str, *, user: str, nonce: str) -> dict[str, Any]:
        """Return what Tvåsteg signed about *user*, here and now, for the hand-off with that *nonce*."""
        # First the keys: a code works once.
        keys = jwk.KeySet.import_key_set(requests.get(f"{self.url}/api/jwks", **HOW).json())  # noqa: S113
        claims = jwt.decode(self.ask("assertion", code=code)["assertion"], keys, ["ES256"]).claims
        expected = {"iss": self.url, "aud": self.client_id, "tenant": self.client_id.partition(".")[0]}
        expected |= {"sub": user, "nonce": nonce, "acr": "urn:tvasteg:acr:two-step"}
        is_ours = expected.items() <= claims.items() and isinstance(claims["amr"], list)
        is_short = time() - 60 < claims["exp"] <= claims["iat"] + 300
        days = 90 if claims.get("verified_by") == "remembered_browser" else 0  # no code this time
        is_recent = time() - 960 - days * 86400 < claims["auth_time"] <= claims["iat"] < time() + 60
        if not (is_ours and is_short and is_recent and (days or "otp" in claims["amr"])):
            raise RefusedError({"code": "assertion_not_ours"})
        return claims

    def _prove(self, request: Any) -> Any:  # noqa: ANN401 - a request of requests, just before it leaves
        digest = urlsafe_b64encode(sha256(request.body).digest()).decode().rstrip("=")
        claims = {"iss": self.client_id, "sub": self.client_id, "iat": int(time()), "exp": int(time()) + 60}
        claims |= {"aud": request.url, "jti": token_urlsafe(), "body_sha256": digest}
        proof = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)
        request.headers["Authorization"] = f"Bearer {proof}"
        return request
