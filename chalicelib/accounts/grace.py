"""How long a user may go on without a second factor: set once, when they are first met."""

from __future__ import annotations

from chalicelib.accounts.record import User
from chalicelib.accounts.store import AccountStore
from chalicelib.tenants.profile import Policy


def grace_until(
    accounts: AccountStore,
    policy: Policy,
    *,
    tenant_id: str,
    user_id: str,
    user: User | None,
    now: int,
) -> int | None:
    """
    Return until when the user may wait (epoch seconds), or None for not at all.

    Nothing moves it once it is set: no sign-in, no other profile, no reset. Whoever
    had a second factor before waits for none, and *user* may be one not known yet.
    One write where the policy gives time, none where it does not.
    """
    if not policy.gives_time or (user is not None and user.was_enrolled):
        return None
    return accounts.grace_until(tenant_id, user_id, due_at=policy.due_at(first_met_at=now), now=now)
