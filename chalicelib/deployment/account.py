"""The operator's AWS account, and everything that must be right before anything in it is changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.package import DEPLOYED_STAGES

AwsClient = Any  # boto3 makes its client classes at run time

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, user_agent_extra="tvasteg-deploy")
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}


@dataclass(frozen=True, kw_only=True)
class Account:
    """One stage in one region of one account, reached by the operator's own identity."""

    session: boto3.Session
    stage: str
    region: str
    number: str
    identity: str
    """Whom AWS takes the operator for, as an ARN."""

    def client(self, service: str, *, region: str | None = None) -> AwsClient:
        """Return a client of *service*, in the account's region unless another is named."""
        return self.session.client(service, region_name=region or self.region, config=_CONFIG)

    @property
    def data_stack(self) -> str:
        """The stack that is kept whatever happens: tables and keys."""
        return f"tvasteg-{self.stage}-data"

    @property
    def app_stack(self) -> str:
        """The stack of everything else."""
        return f"tvasteg-{self.stage}-app"

    @property
    def certificate_stack(self) -> str:
        """The stack of the certificate for a domain of the operator's, in us-east-1."""
        return f"tvasteg-{self.stage}-certificate"


def open_account(stage: str) -> Account:
    """
    Return the account that credentials and region name. Reads only.

    Raises:
        DeploymentError: The stage, the region or the credentials are missing or wrong.
    """
    if stage not in DEPLOYED_STAGES:
        raise DeploymentError(f"STAGE must be {' or '.join(DEPLOYED_STAGES)}, not '{stage}'.")
    try:
        session = boto3.Session()
        region = session.region_name or os.environ.get("AWS_REGION")
        if not region:
            raise DeploymentError(
                "No AWS region is set. Choose one, for example: export AWS_DEFAULT_REGION=eu-north-1"
            )
        caller = session.client("sts", region_name=region, config=_CONFIG).get_caller_identity()
    except ProfileNotFound as error:
        raise DeploymentError(f"{error}. AWS_PROFILE must name a profile of ~/.aws/config.") from error
    except NoCredentialsError as error:
        raise DeploymentError(
            "No AWS credentials were found. Sign in first, for example with `aws sso login`, "
            "and name the profile: export AWS_PROFILE=..."
        ) from error
    except EndpointConnectionError as error:
        raise DeploymentError(f"AWS does not answer: {error}") from error
    except ClientError as error:
        raise DeploymentError(_why_refused(error)) from error
    except BotoCoreError as error:
        raise DeploymentError(f"The AWS configuration cannot be used: {error}") from error
    return Account(
        session=session, stage=stage, region=region, number=caller["Account"], identity=caller["Arn"]
    )


def _why_refused(error: ClientError) -> str:
    code = error.response["Error"]["Code"]
    if code in _EXPIRED:
        return "The AWS credentials have expired. Sign in again, then repeat the command."
    return f"AWS refuses the credentials: {error.response['Error'].get('Message') or code}"
