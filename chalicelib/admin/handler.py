"""
The Lambda function ``Admin``, behind a URL that only signed requests of this account reach.

IAM has checked the signature and says whose it is; nothing else in a request is believed about
that. The API neither imports this nor waits for it.
IAM: dynamodb:GetItem, Query, PutItem, UpdateItem, DeleteItem, ConditionCheckItem on users' rows
and names; dynamodb:PutItem and Query on the table ``events``; kms:Encrypt, never Decrypt.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.session import Session as AwsSession

from chalicelib.admin.assembly import admin_over
from chalicelib.admin.front import Front, Reply
from chalicelib.keys.kms import KmsCipher
from chalicelib.settings import AdminSettings
from chalicelib.storage.dynamodb import CLIENT_CONFIG, Database, make_client
from chalicelib.storage.rows import EVENTS, STATE
from chalicelib.web.request_log import write_to_stdout

# Nobody waits at a page, and a page of a long list takes its time.
_CLIENT_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=10))


def _build_front(settings: AdminSettings) -> Front:
    session = AwsSession()
    dynamodb, kms = (
        make_client(session, service, region=settings.region, config=_CLIENT_CONFIG)
        for service in ("dynamodb", "kms")
    )
    database = Database(dynamodb, {STATE: settings.state_table, EVENTS: settings.events_table})
    admin = admin_over(database, KmsCipher(kms, key_id=settings.secret_key_id))
    return Front(admin=admin, write_line=write_to_stdout)


_front = _build_front(AdminSettings.from_env())


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own class
    """Answer one request to the function's URL (payload format 2.0)."""
    return _as_lambda_answers(
        _front.answer(identity=_identity(event), body=_body(event), request_id=context.aws_request_id)
    )


def _identity(event: Mapping[str, Any]) -> str | None:
    """Return the ARN of whoever signed the request, as IAM has found it; None if it says nobody."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    arn = (authorizer.get("iam") or {}).get("userArn")
    return arn if isinstance(arn, str) and arn.startswith("arn:") else None


def _body(event: Mapping[str, Any]) -> bytes:
    if event.get("requestContext", {}).get("http", {}).get("method") != "POST":
        return b""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _as_lambda_answers(reply: Reply) -> dict[str, Any]:
    return {
        "statusCode": reply.status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(reply.content),
    }
