"""
Authenticators that users have already: their secrets taken over from another system.

Whoever has ever had a second factor here is passed over, whatever became of it: an import
that is repeated must not bring back what its owner replaced or the help desk reset.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.accounts.record import User
from chalicelib.accounts.store import AccountStore
from chalicelib.admin.imported_secret import ImportedSecret, parse_secret
from chalicelib.admin.operator import Operator
from chalicelib.admin.outcome import IMPORTED, RowOutcome
from chalicelib.admin.people import found_user
from chalicelib.admin.refusals import RowRefusedError
from chalicelib.admin.store import PersonRows
from chalicelib.audit.event import AUTHENTICATOR_IMPORTED, EventLog
from chalicelib.authenticators.record import Authenticator, Owner
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.errors import ConditionRefusedError, EnrolmentReplacedError
from chalicelib.keys.cipher import SEAL_VERSION, SecretCipher
from chalicelib.methods import Method
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.store import Tenant
from chalicelib.totp import SharedSecret, time_step_at

COLUMNS = ("username", "portal_user", "secret")


@dataclass(frozen=True, kw_only=True)
class SecretImport:
    """Binds secrets that were proven elsewhere. It seals them, and can open none."""

    accounts: AccountStore
    authenticators: AuthenticatorStore
    people: PersonRows
    events: EventLog
    transactions: Transactions
    cipher: SecretCipher
    method: Method

    def bind(
        self, tenant: Tenant, row: Mapping[str, str], operator: Operator, *, dry_run: bool
    ) -> RowOutcome:
        """
        Return what became of *row*: imported, there already, or refused.

        One transaction makes it active, with every code up to now spent, and tells of it; the
        user's other sessions end with that. Of a secret nothing is told but by its sealed form.
        """
        try:
            imported = parse_secret(row.get("secret", ""))
            user = self._owner_of(tenant, row, imported)
            if user.was_enrolled:
                return self._known_before(tenant, user, imported)
            if dry_run:
                return RowOutcome.done(IMPORTED)
            return self._bound(tenant, user, imported, operator)
        except RowRefusedError as error:
            return RowOutcome.refused(error)

    def _owner_of(self, tenant: Tenant, row: Mapping[str, str], imported: ImportedSecret) -> User:
        username, portal_user = (row.get(name, "").strip() for name in ("username", "portal_user"))
        if not username and not portal_user:
            username = imported.account_name or ""
        if not username and not portal_user:
            raise RowRefusedError("nothing says whose secret it is")
        user = found_user(self.accounts, tenant, username=username, portal_user=portal_user)
        if user is None:
            raise RowRefusedError("there is no such user")
        return user

    def _bound(
        self, tenant: Tenant, user: User, imported: ImportedSecret, operator: Operator
    ) -> RowOutcome:
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        authenticator_id = secrets.token_hex(16)
        entry = Authenticator(
            authenticator_id=authenticator_id,
            name=imported.name(otherwise=self.method.default_authenticator_name),
            sealed=self.cipher.seal(
                imported.secret,
                owner.seal_context(authenticator_id, SEAL_VERSION),
                key_arn=tenant.secret_key_arn,
            ),
            # Whoever ran the other system may have seen today's codes; none of them opens anything.
            last_accepted_time_step=time_step_at(operator.now),
            bound_at=operator.now,
            last_used_at=None,
        )
        event = operator.event(
            AUTHENTICATOR_IMPORTED,
            tenant_id=user.tenant_id,
            user_id=user.user_id,
            subject=authenticator_id,
        )
        mark = _mark(tenant, user, imported.secret)
        try:
            self.transactions.commit(
                self.authenticators.imported(owner, self.method.name, entry),
                self.accounts.second_factor_changed(user, epoch=0),
                self.people.import_noted(owner, mark=mark, imported_at=operator.now),
                self.events.recorded(event),
            )
        except (ConditionRefusedError, EnrolmentReplacedError) as error:
            now_there = self.accounts.get(user.tenant_id, user.user_id)
            if now_there is None:
                raise RowRefusedError("there is no such user") from error
            return self._known_before(tenant, now_there, imported)
        return RowOutcome.done(IMPORTED)

    def _known_before(self, tenant: Tenant, user: User, imported: ImportedSecret) -> RowOutcome:
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        known = self.people.import_mark(owner)
        if known is not None and hmac.compare_digest(known, _mark(tenant, user, imported.secret)):
            return RowOutcome.unchanged()
        if self.authenticators.bound(owner, self.method.name) is None:
            raise RowRefusedError("the user had an authenticator before, which was taken away")
        raise RowRefusedError("the user has an authenticator already")


def _mark(tenant: Tenant, user: User, secret: SharedSecret) -> str:
    # Under the tenant's own key and for this user alone; of 128 random bits nobody guesses one.
    message = b"imported|" + user.user_id.encode() + b"|" + secret.octets
    return hmac.new(tenant.lookup_key, message, hashlib.sha256).hexdigest()
