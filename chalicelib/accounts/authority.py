"""Who says whether a password is right: the port, and our own directory behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.accounts.addresses import is_another_address
from chalicelib.accounts.passwords import check_new_password, hash_password, needs_rehash, prove_password
from chalicelib.accounts.record import (
    HELP_DESK,
    LONGEST_USERNAME_CHARACTERS,
    NOT_ENROLLED,
    USER,
    User,
    lookup_hash,
    normalised_username,
    user_id_of,
)
from chalicelib.accounts.store import AccountStore, PasswordSubject
from chalicelib.errors import ConditionRefusedError, PasswordHeldByPortalError, PasswordMismatchError
from chalicelib.storage.changes import Change, Transactions
from chalicelib.tenants.store import Tenant


@dataclass(frozen=True)
class ProvenPassword:
    """A user whose password was right, and the change that forgives the attempts before."""

    user: User
    forgiven: Change


class UsernameRefusedError(ValueError):
    """The name is empty, too long, cannot be shown or would send notices to somebody else."""


class PasswordAuthority(Protocol):
    """Checks passwords: our directory, or the portal's own one day."""

    def prove(
        self, tenant: Tenant, *, username: str, password: str, now: int, role: str = USER
    ) -> ProvenPassword:
        """
        Return the one of *role* who signs in. The attempt is counted before it is looked at.

        A user who does not exist costs the same calls and the same work. The help desk's
        staff have names of their own, and their passwords are ours to check in every tenant.

        Raises:
            PasswordHeldByPortalError: The passwords of this tenant's users are not ours to check.
            PasswordMismatchError: Name and password do not belong together.
            TooManyAttemptsError: The next attempt is not due yet.
        """

    def prove_again(self, tenant: Tenant, user: User, *, password: str, now: int) -> ProvenPassword:
        """
        Return *user* of *tenant*, who is signed in, once the password is right.

        Counted apart from sign-in, so that a stranger's guesses stop nobody here. The help
        desk's staff are asked by us, whoever holds the users' passwords.

        Raises:
            PasswordHeldByPortalError: The portal has to ask for it.
            PasswordMismatchError: It is not the password.
            TooManyAttemptsError: The next attempt is not due yet.
        """


class Directory:
    """The built-in `PasswordAuthority`, which also takes new users."""

    def __init__(
        self, accounts: AccountStore, transactions: Transactions, *, clock: Callable[[], float]
    ) -> None:
        self._accounts = accounts
        self._transactions = transactions
        self._clock = clock

    def prove(
        self, tenant: Tenant, *, username: str, password: str, now: int, role: str = USER
    ) -> ProvenPassword:
        if role == USER and tenant.profile.passwords != "directory":
            raise PasswordHeldByPortalError
        lookup = lookup_hash(tenant.lookup_key, normalised_username(username), role=role)
        subject = PasswordSubject.of_name(lookup)
        self._accounts.count_password_attempt(subject, now=now)
        user = self._accounts.find(tenant.profile.tenant_id, lookup)
        prove_password(password, user.password_hash if user else None)
        if user is None or user.role != role:
            raise PasswordMismatchError
        self._renew_hash(user, password)
        return ProvenPassword(user, self._accounts.password_attempts_forgiven(subject))

    def prove_again(self, tenant: Tenant, user: User, *, password: str, now: int) -> ProvenPassword:
        # A user's hash from before the portal took the passwords over proves nothing any more.
        is_ours = user.is_staff or tenant.profile.passwords == "directory"
        if not is_ours or user.password_hash is None:
            raise PasswordHeldByPortalError
        subject = PasswordSubject.of_user(user.tenant_id, user.user_id)
        self._accounts.count_password_attempt(subject, now=now)
        prove_password(password, user.password_hash)
        return ProvenPassword(user, self._accounts.password_attempts_forgiven(subject))

    def create_user(
        self,
        tenant: Tenant,
        *,
        username: str,
        password: str,
        language: str,
        portal_user: str | None = None,
        role: str = USER,
        addresses: tuple[str, ...] = (),
    ) -> User:
        """
        Return the user just added to *tenant*; *portal_user* is what a portal calls them, if any does.

        Of the *role* of the help desk they enter by its own entrance, and no portal knows them.

        Raises:
            UsernameRefusedError: The name is empty, too long or cannot be shown; or it is no
                address of its owner's once its case is folded, and *addresses* name none.
            PasswordRefusedError: The password may not be chosen.
            UserExistsError: The name is taken.
        """
        user = self.drafted(
            tenant,
            username=username,
            password=password,
            language=language,
            portal_user=portal_user,
            role=role,
            addresses=addresses,
        )
        self._accounts.add(user, lookup_hash(tenant.lookup_key, user.username, role=role))
        return user

    def drafted(
        self,
        tenant: Tenant,
        *,
        username: str,
        password: str,
        language: str,
        portal_user: str | None = None,
        role: str = USER,
        addresses: tuple[str, ...] = (),
    ) -> User:
        """
        Return a new user as `create_user` would add them, and store nothing.

        Raises:
            UsernameRefusedError: The name is empty, too long or cannot be shown; or it is no
                address of its owner's once its case is folded, and *addresses* name none.
            PasswordRefusedError: The password may not be chosen.
        """
        if role == HELP_DESK and portal_user is not None:
            raise ValueError("no portal hands staff over")
        profile = tenant.profile
        typed, username = username, normalised_username(username)
        if not username.isprintable() or not 0 < len(username) <= LONGEST_USERNAME_CHARACTERS:
            raise UsernameRefusedError
        if not addresses and is_another_address(typed, username=username):
            raise UsernameRefusedError
        check_new_password(
            password,
            # Until staff have bound an authenticator their password stands alone, whatever the tenant's
            # policy is: whoever guesses it by then binds one of their own.
            second_factor_required=role != HELP_DESK and profile.policy.second_factor == "required",
            names=(profile.portal_name, profile.issuer, profile.tenant_id, username),
        )
        return User(
            tenant_id=profile.tenant_id,
            user_id=secrets.token_hex(16)
            if portal_user is None
            else user_id_of(tenant.lookup_key, portal_user),
            username=username,
            language=language,
            status=NOT_ENROLLED,
            epoch=0,
            created_at=int(self._clock()),
            password_hash=hash_password(password),
            portal_user=portal_user,
            role=role,
            addresses=addresses,
        )

    def _renew_hash(self, user: User, password: str) -> None:
        if user.password_hash is None or not needs_rehash(user.password_hash):
            return
        try:
            self._transactions.commit(self._accounts.rehashed(user, hash_password(password)))
        except ConditionRefusedError:
            return  # the password was changed meanwhile; its new hash is up to date
