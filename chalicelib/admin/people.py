"""Whom a command is about: found by the user name or by the portal's own id."""

from __future__ import annotations

from chalicelib.accounts.record import USER, User, lookup_hash, normalised_username, user_id_of
from chalicelib.accounts.store import AccountStore
from chalicelib.admin.refusals import RowRefusedError
from chalicelib.tenants.store import Tenant


def found_user(
    accounts: AccountStore, tenant: Tenant, *, username: str, portal_user: str = "", role: str = USER
) -> User | None:
    """
    Return who is called so, strongly read; None if there is nobody.

    A portal's users are found by its own id: the names that it tells are for show and may be shared.

    Raises:
        RowRefusedError: Both are said, and they do not name the same person.
    """
    name = normalised_username(username)
    if not portal_user:
        return accounts.find(tenant.tenant_id, lookup_hash(tenant.lookup_key, name, role=role))
    user = accounts.get(tenant.tenant_id, user_id_of(tenant.lookup_key, portal_user))
    signs_in_by_name = user is not None and user.password_hash is not None
    if user is not None and name and signs_in_by_name and user.username != name:
        raise RowRefusedError("username and portal_user do not name the same user")
    return user
