"""The help desk's people: added and removed by operators, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.accounts.authority import Directory, UsernameRefusedError
from chalicelib.accounts.passwords import PasswordRefusedError
from chalicelib.accounts.record import HELP_DESK, LONGEST_USERNAME_CHARACTERS, User, lookup_hash
from chalicelib.accounts.store import AccountStore
from chalicelib.admin.operator import Operator
from chalicelib.admin.refusals import AdminRefusedError, RowRefusedError
from chalicelib.admin.user_draft import read_addresses
from chalicelib.audit.event import USER_ADDED, EventLog
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.store import Tenant

ROLE_TOLD = {"role": HELP_DESK}


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Adds staff of one tenant's help desk. Whoever lost the phone is removed and added again."""

    directory: Directory
    accounts: AccountStore
    events: EventLog
    transactions: Transactions

    def add(
        self,
        tenant: Tenant,
        *,
        user_id: str,
        username: str,
        password: str,
        language: str | None,
        operator: Operator,
        addresses: str = "",
    ) -> User:
        """
        Return the member of staff just added, in one transaction with its event.

        *user_id* is a new id that the command has drawn: the same request again, its answer lost,
        finds them there. *addresses*, by semicolons, are where their notices go; without any the
        name, if it is one.

        Raises:
            AdminRefusedError: Name, password, language or addresses are refused, or the name is taken.
        """
        languages = tenant.profile.languages
        if language is not None and language not in languages:
            raise AdminRefusedError(f"LANGUAGE must be one of the tenant's: {', '.join(languages)}.")
        try:
            drafted = self.directory.drafted(
                tenant,
                username=username,
                password=password,
                language=language or tenant.profile.default_language,
                role=HELP_DESK,
                addresses=read_addresses(addresses),
            )
        except RowRefusedError as error:
            raise AdminRefusedError(f"ADDRESSES are refused: {error}.") from error
        except UsernameRefusedError as error:
            raise AdminRefusedError(
                f"USERNAME must have 1 to {LONGEST_USERNAME_CHARACTERS} characters that can be shown;"
                " with ß or the like in a mail address it takes ADDRESSES."
            ) from error
        except PasswordRefusedError as error:
            raise AdminRefusedError(f"The password is refused: {error}") from error
        user = replace(drafted, user_id=user_id)
        event = operator.event(
            USER_ADDED, tenant_id=user.tenant_id, user_id=user.user_id, details=ROLE_TOLD
        )
        lookup = lookup_hash(tenant.lookup_key, user.username, role=HELP_DESK)
        try:
            self.transactions.commit(*self.accounts.added(user, lookup), self.events.recorded(event))
        except ConditionRefusedError as error:
            there = self.accounts.find(tenant.tenant_id, lookup)
            if there is not None and there.user_id == user_id:
                return there
            raise AdminRefusedError(
                f"The help desk of {tenant.tenant_id} has somebody of that name already."
            ) from error
        return user


def told(users: tuple[User, ...]) -> Iterator[dict[str, object]]:
    """Yield what is told of each member of staff."""
    for user in users:
        yield {
            "username": user.username,
            "language": user.language,
            "second_factor": user.status,
            "created_at": user.created_at,
        }
