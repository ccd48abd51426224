"""
KMS keys that no template makes: the next one to sign with, and those of a tenant's own.

Each gets the policy of one that the data stack made. That policy says who uses
the key, and for what: so all keys of a kind are alike, and no role names any.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.deployment.account import Account, AwsClient

WAITING_DAYS = 30  # the longest that KMS knows: a deleted key takes all that it sealed with it
_THE_POLICY = "default"  # the one name that KMS knows


def make_signing_key(account: Account, *, like: str) -> str:
    """Return the ARN of a new key that signs, with the policy of the key *like*."""
    return _created(
        account.client("kms"),
        like=like,
        KeySpec="ECC_NIST_P256",
        KeyUsage="SIGN_VERIFY",
        Description=f"Tvasteg {account.stage}: signs assertions for portals",
        Tags=_tags(stage=account.stage),
    )


def key_of_its_own(account: Account, tenant_id: str, *, like: str) -> str:
    """
    Return the ARN of the tenant's own key, made with the policy of the key *like*.

    One that an attempt before has made and that works is taken up again: each costs money.
    """
    kms = account.client("kms")
    alias = f"alias/tvasteg-{account.stage}-tenant-{tenant_id}"
    left_over = _described(kms, alias)
    if left_over is not None and left_over["KeyState"] == "Enabled":
        arn: str = left_over["Arn"]
    else:
        arn = _created(
            kms,
            like=like,
            Description=f"Tvasteg {account.stage}: seals the secrets of the tenant {tenant_id}",
            Tags=_tags(stage=account.stage, tenant=tenant_id),
        )
        if left_over is None:
            kms.create_alias(AliasName=alias, TargetKeyId=arn)
        else:  # that of an erased tenant, which had the same id
            kms.update_alias(AliasName=alias, TargetKeyId=arn)
    kms.enable_key_rotation(KeyId=arn)
    return arn


def schedule_deletion(account: Account, key_arn: str) -> datetime | None:
    """Return when the key is deleted, be it scheduled now or before; None if it is gone already."""
    kms = account.client("kms")
    described = _described(kms, key_arn)
    if described is None:
        return None
    if described["KeyState"] != "PendingDeletion":
        kms.schedule_key_deletion(KeyId=described["KeyId"], PendingWindowInDays=WAITING_DAYS)
        described = kms.describe_key(KeyId=key_arn)["KeyMetadata"]
    deleted_at: datetime = described["DeletionDate"]
    return deleted_at


def _created(kms: AwsClient, *, like: str, **kind: Any) -> str:  # noqa: ANN401 - KMS's own arguments
    policy = kms.get_key_policy(KeyId=like, PolicyName=_THE_POLICY)["Policy"]
    arn: str = kms.create_key(Policy=policy, **kind)["KeyMetadata"]["Arn"]
    return arn


def _described(kms: AwsClient, key_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotFoundException":
            return None
        raise
    return found


def _tags(**values: str) -> list[dict[str, str]]:
    # The deployer may make and remove keys of this application only.
    return [
        {"TagKey": name, "TagValue": value} for name, value in {"application": "tvasteg", **values}.items()
    ]
