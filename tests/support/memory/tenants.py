"""The in-memory double of tenants."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from chalicelib.errors import (
    NotFoundError,
)
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import HostTakenError, Tenant, Version
from tests.support.memory.transactions import MemoryTransactions


class MemoryTenants:
    """The `TenantStore` double."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._lock = transactions.lock
        self._tenants: dict[str, Tenant] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._ids_by_host: dict[str, str] = {}

    def get(self, tenant_id: str) -> Tenant:
        with self._lock:
            if tenant_id not in self._tenants:
                raise NotFoundError
            return self._tenants[tenant_id]

    def id_at(self, host: str) -> str | None:
        with self._lock:
            return self._ids_by_host.get(host)

    def apply(
        self,
        profile: Profile,
        *,
        at: int = 0,
        by: str = "operator",
        secret_key_arn: str | None = None,
    ) -> Tenant:
        tenant_id = profile.tenant_id
        with self._lock:
            if any(self._ids_by_host.get(host, tenant_id) != tenant_id for host in profile.hosts):
                raise HostTakenError
            known = self._tenants.get(tenant_id)
            if known is None:
                known = Tenant(profile=profile, version=0, lookup_key=secrets.token_bytes(32))
            for host in known.profile.hosts:
                _forget(self._ids_by_host, host)
            self._ids_by_host |= dict.fromkeys(profile.hosts, tenant_id)
            tenant = replace(
                known,
                profile=profile,
                version=known.version + 1,
                secret_key_arn=secret_key_arn or known.secret_key_arn,
            )
            self._tenants[tenant_id] = tenant
            self._versions[tenant_id, tenant.version] = Version(
                number=tenant.version, applied_at=at, applied_by=by, profile=profile
            )
            return tenant

    def version(self, tenant_id: str, number: int) -> Version:
        with self._lock:
            if (tenant_id, number) not in self._versions:
                raise NotFoundError
            return self._versions[tenant_id, number]

    def suspend(self, tenant_id: str, *, at: int) -> None:
        with self._lock:
            tenant = self.get(tenant_id)
            suspended_at = at if tenant.suspended_at is None else tenant.suspended_at
            self._tenants[tenant_id] = replace(tenant, suspended_at=suspended_at)

    def resume(self, tenant_id: str) -> None:
        with self._lock:
            self._tenants[tenant_id] = replace(self.get(tenant_id), suspended_at=None)


def _forget(rows: dict[Any, Any], key: object) -> None:
    rows.pop(key, None)
