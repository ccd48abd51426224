"""The data stack: what it keeps is encrypted, backed up, private, and outlives every release."""

from __future__ import annotations

import pytest

from chalicelib.storage import rows
from tests.support.cloud_formation import (
    certificate_template,
    data_template,
    of_type,
    properties,
    resolved,
)

TABLES = of_type(data_template(), "AWS::DynamoDB::Table")
KEYS = of_type(data_template(), "AWS::KMS::Key")


def test_nothing_in_it_is_lost_with_the_stack() -> None:
    for name, resource in data_template()["Resources"].items():
        assert resource["DeletionPolicy"] == "Retain", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


def test_there_are_two_tables_and_four_keys() -> None:
    assert set(TABLES) == {"StateTable", "EventsTable"}
    assert set(KEYS) == {"SecretKey", "SigningKey", "DigestKey", "TableKey"}


@pytest.mark.requirement("K6")
@pytest.mark.parametrize("table", TABLES)
def test_a_table_can_be_restored_and_not_deleted(table: str) -> None:
    assert TABLES[table]["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": 35,
    }
    assert TABLES[table]["DeletionProtectionEnabled"] is True


@pytest.mark.requirement("K6")
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_deleted_slowly(key: str) -> None:
    assert KEYS[key]["PendingWindowInDays"] == 30


@pytest.mark.requirement("K3")
@pytest.mark.parametrize("key", ["SecretKey", "TableKey"])
def test_a_key_is_rotated_every_year(key: str) -> None:
    """KMS keeps the old material: what was sealed before still opens, under the same ARN."""
    assert KEYS[key]["EnableKeyRotation"] is True


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_encrypted_with_our_own_key(table: str) -> None:
    assert TABLES[table]["SSESpecification"] == {
        "SSEEnabled": True,
        "SSEType": "KMS",
        "KMSMasterKeyId": {"Fn::GetAtt": ["TableKey", "Arn"]},
    }


@pytest.mark.parametrize("table", TABLES)
def test_a_table_costs_nothing_while_nobody_uses_it(table: str) -> None:
    assert TABLES[table]["BillingMode"] == "PAY_PER_REQUEST"
    assert "ProvisionedThroughput" not in TABLES[table]


@pytest.mark.requirement("K8")
@pytest.mark.parametrize("table", TABLES)
def test_expired_rows_are_swept(table: str) -> None:
    """Of events when their class of retention says so, and by nobody else."""
    assert TABLES[table]["TimeToLiveSpecification"] == {
        "AttributeName": rows.Row.expires_at.attr_name,
        "Enabled": True,
    }


def test_the_streams_tell_what_a_reader_needs() -> None:
    """Of a changed row both images: what was counted shows in the difference."""
    assert TABLES["StateTable"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert TABLES["EventsTable"]["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


@pytest.mark.requirement("M5")
def test_the_key_that_signs_is_of_the_kind_that_assertions_need() -> None:
    """ES256. KMS rotates no such key; asking it to would fail the whole stack."""
    key = KEYS["SigningKey"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert "EnableKeyRotation" not in key


@pytest.mark.parametrize(
    ("key", "name"),
    [("SecretKey", "secrets"), ("SigningKey", "assertions"), ("DigestKey", "digests")],
)
def test_a_key_has_a_name_for_people(key: str, name: str) -> None:
    alias = properties(data_template(), f"{key}Alias")

    assert alias["TargetKeyId"] == {"Ref": key}
    assert alias["AliasName"] == {"Fn::Sub": f"alias/tvasteg-${{Stage}}-{name}"}


def test_the_other_stack_is_told_names_and_addresses() -> None:
    outputs = data_template()["Outputs"]

    assert set(outputs) == {
        "StateTableName",
        "StateTableArn",
        "StateStreamArn",
        "EventsTableName",
        "EventsTableArn",
        "EventsStreamArn",
        "SecretKeyArn",
        "SecretKeyAlias",
        "SigningKeyArn",
        "SigningKeyAlias",
        "DigestKeyArn",
        "DigestKeyAlias",
        "TableKeyArn",
        "ArtifactsBucketName",
        "ArchiveBucketName",
        "ArchiveBucketArn",
    }
    for name, output in outputs.items():
        assert output["Export"] == {"Name": {"Fn::Sub": f"${{AWS::StackName}}-{name}"}}


def test_a_certificate_is_proven_by_the_domain_itself() -> None:
    """So that ACM renews it without anybody's help."""
    certificate = resolved(properties(certificate_template(), "Certificate"), certificate_template())

    assert certificate["ValidationMethod"] == "DNS"
    assert certificate["DomainValidationOptions"] == [
        {"DomainName": "DomainName", "HostedZoneId": "HostedZoneId"}
    ]
