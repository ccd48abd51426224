"""In-memory doubles of what signs and seals."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.assertions.signing_keys import KeyRing
from chalicelib.assertions.store import RingChangedError
from chalicelib.errors import (
    SecretIntegrityError,
)
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.keys.signer import joined_signature, jwk_of
from chalicelib.totp import SharedSecret


class MemorySigningKeys:
    """The `SigningKeyStore` double."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ring: KeyRing | None = None

    def ring(self) -> KeyRing | None:
        return self._ring

    def replace(self, before: KeyRing | None, after: KeyRing) -> None:
        with self._lock:
            if self._ring != before:
                raise RingChangedError
            self._ring = after


class MemorySigner:
    """The `Signer` double: real keys on P-256, one for each id it is asked about."""

    def __init__(self) -> None:
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}

    def sign(self, key_id: str, message: bytes) -> bytes:
        return joined_signature(self._key(key_id).sign(message, ec.ECDSA(hashes.SHA256())))

    def public_jwk(self, key_id: str) -> dict[str, str]:
        public = self._key(key_id).public_key()
        return jwk_of(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def _key(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        return self._keys.setdefault(key_id, ec.generate_private_key(ec.SECP256R1()))


class MemoryCipher:
    """
    The `SecretCipher` double: reversible for whoever has the instance, bound to its context.

    Not for secrets anybody cares about. *calls* lists ``seal`` and ``open`` as
    they came, for tests that say when the key service may be asked.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self.calls: list[str] = []

    def seal(
        self, secret: SharedSecret, context: SealContext, *, key_arn: str | None = None
    ) -> SealedSecret:
        self.calls.append("seal")
        key_arn = key_arn or "memory"
        nonce = secrets.token_bytes(16)
        body = nonce + self._combined(secret.octets, nonce)
        return SealedSecret(
            ciphertext=body + self._tag(body, context, key_arn), key_arn=key_arn, version=context.version
        )

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        self.calls.append("open")
        body, tag = sealed.ciphertext[:-32], sealed.ciphertext[-32:]
        if not hmac.compare_digest(tag, self._tag(body, context, sealed.key_arn)):
            raise SecretIntegrityError
        return SharedSecret(self._combined(body[16:], body[:16]))

    def _combined(self, octets: bytes, nonce: bytes) -> bytes:
        stream = hashlib.shake_256(self._key + nonce).digest(len(octets))
        return bytes(left ^ right for left, right in zip(octets, stream, strict=False))

    def _tag(self, body: bytes, context: SealContext, key_arn: str) -> bytes:
        where = json.dumps([key_arn, context.as_encryption_context()], sort_keys=True).encode()
        return hmac.digest(self._key, body + where, hashlib.sha256)
