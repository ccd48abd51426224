"""
Secrets sealed by AWS KMS directly.

Twenty bytes need no data key: KMS Encrypt and Decrypt take them whole, nothing
cryptographic happens in this process, and every opening is in CloudTrail.
IAM: kms:Encrypt, kms:Decrypt on the one key, bound to the context's purpose.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import SecretIntegrityError, ServiceUnavailableError
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.totp import SECRET_BYTES, SharedSecret

_NOT_SEALED_HERE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsCipher:
    """The `SecretCipher` of deployed and local stages."""

    def __init__(self, client: Any, *, key_id: str) -> None:  # noqa: ANN401 - botocore makes clients at run time
        self._client = client
        self._key_id = key_id

    def seal(self, secret: SharedSecret, context: SealContext) -> SealedSecret:
        answer = self._call(
            self._client.encrypt,
            KeyId=self._key_id,
            Plaintext=secret.octets,
            EncryptionContext=context.as_encryption_context(),
        )
        if not answer.get("CiphertextBlob") or not answer.get("KeyId"):
            raise ServiceUnavailableError
        return SealedSecret(
            ciphertext=answer["CiphertextBlob"], key_arn=answer["KeyId"], version=context.version
        )

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        answer = self._call(
            self._client.decrypt,
            KeyId=sealed.key_arn,
            CiphertextBlob=sealed.ciphertext,
            EncryptionContext=context.as_encryption_context(),
        )
        if len(answer.get("Plaintext", b"")) != SECRET_BYTES:
            raise ServiceUnavailableError
        return SharedSecret(answer["Plaintext"])

    @staticmethod
    def _call(operation: Any, **arguments: Any) -> Any:  # noqa: ANN401 - as above
        try:
            return operation(**arguments)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_SEALED_HERE:
                raise SecretIntegrityError from error
            raise ServiceUnavailableError from error
        except BotoCoreError as error:
            raise ServiceUnavailableError from error
