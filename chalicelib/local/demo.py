"""The tenants, the user and the help desk that a fresh local backend starts with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chalicelib.accounts.record import HELP_DESK
from chalicelib.accounts.store import UserExistsError
from chalicelib.bootstrap import Services
from chalicelib.local.stopping import stop
from chalicelib.tenants.profile import Profile, ProfileError
from chalicelib.tenants.profile_file import ProfileFile, read_profile_file

PROFILE = Path(__file__).with_name("demo-tenant.json")
USERNAME = "anna@firma.se"
PASSWORD = "sju-lugna-sommarmoln"
STAFF_USERNAME = "stina@servicedesk.se"
STAFF_PASSWORD = "fem-blanka-insjöar"
MORE_PROFILES = "TVASTEG_PROFILES"
"""The environment variable with files of further profiles, separated as paths are."""


def seed(services: Services) -> Mapping[str, bytes]:
    """
    Make the demo tenant and those of further profiles exist; return their logos by address.

    Each gets the demo user, unless its portal holds the passwords, and one of the
    help desk; whoever exists keeps their authenticator.
    """
    logos: dict[str, bytes] = {}
    for path in [PROFILE, *_more_profiles()]:
        file = _profile_file(path)
        _seed_tenant(services, file.profile)
        logos |= file.logos
    return logos


def how_to_sign_in(url: str) -> str:
    """Return what a developer reads when the product is ready at *url*."""
    return f"""
  Tvåsteg is ready:  {url}
  User name:         {USERNAME}
  Password:          {PASSWORD}
  Help desk:         {url}help-desk/
  User name:         {STAFF_USERNAME}
  Password:          {STAFF_PASSWORD}
  Mails to users:    {url}local/mails
{"".join(_how_to_see(path, url) for path in _more_profiles())}  Ctrl-C stops everything.
"""


def _more_profiles() -> Sequence[Path]:
    return [Path(name) for name in os.environ.get(MORE_PROFILES, "").split(os.pathsep) if name]


def _profile_file(path: Path) -> ProfileFile:
    try:
        file = read_profile_file(path, local=True)
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ProfileError) else f"is no file with JSON: {error}"
        stop(f"The profile {path} cannot be used: {reason}")
    if file.kept_logos:
        stop(
            f"The profile {path} cannot be used: {file.kept_logos[0]} is not kept here. Put the SVG beside "
            "the profile, and name that file in it."
        )
    return file


def _seed_tenant(services: Services, profile: Profile) -> None:
    tenant = services.tenants.apply(profile)
    if profile.passwords == "directory":
        with suppress(UserExistsError):
            services.directory.create_user(
                tenant, username=USERNAME, password=PASSWORD, language=profile.default_language
            )
    with suppress(UserExistsError):
        services.directory.create_user(
            tenant,
            username=STAFF_USERNAME,
            password=STAFF_PASSWORD,
            language=profile.default_language,
            role=HELP_DESK,
        )


def _how_to_see(path: Path, url: str) -> str:
    tenant_id = _profile_file(path).profile.tenant_id
    return f"  {f'Tenant {tenant_id}:':<18} {url}?tenant={tenant_id}\n"
