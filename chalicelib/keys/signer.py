"""The port: signing under a key that never leaves the key service, and what JOSE makes of it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Protocol

from chalicelib.errors import ServiceUnavailableError

_COORDINATE_BYTES = 32
# RFC 5480: what stands before the point in the DER form of every public key on P-256.
_P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04"
_DER_SEQUENCE, _DER_INTEGER = 0x30, 0x02


class Signer(Protocol):
    """Signs with ECDSA over P-256 and SHA-256; one call to the key service each."""

    def sign(self, key_id: str, message: bytes) -> bytes:
        """
        Return the signature of *message* as JOSE has it: r and s, 32 bytes each.

        Raises:
            ServiceUnavailableError: The key service did not answer as it should.
        """

    def public_jwk(self, key_id: str) -> dict[str, str]:
        """
        Return the public half of the key as a JWK, with its thumbprint for a ``kid``.

        Raises:
            ServiceUnavailableError: The key service did not answer as it should.
        """


def joined_signature(der: bytes) -> bytes:
    """
    Return an ECDSA signature in DER (RFC 3279 §2.2.3) as r and s, joined (RFC 7518 §3.4).

    Raises:
        ServiceUnavailableError: It is not two positive integers of at most 32 bytes.
    """
    if len(der) < 2 or der[0] != _DER_SEQUENCE or der[1] != len(der) - 2:  # noqa: PLR2004 - tag and length
        raise ServiceUnavailableError
    r, rest = _first_integer(der[2:])
    s, rest = _first_integer(rest)
    if rest:
        raise ServiceUnavailableError
    return r + s


def jwk_of(der: bytes) -> dict[str, str]:
    """
    Return a P-256 public key in DER (RFC 5480) as a JWK; its ``kid`` is its thumbprint (RFC 7638).

    Raises:
        ServiceUnavailableError: It is no such key.
    """
    point = der.removeprefix(_P256_PREFIX)
    if not der.startswith(_P256_PREFIX) or len(point) != 2 * _COORDINATE_BYTES:
        raise ServiceUnavailableError
    x, y = base64url(point[:_COORDINATE_BYTES]), base64url(point[_COORDINATE_BYTES:])
    needed = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    thumbprint = hashlib.sha256(json.dumps(needed, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**needed, "kid": base64url(thumbprint), "use": "sig", "alg": "ES256"}


def base64url(octets: bytes) -> str:
    """Return *octets* in base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _first_integer(der: bytes) -> tuple[bytes, bytes]:
    """Return the integer at the start of *der* in 32 bytes, and what stands behind it."""
    if len(der) < 2 or der[0] != _DER_INTEGER:  # noqa: PLR2004 - tag and length
        raise ServiceUnavailableError
    end = 2 + der[1]
    digits = der[2:end].lstrip(b"\x00")
    is_positive = 2 < end <= len(der) and der[2] < 0x80  # noqa: PLR2004 - one byte at least, sign bit clear
    if not is_positive or not 0 < len(digits) <= _COORDINATE_BYTES:
        raise ServiceUnavailableError
    return digits.rjust(_COORDINATE_BYTES, b"\x00"), der[end:]
