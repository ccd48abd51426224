"""
The Lambda function ``Digest``, called by the clock once an hour.

It reads no table and knows no event: it hashes what the function ``Archive`` wrote, and signs.
IAM: s3:ListBucket and GetObject on the archive's bucket, PutObject on its ``digests/``; kms:Sign
on the key that signs digests, which its key policy gives.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.session import Session as AwsSession

from chalicelib.archive.clients import CLIENT_CONFIG
from chalicelib.archive.digester import Digester
from chalicelib.archive.s3 import S3Evidence
from chalicelib.keys.digest_signer import KmsDigestSigner
from chalicelib.settings import DigestSettings
from chalicelib.web.function_log import DIGESTS_MADE, FunctionLog, counted
from chalicelib.web.request_log import write_to_stdout

# What one hour may take at the very most: the next is not begun with less time left.
_ENOUGH_MS = 45_000


def _build_digester(settings: DigestSettings) -> Digester:
    session = AwsSession()
    s3, kms = (
        session.create_client(service, region_name=settings.region, config=CLIENT_CONFIG)
        for service in ("s3", "kms")
    )
    return Digester(
        archive=settings.archive_bucket,
        store=S3Evidence(s3, bucket=settings.archive_bucket),
        signer=KmsDigestSigner(kms, key_id=settings.digest_key_id),
    )


_settings = DigestSettings.from_env()
_digester = _build_digester(_settings)


def handle(event: Any, context: Any) -> dict[str, int]:  # noqa: ANN401 - Lambda's own classes
    """Make the digests that are missing; answer how many. What fails is tried again in an hour."""
    del event
    log = FunctionLog(function="digest", request_id=context.aws_request_id)
    made = 0
    level = "INFO"
    try:
        for _ in _digester.catch_up(
            now=time.time(), may_go_on=lambda: context.get_remaining_time_in_millis() > _ENOUGH_MS
        ):
            made += 1
    except Exception as error:
        level = "ERROR"
        write_to_stdout(log.failure(error))
        raise
    finally:
        metrics = counted(DIGESTS_MADE, made, stage=_settings.stage, at_epoch_seconds=time.time())
        write_to_stdout(log.line(level=level, made=made, **metrics))
    return {"made": made}
