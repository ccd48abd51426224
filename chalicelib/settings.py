"""What the operator sets, read from the environment in this one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

STAGES = ("local", "dev", "prod")
# The slug of a tenant, wherever one is claimed or chosen; it becomes part of keys.
TENANT_ID = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)

_MOST_ORIGIN_SECRETS = 2  # the one in use, and its successor while they are exchanged


class SettingsError(Exception):
    """The environment lacks something; the message names all of it at once."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    The whole configuration of the API.

    *origin_secrets* are the values of which CloudFront adds one to every request,
    two while one is being rotated; empty in stage ``local`` only, where there is
    no front door to pass.
    """

    stage: str
    region: str
    state_table: str
    events_table: str
    secret_key_id: str
    signing_key_id: str
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
        reader = _Reader(environ)
        stage = reader.stage()
        state_table = reader.required("STATE_TABLE")
        events_table = reader.required("EVENTS_TABLE")
        secret_key_id = reader.required("SECRET_KEY_ID")
        signing_key_id = reader.required("SIGNING_KEY_ID")
        region = reader.region()
        origin_secrets = tuple(part for part in environ.get("ORIGIN_SECRETS", "").split(",") if part)
        if stage in STAGES and stage != "local" and not origin_secrets:
            reader.faults.append("ORIGIN_SECRETS is not set, and every stage but local needs it")
        if len(origin_secrets) > _MOST_ORIGIN_SECRETS:
            reader.faults.append("ORIGIN_SECRETS holds more than two values")
        default_tenant = environ.get("DEFAULT_TENANT") or None
        if default_tenant is not None and not TENANT_ID.fullmatch(default_tenant):
            reader.faults.append("DEFAULT_TENANT is no tenant's id")
        reader.refuse_faults()
        return cls(
            stage=stage,
            region=region,
            state_table=state_table,
            events_table=events_table,
            secret_key_id=secret_key_id,
            signing_key_id=signing_key_id,
            default_tenant=default_tenant,
            origin_secrets=origin_secrets,
        )


@dataclass(frozen=True, kw_only=True)
class OutboxSettings:
    """The whole configuration of the outbox: it reaches the events and nothing else."""

    stage: str
    region: str
    events_table: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> OutboxSettings:
        """
        Return the settings of this process.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        reader = _Reader(environ)
        settings = cls(
            stage=reader.stage(),
            region=reader.region(),
            events_table=reader.required("EVENTS_TABLE"),
        )
        reader.refuse_faults()
        return settings


@dataclass(frozen=True, kw_only=True)
class NoticesSettings:
    """The whole configuration of what sends mail: whom to tell, what was told, and who tells it."""

    stage: str
    region: str
    state_table: str
    mail_from: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> NoticesSettings:
        """
        Return the settings of this process.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        reader = _Reader(environ)
        settings = cls(
            stage=reader.stage(),
            region=reader.region(),
            state_table=reader.required("STATE_TABLE"),
            mail_from=reader.required("MAIL_FROM"),
        )
        reader.refuse_faults()
        return settings


@dataclass(frozen=True, kw_only=True)
class ArchiveSettings:
    """The whole configuration of the archive: it reaches one bucket and nothing else."""

    stage: str
    region: str
    archive_bucket: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> ArchiveSettings:
        """
        Return the settings of this process.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        reader = _Reader(environ)
        settings = cls(
            stage=reader.stage(),
            region=reader.region(),
            archive_bucket=reader.required("ARCHIVE_BUCKET"),
        )
        reader.refuse_faults()
        return settings


@dataclass(frozen=True, kw_only=True)
class DigestSettings:
    """The whole configuration of what signs digests: the archive's bucket, and one key."""

    stage: str
    region: str
    archive_bucket: str
    digest_key_id: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> DigestSettings:
        """
        Return the settings of this process.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        reader = _Reader(environ)
        settings = cls(
            stage=reader.stage(),
            region=reader.region(),
            archive_bucket=reader.required("ARCHIVE_BUCKET"),
            digest_key_id=reader.required("DIGEST_KEY_ID"),
        )
        reader.refuse_faults()
        return settings


@dataclass(frozen=True, kw_only=True)
class AdminSettings:
    """The whole configuration of the operators' function."""

    stage: str
    region: str
    state_table: str
    events_table: str
    secret_key_id: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> AdminSettings:
        """
        Return the settings of this process.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        reader = _Reader(environ)
        settings = cls(
            stage=reader.stage(),
            region=reader.region(),
            state_table=reader.required("STATE_TABLE"),
            events_table=reader.required("EVENTS_TABLE"),
            secret_key_id=reader.required("SECRET_KEY_ID"),
        )
        reader.refuse_faults()
        return settings


class _Reader:
    """Reads an environment and gathers what is wrong with it, to be told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def required(self, name: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            self.faults.append(f"{name} is not set")
        return value

    def stage(self) -> str:
        stage = self.required("STAGE")
        if stage and stage not in STAGES:
            self.faults.append(f"STAGE must be one of {', '.join(STAGES)}")
        return stage

    def region(self) -> str:
        # Lambda sets both names; a laptop may have either.
        region = self._environ.get("AWS_DEFAULT_REGION") or self._environ.get("AWS_REGION") or ""
        if not region:
            self.faults.append("AWS_DEFAULT_REGION is not set")
        return region

    def refuse_faults(self) -> None:
        if self.faults:
            raise SettingsError("; ".join(self.faults))
