"""The tables and the keys that CloudFormation makes in deployed stages, made without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from chalice.package import YAMLTemplateSerializer

from chalicelib.local import PROJECT
from chalicelib.settings import Settings

AwsClient = Any  # botocore makes its client classes at run time

_TEMPLATE = PROJECT / ".chalice/stacks/data.yaml"
# Keys, indexes and streams are those of deployed stages; backups and encryption nobody needs here.
_TAKEN_OVER = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def create_missing(settings: Settings, *, dynamodb: AwsClient, kms: AwsClient) -> None:
    """
    Make the tables and the keys of *settings* exist; what is there stays untouched.

    Safe to repeat, and to run by two servers at once: the loser of a race finds
    the winner's table.
    """
    _create_table(dynamodb, settings.state_table, _deployed("StateTable"))
    _create_table(dynamodb, settings.events_table, _deployed("EventsTable"))
    _create_key(kms, settings.secret_key_id, "seals secrets")
    _create_key(
        kms, settings.signing_key_id, "signs assertions", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"
    )


@cache
def _deployed(table: str) -> dict[str, Any]:
    template = YAMLTemplateSerializer().load_template(_TEMPLATE.read_text(encoding="utf-8"))
    properties: dict[str, Any] = template["Resources"][table]["Properties"]
    return properties


def _create_table(dynamodb: AwsClient, name: str, wanted: dict[str, Any]) -> None:
    if _exists(dynamodb.describe_table, TableName=name):
        return
    definition = {part: wanted[part] for part in _TAKEN_OVER if part in wanted}
    stream = {"StreamEnabled": True, **wanted["StreamSpecification"]}
    if not _succeeds_unless(
        "ResourceInUseException",
        dynamodb.create_table,
        TableName=name,
        StreamSpecification=stream,
        **definition,
    ):
        return
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    if "TimeToLiveSpecification" in wanted:
        dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification=wanted["TimeToLiveSpecification"]
        )


def _create_key(kms: AwsClient, alias: str, what: str, **kind: str) -> None:
    if _exists(kms.describe_key, KeyId=alias):
        return
    key_id = kms.create_key(Description=f"Tvåsteg: {what} (local)", **kind)["KeyMetadata"]["KeyId"]
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
