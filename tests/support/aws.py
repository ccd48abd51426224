"""AWS in this process: moto behind the product's own clients, and every way in which AWS can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.session import Session
from botocore.validate import ParamValidator
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.utilities import dynamo_to_dict
from moto.kms import models as kms_models
from moto.kms import utils as kms_utils
from moto.kms.models import kms_backends

from chalicelib.bootstrap import Stores, aws_stores
from chalicelib.local.resources import create_missing
from chalicelib.settings import Settings

Row = dict[str, Any]  # one row in DynamoDB's own notation
Request = Any  # botocore's prepared request
Interference = Callable[[Request, Callable[[], AWSResponse]], AWSResponse]

SETTINGS = Settings(
    stage="local",
    region="eu-north-1",
    state_table="tvasteg-state",
    events_table="tvasteg-events",
    secret_key_id="alias/tvasteg-secrets",
    signing_key_id="alias/tvasteg-assertions",
    default_tenant="cozone",
    origin_secrets=(),
)


class Moto:
    """Empty tables and a key, the product's stores over them, and a hand on every call."""

    def __init__(self) -> None:
        self.stores: Stores = aws_stores(SETTINGS)
        self.calls: list[str] = []
        self._interferences: dict[int, Interference] = {}
        self.dynamodb: Any = self.stores.transactions._client  # type: ignore[attr-defined]
        self.kms: Any = self.stores.cipher._client  # type: ignore[attr-defined]
        for client in (self.dynamodb, self.kms):
            # botocore asks every handler, whatever the first has answered: only ours may ask moto.
            client.meta.events.unregister("before-send", botocore_stubber)
            client.meta.events.register("before-send", self._before_send)
            client.meta.events.register("provide-client-params", _validate)
        # What a test does itself goes another way: neither counted nor interfered with.
        session = Session()
        self._operators_dynamodb, self._operators_kms = (
            session.create_client(service, region_name=SETTINGS.region) for service in ("dynamodb", "kms")
        )
        # Nobody here reads the streams, and moto copies all of them for every transaction.
        self._operators_dynamodb.meta.events.register(
            "provide-client-params.dynamodb.CreateTable",
            lambda params, **_: {n: v for n, v in params.items() if n != "StreamSpecification"},
        )
        self._as_made: list[tuple[Any, Any]] = []

    def make_tables_and_key(self) -> None:
        """Make what a new account of ours has, and forget what was done to calls before."""
        if self._as_made:  # making them takes longer than many a test
            for backends, made in self._as_made:
                backends[DEFAULT_ACCOUNT_ID][SETTINGS.region] = deepcopy(made)
        else:
            create_missing(SETTINGS, dynamodb=self._operators_dynamodb, kms=self._operators_kms)
            for backends in (dynamodb_backends, kms_backends):
                made = backends[DEFAULT_ACCOUNT_ID][SETTINGS.region]
                self._as_made.append((backends, deepcopy(made)))
        self.leave_alone()

    def state(self) -> list[Row]:
        """Return all rows of the table ``state``, by key."""
        return self._rows(SETTINGS.state_table)

    def events(self) -> list[Row]:
        """Return all events, oldest first."""
        return sorted(self._rows(SETTINGS.events_table), key=lambda row: int(row["occurred_at"]["N"]))

    def write(self, row: Row) -> None:
        """Put *row* into ``state`` as it is, whatever was there: what a tamperer would do."""
        _table(SETTINGS.state_table).put_item(row)

    def restore(self, rows: list[Row]) -> None:
        """Make ``state`` hold exactly *rows* again, as `state` returned them."""
        wanted = {(row["pk"]["S"], row["sk"]["S"]): row for row in rows}
        for row in self.state():
            earlier = wanted.get((row["pk"]["S"], row["sk"]["S"]))
            if earlier is None:
                _table(SETTINGS.state_table).delete_item(DynamoType(row["pk"]), DynamoType(row["sk"]))
            if row == earlier:
                del wanted[row["pk"]["S"], row["sk"]["S"]]
        for row in wanted.values():
            self.write(row)

    def let_the_alias_name_a_new_key(self) -> str:
        """Replace the key behind the alias, as an operator would, and return the new one's id."""
        kms = self._operators_kms
        key_id: str = kms.create_key(Description="the next key")["KeyMetadata"]["KeyId"]
        kms.update_alias(AliasName=SETTINGS.secret_key_id, TargetKeyId=key_id)
        return key_id

    def interfere(self, *interferences: Interference, at_call: int = 1) -> None:
        """
        Let the next calls to AWS go as *interferences* say, from the *at_call*-th on; forget earlier ones.

        `calls` then holds the operations called since, in their order.
        """
        self.calls = []
        self._interferences = dict(enumerate(interferences, start=at_call))

    def leave_alone(self) -> None:
        """Let AWS work again."""
        self.interfere()

    def _before_send(self, request: Request, event_name: str, **_: Any) -> AWSResponse:
        self.calls.append(event_name.rpartition(".")[2])
        interference = self._interferences.pop(len(self.calls), None)

        def take_effect() -> AWSResponse:
            return botocore_stubber(event_name, request)

        return interference(request, take_effect) if interference else take_effect()

    @staticmethod
    def _rows(table: str) -> list[Row]:
        rows = [dynamo_to_dict(item.attrs) for item in _table(table).all_items()]
        return sorted(rows, key=lambda row: (row["pk"]["S"], row["sk"]["S"]))


def _table(name: str) -> Any:
    """Return moto's own table: what tests see and put there needs no request."""
    return dynamodb_backends[DEFAULT_ACCOUNT_ID][SETTINGS.region].tables[name]


def unreachable(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Refuse the connection: nothing takes effect."""
    del take_effect
    raise EndpointConnectionError(endpoint_url=request.url)


def answer_lost(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Let the call take effect and lose its answer."""
    take_effect()
    raise ReadTimeoutError(endpoint_url=request.url)


def broken(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Answer 500: nothing takes effect."""
    del take_effect
    return _answer(request, 500, b'{"__type": "InternalServerError", "message": "canary-of-aws"}')


def throttled(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Answer that the account calls too often: nothing takes effect."""
    del take_effect
    return _answer(request, 400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')


def malformed(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Let the call take effect and answer with something else than JSON, as a broken proxy would."""
    headers = take_effect().headers  # among them DynamoDB's checksum of the real answer
    return AWSResponse(request.url, 200, headers, MockRawResponse(b"<html>It works!</html>"))


def halved(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Let the call take effect and answer with an object that says nothing."""
    take_effect()
    return _answer(request, 200, b"{}")


def refused_without_a_word(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Answer that a condition failed, and not which, nor what was found: nothing takes effect."""
    del take_effect
    is_transaction = "TransactItems" in json.loads(request.body)
    kind = "TransactionCanceledException" if is_transaction else "ConditionalCheckFailedException"
    return _answer(request, 400, json.dumps({"__type": kind}).encode())


def conflicting(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
    """Answer that a transaction on the same row is running: nothing takes effect."""
    del take_effect
    items = json.loads(request.body).get("TransactItems")
    if items is None:
        body: Row = {"__type": "TransactionConflictException", "message": "conflict"}
    else:
        reasons = [{"Code": "None"} for _ in items[1:]] + [{"Code": "TransactionConflict"}]
        body = {"__type": "TransactionCanceledException", "CancellationReasons": reasons}
    return _answer(request, 400, json.dumps(body).encode())


_draw_private_key = kms_utils.generate_private_key


@cache
def _never_used() -> Any:
    return _draw_private_key("RSA_2048")


def _private_key(key_spec: str) -> Any:
    # moto draws an RSA key for every symmetric key too, which takes longer than most tests.
    return _never_used() if key_spec == "SYMMETRIC_DEFAULT" else _draw_private_key(key_spec)


vars(kms_models)["generate_private_key"] = _private_key


@contextmanager
def moto() -> Iterator[Moto]:
    """Yield AWS as a new account has it: empty tables, one key."""
    with mock_aws():
        aws = _moto()
        aws.make_tables_and_key()
        yield aws


@cache
def _moto() -> Moto:
    # Making clients takes longer than most tests; they hold no state.
    return Moto()


def _validate(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    """Hold a call to AWS's own description of it, which deployed stages save themselves."""
    report = ParamValidator().validate(params, model.input_shape)
    assert not report.has_errors(), report.generate_report()


def _answer(request: Request, status: int, body: bytes) -> AWSResponse:
    headers = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, MockRawResponse(body))
