"""
`make erase`: a tenant goes, with every row, its logos and its own key; nothing of others is touched.

The order is what makes it safe to stop at any point and to repeat: nobody gets in
any more, rows go until none is found, then the logos, the key is set up for deletion,
and the profile goes last. As long as that is there, the command finds the tenant and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.accounts.record import USER, lookup_hash
from chalicelib.deployment.account import Account, AwsClient
from chalicelib.deployment.administration import (
    Administration,
    open_administration,
    stacks_of,
    told_in_sentences,
    told_time,
)
from chalicelib.deployment.confirmation import require_confirmation
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.keys import schedule_deletion
from chalicelib.deployment.tenant_files import files_of
from chalicelib.storage.rows import SEPARATOR, key_of, tenant_partition
from chalicelib.tenants.cache import REMEMBERED_SECONDS
from chalicelib.tenants.profile_file import logos_of
from chalicelib.tenants.store import Tenant

# An open page is let in until the suspension is known everywhere, and may then still be answered.
SETTLE_SECONDS = REMEMBERED_SECONDS + 15
PROGRESS_ROWS = 10_000
BACKUP_DAYS = 35

_MOST_IN_A_BATCH = 25  # as DynamoDB takes them
_PAGE_ROWS = 1_000
_PAUSE_SECONDS = 0.2
_KEPT_TO_THE_LAST = "PROFILE"

Row = dict[str, Any]  # in DynamoDB's own notation


def erase_tenant(
    stage: str, tenant_id: str, *, confirmation: str | None, settle_seconds: float = SETTLE_SECONDS
) -> None:
    """
    Remove a tenant for good; say what is kept, and until when its key can be called back.

    *confirmation* is the tenant's id once more; None asks for it at the terminal.
    *settle_seconds* after its suspension nothing can be written for it any more.

    Raises:
        DeploymentError: There is no such tenant, nobody confirmed, or somebody changed it meanwhile.
    """
    if not tenant_id:
        raise DeploymentError("Say which tenant: TENANT=...")
    administration = open_administration(stage)
    account = administration.account
    with told_in_sentences():
        tenant = administration.tenant(tenant_id)
        print(
            f"Account {account.number}, {account.region}: erasing {tenant.profile.portal_name} "
            f"({tenant_id}) from {stage}, with all its users and their authenticators."
        )
        require_confirmation(tenant_id, confirmation, otherwise="Nothing was erased")
        administration.stores.tenants.suspend(tenant_id, at=int(time.time()))
        tenant = administration.tenant(tenant_id)
    print(f"{tenant_id} is suspended: nobody gets in any more.")
    rows = TenantRows(account.client("dynamodb"), administration.data["StateTableName"], tenant)
    removed = _remove_all(rows, tenant, settle_seconds=settle_seconds)
    with told_in_sentences():
        _require_as_it_was(administration, tenant)
    files = files_of(administration, tenant_id)
    removed_logos = 0 if files is None else files.remove(files.keys())
    had_logos = bool(removed_logos or logos_of(tenant.profile))  # removed before, in a run that broke off
    key_deleted_at = None
    if tenant.secret_key_arn is not None:
        key_deleted_at = schedule_deletion(account, tenant.secret_key_arn)
    if not rows.remove_profile():
        lost = " Its logos are gone: apply a profile with them if it is to stay." if had_logos else ""
        raise DeploymentError(_changed(tenant_id) + lost)
    print(f"{tenant_id} is erased: {removed:,} rows are removed, its profile and look-up key the last.")
    print("\n".join(_what_is_kept(account, tenant, key_deleted_at, had_logos=had_logos)))


def remove_whatever_names(user_id: str, *, dynamodb: AwsClient, table_name: str, tenant_id: str) -> int:
    """
    Look through the table once and remove what stands there about one user of the tenant.

    Returns how many rows that were. Meant for what no key of the user leads to.
    """
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table_name,
        ConsistentRead=True,
        ProjectionExpression="pk, sk",
        FilterExpression="#tenant = :tenant AND #user = :user",
        ExpressionAttributeNames={"#tenant": "tenant", "#user": "user"},
        ExpressionAttributeValues={":tenant": {"S": tenant_id}, ":user": {"S": user_id}},
        PaginationConfig={"PageSize": _PAGE_ROWS},
    )
    removed = 0
    for page in pages:
        for row in page["Items"]:
            dynamodb.delete_item(TableName=table_name, Key=key_of(row["pk"]["S"], row["sk"]["S"]))
            removed += 1
    return removed


@dataclass(frozen=True)
class TenantRows:
    """All that the table of *table_name* holds of one tenant."""

    dynamodb: AwsClient
    table_name: str
    tenant: Tenant
    say: Callable[[str], None] = print

    def remove_all_but_the_profile(self) -> int:
        """Look through the table once and remove what is the tenant's; return how many rows that were."""
        removed = looked_at = 0
        for page in self._pages():
            rows = [row for row in page["Items"] if row["sk"]["S"] != _KEPT_TO_THE_LAST]
            # The user's own row leads to these, so they go before it.
            self._remove([key for row in rows for key in self._leading_to(row)])
            of_hosts = [row for row in rows if row["pk"]["S"].startswith("HOST#")]
            for row in of_hosts:
                self._remove_if_still_the_tenants(row)
            self._remove([key_of(row["pk"]["S"], row["sk"]["S"]) for row in rows if row not in of_hosts])
            before, removed, looked_at = looked_at, removed + len(rows), looked_at + page["ScannedCount"]
            if before // PROGRESS_ROWS != looked_at // PROGRESS_ROWS:
                self.say(f"  {looked_at:,} rows of the table looked at, {removed:,} removed")
        return removed

    def remove_profile(self) -> bool:
        """Remove the profile, with the key of look-ups; False if somebody changed the tenant meanwhile."""
        return self._removed_if(
            key_of(tenant_partition(self.tenant.tenant_id), _KEPT_TO_THE_LAST),
            "suspended_at = :suspended_at AND version = :version",
            {
                ":suspended_at": {"N": str(self.tenant.suspended_at)},
                ":version": {"N": str(self.tenant.version)},
            },
        )

    def _pages(self) -> Iterator[dict[str, Any]]:
        own = tenant_partition(self.tenant.tenant_id)
        yield from self.dynamodb.get_paginator("scan").paginate(
            TableName=self.table_name,
            ConsistentRead=True,
            ProjectionExpression="pk, sk, username, #role",
            FilterExpression="pk = :own OR begins_with(pk, :users) OR #tenant = :tenant",
            ExpressionAttributeNames={"#tenant": "tenant", "#role": "role"},
            ExpressionAttributeValues={
                ":own": {"S": own},
                ":users": {"S": f"{own}{SEPARATOR}U{SEPARATOR}"},
                ":tenant": {"S": self.tenant.tenant_id},
            },
            PaginationConfig={"PageSize": _PAGE_ROWS},
        )

    def _leading_to(self, row: Row) -> list[Row]:
        if row["sk"]["S"] != "USER":
            return []
        role = row["role"]["S"] if "role" in row else USER  # the help desk's names are found apart
        partition = f"LOOKUP#{lookup_hash(self.tenant.lookup_key, row['username']['S'], role=role)}"
        return [key_of(partition, "USER"), key_of(partition, "PASSWORD")]

    def _remove(self, keys: list[Row]) -> None:
        for start in range(0, len(keys), _MOST_IN_A_BATCH):
            some = keys[start : start + _MOST_IN_A_BATCH]
            left: dict[str, Any] = {self.table_name: [{"DeleteRequest": {"Key": key}} for key in some]}
            while left:
                left = self.dynamodb.batch_write_item(RequestItems=left).get("UnprocessedItems", {})
                if left:
                    time.sleep(_PAUSE_SECONDS)

    def _remove_if_still_the_tenants(self, row: Row) -> None:
        # Another tenant may have taken the host just now.
        self._removed_if(
            key_of(row["pk"]["S"], row["sk"]["S"]),
            "tenant = :tenant",
            {":tenant": {"S": self.tenant.tenant_id}},
        )

    def _removed_if(self, key: Row, condition: str, values: Row) -> bool:
        try:
            self.dynamodb.delete_item(
                TableName=self.table_name,
                Key=key,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _remove_all(rows: TenantRows, tenant: Tenant, *, settle_seconds: float) -> int:
    """Look through the table again and again, until nothing is found and nothing more can come."""
    suspended_at = tenant.suspended_at or 0
    total = 0
    while True:
        began_at = time.time()
        removed = rows.remove_all_but_the_profile()
        total += removed
        print(f"  {removed:,} rows removed" if removed else "  Nothing more is found.")
        if removed:
            continue
        missing_seconds = suspended_at + settle_seconds - began_at
        if missing_seconds <= 0:
            return total
        print(f"  Waiting {missing_seconds:.0f} seconds, until no open page can write any more.")
        time.sleep(missing_seconds)


def _require_as_it_was(administration: Administration, tenant: Tenant) -> None:
    # Suspended anew is not as it was: before that, users may have come where we had looked already.
    now = administration.tenant(tenant.tenant_id)
    if now.suspended_at is None or (now.suspended_at, now.version) != (tenant.suspended_at, tenant.version):
        raise DeploymentError(_changed(tenant.tenant_id))


def _changed(tenant_id: str) -> str:
    return (
        f"Somebody resumed {tenant_id} or applied a profile to it meanwhile. The users it had are "
        "gone, its profile stays. Repeat the command if it is to go too."
    )


def _what_is_kept(
    account: Account, tenant: Tenant, key_deleted_at: datetime | None, *, had_logos: bool
) -> Iterator[str]:
    tenant_id, stage = tenant.tenant_id, account.stage
    yield "Kept:"
    yield "  its events. They name nobody: the ids in them led to users by rows that are gone."
    until = told_time(time.time() + BACKUP_DAYS * 24 * 60 * 60)
    yield f"  its rows in the table's backups, until {until}; no later restore can bring them back."
    yield "  counts of wrong passwords for names that nobody has, for two days at most."
    if had_logos:
        yield "  copies of its logo with CloudFront and browsers, a year at most."
    if tenant.secret_key_arn is None:
        yield "It had no key of its own: until then its secrets in backups open under the key of all."
    elif key_deleted_at is None:
        yield f"Its own key, {tenant.secret_key_arn}, was deleted before."
    else:
        yield f"Its own key is deleted on {told_time(key_deleted_at.timestamp())}, and with it whatever"
        yield "it sealed in backups. Until then an administrator can call it back:"
        for command in ("cancel-key-deletion", "enable-key"):
            yield f"  aws kms {command} --key-id {tenant.secret_key_arn} --region {account.region}"
    if stacks_of(account).parameters(account.app_stack).get("DefaultTenant") == tenant_id:
        yield f"The page opened {tenant_id} by itself. Choose another tenant for it, or none:"
        yield f"  make deploy STAGE={stage} DEFAULT_TENANT="
