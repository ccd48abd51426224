"""
The Lambda function ``Outbox``, called with batches of the stream of the table ``state``.

It serves no HTTP and knows no secret: events are all that it can write.
IAM: dynamodb:PutItem on the table ``events``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.session import Session as AwsSession

from chalicelib.audit.dynamodb import DynamoEventLog
from chalicelib.outbox.outbox import Outbox
from chalicelib.settings import OutboxSettings
from chalicelib.storage.dynamodb import CLIENT_CONFIG, Database, make_client
from chalicelib.storage.rows import EVENTS
from chalicelib.web.request_log import write_to_stdout

# An event put again changes nothing. And between batches Lambda sleeps so long that the
# connection has often gone when the next one comes.
_CLIENT_CONFIG = CLIENT_CONFIG.merge(Config(retries={"total_max_attempts": 2}))


def _build_outbox(settings: OutboxSettings) -> Outbox:
    client = make_client(AwsSession(), "dynamodb", region=settings.region, config=_CLIENT_CONFIG)
    return Outbox(
        events=DynamoEventLog(),
        transactions=Database(client, {EVENTS: settings.events_table}),
        write_line=write_to_stdout,
    )


_outbox = _build_outbox(OutboxSettings.from_env())


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """
    Append the events that a batch tells of; say which of its records failed.

    Lambda takes the first of them as the place to go on from: it brings that
    record and all behind it again.
    """
    failed = _outbox.deliver(event["Records"], request_id=context.aws_request_id)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
