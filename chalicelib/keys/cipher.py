"""The port: what sealing a secret means, whoever does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.totp import SharedSecret

SEAL_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class SealContext:
    """
    Where a sealed secret belongs; it opens nowhere else.

    KMS writes the context into its audit log in clear: opaque ids only.
    """

    tenant_id: str
    user_id: str
    authenticator_id: str
    version: int = SEAL_VERSION

    def as_encryption_context(self) -> dict[str, str]:
        """Return KMS's form of it; every value must be equal again to open."""
        return {
            "purpose": "otp",
            "tenant": self.tenant_id,
            "user": self.user_id,
            "authenticator": self.authenticator_id,
            "version": str(self.version),
        }


@dataclass(frozen=True, kw_only=True)
class SealedSecret:
    """A secret as it is stored. The ciphertext is not secret, yet no log needs it."""

    ciphertext: bytes = field(repr=False)
    key_arn: str
    version: int = SEAL_VERSION


class SecretCipher(Protocol):
    """Seals secrets and opens them; one call to the key service each."""

    def seal(
        self, secret: SharedSecret, context: SealContext, *, key_arn: str | None = None
    ) -> SealedSecret:
        """
        Return *secret* sealed for *context*; equal secrets give different results.

        *key_arn* is the tenant's own key; without one, the key of all is used.

        Raises:
            ServiceUnavailableError: The key service did not answer as it should.
        """

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        """
        Return the secret sealed before.

        Raises:
            SecretIntegrityError: It was sealed for another context, or changed since.
            ServiceUnavailableError: The key service did not answer as it should.
        """
