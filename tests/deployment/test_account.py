"""What is wrong before anything is changed, in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from moto import mock_aws

from chalicelib.deployment.account import open_account
from chalicelib.deployment.errors import DeploymentError

NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A computer on which nobody has set up AWS."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    return monkeypatch


def test_an_account_is_who_asks_and_where(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_REGION", "eu-north-1")
    with mock_aws():
        account = open_account("dev")
    assert (account.number, account.region) == ("123456789012", "eu-north-1")
    assert account.data_stack == "tvasteg-dev-data"


def test_another_stage_is_refused() -> None:
    with pytest.raises(DeploymentError, match=r"^STAGE must be dev or prod, not 'local'\.$"):
        open_account("local")


@pytest.mark.usefixtures("environment")
def test_no_region() -> None:
    with pytest.raises(DeploymentError, match=r"^No AWS region is set\. Choose one, for example: "):
        open_account("dev")


def test_no_credentials(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    with pytest.raises(DeploymentError, match=r"^No AWS credentials were found\. Sign in first"):
        open_account("dev")


def test_a_profile_that_is_not_there(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_PROFILE", "nobodys")
    with pytest.raises(DeploymentError, match=r"nobodys.*AWS_PROFILE must name a profile"):
        open_account("dev")


def test_nobody_answers(environment: pytest.MonkeyPatch) -> None:
    """Such as an AWS_ENDPOINT_URL that was left from the day before."""
    environment.setenv("AWS_ACCESS_KEY_ID", "any")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "any")
    environment.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    environment.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DeploymentError, match=r"^AWS does not answer: .*127\.0\.0\.1:9"):
        open_account("dev")
