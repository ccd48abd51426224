"""
One person erased: everything that names them or lets them in; what remains are events with an id.

The rows, the name and the session's footing go in one transaction with the event that tells of it.
Requests that were being answered meanwhile may leave a row behind, which a second look sweeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.accounts.record import HELP_DESK, User, lookup_hash, normalised_username
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

    def erase(self, tenant: Tenant, user: User, operator: Operator) -> int:
        """
        Take *user* away for good, and return how many rows that were. Their sessions end.

        Raises:
            AdminRefusedError: They were erased or changed by somebody else meanwhile.
        """
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
            raise AdminRefusedError("Somebody erased or renamed them meanwhile. Look again.") from error
        return len(changes) + self.sweep(owner)

    def sweep(self, owner: Owner) -> int:
        """
        Remove what was left behind by somebody erased before, and return how many rows that were.

        Raises:
            AdminRefusedError: There is such a user.
        """
        sort_keys = [str(row["sk"]) for row in self.people.rows(owner)]
        if USER_ROW in sort_keys:
            raise AdminRefusedError("There is a user of that id: nothing of theirs is swept.")
        for sort_key in sort_keys:
            try:
                self.transactions.commit(*self.people.swept(owner, sort_key))
            except ConditionRefusedError as error:
                raise AdminRefusedError("There is a user of that id just now. Look again.") from error
        return len(sort_keys)

    def _own_lookup(self, tenant: Tenant, user: User) -> str | None:
        # Of a portal's users the name is for show: whoever signs in by it with us is somebody else.
        role = HELP_DESK if user.is_staff else user.role
        lookup = lookup_hash(tenant.lookup_key, normalised_username(user.username), role=role)
        found = self.accounts.find(user.tenant_id, lookup)
        return lookup if found is not None and found.user_id == user.user_id else None
