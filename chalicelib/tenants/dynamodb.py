"""
Tenants in DynamoDB: rows ``PROFILE`` and ``PROFILE#{version}`` in the tenant's partition.

Clients and return addresses are part of the profile, so one strong read tells
all that a portal's request needs; a profile is parsed anew only when its text
has changed. A host's row, ``HOST#{host}`` / ``TENANT``, makes it one tenant's.
IAM: dynamodb:GetItem on ``T#*`` and ``HOST#*``; the writes are the operator's alone.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.errors import ConditionRefusedError, NotFoundError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, delete, put, update
from chalicelib.storage.rows import StateRow, tenant_partition
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import HostTakenError, Tenant, TenantChangedError, Version, hosts_given_up

_PROFILE = "PROFILE"
_TENANT = "TENANT"
_ATTEMPTS = 20  # to apply a profile beside others who do the same


class _ProfileRow(StateRow):
    profile = UnicodeAttribute()
    version = NumberAttribute()
    lookup_key = BinaryAttribute(legacy_encoding=False)
    suspended_at = NumberAttribute(null=True)
    secret_key_arn = UnicodeAttribute(null=True)


class _VersionRow(StateRow):
    profile = UnicodeAttribute()
    applied_at = NumberAttribute()
    applied_by = UnicodeAttribute()


class _HostRow(StateRow):
    tenant = UnicodeAttribute()


class DynamoTenants:
    """The `TenantStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parsed: dict[str, tuple[str, Profile]] = {}

    def get(self, tenant_id: str) -> Tenant:
        row = self._database.get(_ProfileRow, tenant_partition(tenant_id), _PROFILE)
        if row is None:
            raise NotFoundError
        return Tenant(
            profile=self._profile(tenant_id, row.profile),
            version=int(row.version),
            lookup_key=row.lookup_key,
            suspended_at=_optional_int(row.suspended_at),
            secret_key_arn=row.secret_key_arn,
        )

    def id_at(self, host: str) -> str | None:
        row = self._database.get(_HostRow, _host_partition(host), _TENANT)
        return None if row is None else str(row.tenant)

    def apply(
        self,
        profile: Profile,
        *,
        at: int = 0,
        by: str = "operator",
        secret_key_arn: str | None = None,
    ) -> Tenant:
        for _ in range(_ATTEMPTS):
            with suppress(TenantChangedError):
                self._apply_once(profile, at=at, by=by, secret_key_arn=secret_key_arn)
                return self.get(profile.tenant_id)
        raise TenantChangedError

    def version(self, tenant_id: str, number: int) -> Version:
        row = self._database.get(_VersionRow, tenant_partition(tenant_id), _version_key(number))
        if row is None:
            raise NotFoundError
        return Version(
            number=number,
            applied_at=int(row.applied_at),
            applied_by=row.applied_by,
            profile=_parse(row.profile),
        )

    def suspend(self, tenant_id: str, *, at: int) -> None:
        row = _ProfileRow(tenant_partition(tenant_id), _PROFILE)
        self._database.apply(
            update(
                row,
                [_ProfileRow.suspended_at.set(_ProfileRow.suspended_at | at)],
                only_if=_ProfileRow.pk.exists(),
                refused=NotFoundError(),
            )
        )

    def resume(self, tenant_id: str) -> None:
        row = _ProfileRow(tenant_partition(tenant_id), _PROFILE)
        self._database.apply(
            update(
                row,
                [_ProfileRow.suspended_at.remove()],
                only_if=_ProfileRow.pk.exists(),
                refused=NotFoundError(),
            )
        )

    def _apply_once(self, profile: Profile, *, at: int, by: str, secret_key_arn: str | None) -> None:
        tenant_id = profile.tenant_id
        text = json.dumps(profile.source, ensure_ascii=False, sort_keys=True)
        try:
            before: Tenant | None = self.get(tenant_id)
        except NotFoundError:
            before = None
        number = 1 if before is None else before.version + 1
        changes = [
            _first(tenant_id, text, secret_key_arn)
            if before is None
            else _next(tenant_id, text, before, secret_key_arn),
            put(
                _VersionRow(
                    tenant_partition(tenant_id),
                    _version_key(number),
                    profile=text,
                    applied_at=at,
                    applied_by=by,
                ),
                refused=ConditionRefusedError(),
            ),
        ]
        changes += [_host_taken(host, tenant_id) for host in profile.hosts]
        if before is not None:
            given_up = hosts_given_up(before.profile.hosts, profile.hosts)
            changes += [_host_given_up(host, tenant_id) for host in given_up]
        try:
            self._database.commit(*changes)
        except _HostRefusedError as error:
            raise HostTakenError from error
        except ConditionRefusedError as error:
            raise TenantChangedError from error

    def _profile(self, tenant_id: str, text: str) -> Profile:
        known = self._parsed.get(tenant_id)
        if known is not None and known[0] == text:
            return known[1]
        profile = _parse(text)
        self._parsed[tenant_id] = (text, profile)
        return profile


def _optional_int(value: float | None) -> int | None:
    return None if value is None else int(value)


class _HostRefusedError(ConditionRefusedError):
    """A host's row is another tenant's."""


def _parse(text: str) -> Profile:
    # What was applied in stage local may name addresses of that machine; elsewhere none was applied.
    return Profile.from_json(json.loads(text), local=True)


def _first(tenant_id: str, text: str, secret_key_arn: str | None) -> Change:
    row = _ProfileRow(
        tenant_partition(tenant_id),
        _PROFILE,
        profile=text,
        version=1,
        lookup_key=secrets.token_bytes(32),
        secret_key_arn=secret_key_arn,
    )
    return put(row, only_if=_ProfileRow.pk.does_not_exist(), refused=ConditionRefusedError())


def _next(tenant_id: str, text: str, before: Tenant, secret_key_arn: str | None) -> Change:
    actions = [_ProfileRow.profile.set(text), _ProfileRow.version.add(1)]
    if secret_key_arn is not None:
        actions.append(_ProfileRow.secret_key_arn.set(secret_key_arn))
    return update(
        _ProfileRow(tenant_partition(tenant_id), _PROFILE),
        actions,
        only_if=_ProfileRow.version == before.version,
        refused=ConditionRefusedError(),
    )


def _host_taken(host: str, tenant_id: str) -> Change:
    return put(
        _HostRow(_host_partition(host), _TENANT, tenant=tenant_id),
        only_if=_HostRow.pk.does_not_exist() | (_HostRow.tenant == tenant_id),
        refused=_HostRefusedError(),
    )


def _host_given_up(host: str, tenant_id: str) -> Change:
    return delete(
        _HostRow(_host_partition(host), _TENANT),
        only_if=_HostRow.pk.does_not_exist() | (_HostRow.tenant == tenant_id),
        refused=_HostRefusedError(),
    )


def _host_partition(host: str) -> str:
    return f"HOST#{host}"


def _version_key(number: int) -> str:
    return f"{_PROFILE}#{number:06d}"
