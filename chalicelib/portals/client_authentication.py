"""
Who asks: a portal's client, by a JWT of its own for this one request (private_key_jwt, RFC 7523 §3).

No secret is shared: the tenant's profile lists public keys. A JWT is good for one
route (``aud``), one body (``body_sha256``) and two minutes. So whoever sees one can
at most ask the very same again; what may happen only once spends it besides.
The libraries for it are imported with the first such request: no page waits for them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import warnings
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.caller import PortalClient
from chalicelib.errors import ClientNotAuthenticatedError, NotFoundError
from chalicelib.keys.signer import base64url
from chalicelib.tenants.client import ALGORITHMS, Client, split_client_id
from chalicelib.tenants.store import Tenant, TenantStore

LONGEST_JWT_SECONDS = 120
# By how much a portal's clock may be ahead of ours.
CLOCK_LEEWAY_SECONDS = 30
_LONGEST_JWT_CHARACTERS = 4_096
_JWT_ID_LENGTHS = range(16, 129)
_SCHEME = "Bearer "
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})


@dataclass(frozen=True, kw_only=True)
class ClientAuthentication:
    """Proves clients by the keys of their tenant's profile, as it is now."""

    tenants: TenantStore
    _keys: dict[str, Any] = field(default_factory=dict, repr=False)

    def __call__(self, authorization: str, *, audience: str, body: bytes, now: int) -> PortalClient:
        """
        Return the client that signed the JWT in *authorization* for *audience* and *body*.

        One strong read. The tenant is part of what is proven: it is read out of the
        JWT, and its own key must then have signed it.

        Raises:
            ClientNotAuthenticatedError: Anything about it is not as it must be.
            TenantSuspendedError: The client is proven, and its tenant is suspended.
        """
        jwt = authorization.removeprefix(_SCHEME)
        if jwt == authorization or len(jwt) > _LONGEST_JWT_CHARACTERS or not jwt.isascii():
            raise ClientNotAuthenticatedError
        header, claims = _parts(jwt)
        _check_claims(claims, audience=audience, body=body, now=now)
        tenant, client = self._claimed(claims["iss"])
        self._check_signature(jwt, header, client)
        tenant.require_open()
        return PortalClient(
            tenant=tenant,
            client=client,
            jwt_key=hashlib.sha256(f"{claims['iss']}|{claims['jti']}".encode()).hexdigest(),
            jwt_expires_at=claims["exp"],
        )

    def _claimed(self, client_id: object) -> tuple[Tenant, Client]:
        claimed = split_client_id(client_id)
        if claimed is None:
            raise ClientNotAuthenticatedError
        tenant_id, name = claimed
        try:
            tenant = self.tenants.get(tenant_id)
        except NotFoundError as error:
            raise ClientNotAuthenticatedError from error
        client = tenant.profile.client(name)
        if client is None:
            raise ClientNotAuthenticatedError
        return tenant, client

    def _check_signature(self, jwt: str, header: Mapping[str, Any], client: Client) -> None:
        from joserfc import jws  # noqa: PLC0415 - see above
        from joserfc.errors import JoseError, SecurityWarning  # noqa: PLC0415

        jwk = client.keys.get(header["kid"])
        # The key says how it signs; what the JWT says of itself must only agree.
        if jwk is None or header["alg"] != ALGORITHMS[jwk["kty"], jwk["crv"]]:
            raise ClientNotAuthenticatedError
        try:
            with warnings.catch_warnings():
                # RFC 9864 wants names that say the curve, as our profiles do for each key.
                warnings.simplefilter("ignore", SecurityWarning)
                jws.deserialize_compact(jwt, self._key(jwk), algorithms=[header["alg"]])
        except (JoseError, ValueError) as error:
            raise ClientNotAuthenticatedError from error

    def _key(self, jwk: Mapping[str, Any]) -> Any:  # noqa: ANN401 - joserfc's class, which no page needs
        from joserfc import jwk as jose  # noqa: PLC0415 - see above

        name = f"{jwk['kty']}|{jwk['x']}|{jwk.get('y')}"
        if name not in self._keys:
            kind = jose.ECKey if jwk["kty"] == "EC" else jose.OKPKey
            self._keys[name] = kind.import_key(
                {member: jwk[member] for member in ("kty", "crv", "x", "y") if member in jwk}
            )
        return self._keys[name]


def _parts(jwt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = jwt.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        raise ClientNotAuthenticatedError
    header, claims = _object_in(parts[0]), _object_in(parts[1])
    # No key of the JWT's own (jwk, jku, x5c, x5u), no extension (crit): what is not known is refused.
    is_known = header.keys() <= _HEADER_MEMBERS and header.get("typ", "JWT") in ("JWT", "jwt")
    if not is_known or not all(isinstance(header.get(name), str) for name in ("alg", "kid")):
        raise ClientNotAuthenticatedError
    return header, claims


def _object_in(part: str) -> dict[str, Any]:
    from base64 import urlsafe_b64decode  # noqa: PLC0415

    try:
        value = json.loads(
            urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=_without_twins
        )
    except (ValueError, Base64Error, RecursionError) as error:
        raise ClientNotAuthenticatedError from error
    if not isinstance(value, dict):
        raise ClientNotAuthenticatedError
    return value


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _check_claims(claims: Mapping[str, Any], *, audience: str, body: bytes, now: int) -> None:
    issued_at, expires_at = _whole(claims.get("iat")), _whole(claims.get("exp"))
    jwt_id, digest = claims.get("jti"), claims.get("body_sha256")
    # JSON may hold half a character, of which no octets can be made: hence ASCII.
    if not all(isinstance(text, str) and text.isascii() for text in (jwt_id, digest)):
        raise ClientNotAuthenticatedError
    holds = (
        isinstance(claims.get("iss"), str)
        and claims["iss"] == claims.get("sub")
        and claims.get("aud") in (audience, [audience])
        and issued_at <= now + CLOCK_LEEWAY_SECONDS
        and now <= expires_at <= issued_at + LONGEST_JWT_SECONDS
        and len(claims["jti"]) in _JWT_ID_LENGTHS
        and hmac.compare_digest(claims["body_sha256"], base64url(hashlib.sha256(body).digest()))
    )
    if not holds:
        raise ClientNotAuthenticatedError


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ClientNotAuthenticatedError
    return value
