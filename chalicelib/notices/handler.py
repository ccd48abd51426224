"""
The Lambda function ``Notices``, called with batches of the stream of the table ``events``.

It serves no HTTP and opens no secret. It exists only where mail is sent.
IAM: that of `notices.dynamodb` and of `notices.ses`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.session import Session as AwsSession

from chalicelib.notices.dynamodb import DynamoRecipients, DynamoSentMails
from chalicelib.notices.notifier import Notifier
from chalicelib.notices.ses import SES_CONFIG, SesMailSender
from chalicelib.settings import NoticesSettings
from chalicelib.storage.dynamodb import CLIENT_CONFIG, Database, make_client
from chalicelib.storage.rows import STATE
from chalicelib.web.request_log import write_to_stdout

# A mark put again changes nothing, and an event counts once; what counts lost answers bears it.
# Between batches Lambda sleeps so long that the connection has often gone when the next one comes.
_CLIENT_CONFIG = CLIENT_CONFIG.merge(Config(retries={"total_max_attempts": 2}))


def _build_notifier(settings: NoticesSettings) -> Notifier:
    session = AwsSession()
    client = make_client(session, "dynamodb", region=settings.region, config=_CLIENT_CONFIG)
    database = Database(client, {STATE: settings.state_table})
    return Notifier(
        recipients=DynamoRecipients(database),
        sent=DynamoSentMails(database),
        sender=SesMailSender(
            make_client(session, "sesv2", region=settings.region, config=SES_CONFIG),
            address=settings.mail_from,
        ),
        clock=time.time,
        write_line=write_to_stdout,
        stage=settings.stage,
    )


_notifier = _build_notifier(NoticesSettings.from_env())


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """
    Send the mails that a batch asks for; say which of its records are to be tried again.

    Lambda takes the first of them as the place to go on from: it brings that
    record and all behind it again.
    """
    failed = _notifier.deliver(event["Records"], request_id=context.aws_request_id)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
