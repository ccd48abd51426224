"""
Secrets sealed, and assertions signed, by AWS KMS directly.

Twenty bytes need no data key: KMS Encrypt and Decrypt take them whole, nothing
cryptographic happens in this process, and every opening is in CloudTrail.
IAM: kms:Encrypt, kms:Decrypt on the keys that seal, bound to the context's purpose;
kms:Sign, kms:GetPublicKey on those that sign.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import SecretIntegrityError, ServiceUnavailableError
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.keys.signer import joined_signature, jwk_of
from chalicelib.totp import LONGEST_SECRET_BYTES, SHORTEST_SECRET_BYTES, SharedSecret

_NOT_SEALED_HERE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsCipher:
    """The `SecretCipher` of deployed and local stages."""

    def __init__(self, client: Any, *, key_id: str) -> None:  # noqa: ANN401 - botocore makes clients at run time
        self._client = client
        self._key_id = key_id

    def seal(
        self, secret: SharedSecret, context: SealContext, *, key_arn: str | None = None
    ) -> SealedSecret:
        answer = _called(
            self._client.encrypt,
            KeyId=key_arn or self._key_id,
            Plaintext=secret.octets,
            EncryptionContext=context.as_encryption_context(),
        )
        if not answer.get("CiphertextBlob") or not answer.get("KeyId"):
            raise ServiceUnavailableError
        return SealedSecret(
            ciphertext=answer["CiphertextBlob"], key_arn=answer["KeyId"], version=context.version
        )

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        answer = _called(
            self._client.decrypt,
            KeyId=sealed.key_arn,
            CiphertextBlob=sealed.ciphertext,
            EncryptionContext=context.as_encryption_context(),
        )
        # Ours have 20 bytes; one that was imported may have others.
        if not SHORTEST_SECRET_BYTES <= len(answer.get("Plaintext", b"")) <= LONGEST_SECRET_BYTES:
            raise ServiceUnavailableError
        return SharedSecret(answer["Plaintext"])


class KmsSigner:
    """The `Signer` of deployed and local stages."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - as above
        self._client = client

    def sign(self, key_id: str, message: bytes) -> bytes:
        answer = _called(
            self._client.sign,
            KeyId=key_id,
            Message=message,
            MessageType="RAW",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        return joined_signature(answer.get("Signature", b""))

    def public_jwk(self, key_id: str) -> dict[str, str]:
        return jwk_of(_called(self._client.get_public_key, KeyId=key_id).get("PublicKey", b""))


def _called(operation: Any, **arguments: Any) -> Any:  # noqa: ANN401 - as above
    try:
        return operation(**arguments)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _NOT_SEALED_HERE:
            raise SecretIntegrityError from error
        raise ServiceUnavailableError from error
    except BotoCoreError as error:
        raise ServiceUnavailableError from error
