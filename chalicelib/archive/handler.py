"""
The Lambda function ``Archive``, called with batches of the stream of the table ``events``.

It serves no HTTP, reads no table and knows no secret: manifests are all that it can write.
IAM: s3:PutObject on ``manifests/`` of the archive's bucket.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.session import Session as AwsSession

from chalicelib.archive.archive import Archive
from chalicelib.archive.clients import CLIENT_CONFIG
from chalicelib.archive.s3 import S3Evidence
from chalicelib.settings import ArchiveSettings
from chalicelib.web.request_log import write_to_stdout


def _build_archive(settings: ArchiveSettings) -> Archive:
    client = AwsSession().create_client("s3", region_name=settings.region, config=CLIENT_CONFIG)
    return Archive(
        store=S3Evidence(client, bucket=settings.archive_bucket),
        stage=settings.stage,
        clock=time.time,
        write_line=write_to_stdout,
    )


_archive = _build_archive(ArchiveSettings.from_env())


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """
    Write down what a batch tells; say which of its records failed.

    Lambda takes the first of them as the place to go on from: it brings that
    record and all behind it again.
    """
    failed = _archive.deliver(event["Records"], request_id=context.aws_request_id)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
