"""A portal hands a user over: a link that works once, for a user whose password the portal has proven."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from chalicelib.accounts.addresses import former_addresses
from chalicelib.accounts.record import (
    LONGEST_USERNAME_CHARACTERS,
    NOT_ENROLLED,
    User,
    user_id_of,
)
from chalicelib.accounts.store import AccountStore
from chalicelib.audit.event import ADDRESSES_CHANGED, HAND_OFF_BEGUN, EventLog
from chalicelib.caller import Occasion, PortalClient
from chalicelib.errors import (
    BodyMalformedError,
    ConditionRefusedError,
    IdentityNotVerifiedError,
    ReturnUrlNotRegisteredError,
    ServiceUnavailableError,
)
from chalicelib.hand_offs.record import HandOff, key_of_token, new_token
from chalicelib.hand_offs.store import HandOffStore
from chalicelib.storage.changes import Change, Transactions

# By how much a portal's clock may be ahead of ours.
CLOCK_LEEWAY_SECONDS = 30
_SALT_BYTES = 32
# What a portal says of a user, and where it leads notices to: fields of `User`.
_CALLED = ("username", "language", "addresses", "former_addresses")
_ATTEMPTS = 2  # the second one finds the user whom another request has just stored


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """
    What the portal says of the user whom it sends. *auth_time* is when it proved the password.

    *addresses* are where the user's notices go from now on; None leaves them as they are.
    """

    portal_user: str
    username: str
    language: str
    auth_time: int
    identity_verified: bool
    purpose: str
    return_url: str
    state: str
    nonce: str
    addresses: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where to send the user's browser, until when it works there (epoch seconds)."""

    url: str
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class HandOver:
    """Makes links into the wizard."""

    accounts: AccountStore
    hand_offs: HandOffStore
    events: EventLog
    transactions: Transactions

    def begin(self, client: PortalClient, handed: HandedOver, occasion: Occasion, *, own_url: str) -> Link:
        """
        Return a link for the user; store them if they are new, and what they are called now.

        One transaction, which also spends the client's JWT.

        Raises:
            IdentityNotVerifiedError: The portal does not vouch for the user.
            ReturnUrlNotRegisteredError: The return address is not one of the profile's.
            BodyMalformedError: The name cannot be shown, or the password was proven in the future.
            ClientNotAuthenticatedError: The JWT was spent before.
        """
        if not handed.identity_verified:
            raise IdentityNotVerifiedError
        if handed.return_url not in client.tenant.profile.return_urls:
            raise ReturnUrlNotRegisteredError
        if handed.auth_time > occasion.now + CLOCK_LEEWAY_SECONDS:
            raise BodyMalformedError("auth_time: lies in the future", field="auth_time")
        handed = replace(
            handed, username=_shown(handed.username), language=_spoken(client, handed.language)
        )
        token = new_token()
        user_id = user_id_of(client.tenant.lookup_key, handed.portal_user)
        hand_off = HandOff(
            key=key_of_token(token),
            tenant_id=client.tenant_id,
            client_name=client.client.name,
            user_id=user_id,
            auth_time=handed.auth_time,
            purpose=handed.purpose,
            return_url=handed.return_url,
            state=handed.state,
            nonce=handed.nonce,
            begun_at=occasion.now,
            salt=secrets.token_bytes(_SALT_BYTES),
        )
        self._commit(client, handed, hand_off, occasion)
        query = urlencode({"tenant": client.tenant_id, "lang": handed.language})
        return Link(url=f"{own_url}/?{query}#hand-off={token}", expires_at=hand_off.valid_until)

    def _commit(
        self, client: PortalClient, handed: HandedOver, hand_off: HandOff, occasion: Occasion
    ) -> None:
        event = occasion.event_by(client, HAND_OFF_BEGUN, user_id=hand_off.user_id)
        for _ in range(_ATTEMPTS):
            try:
                self.transactions.commit(
                    *self.hand_offs.begun(
                        hand_off, jwt_key=client.jwt_key, jwt_expires_at=client.jwt_expires_at
                    ),
                    *self._known_as(client, handed, hand_off.user_id, occasion),
                    self.events.recorded(event),
                )
            except ConditionRefusedError:
                continue
            return
        raise ServiceUnavailableError

    def _known_as(
        self, client: PortalClient, handed: HandedOver, user_id: str, occasion: Occasion
    ) -> list[Change]:
        """Return what has to change so that the user is stored as the portal calls them."""
        now = occasion.now
        user = self.accounts.get(client.tenant_id, user_id)
        if user is None:
            return [
                self.accounts.enlisted(
                    User(
                        tenant_id=client.tenant_id,
                        user_id=user_id,
                        username=handed.username,
                        language=handed.language,
                        status=NOT_ENROLLED,
                        epoch=0,
                        created_at=now,
                        password_hash=None,
                        portal_user=handed.portal_user,
                        addresses=handed.addresses or (),
                    )
                )
            ]
        # Whoever signs in by name with us keeps that name: the portal's is only for show.
        is_ours = user.password_hash is not None
        named = user if is_ours else handed
        addresses = user.addresses if handed.addresses is None else handed.addresses
        known = replace(user, username=named.username, language=named.language, addresses=addresses)
        before, after = user.notice_addresses, known.notice_addresses
        former = former_addresses(user.former_addresses, before=before, after=after, now=now)
        known = replace(known, former_addresses=former)
        # What is as it was is not written: it would undo what another request has just changed.
        changed = {
            name: getattr(known, name) for name in _CALLED if getattr(known, name) != getattr(user, name)
        }
        if not changed:
            return []
        renamed = self.accounts.renamed(user, **changed)
        if set(before) == set(after):
            return [renamed]
        return [
            renamed,
            self.events.recorded(occasion.event_by(client, ADDRESSES_CHANGED, user_id=user_id)),
        ]


def _shown(username: str) -> str:
    username = unicodedata.normalize("NFKC", username).strip()
    if not username.isprintable() or not 0 < len(username) <= LONGEST_USERNAME_CHARACTERS:
        raise BodyMalformedError("username: cannot be shown", field="username")
    return username


def _spoken(client: PortalClient, language: str) -> str:
    """Return *language* if the tenant has it, else the tenant's own."""
    profile = client.tenant.profile
    return language if language in profile.languages else profile.default_language
