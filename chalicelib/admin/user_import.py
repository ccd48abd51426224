"""Users added in numbers: whom another directory or the portal knows already. Safe to repeat."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.accounts.record import NOT_ENROLLED, User, lookup_hash, user_id_of
from chalicelib.accounts.store import AccountStore
from chalicelib.admin.operator import Operator
from chalicelib.admin.outcome import ADDED, RowOutcome
from chalicelib.admin.refusals import RowRefusedError
from chalicelib.admin.user_draft import UserDraft, read_user
from chalicelib.audit.event import USER_ADDED, EventLog
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Change, Transactions
from chalicelib.tenants.store import Tenant


@dataclass(frozen=True, kw_only=True)
class UserImport:
    """Adds users with a hash of the password that they have, or those whom a portal will hand over."""

    accounts: AccountStore
    events: EventLog
    transactions: Transactions

    def add(
        self, tenant: Tenant, row: Mapping[str, str], operator: Operator, *, dry_run: bool
    ) -> RowOutcome:
        """
        Return what became of *row*: added, there already and left alone, or refused.

        One transaction with its event; a user who is there is never changed.
        """
        try:
            draft = read_user(row, tenant.profile)
            if not dry_run:
                return self._added(tenant, draft, operator)
            return RowOutcome.unchanged() if self._is_there(tenant, draft) else RowOutcome.done(ADDED)
        except RowRefusedError as error:
            return RowOutcome.refused(error)

    def _added(self, tenant: Tenant, draft: UserDraft, operator: Operator) -> RowOutcome:
        user = _user_of(tenant, draft, now=operator.now)
        event = operator.event(USER_ADDED, tenant_id=tenant.tenant_id, user_id=user.user_id)
        try:
            self.transactions.commit(*self._stored(tenant, user), self.events.recorded(event))
        except ConditionRefusedError:
            # Added before, perhaps by this very row, its answer lost. Looked at only now: most are new.
            if self._is_there(tenant, draft):
                return RowOutcome.unchanged()
            raise
        return RowOutcome.done(ADDED)

    def _stored(self, tenant: Tenant, user: User) -> tuple[Change, ...]:
        if user.password_hash is None:  # found by the portal's id alone: names there may be shared
            return (self.accounts.enlisted(user),)
        return self.accounts.added(user, lookup_hash(tenant.lookup_key, user.username))

    def _is_there(self, tenant: Tenant, draft: UserDraft) -> bool:
        """Say whether exactly this user is there; refuse the row if a part of it is another's."""
        by_portal = by_name = None
        if draft.portal_user is not None:
            user_id = user_id_of(tenant.lookup_key, draft.portal_user)
            by_portal = self.accounts.get(tenant.tenant_id, user_id)
        if draft.password_hash is None:
            return by_portal is not None
        lookup = lookup_hash(tenant.lookup_key, draft.username)
        by_name = self.accounts.find(tenant.tenant_id, lookup)
        if by_name is None:
            if by_portal is not None:
                raise RowRefusedError("portal_user is there already, under another user name")
            return False
        if by_name.portal_user != draft.portal_user:
            raise RowRefusedError("username is there already, with another portal_user")
        return True


def _user_of(tenant: Tenant, draft: UserDraft, *, now: int) -> User:
    return User(
        tenant_id=tenant.tenant_id,
        user_id=secrets.token_hex(16)
        if draft.portal_user is None
        else user_id_of(tenant.lookup_key, draft.portal_user),
        username=draft.username,
        language=draft.language,
        status=NOT_ENROLLED,
        epoch=0,
        created_at=now,
        password_hash=draft.password_hash,
        portal_user=draft.portal_user,
        addresses=draft.addresses,
    )
