"""What the operator sets, read from the environment in this one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

STAGES = ("local", "dev", "prod")

_MOST_ORIGIN_SECRETS = 2  # the one in use, and its successor while they are exchanged
_TENANT_ID = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)


class SettingsError(Exception):
    """The environment lacks something; the message names all of it at once."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    The whole configuration of one deployment.

    *origin_secrets* are the values of which CloudFront adds one to every request,
    two while one is being rotated; empty in stage ``local`` only, where there is
    no front door to pass.
    """

    stage: str
    region: str
    state_table: str
    events_table: str
    secret_key_id: str
    default_tenant: str | None
    origin_secrets: tuple[str, ...] = field(repr=False)

    @property
    def is_local(self) -> bool:
        """True where the product runs on a developer's machine."""
        return self.stage == "local"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """
        Return the settings of this process.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        faults = []

        def required(name: str) -> str:
            value = environ.get(name, "")
            if not value:
                faults.append(f"{name} is not set")
            return value

        stage = required("STAGE")
        if stage and stage not in STAGES:
            faults.append(f"STAGE must be one of {', '.join(STAGES)}")
        state_table = required("STATE_TABLE")
        events_table = required("EVENTS_TABLE")
        secret_key_id = required("SECRET_KEY_ID")
        # Lambda sets both names; a laptop may have either.
        region = environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or ""
        if not region:
            faults.append("AWS_DEFAULT_REGION is not set")
        origin_secrets = tuple(part for part in environ.get("ORIGIN_SECRETS", "").split(",") if part)
        if stage in STAGES and stage != "local" and not origin_secrets:
            faults.append("ORIGIN_SECRETS is not set, and every stage but local needs it")
        if len(origin_secrets) > _MOST_ORIGIN_SECRETS:
            faults.append("ORIGIN_SECRETS holds more than two values")
        default_tenant = environ.get("DEFAULT_TENANT") or None
        if default_tenant is not None and not _TENANT_ID.fullmatch(default_tenant):
            faults.append("DEFAULT_TENANT is no tenant's id")
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(
            stage=stage,
            region=region,
            state_table=state_table,
            events_table=events_table,
            secret_key_id=secret_key_id,
            default_tenant=default_tenant,
            origin_secrets=origin_secrets,
        )
