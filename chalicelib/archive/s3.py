"""
Evidence in S3, in a bucket whose objects nobody changes or removes before their time: Object Lock.

IAM: s3:PutObject, s3:GetObject on the objects; s3:ListBucket on the bucket.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import ServiceUnavailableError

AwsClient = Any  # botocore makes its client classes at run time

_NOT_THERE = frozenset({"NoSuchKey", "404"})
_THERE = frozenset({"PreconditionFailed", "412"})


class S3Evidence:
    """The `EvidenceStore` of deployed stages."""

    def __init__(self, client: AwsClient, *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_once(self, name: str, content: bytes) -> bool:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=content,
                IfNoneMatch="*",
                # Object Lock asks for a checksum by name, and S3 refuses what does not match it.
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _THERE:
                return False
            raise ServiceUnavailableError from error
        except BotoCoreError as error:
            raise ServiceUnavailableError from error
        return True

    def get(self, name: str) -> bytes | None:
        try:
            content: bytes = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_THERE:
                return None
            raise ServiceUnavailableError from error
        except BotoCoreError as error:
            raise ServiceUnavailableError from error
        return content

    def names(self, prefix: str) -> Iterator[str]:
        for page in self._pages(Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", []))

    def folders(self, prefix: str) -> list[str]:
        return [
            entry["Prefix"]
            for page in self._pages(Prefix=prefix, Delimiter="/")
            for entry in page.get("CommonPrefixes", [])
        ]

    def _pages(self, **request: str) -> Iterator[dict[str, Any]]:
        # By hand: botocore's paginators would bring a file of their own into the zip.
        more: dict[str, str] = {}
        while True:
            try:
                page = self._client.list_objects_v2(Bucket=self._bucket, **request, **more)
            except (BotoCoreError, ClientError) as error:
                raise ServiceUnavailableError from error
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}
