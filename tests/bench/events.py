"""The app as Lambda runs it: called with API Gateway's events, in this process."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from botocore.config import Config
from botocore.session import Session as AwsSession

from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.bootstrap import Services, Stores, assemble, stores_on
from chalicelib.storage.dynamodb import CLIENT_CONFIG, AwsClient
from chalicelib.totp import OneTimePassword
from chalicelib.web.cookie import COOKIE_NAME
from tests.bench.canned import AUTHENTICATOR_ROW, CODE, NOW, SESSION_ID, USER_ID
from tests.support.live_server import ENVIRONMENT_TO_IMPORT_THE_APP, SETTINGS

_CONTEXT = SimpleNamespace(aws_request_id="bench", get_remaining_time_in_millis=lambda: 15_000)
_HOST = "127.0.0.1:8000"

Post = Callable[[str, dict[str, str]], int]


def client(service: str, url: str, *, config: Config = CLIENT_CONFIG) -> AwsClient:
    """Return a client of *service* at *url*, set up as the product's own unless *config* says otherwise."""
    session = AwsSession()
    session.set_credentials("A" * 20, "s" * 40)
    return session.create_client(service, region_name=SETTINGS.region, endpoint_url=url, config=config)


def services_at(url: str) -> Services:
    """Return the product's services over the AWS at *url*."""
    return services_over(stores_on(SETTINGS, dynamodb=client("dynamodb", url), kms=client("kms", url)))


def services_over(stores: Stores) -> Services:
    """Return the product's services over *stores*, at a time that stands still; log lines are dropped."""
    return assemble(SETTINGS, stores, clock=lambda: NOW, write_line=lambda _: None)


def posting_to(services: Services) -> Post:
    """Return what posts a body to a path of the app over *services* and gives the status."""
    os.environ.update(ENVIRONMENT_TO_IMPORT_THE_APP)
    app = import_module("app").create_app(services)

    def post(path: str, body: dict[str, str]) -> int:
        status: int = app(_event(path, body), _CONTEXT)["statusCode"]
        return status

    return post


def verifying_with(services: Services) -> Callable[[], None]:
    """Return one whole verification, from API Gateway's event to the answer."""
    post = posting_to(services)

    def verify() -> None:
        status = post("/api/verification", {"otp": CODE})
        assert status == 200, status

    return verify


def updating_barely_at(url: str) -> Callable[[], object]:
    """Return one UpdateItem by a client of botocore's own making: the yardstick."""
    dynamodb = client("dynamodb", url, config=Config())
    request = {
        "TableName": SETTINGS.state_table,
        "Key": {name: AUTHENTICATOR_ROW[name] for name in ("pk", "sk")},
        "UpdateExpression": "SET last_attempt_at = :now ADD consecutive_failures :one",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":now": {"N": str(NOW)}, ":one": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
    }
    return lambda: dynamodb.update_item(**request)


def verifying_codes_with(services: Services) -> Callable[[], None]:
    """Return the verification alone: reserve, compare, commit, without HTTP and session."""
    verifier = services.verification.verifier
    owner = Owner(tenant_id="cozone", user_id=USER_ID)
    never_told = Event(
        kind="bench",
        tenant_id=owner.tenant_id,
        user_id=owner.user_id,
        occurred_at=NOW,
        actor=owner.user_id,
        request_id="bench",
        reference="bench",
    )

    def verify() -> None:
        attempt = Attempt(
            caller="bench",
            attempt_id=uuid.uuid4().hex,
            made_at=NOW,
            request_id="bench",
            reference="bench",
        )
        otp = OneTimePassword.parse(CODE)
        verifier.verify(owner, otp, attempt, strict=False, disabled_event=never_told)

    return verify


def _event(path: str, body: dict[str, str]) -> dict[str, Any]:
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Cookie": f"{COOKIE_NAME}={SESSION_ID}",
        "Host": _HOST,
        "Idempotency-Key": uuid.uuid4().hex,
        "Origin": f"http://{_HOST}",
        "Sec-Fetch-Site": "same-origin",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    }
    return {
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": "POST",
            "resourcePath": path,
            "requestId": uuid.uuid4().hex,
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
