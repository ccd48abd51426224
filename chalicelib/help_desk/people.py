"""Whom the help desk may see and help: the users of its own tenant, and nobody of the staff."""

from __future__ import annotations

import re

from chalicelib.accounts.record import User
from chalicelib.accounts.store import AccountStore
from chalicelib.authenticators.record import Owner
from chalicelib.caller import Caller
from chalicelib.errors import NotFoundError

_USER_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NOBODY = "nobody"


def find_user(accounts: AccountStore, staff: Caller, user_id: str) -> User:
    """
    Return the user of that id in *staff*'s own tenant; one strong read, whatever the id.

    Raises:
        NotFoundError: There is no such user here, or it is one of the staff, *staff* among them.
    """
    # What cannot be an id is looked for all the same: it must not be told apart.
    sought = user_id if _USER_ID.fullmatch(user_id) else _NOBODY
    user = accounts.get(staff.session.tenant_id, sought)
    if user is None or user.is_staff:
        raise NotFoundError
    return user


def owner_of(user: User) -> Owner:
    """Return *user* as the owner of authenticators."""
    return Owner(tenant_id=user.tenant_id, user_id=user.user_id)
