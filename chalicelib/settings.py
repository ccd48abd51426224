"""What the operator sets, read from the environment in this one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

STAGES = ("local", "dev", "prod")
# The slug of a tenant, wherever one is claimed or chosen; it becomes part of keys.
TENANT_ID = re.compile(r"[a-z][a-z0-9-]{1,31}", re.ASCII)

_MOST_ORIGIN_SECRETS = 2  # the one in use, and its successor while they are exchanged


class SettingsError(Exception):
    """The environment lacks something; the message names all of it at once."""


@dataclass(frozen=True, kw_only=True)
class FunctionSettings:
    """The whole configuration of a function: each field is the variable of its name, and needed."""

    stage: str
    region: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """
        Return the settings of this process, or those in *environ*.

        Raises:
            SettingsError: A name is missing or a value is not allowed.
        """
        # Not a default of the parameter: that would be the environment of the first import.
        reader = _Reader(os.environ if environ is None else environ)
        settings = cls(**{one.name: cls._value_of(one.name, reader) for one in fields(cls)})
        reader.refuse_faults()
        return settings

    @classmethod
    def _value_of(cls, name: str, reader: _Reader) -> Any:  # noqa: ANN401 - of the field's type
        if name == "stage":
            return reader.stage()
        return reader.region() if name == "region" else reader.required(name.upper())


@dataclass(frozen=True, kw_only=True)
class Settings(FunctionSettings):
    """
    The whole configuration of the API.

    *origin_secrets* are the values of which CloudFront adds one to every request,
    two while one is being rotated; empty in stage ``local`` only, where there is
    no front door to pass.
    """

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
    def _value_of(cls, name: str, reader: _Reader) -> Any:  # noqa: ANN401 - of the field's type
        if name == "default_tenant":
            return reader.default_tenant()
        return reader.origin_secrets() if name == "origin_secrets" else super()._value_of(name, reader)


@dataclass(frozen=True, kw_only=True)
class OutboxSettings(FunctionSettings):
    """The whole configuration of the outbox: it reaches the events and nothing else."""

    events_table: str


@dataclass(frozen=True, kw_only=True)
class NoticesSettings(FunctionSettings):
    """The whole configuration of what sends mail: whom to tell, what was told, and who tells it."""

    state_table: str
    mail_from: str


@dataclass(frozen=True, kw_only=True)
class ArchiveSettings(FunctionSettings):
    """The whole configuration of the archive: it reaches one bucket and nothing else."""

    archive_bucket: str


@dataclass(frozen=True, kw_only=True)
class DigestSettings(FunctionSettings):
    """The whole configuration of what signs digests: the archive's bucket, and one key."""

    archive_bucket: str
    digest_key_id: str


@dataclass(frozen=True, kw_only=True)
class AdminSettings(FunctionSettings):
    """The whole configuration of the operators' function."""

    state_table: str
    events_table: str
    secret_key_id: str


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

    def origin_secrets(self) -> tuple[str, ...]:
        secrets = tuple(part for part in self._environ.get("ORIGIN_SECRETS", "").split(",") if part)
        if not secrets and self._environ.get("STAGE") in set(STAGES) - {"local"}:
            self.faults.append("ORIGIN_SECRETS is not set, and every stage but local needs it")
        if len(secrets) > _MOST_ORIGIN_SECRETS:
            self.faults.append("ORIGIN_SECRETS holds more than two values")
        return secrets

    def default_tenant(self) -> str | None:
        tenant_id = self._environ.get("DEFAULT_TENANT") or None
        if tenant_id is not None and not TENANT_ID.fullmatch(tenant_id):
            self.faults.append("DEFAULT_TENANT is no tenant's id")
        return tenant_id

    def refuse_faults(self) -> None:
        if self.faults:
            raise SettingsError("; ".join(self.faults))
