"""The port: where tenants are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.tenants.profile import Profile


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """
    A tenant as stored: its profile, and the key that turns names into look-up hashes.

    *version* counts the profiles applied so far.
    """

    profile: Profile
    version: int
    lookup_key: bytes = field(repr=False)


class TenantStore(Protocol):
    """Tenants by id."""

    def get(self, tenant_id: str) -> Tenant:
        """
        Return the tenant, strongly read.

        Raises:
            NotFoundError: There is none of that id.
        """

    def apply(self, profile: Profile) -> Tenant:
        """
        Make *profile* the tenant's current one; make the tenant if it is new.

        One conditional write: the look-up key, once drawn, never changes.
        """
