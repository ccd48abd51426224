"""The operator at work: commands, what they say, and what is in the tables and keys afterwards."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.kms.models import kms_backends

from chalicelib.deployment.__main__ import main
from chalicelib.deployment.administration import Administration, open_administration
from tests.support.world import COZONE

PASSWORD = "sju-lugna-sommarmoln"
SITE = "tvasteg-dev-app-sitebucket-1"
_APP_STACK = {
    "Resources": {"SiteBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": SITE}}},
    "Outputs": {"SiteBucketName": {"Value": {"Ref": "SiteBucket"}}},
}

Row = dict[str, Any]  # in DynamoDB's own notation


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command wrote, and how it ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Gives the commands of the Makefile for the stage dev."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def does(self, command: str, *options: str, stdin: str = "") -> Said:
        """Run *command*; *stdin* comes by a pipe, not by a terminal."""
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self.capsys.readouterr()
        status = main([command, "--stage", "dev", *options])
        said = self.capsys.readouterr()
        return Said(status=status, out=said.out, err=said.err)

    def applies(self, **differences: Any) -> Said:
        """Apply a profile that differs so from the demo tenant's."""
        path = self.folder / "profile.json"
        path.write_text(json.dumps(COZONE | differences))
        return self.does("tenant", "--profile", str(path))

    def adds(self, username: str, *options: str, tenant: str = "cozone") -> Said:
        """Add a user."""
        return self.does(
            "user", "--tenant", tenant, "--username", username, *options, stdin=f"{PASSWORD}\n"
        )

    def draws(self, name: str, content: bytes) -> None:
        """Put a logo beside the profile."""
        (self.folder / name).write_bytes(content)

    def opens_the_page(self) -> None:
        """Let there be as much of an app stack as holds the page's files."""
        boto3.client("cloudformation").create_stack(
            StackName="tvasteg-dev-app", TemplateBody=json.dumps(_APP_STACK)
        )

    def files(self) -> dict[str, bytes]:
        """Return what lies beside the page, by its key."""
        s3 = boto3.client("s3")
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=SITE).get("Contents", [])]
        return {key: s3.get_object(Bucket=SITE, Key=key)["Body"].read() for key in keys}

    @property
    def stage(self) -> Administration:
        """The stage itself, to look at and to write what users write."""
        return open_administration("dev")

    @property
    def kms(self) -> Any:
        """The account's keys."""
        return boto3.client("kms")

    def loses(self, key_arn: str) -> None:
        """Let the time be over in which a key could be called back."""
        account_id, region = key_arn.split(":")[4:2:-1]
        kms_backends[account_id][region].delete_key(key_arn.rpartition("/")[2])

    def rows(self) -> list[Row]:
        """Return all rows of the table of state."""
        items: list[Row] = boto3.client("dynamodb").scan(
            TableName=self.stage.data["StateTableName"], ConsistentRead=True
        )["Items"]
        return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def keys(self) -> dict[str, str]:
        """Return the state of every key, by its ARN."""
        arns = [key["KeyArn"] for key in self.kms.list_keys()["Keys"]]
        return {arn: self.kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] for arn in arns}
