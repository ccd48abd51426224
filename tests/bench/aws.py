"""The product's services over an AWS that is not AWS, and the yardstick: one bare call to it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from botocore.config import Config
from botocore.session import Session as AwsSession
from chalice.app import Chalice

from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Attempt, Owner
from chalicelib.bootstrap import Clock, Services, assemble, stores_on
from chalicelib.storage.dynamodb import CLIENT_CONFIG, AwsClient
from chalicelib.storage.rows import key_of, number
from chalicelib.totp import OneTimePassword
from tests.bench.canned import NOW, CannedDynamoDb, CannedKms, Rows
from tests.bench.journey import TENANT, YARDSTICK, Ticket
from tests.bench.wsgi import ORIGIN_SECRET, STAGE
from tests.support.clock import ManualClock
from tests.support.handlers import ENVIRONMENT_TO_IMPORT_THE_APP
from tests.support.live_server import SETTINGS as LOCAL_SETTINGS
from tests.support.wizard import Phone

SETTINGS = replace(LOCAL_SETTINGS, stage=STAGE, origin_secrets=(ORIGIN_SECRET,))
# As the product's own, but with patience: sixty-four clients may keep one another waiting.
_PATIENT = CLIENT_CONFIG.merge(Config(connect_timeout=60, read_timeout=60))


def client(service: str, url: str, *, config: Config = _PATIENT) -> AwsClient:
    """Return a client of *service* at *url*, set up as the product's own unless *config* says otherwise."""
    session = AwsSession()
    session.set_credentials("A" * 20, "s" * 40)
    return session.create_client(service, region_name=SETTINGS.region, endpoint_url=url, config=config)


def services_at(url: str, *, clock: Clock) -> Services:
    """Return the product's services over the AWS at *url*; log lines are made and dropped."""
    stores = stores_on(SETTINGS, dynamodb=client("dynamodb", url), kms=client("kms", url))
    return assemble(SETTINGS, stores, clock=clock, write_line=lambda _: None)


def services_over(rows: Rows, *, clock: Clock) -> Services:
    """Return the product's services over doubles of the clients: what they cost is our own code."""
    stores = stores_on(SETTINGS, dynamodb=CannedDynamoDb(rows), kms=CannedKms())
    return assemble(SETTINGS, stores, clock=clock, write_line=lambda _: None)


def app_over(services: Services) -> Chalice:
    """Return an app of its own over *services*; `app.py` as a whole needs its settings to be imported."""
    os.environ.update(ENVIRONMENT_TO_IMPORT_THE_APP)
    app: Chalice = import_module("app").create_app(services)
    return app


def verifying_alone(services: Services, ticket: Ticket, clock: ManualClock) -> Callable[[], object]:
    """Return the verification alone: reserve, compare, commit, without HTTP and session."""
    verifier = services.verification.verifier
    owner = Owner(tenant_id=TENANT, user_id=ticket.user_id)
    code = OneTimePassword.parse(Phone(ticket.key or "", clock).otp())
    never_told = Event(
        kind="bench",
        tenant_id=owner.tenant_id,
        user_id=owner.user_id,
        occurred_at=int(clock()),
        actor=owner.user_id,
        request_id="bench",
        reference="bench",
    )

    def verify() -> None:
        attempt = Attempt(
            caller="bench",
            attempt_id=uuid.uuid4().hex,
            made_at=int(clock()),
            request_id="bench",
            reference="bench",
        )
        verifier.verify(
            owner, code, attempt, strict=False, disabled_event=never_told, find_user=lambda: None
        )

    return verify


def updating_barely_at(url: str) -> Callable[[], object]:
    """
    Return the yardstick: one conditional UpdateItem by a client of botocore's own making.

    Its row is one with an authenticator, which must be there and comes with the answer.
    """
    dynamodb = client("dynamodb", url, config=Config(max_pool_connections=50))
    request = {
        "TableName": SETTINGS.state_table,
        "Key": key_of(YARDSTICK, "TOTP"),
        "UpdateExpression": "SET last_attempt_at = :now ADD consecutive_failures :one",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":now": number(NOW), ":one": number(1)},
        "ReturnValues": "ALL_NEW",
    }
    return lambda: dynamodb.update_item(**request)
