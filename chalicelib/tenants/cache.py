"""Tenants remembered for a minute: names, brand and texts change rarely and bear being late."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.tenants.store import Tenant, TenantStore

REMEMBERED_SECONDS = 60
_MOST_TENANTS = 1_000


class RememberedTenants:
    """Reads through to *store*, at most once a minute and tenant. Unknown ids are not remembered."""

    def __init__(self, store: TenantStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._remembered: dict[str, tuple[float, Tenant]] = {}

    def get(self, tenant_id: str) -> Tenant:
        """
        Return the tenant as it was at most a minute ago.

        Raises:
            NotFoundError: There is none of that id.
        """
        remembered = self._remembered.get(tenant_id)
        if remembered and self._clock() - remembered[0] < REMEMBERED_SECONDS:
            return remembered[1]
        tenant = self._store.get(tenant_id)
        if len(self._remembered) >= _MOST_TENANTS:
            self._remembered.clear()
        self._remembered[tenant_id] = (self._clock(), tenant)
        return tenant
