"""
KMS keys that no template makes: the next one to sign with, and those of a tenant's own.

Each gets the policy of one that the data stack made. That policy says who uses
the key, and for what: so all keys of a kind are alike, and no role names any.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.deployment.account import Account, AwsClient
from chalicelib.deployment.errors import DeploymentError

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

    Raises:
        DeploymentError: Where such a key would be found, there is one that we did not make.
    """
    kms = account.client("kms")
    alias = f"alias/tvasteg-{account.stage}-tenant-{tenant_id}"
    tags = _tags(stage=account.stage, tenant=tenant_id)
    left_over = _described(kms, alias)
    if left_over is not None and left_over["KeyState"] == "Enabled":
        arn: str = left_over["Arn"]
        _require_tags(kms, arn, tags, found_at=alias)
    else:
        arn = _created(
            kms,
            like=like,
            Description=f"Tvasteg {account.stage}: seals the secrets of the tenant {tenant_id}",
            Tags=tags,
        )
        if left_over is None:
            kms.create_alias(AliasName=alias, TargetKeyId=arn)
        else:  # that of an erased tenant, which had the same id
            kms.update_alias(AliasName=alias, TargetKeyId=arn)
    kms.enable_key_rotation(KeyId=arn)
    return arn


def follow_policy(account: Account, key_arn: str, *, like: str) -> bool:
    """
    Give a key that works the policy of the key *like*; say whether it had another.

    A key that an earlier release made knows only whom that release let use it.
    """
    kms = account.client("kms")
    described = _described(kms, key_arn)
    if described is None or described["KeyState"] != "Enabled":
        return False
    policy, own = (
        kms.get_key_policy(KeyId=key, PolicyName=_THE_POLICY)["Policy"] for key in (like, key_arn)
    )
    if json.loads(own) == json.loads(policy):
        return False
    kms.put_key_policy(KeyId=key_arn, PolicyName=_THE_POLICY, Policy=policy)
    return True


def require_usable(account: Account, key_arn: str) -> None:
    """
    Return if the key opens what it sealed.

    Raises:
        DeploymentError: It does not; says how an administrator takes it back, if that can be.
    """
    described = _described(account.client("kms"), key_arn)
    if described is None:
        raise DeploymentError(
            f"Nothing was changed: the tenant's own key, {key_arn}, is gone, and nothing opens what it "
            "sealed. All that is left to do with the tenant is to erase it."
        )
    if described["KeyState"] != "Enabled":
        which = f"--key-id {key_arn} --region {account.region}"
        cancel = f"  aws kms cancel-key-deletion {which}\n"
        raise DeploymentError(
            f"Nothing was changed: the tenant's own key is {described['KeyState']}, so none of its "
            "secrets opens. An administrator takes it back with\n"
            f"{cancel if described['KeyState'] == 'PendingDeletion' else ''}"
            f"  aws kms enable-key {which}"
        )


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


def _require_tags(kms: AwsClient, key_arn: str, tags: list[dict[str, str]], *, found_at: str) -> None:
    # Whoever may set an alias could put a key of theirs there, with a policy of theirs.
    there = kms.list_resource_tags(KeyId=key_arn)["Tags"]
    if not all(tag in there for tag in tags):
        wanted = ", ".join(f"{tag['TagKey']}={tag['TagValue']}" for tag in tags)
        raise DeploymentError(
            f"Nothing was changed: {found_at} leads to {key_arn}, which was not made for this tenant: "
            f"it is not tagged {wanted}. Find out whose it is. Without that alias the command makes one."
        )


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
