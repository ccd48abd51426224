"""`make destroy`: the service is taken away, the tables and keys are kept."""

from __future__ import annotations

import sys

from chalicelib.deployment.account import Account, open_account
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
    _require_confirmation(stage, confirmation)
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


def _require_confirmation(stage: str, confirmation: str | None) -> None:
    if confirmation is None:
        if not sys.stdin.isatty():
            raise DeploymentError(f"Nothing was removed. Without a terminal, confirm with YES={stage}.")
        try:
            confirmation = input(f"Type {stage} to go on: ").strip()
        except (EOFError, KeyboardInterrupt) as error:
            raise DeploymentError("\nNothing was removed.") from error
    if confirmation != stage:
        raise DeploymentError(f"Nothing was removed: '{confirmation}' is not '{stage}'.")


def _what_is_kept(account: Account, data: dict[str, str]) -> str:
    tables = [data["StateTableName"], data["EventsTableName"]]
    keys = [data["SecretKeyArn"], data["TableKeyArn"]]
    bucket = data["ArtifactsBucketName"]
    commands = [
        f"aws cloudformation delete-stack --stack-name {account.data_stack}",
        f"aws cloudformation wait stack-delete-complete --stack-name {account.data_stack}",
        *(f"aws dynamodb update-table --no-deletion-protection-enabled --table-name {t}" for t in tables),
        *(f"aws dynamodb delete-table --table-name {table}" for table in tables),
        f"aws s3 rb --force s3://{bucket}",
        f"aws kms delete-alias --alias-name {data['SecretKeyAlias']}",
        *(f"aws kms schedule-key-deletion --pending-window-in-days 30 --key-id {key}" for key in keys),
    ]
    lines = [
        "Kept:",
        f"  the tables {' and '.join(tables)}, with their backups",
        f"  the keys {' and '.join(keys)}",
        f"  the bucket {bucket} with the packages",
        "They cost about 2 dollars a month, one for each key, and some cents for what is stored.",
        f"`make deploy STAGE={account.stage}` finds them again: users sign in with the codes they have.",
        "Say its options anew. The address is another one, unless it was a domain of your own.",
        "",
        "To remove them for good, with every user and every authenticator, in this order:",
        *(f"  {command} --region {account.region}" for command in commands),
        "For 30 days, `aws kms cancel-key-deletion` and then `enable-key` take the last two back.",
    ]
    return "\n".join(lines)
