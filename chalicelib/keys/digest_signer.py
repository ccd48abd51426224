"""
The signature under a digest of events, by AWS KMS; apart from `kms`, for who signs these opens no secret.

IAM: kms:Sign on the one key that signs digests.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import ServiceUnavailableError


class KmsDigestSigner:
    """Signs with ECDSA over P-256 and SHA-256; its signatures are in DER, as OpenSSL takes them."""

    def __init__(self, client: Any, *, key_id: str) -> None:  # noqa: ANN401 - botocore makes clients at run time
        self._client = client
        self._key_id = key_id

    def sign(self, message: bytes) -> bytes:
        """
        Return the signature of *message*, of at most 4,096 bytes.

        Raises:
            ServiceUnavailableError: The key service did not answer as it should.
        """
        try:
            answer = self._client.sign(
                KeyId=self._key_id,
                Message=message,
                MessageType="RAW",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        except (BotoCoreError, ClientError) as error:
            raise ServiceUnavailableError from error
        signature: bytes = answer.get("Signature", b"")
        if not signature:
            raise ServiceUnavailableError
        return signature
