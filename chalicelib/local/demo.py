"""The tenant and the user that a fresh local backend starts with."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from chalicelib.accounts.store import UserExistsError
from chalicelib.bootstrap import Services
from chalicelib.tenants.profile import Profile

PROFILE = Path(__file__).with_name("demo-tenant.json")
USERNAME = "anna@firma.se"
PASSWORD = "sju-lugna-sommarmoln"


def seed(services: Services) -> None:
    """Make the demo tenant and its user exist; an existing user keeps their authenticator."""
    profile = Profile.from_json(json.loads(PROFILE.read_text(encoding="utf-8")))
    tenant = services.tenants.apply(profile)
    with suppress(UserExistsError):
        services.directory.create_user(
            tenant, username=USERNAME, password=PASSWORD, language=profile.default_language
        )


def how_to_sign_in(url: str) -> str:
    """Return what a developer reads when the product is ready at *url*."""
    return f"""
  Tvåsteg is ready:  {url}
  User name:         {USERNAME}
  Password:          {PASSWORD}
  Ctrl-C stops everything.
"""
