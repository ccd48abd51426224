"""The port: where users and the counts of their password attempts are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.accounts.record import ENROLLED, User
from chalicelib.storage.changes import Change


@dataclass(frozen=True, kw_only=True)
class PasswordSubject:
    """
    Whose password attempts are counted together.

    Either a name that somebody typed (known or not, so that both look alike) or
    a user who is signed in (so that a stranger's guesses do not stop them).
    """

    partition: str

    @classmethod
    def of_name(cls, lookup: str) -> PasswordSubject:
        """Return the subject of a typed name, by its look-up hash."""
        return cls(partition=f"LOOKUP#{lookup}")

    @classmethod
    def of_user(cls, tenant_id: str, user_id: str) -> PasswordSubject:
        """Return the subject of a user within a session."""
        return cls(partition=f"T#{tenant_id}#U#{user_id}")


class UserExistsError(Exception):
    """The tenant has a user of that name already."""


class AccountStore(Protocol):
    """Users by name and by id, within one tenant."""

    def find(self, tenant_id: str, lookup: str) -> User | None:
        """Return the user of that look-up hash; two strong reads whether there is one or not."""

    def get(self, tenant_id: str, user_id: str) -> User | None:
        """Return the user of that id, strongly read."""

    def add(self, user: User, lookup: str) -> None:
        """
        Store a new user together with its look-up row, in one transaction.

        Raises:
            UserExistsError: The name is taken; nothing was stored.
        """

    def added(self, user: User, lookup: str) -> tuple[Change, ...]:
        """
        Return the changes that store a new user together with its look-up row.

        Refused with `ConditionRefusedError` if the name is taken or the user is there already.
        """

    def enlisted(self, user: User) -> Change:
        """
        Return the change that stores *user*, whom a portal handed over for the first time.

        Refused with `ConditionRefusedError` if the user is there already.
        """

    def renamed(
        self,
        user: User,
        *,
        username: str | None = None,
        language: str | None = None,
        addresses: tuple[str, ...] | None = None,
        former_addresses: Mapping[str, int] | None = None,
    ) -> Change:
        """
        Return the change that notes what the portal calls *user* now, and where their notices go.

        What is not said stays as it is stored. Refused with `ConditionRefusedError` if there is
        no such user any more, and, with more than the *language*, unless notices go exactly where
        they did when *user* was read: a name may be an address, too.
        """

    def grace_until(self, tenant_id: str, user_id: str, *, due_at: int, now: int) -> int:
        """
        Return until when the user may go on without a second factor: *due_at*, unless set before.

        Set once for each user, known to us or not yet; nothing moves it again.
        One unconditional write that keeps what it finds.
        """

    def rehashed(self, user: User, password_hash: str) -> Change:
        """Return the change that renews *user*'s hash, unless the password changed meanwhile."""

    def second_factor_changed(
        self,
        user: User,
        *,
        epoch: int,
        status: str = ENROLLED,
        reset_pending: bool = False,
        keeps_recovery_codes: bool = True,
        step_at: int | None = None,
    ) -> Change:
        """
        Return the change that raises *user*'s epoch from *epoch* and notes what they have now.

        It ends every session and every remembered browser of before. Without
        *keeps_recovery_codes* the note of the set in force goes too; its row is another
        store's. *step_at* says when the user did it themselves: it then counts among the steps
        of that UTC day, while a reset forgets all that were counted. Refused with
        `EnrolmentReplacedError` if anything else raised the epoch before, and once the day's
        steps are taken.
        """

    def step_taken(self, user: User, *, now: int, status: str | None = None) -> Change:
        """
        Return the change that counts one step of *user*'s own; lists show *status* from then on.

        Refused with `NotSignedInError` if their epoch is another by now, and once the day's
        steps are taken: `User.require_step_left` tells that before.
        """

    def status_noted(self, user: User, status: str) -> Change:
        """
        Return the change that makes lists show *status*; it decides nothing.

        Refused with `EnrolmentReplacedError` if *user*'s epoch is another by now.
        """

    def unchanged(self, user: User) -> Change:
        """
        Return the change that changes nothing, and holds only if *user* is who they were.

        Refused with `NotSignedInError` if they are no more, are another of that id, or their
        epoch is another by now.
        """

    def recovery_set_noted(self, user: User, set_id: str) -> Change:
        """
        Return the change that notes which set of recovery codes is in force.

        Refused with `NotSignedInError` if *user*'s epoch is another by now: whoever asked
        has been signed out by a change of authenticators or a reset.
        """

    def count_password_attempt(self, subject: PasswordSubject, *, now: int) -> None:
        """
        Count one attempt, before the password is looked at. One conditional write.

        Raises:
            TooManyAttemptsError: The next attempt is not due yet; nothing was counted.
        """

    def password_attempts_forgiven(self, subject: PasswordSubject) -> Change:
        """Return the change that forgets *subject*'s failed attempts."""
