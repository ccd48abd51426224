"""
Users, authenticators and sessions put in place through the stores, without the way there.

Where a test is about what happens afterwards, hashing passwords and scanning
codes would only take its time.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import mintotp

from chalicelib.accounts.record import HELP_DESK, NOT_ENROLLED, User, lookup_hash, user_id_of
from chalicelib.authenticators.record import (
    PENDING_SECONDS,
    Authenticator,
    Owner,
    PendingAuthenticator,
    Place,
)
from chalicelib.bootstrap import Stores
from chalicelib.recovery.code import draw_recovery_codes
from chalicelib.sessions.session import OpenSession, start_session
from chalicelib.slow_hash import slow_hash
from chalicelib.tenants.store import Tenant
from chalicelib.totp import SharedSecret, draw_shared_secret, time_step_at

METHOD = "totp"
FIRST = Place(name="Google Authenticator")
NO_PASSWORD = "$argon2id$never-compared"


@dataclass(frozen=True, kw_only=True)
class EnrolledUser:
    """A user and what their phone knows."""

    user: User
    secret: SharedSecret

    def code(self, now: int, *, steps_later: int = 0) -> str:
        """Return what the phone shows at *now*, as an independent implementation computes it."""
        code: str = mintotp.hotp(self.secret.base32, time_step_at(now) + steps_later)
        return code

    def wrong_codes(self, now: int, count: int) -> list[str]:
        """Return *count* different codes that are wrong at *now*."""
        right = {self.code(now, steps_later=steps) for steps in (-1, 0, 1)}
        wrong = (f"{number:06}" for number in range(1_000_000) if f"{number:06}" not in right)
        return [next(wrong) for _ in range(count)]


@dataclass(frozen=True, kw_only=True)
class Seeding:
    """Puts records of one tenant in place."""

    stores: Stores
    tenant: Tenant

    def user(self, *, now: int, password_hash: str = NO_PASSWORD, portal_user: str | None = None) -> User:
        """Return a new user without a second factor, whom a portal calls *portal_user* if one does."""
        user_id = (
            secrets.token_hex(16)
            if portal_user is None
            else user_id_of(self.tenant.lookup_key, portal_user)
        )
        user = User(
            tenant_id=self.tenant.profile.tenant_id,
            user_id=user_id,
            username=f"{user_id}@firma.se",
            language="sv",
            status=NOT_ENROLLED,
            epoch=0,
            created_at=now,
            password_hash=password_hash,
            portal_user=portal_user,
        )
        self.stores.accounts.add(user, lookup_hash(self.tenant.lookup_key, user.username))
        return user

    def staff(self, *, now: int) -> User:
        """Return somebody new of the tenant's help desk, who has never signed in."""
        user_id = secrets.token_hex(16)
        user = User(
            tenant_id=self.tenant.profile.tenant_id,
            user_id=user_id,
            username=f"{user_id}@servicedesk.se",
            language="sv",
            status=NOT_ENROLLED,
            epoch=0,
            created_at=now,
            password_hash=NO_PASSWORD,
            role=HELP_DESK,
        )
        self.stores.accounts.add(user, lookup_hash(self.tenant.lookup_key, user.username, role=HELP_DESK))
        return user

    def enrolled_user(
        self, *, now: int, password_hash: str = NO_PASSWORD, portal_user: str | None = None
    ) -> EnrolledUser:
        """Return a new user with an authenticator whose codes, up to now, are not spent."""
        user = self.user(now=now, password_hash=password_hash, portal_user=portal_user)
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        secret = draw_shared_secret()
        pending = self._pending(user, secret, sign_in_id="seeded", now=now)
        entry = Authenticator(
            authenticator_id=pending.authenticator_id,
            name=pending.name,
            sealed=pending.sealed,
            last_accepted_time_step=time_step_at(now) - 2,
            bound_at=now,
            last_used_at=None,
        )
        self.stores.transactions.commit(self.stores.authenticators.begun(owner, pending))
        self.stores.transactions.commit(
            *self.stores.authenticators.confirmed(owner, pending, entry, now=now),
            self.stores.accounts.second_factor_changed(user, epoch=0),
        )
        return EnrolledUser(user=replace(user, epoch=1), secret=secret)

    def sessions(self, user: User, count: int, *, now: int, **proofs: int | str) -> list[OpenSession]:
        """Return *count* live sign-ins of *user*, each with *proofs* (fields of `Session`)."""
        opened = []
        for _ in range(count):
            new = start_session(tenant_id=user.tenant_id, user_id=user.user_id, epoch=user.epoch, now=now)
            opened.append(replace(new, session=replace(new.session, **proofs)))  # type: ignore[arg-type]  # fields of a session
        for first in range(0, count, 50):  # a transaction takes a hundred rows
            self.stores.transactions.commit(
                *[self.stores.sessions.started(one.session) for one in opened[first : first + 50]]
            )
        return opened

    def recovery_codes(self, user: User, *, now: int) -> list[str]:
        """Return new recovery codes of *user*, as they are shown."""
        codes = draw_recovery_codes()
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        set_id = secrets.token_hex(16)
        self.stores.transactions.commit(
            self.stores.recovery_codes.made(
                owner, set_id, {code.letter: slow_hash(code.text) for code in codes}, reopens=False, now=now
            ),
            self.stores.accounts.recovery_set_noted(user, set_id),
        )
        return [code.shown for code in codes]

    def pending_enrolment(
        self, user: User, opened: OpenSession, *, now: int, place: Place = FIRST
    ) -> EnrolledUser:
        """Return what the phone knows once *opened* has begun an enrolment for *user*."""
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        secret = draw_shared_secret()
        pending = self._pending(user, secret, sign_in_id=opened.session.sign_in_id, now=now, place=place)
        self.stores.transactions.commit(self.stores.authenticators.begun(owner, pending))
        return EnrolledUser(user=user, secret=secret)

    def _pending(
        self, user: User, secret: SharedSecret, *, sign_in_id: str, now: int, place: Place = FIRST
    ) -> PendingAuthenticator:
        owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
        authenticator_id = secrets.token_hex(16)
        return PendingAuthenticator(
            authenticator_id=authenticator_id,
            method=METHOD,
            name=place.name,
            sign_in_id=sign_in_id,
            sealed=self.stores.cipher.seal(secret, owner.seal_context(authenticator_id, 1)),
            phone="android",
            same_phone=False,
            begun_at=now,
            expires_at=now + PENDING_SECONDS,
            epoch=user.epoch,
            replaces=place.replaces,
            is_further=place.is_further,
        )
