"""What happens in the middle of a request: between what it reads and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.storage.changes import Change, Transactions


@dataclass
class Meanwhile:
    """Transactions before each of which something else happens, as long as *happens* has anything."""

    transactions: Transactions
    happens: list[Callable[[], object]] = field(default_factory=list)

    def commit(self, *changes: Change) -> None:
        if self.happens:
            self.happens.pop(0)()
        self.transactions.commit(*changes)
