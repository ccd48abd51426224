"""
What the commands about tenants, users and keys share: the stores of a deployed stage.

They write through the product's own services, by the operator's own identity:
with whatever rights that has, and with no way around a rule of the product's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from chalicelib.bootstrap import Services, Stores, assemble, stores_on
from chalicelib.deployment.account import Account, open_account
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.stacks import Stacks
from chalicelib.errors import NotFoundError, ServiceUnavailableError
from chalicelib.settings import Settings
from chalicelib.tenants.store import Tenant


@dataclass(frozen=True, kw_only=True)
class Administration:
    """A deployed stage: its account, what its data stack says of itself, its stores and services."""

    account: Account
    data: Mapping[str, str]
    stores: Stores
    services: Services

    def tenant(self, tenant_id: str) -> Tenant:
        """
        Return the tenant, strongly read.

        Raises:
            DeploymentError: There is none of that id.
        """
        stage = self.account.stage
        try:
            return self.stores.tenants.get(tenant_id)
        except NotFoundError as error:
            raise DeploymentError(
                f"There is no tenant '{tenant_id}' in {stage}: make tenant STAGE={stage} PROFILE=..."
            ) from error

    def output_of_the_app(self, name: str) -> str | None:
        """Return what the app stack says of itself; None where there is no service."""
        return stacks_of(self.account).outputs(self.account.app_stack).get(name)


def open_administration(stage: str) -> Administration:
    """
    Return the stage's stores. Reads only.

    Raises:
        DeploymentError: The stage is unknown or not deployed yet, or an earlier release's.
    """
    account = open_account(stage)
    data = stacks_of(account).outputs(account.data_stack)
    if not data:
        raise DeploymentError(f"{stage} is not deployed yet: make deploy STAGE={stage}")
    if "SigningKeyArn" not in data:
        raise DeploymentError(f"What is deployed is an earlier release: make deploy STAGE={stage} first.")
    settings = Settings(
        stage=stage,
        region=account.region,
        state_table=data["StateTableName"],
        events_table=data["EventsTableName"],
        secret_key_id=data["SecretKeyArn"],
        signing_key_id=data["SigningKeyArn"],
        default_tenant=None,
        origin_secrets=(),
    )
    stores = stores_on(settings, dynamodb=account.client("dynamodb"), kms=account.client("kms"))
    services = assemble(settings, stores, clock=time.time, write_line=lambda _: None)
    return Administration(account=account, data=data, stores=stores, services=services)


def stacks_of(account: Account) -> Stacks:
    """Return the stacks of the account's region."""
    return Stacks(account.client("cloudformation"))


@contextmanager
def told_in_sentences() -> Iterator[None]:
    """Tell AWS's own reason where the product would only say that it is not available."""
    try:
        yield
    except ServiceUnavailableError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError):
            raise DeploymentError(
                f"AWS refuses: {cause.response['Error'].get('Message', cause)}"
            ) from error
        raise DeploymentError(f"DynamoDB or KMS does not answer: {cause or error}") from error


def told_time(epoch_seconds: float) -> str:
    """Return a time as the commands tell it, to the minute."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
