"""`make rotate`: another secret between CloudFront and the API, with no request refused meanwhile."""

from __future__ import annotations

import secrets

from chalicelib.deployment.account import open_account
from chalicelib.deployment.deploy import SECRET_BYTES
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.stacks import IN_USE, Stacks


def rotate(stage: str, *, poll_seconds: float) -> None:
    """
    Draw a new origin secret; the one in use up to now stays accepted until the next rotation.

    The distribution stands on the API in the template, so CloudFormation lets the
    function accept both before CloudFront sends the new one.

    Raises:
        DeploymentError: There is no service, or the update failed and went back.
    """
    account = open_account(stage)
    stacks = Stacks(account.client("cloudformation"), poll_seconds=poll_seconds)
    stacks.prepare(account.app_stack)
    function_name = stacks.outputs(account.app_stack).get("ApiFunctionName")
    if function_name is None:
        raise DeploymentError(f"There is no service yet: make deploy STAGE={stage}")
    function = account.client("lambda").get_function_configuration(FunctionName=function_name)
    current = function["Environment"]["Variables"]["ORIGIN_SECRETS"].split(",")[0]
    print(f"Exchanging the origin secret of {stage} (CloudFront takes some minutes):")
    stacks.deploy(
        account.app_stack,
        IN_USE,
        {"OriginSecret": secrets.token_urlsafe(SECRET_BYTES), "PreviousOriginSecret": current},
    )
    print(
        "Done. The secret before is still accepted, so that nothing was refused meanwhile; any older "
        "one opens nothing.\n"
        "If the one before has leaked, run the command once more."
    )
