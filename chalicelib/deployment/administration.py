"""
`make tenant` and `make user`: what a deployed service needs before anybody can sign in.

The commands write through the product's own services, by the operator's own
identity, so that CloudTrail tells who did it.
"""

from __future__ import annotations

import getpass
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.accounts.authority import UsernameRefusedError
from chalicelib.accounts.passwords import PasswordRefusedError
from chalicelib.accounts.record import LONGEST_USERNAME_CHARACTERS
from chalicelib.accounts.store import UserExistsError
from chalicelib.bootstrap import Services, assemble, stores_on
from chalicelib.deployment.account import Account, open_account
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.stacks import Stacks
from chalicelib.errors import NotFoundError, ServiceUnavailableError
from chalicelib.settings import Settings
from chalicelib.tenants.profile import Profile, ProfileError


def apply_tenant(stage: str, profile_path: Path) -> None:
    """
    Make the profile in *profile_path* the tenant's; make the tenant if it is new.

    Raises:
        DeploymentError: The file or the profile is wrong, or there is nothing to write to.
    """
    if profile_path == Path():
        raise DeploymentError("Say which profile to apply: PROFILE=file.json")
    profile = _read_profile(profile_path)
    account = open_account(stage)
    with _told_in_sentences():
        tenant = _services(account).tenants.apply(profile)
    print(f"{profile.portal_name}: version {tenant.version} of its profile holds in {stage}.")
    print("A running service takes it over within a minute.")
    print(f"Next: make user STAGE={stage} TENANT={profile.tenant_id} USERNAME=...")


def add_user(stage: str, *, tenant_id: str, username: str, language: str | None) -> None:
    """
    Add somebody who signs in with *username*; the password is read from the terminal or from stdin.

    Raises:
        DeploymentError: Name or password are refused, or the tenant is not there.
    """
    if not tenant_id or not username:
        raise DeploymentError("Say who it is: TENANT=... USERNAME=...")
    account = open_account(stage)
    services = _services(account)
    with _told_in_sentences():
        try:
            tenant = services.tenants.get(tenant_id)
        except NotFoundError as error:
            raise DeploymentError(
                f"There is no tenant '{tenant_id}' in {stage}: make tenant STAGE={stage} PROFILE=..."
            ) from error
        languages = tenant.profile.languages
        if language is not None and language not in languages:
            raise DeploymentError(f"LANGUAGE must be one of the tenant's: {', '.join(languages)}.")
        password = _read_password(username)
        try:
            user = services.directory.create_user(
                tenant,
                username=username,
                password=password,
                language=language or tenant.profile.default_language,
            )
        except UsernameRefusedError as error:
            raise DeploymentError(
                f"USERNAME must have 1 to {LONGEST_USERNAME_CHARACTERS} characters that can be shown."
            ) from error
        except PasswordRefusedError as error:
            raise DeploymentError(f"The password is refused: {error}") from error
        except UserExistsError as error:
            raise DeploymentError(f"{username} exists already in {tenant_id}.") from error
    url = _stacks(account).outputs(account.app_stack).get("Url")
    if url is None:
        print(f"{user.username} is added, and can sign in after make deploy STAGE={stage}")
    else:
        print(f"{user.username} can sign in at {url}/?tenant={tenant_id}")


def _read_profile(path: Path) -> Profile:
    try:
        source = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_twins)
        return Profile.from_json(source)
    except OSError as error:
        raise DeploymentError(f"The profile {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DeploymentError(f"The profile {path} is not UTF-8.") from error
    except ProfileError as error:
        raise DeploymentError(f"The profile {path} cannot be used: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DeploymentError(f"The profile {path} is not JSON: {error}.") from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The last of two would count. Who reviews the file reads the first, and it may be the id.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ProfileError("it holds a name twice")
    return members


def _read_password(username: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    try:
        password = getpass.getpass(f"Password of {username}: ")
        repeated = getpass.getpass("Once more: ")
    except (EOFError, KeyboardInterrupt) as error:
        raise DeploymentError("\nNobody was added.") from error
    if repeated != password:
        raise DeploymentError("The two are not the same. Nobody was added.")
    return password


def _stacks(account: Account) -> Stacks:
    return Stacks(account.client("cloudformation"))


def _services(account: Account) -> Services:
    data = _stacks(account).outputs(account.data_stack)
    if not data:
        raise DeploymentError(f"{account.stage} is not deployed yet: make deploy STAGE={account.stage}")
    settings = Settings(
        stage=account.stage,
        region=account.region,
        state_table=data["StateTableName"],
        events_table=data["EventsTableName"],
        secret_key_id=data["SecretKeyArn"],
        default_tenant=None,
        origin_secrets=(),
    )
    stores = stores_on(settings, dynamodb=account.client("dynamodb"), kms=account.client("kms"))
    return assemble(settings, stores, clock=time.time, write_line=lambda _: None)


@contextmanager
def _told_in_sentences() -> Iterator[None]:
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
