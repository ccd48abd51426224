"""
The port of storage: changes that take effect together or not at all.

A record's store says *what* changes and under which condition, a journey
gathers the changes of one user action and commits them as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import TwoFactorError


@dataclass(frozen=True)
class Change:
    """
    One row's part of a transaction.

    *write* is the adapter's own form of it; *refused* is what it means when the
    row is not in the state that the change asks for.
    """

    write: object
    refused: TwoFactorError


class Transactions(Protocol):
    """Commits changes, of any stores of one database, as one."""

    def commit(self, *changes: Change) -> None:
        """
        Make all *changes* take effect, or none.

        Raises:
            TwoFactorError: The *refused* error of the first change whose condition failed.
            NewerRowError: A newer release wrote one of the rows.
            ServiceUnavailableError: It is not known whether they took effect. Ask again,
                with the same idempotency key, before deciding anything.
        """
