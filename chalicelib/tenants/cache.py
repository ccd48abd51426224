"""Tenants remembered for a minute: names, brand and texts change rarely and bear being late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from chalicelib.tenants.store import Tenant, TenantStore

REMEMBERED_SECONDS = 60
_MOST_REMEMBERED = 1_000
_Value = TypeVar("_Value")


class RememberedTenants:
    """Reads through to *store*, at most once a minute and tenant. Unknown ids are not remembered."""

    def __init__(self, store: TenantStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._tenants: _Remembered[Tenant] = _Remembered(clock)
        self._ids_by_host: _Remembered[str | None] = _Remembered(clock)

    def get(self, tenant_id: str) -> Tenant:
        """
        Return the tenant as it was at most a minute ago.

        Raises:
            NotFoundError: There is none of that id.
        """
        return self._tenants.get(tenant_id, self._store.get)

    def id_at(self, host: str) -> str | None:
        """Return the id of the tenant that had *host* at most a minute ago; None if none had."""
        return self._ids_by_host.get(host, self._store.id_at)


class _Remembered(Generic[_Value]):
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: dict[str, tuple[float, _Value]] = {}

    def get(self, key: str, look_up: Callable[[str], _Value]) -> _Value:
        remembered = self._values.get(key)
        if remembered and self._clock() - remembered[0] < REMEMBERED_SECONDS:
            return remembered[1]
        value = look_up(key)
        if len(self._values) >= _MOST_REMEMBERED:
            self._values.clear()
        self._values[key] = (self._clock(), value)
        return value
