"""The stored record of a user, frozen, and the name it is found by."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.accounts.addresses import addresses_of
from chalicelib.errors import TooManyAttemptsError
from chalicelib.throttle import STEPS_PER_DAY, day_of, end_of_day_epoch_seconds

# What lists show of a user. It decides nothing: the authenticators themselves do.
NOT_ENROLLED = "not_enrolled"
BEGUN = "begun"
ENROLLED = "enrolled"
DISABLED = "disabled"
RESET = "reset"
STATUSES = (NOT_ENROLLED, BEGUN, ENROLLED, DISABLED, RESET)

# Who somebody is to us. The help desk is kept apart from the users it helps.
USER = "user"
HELP_DESK = "help_desk"
LONGEST_USERNAME_CHARACTERS = 254
LONGEST_PORTAL_USER_CHARACTERS = 256
_USER_ID_DIGITS = 32


@dataclass(frozen=True, kw_only=True)
class User:
    """
    One user of a tenant.

    *epoch* rises with every change of authenticators and ends the sessions of
    before. *password_hash* is an Argon2id PHC string, None where the portal holds
    the password. *portal_user* is the portal's own id of the user, if it has one.
    *addresses* are where notices go, as many as there are; *former_addresses* are told too, each
    until the time in epoch seconds that it has. *recovery_set* is the id of
    the set of recovery codes in force, None where there is none. *reset_pending* is true
    from a reset by the help desk until the next authenticator is bound: only the help
    desk's one-time code opens enrolment then. *steps_by_day* is how many steps they took with
    their own authenticators on which UTC day: the store decides by it.
    """

    tenant_id: str
    user_id: str
    username: str
    language: str
    status: str
    epoch: int
    created_at: int
    password_hash: str | None = field(repr=False)
    portal_user: str | None = None
    role: str = USER
    addresses: tuple[str, ...] = ()
    former_addresses: Mapping[str, int] = field(default_factory=dict, hash=False)
    recovery_set: str | None = None
    reset_pending: bool = False
    steps_by_day: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def is_staff(self) -> bool:
        """True for the help desk, which signs in by an entrance of its own."""
        return self.role == HELP_DESK

    @property
    def notice_addresses(self) -> tuple[str, ...]:
        """Where notices go: *addresses*; without any, the user name if it is an address."""
        return addresses_of(self.addresses, username=self.username)

    @property
    def was_enrolled(self) -> bool:
        """True once a second factor was bound, whatever became of it."""
        return self.epoch > 0

    def require_step_left(self, *, now: int) -> None:
        """
        Return if they may take one more step with their authenticators today.

        Raises:
            TooManyAttemptsError: They took all that one day allows, until tomorrow (UTC).
        """
        if self.steps_by_day.get(day_of(now), 0) >= STEPS_PER_DAY:
            raise TooManyAttemptsError(retry_at_epoch_seconds=end_of_day_epoch_seconds(now))


def normalised_username(typed: str) -> str:
    """Return *typed* as it is stored and looked up: NFKC, trimmed, case folded."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def lookup_hash(lookup_key: bytes, username: str, *, role: str = USER) -> str:
    """
    Return the key by which a normalised user name is found; it tells nothing of the name.

    The help desk has names of its own, which no user's name ever meets.
    """
    kind = "username" if role == USER else role
    return hmac.new(lookup_key, f"{kind}|{username}".encode(), hashlib.sha256).hexdigest()


def user_id_of(lookup_key: bytes, portal_user: str) -> str:
    """
    Return our id of the user whom the portal calls *portal_user*.

    Derived, so that a portal's question needs no look-up, and no other tenant's
    key yields the same id; it tells nothing of the portal's own.
    """
    derived = hmac.new(lookup_key, f"portal|{portal_user}".encode(), hashlib.sha256)
    return derived.hexdigest()[:_USER_ID_DIGITS]
