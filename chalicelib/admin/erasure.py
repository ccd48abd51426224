"""
One person erased: everything that names them or lets them in; what remains are events with an id.

The rows, the name and the session's footing go in one transaction with the event that tells of it.
Requests that were being answered meanwhile may leave a row behind: once they have ended, a sweep
takes that too.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.accounts.record import User, lookup_hash, normalised_username
from chalicelib.accounts.store import AccountStore
from chalicelib.admin.operator import Operator
from chalicelib.admin.refusals import AdminRefusedError
from chalicelib.admin.staff import ROLE_TOLD
from chalicelib.admin.store import USER_ROW, PersonRows
from chalicelib.audit.event import USER_ERASED, EventLog
from chalicelib.authenticators.record import Owner
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.store import Tenant

# What DynamoDB takes in one transaction, less the user, the name, its attempts and the event.
_MOST_ROWS_AT_ONCE = 90


@dataclass(frozen=True, kw_only=True)
class PersonErasure:
    """Erases one user or one of the help desk's staff."""

    accounts: AccountStore
    people: PersonRows
    events: EventLog
    transactions: Transactions

    def erase(self, tenant: Tenant, user_id: str, operator: Operator, *, created_at: int) -> int:
        """
        Take the user of that id away for good, and return how many rows that were. Their sessions end.

        May be asked for again, for only who was stored at *created_at* is meant: once they are
        gone, nothing more is removed. Somebody whom a portal sends later has the same id and is
        another.

        Raises:
            AdminRefusedError: They were renamed by somebody else meanwhile.
        """
        user = self._stored_at(created_at, tenant, user_id)
        if user is None:
            return 0
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        sort_keys = [str(row["sk"]) for row in self.people.rows(owner)]
        lookup = self._own_lookup(tenant, user)
        changes = self.people.erased(user, lookup=lookup, sort_keys=sort_keys[:_MOST_ROWS_AT_ONCE])
        event = operator.event(
            USER_ERASED,
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            details=ROLE_TOLD if user.is_staff else None,
        )
        try:
            self.transactions.commit(*changes, self.events.recorded(event))
        except ConditionRefusedError as error:
            if self._stored_at(created_at, tenant, user_id) is None:
                return 0  # the same request was sent twice, or a colleague was quicker
            raise AdminRefusedError("Somebody renamed them meanwhile. Look again.") from error
        return len(changes)

    def sweep(self, owner: Owner) -> int | None:
        """
        Remove what was left behind by somebody erased before, and return how many rows that were.

        None if there is a user of that id, if only again: nothing of theirs is swept.
        """
        sort_keys = [str(row["sk"]) for row in self.people.rows(owner)]
        if USER_ROW in sort_keys:
            return None
        for sort_key in sort_keys:
            try:
                self.transactions.commit(*self.people.swept(owner, sort_key))
            except ConditionRefusedError:
                return None
        return len(sort_keys)

    def _stored_at(self, created_at: int, tenant: Tenant, user_id: str) -> User | None:
        user = self.accounts.get(tenant.tenant_id, user_id)
        return user if user is not None and user.created_at == created_at else None

    def _own_lookup(self, tenant: Tenant, user: User) -> str | None:
        # Of a portal's users the name is for show: whoever signs in by it with us is somebody else.
        lookup = lookup_hash(tenant.lookup_key, normalised_username(user.username), role=user.role)
        found = self.accounts.find(user.tenant_id, lookup)
        return lookup if found is not None and found.user_id == user.user_id else None
