"""The port: where tenants are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.errors import TenantSuspendedError
from chalicelib.tenants.profile import Profile


class HostTakenError(Exception):
    """Another tenant has one of the profile's host names."""


class TenantChangedError(Exception):
    """Somebody else changed the tenant meanwhile; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One profile that was applied: its number, when (epoch seconds), by whom, and the profile."""

    number: int
    applied_at: int
    applied_by: str
    profile: Profile


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """
    A tenant as stored: its profile, and the key that turns names into look-up hashes.

    *version* counts the profiles applied so far. *suspended_at* is None while the
    service is open. *secret_key_arn* is the KMS key of this tenant's own, if it has one.
    """

    profile: Profile
    version: int
    lookup_key: bytes = field(repr=False)
    suspended_at: int | None = None
    secret_key_arn: str | None = None

    @property
    def tenant_id(self) -> str:
        """The slug by which everything of the tenant is kept."""
        return self.profile.tenant_id

    def require_open(self) -> None:
        """
        Return unless the operator has suspended the tenant.

        Raises:
            TenantSuspendedError: Nobody is let in.
        """
        if self.suspended_at is not None:
            raise TenantSuspendedError


class TenantStore(Protocol):
    """Tenants by id, and by the names of hosts."""

    def get(self, tenant_id: str) -> Tenant:
        """
        Return the tenant, strongly read.

        Raises:
            NotFoundError: There is none of that id.
        """

    def id_at(self, host: str) -> str | None:
        """Return the id of the tenant that has *host*, strongly read; None if none has."""

    def apply(
        self,
        profile: Profile,
        *,
        at: int = 0,
        by: str = "operator",
        secret_key_arn: str | None = None,
    ) -> Tenant:
        """
        Make *profile* the tenant's current one; make the tenant if it is new.

        One transaction with the version's own row and the rows of its hosts. The
        look-up key, once drawn, never changes, and a key of its own, once had, stays.

        Raises:
            HostTakenError: Another tenant has one of the hosts; nothing was written.
        """

    def version(self, tenant_id: str, number: int) -> Version:
        """
        Return the profile that was applied as *number*.

        Raises:
            NotFoundError: There is none.
        """

    def suspend(self, tenant_id: str, *, at: int) -> None:
        """
        Let nobody in, from now on. Suspending again keeps the first time.

        Raises:
            NotFoundError: There is no such tenant.
        """

    def resume(self, tenant_id: str) -> None:
        """
        Let users in again.

        Raises:
            NotFoundError: There is no such tenant.
        """


def hosts_given_up(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the hosts that a new profile no longer names."""
    return [host for host in before if host not in after]
