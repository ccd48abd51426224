"""The tables and the key that CloudFormation makes in deployed stages, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.settings import Settings

AwsClient = Any  # botocore makes its client classes at run time

_KEYS: dict[str, Any] = {
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}

_STATE_TABLE: dict[str, Any] = _KEYS | {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "status_key", "name_key")
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "users-by-status",
            "KeySchema": [
                {"AttributeName": "status_key", "KeyType": "HASH"},
                {"AttributeName": "name_key", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}

_EVENTS_TABLE: dict[str, Any] = _KEYS | {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


def create_missing(settings: Settings, *, dynamodb: AwsClient, kms: AwsClient) -> None:
    """
    Make the tables and the key of *settings* exist; what is there stays untouched.

    Safe to repeat, and to run by two servers at once: the loser of a race finds
    the winner's table.
    """
    _create_table(dynamodb, settings.state_table, _STATE_TABLE)
    _create_table(dynamodb, settings.events_table, _EVENTS_TABLE)
    _create_key(kms, settings.secret_key_id)


def _create_table(dynamodb: AwsClient, name: str, definition: dict[str, Any]) -> None:
    if _exists(dynamodb.describe_table, TableName=name):
        return
    if not _succeeds_unless("ResourceInUseException", dynamodb.create_table, TableName=name, **definition):
        return
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    dynamodb.update_time_to_live(
        TableName=name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


def _create_key(kms: AwsClient, alias: str) -> None:
    if _exists(kms.describe_key, KeyId=alias):
        return
    key_id = kms.create_key(Description="Tvåsteg: seals secrets (local)")["KeyMetadata"]["KeyId"]
    _succeeds_unless("AlreadyExistsException", kms.create_alias, AliasName=alias, TargetKeyId=key_id)


def _exists(describe: Callable[..., object], **arguments: str) -> bool:
    try:
        describe(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ResourceNotFoundException", "NotFoundException"}:
            return False
        raise
    return True


def _succeeds_unless(code: str, operation: Callable[..., object], **arguments: object) -> bool:
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return False
        raise
    return True
