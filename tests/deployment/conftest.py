"""What tests of the deployment share."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.kms.models import kms_backends
from moto.kms.utils import generate_private_key

from chalicelib.deployment import PROJECT
from tests.deployment.operating import Operator
from tests.support.packages import packaged

__all__ = ["packaged"]


@pytest.fixture
def account() -> Iterator[Any]:
    """An account with the tables and keys of the stage dev, and nothing else."""
    with mock_aws():
        cloudformation = boto3.client("cloudformation")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Tried to parse AWS..S3..BucketPolicy", UserWarning)
            cloudformation.create_stack(
                StackName="tvasteg-dev-data",
                TemplateBody=(PROJECT / ".chalice/stacks/data.yaml").read_text("utf-8"),
                Parameters=[{"ParameterKey": "Stage", "ParameterValue": "dev"}],
            )
        _finish_the_keys(cloudformation)
        yield cloudformation


def _finish_the_keys(cloudformation: Any) -> None:
    """CloudFormation writes policies as text, and makes keys of the kind asked for; moto's does neither."""
    kms = boto3.client("kms")
    for key in kms.list_keys()["Keys"]:
        policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(policy))
    (stack,) = cloudformation.describe_stacks(StackName="tvasteg-dev-data")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    account_id, region = outputs["SigningKeyArn"].split(":")[4:2:-1]
    for name in ("SigningKeyArn", "DigestKeyArn"):
        signing = kms_backends[account_id][region].keys[outputs[name].rpartition("/")[2]]
        signing.key_spec, signing.key_usage = "ECC_NIST_P256", "SIGN_VERIFY"
        signing.private_key = generate_private_key(signing.key_spec)


@pytest.fixture
def operator(
    account: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """Somebody who gives commands about the stage dev of that account."""
    del account
    return Operator(folder=tmp_path, capsys=capsys, monkeypatch=monkeypatch)
