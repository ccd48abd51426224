"""`make destroy`: the service is taken away, the tables and keys are kept."""

from __future__ import annotations

from chalicelib.deployment.account import Account, open_account
from chalicelib.deployment.confirmation import require_confirmation
from chalicelib.deployment.deploy import CLOUDFRONT_REGION
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.site import Site
from chalicelib.deployment.stacks import Stacks


def destroy(stage: str, *, confirmation: str | None, poll_seconds: float) -> None:
    """
    Remove the service of *stage* and say what is kept; a later deploy finds that again.

    *confirmation* is the stage's name once more; None asks for it at the terminal.

    Raises:
        DeploymentError: There is nothing, nobody confirmed, or something could not be removed.
    """
    account = open_account(stage)
    stacks = Stacks(account.client("cloudformation"), poll_seconds=poll_seconds)
    data = stacks.outputs(account.data_stack)
    if not data and not stacks.parameters(account.app_stack):
        raise DeploymentError(
            f"Nothing was removed: account {account.number} has no {stage} in {account.region}."
        )
    print(f"Account {account.number}, {account.region}: removing the service of {stage}.")
    print("Nobody can sign in from then on. Tables, keys and packages are kept.")
    require_confirmation(stage, confirmation, otherwise="Nothing was removed")
    bucket = stacks.outputs(account.app_stack).get("SiteBucketName")
    if bucket is not None:
        # CloudFormation removes empty buckets only.
        Site(account.client("s3"), bucket=bucket, artifacts_bucket=data["ArtifactsBucketName"]).empty()
    stacks.delete(account.app_stack)
    Stacks(account.client("cloudformation", region=CLOUDFRONT_REGION), poll_seconds=poll_seconds).delete(
        account.certificate_stack
    )
    print(f"The service of {stage} is gone, with its logs and alarms.")
    if data:
        print(_what_is_kept(account, data))


_ALIASES = ("SecretKeyAlias", "SigningKeyAlias", "DigestKeyAlias")


def _what_is_kept(account: Account, data: dict[str, str]) -> str:
    tables = [data["StateTableName"], data["EventsTableName"]]
    # A stage that an earlier release has deployed has no key to sign with, and no archive.
    names = ("SecretKeyArn", "SigningKeyArn", "DigestKeyArn", "TableKeyArn")
    keys = [data[name] for name in names if name in data]
    aliases = [data[name] for name in _ALIASES if name in data]
    bucket, archive = data["ArtifactsBucketName"], data.get("ArchiveBucketName")
    list_of_keys = (
        "aws resourcegroupstaggingapi get-resources --resource-type-filters kms:key "
        f"--tag-filters Key=application,Values=tvasteg Key=stage,Values={account.stage}"
    )
    commands = [
        f"aws cloudformation delete-stack --stack-name {account.data_stack}",
        f"aws cloudformation wait stack-delete-complete --stack-name {account.data_stack}",
        *(f"aws dynamodb update-table --no-deletion-protection-enabled --table-name {t}" for t in tables),
        *(f"aws dynamodb delete-table --table-name {table}" for table in tables),
        f"aws s3 rb --force s3://{bucket}",
        *(f"aws kms delete-alias --alias-name {alias}" for alias in aliases),
        *(f"aws kms schedule-key-deletion --pending-window-in-days 30 --key-id {key}" for key in keys),
    ]
    lines = [
        "Kept:",
        f"  the tables {' and '.join(tables)}, with their backups",
        f"  the keys {' and '.join(keys)}",
        "  the keys that `make rotate-signing-key` made, and tenants' own",
        f"  the bucket {bucket} with the packages",
        *([f"  the bucket {archive} with the archive of events"] if archive else []),
        "They cost a dollar a month for each key, and some cents for what is stored.",
        f"`make deploy STAGE={account.stage}` finds them again: users sign in with the codes they have.",
        "Say its options anew, and apply profiles with a logo again. The address is another one,",
        "unless it was a domain of your own.",
        "",
        "To remove them for good, with every user and every authenticator, in this order:",
        *(f"  {command} --region {account.region}" for command in commands),
        *(_how_the_archive_goes(archive) if archive else []),
        "For 30 days, `aws kms cancel-key-deletion` and then `enable-key` take the keys back.",
        "Keys that commands made, for signing or for a tenant, are in no stack. This lists them:",
        f"  {list_of_keys} --region {account.region}",
    ]
    return "\n".join(lines)


def _how_the_archive_goes(bucket: str) -> list[str]:
    return [
        f"The archive {bucket} can be emptied by nobody before its lock ends, object by object. Then,",
        f"  after `aws s3api delete-bucket-policy --bucket {bucket}`,",
        "  empty and delete it in the S3 console.",
        "  Without the key that signs digests nobody can prove any more what is in it.",
    ]
