"""
In-memory doubles of every port, with the promises of the real adapters.

One lock stands for DynamoDB's atomic writes: a verb's condition and its effect
happen under it, and `MemoryTransactions` checks all conditions of a commit
before it lets the first change take effect. `tests/contract` runs one suite
over these and over DynamoDB, which is why other tests may trust them.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.bootstrap import Stores
from tests.support.memory.accounts import MemoryAccounts
from tests.support.memory.authenticators import MemoryAuthenticators
from tests.support.memory.browsers import MemoryRememberedBrowsers
from tests.support.memory.events import MemoryEventLog
from tests.support.memory.hand_offs import MemoryHandOffs
from tests.support.memory.keys import MemoryCipher, MemorySigner, MemorySigningKeys
from tests.support.memory.lists import MemoryEventHistory, MemoryUserLists
from tests.support.memory.recovery_codes import MemoryRecoveryCodes
from tests.support.memory.resets import MemoryResets
from tests.support.memory.sessions import MemorySessions
from tests.support.memory.tenants import MemoryTenants
from tests.support.memory.transactions import MemoryTransactions


@dataclass(frozen=True, kw_only=True)
class MemoryStores(Stores):
    """`Stores` whose events and cipher a test may look into."""

    events: MemoryEventLog
    cipher: MemoryCipher


def memory_stores() -> MemoryStores:
    """Return empty doubles of everything that outlives a request."""
    transactions = MemoryTransactions()
    accounts, events = MemoryAccounts(transactions), MemoryEventLog()
    return MemoryStores(
        tenants=MemoryTenants(transactions),
        accounts=accounts,
        user_lists=MemoryUserLists(accounts.users),
        sessions=MemorySessions(transactions),
        authenticators=MemoryAuthenticators(transactions),
        recovery_codes=MemoryRecoveryCodes(transactions),
        browsers=MemoryRememberedBrowsers(transactions),
        resets=MemoryResets(transactions),
        hand_offs=MemoryHandOffs(),
        signing_keys=MemorySigningKeys(),
        events=events,
        event_history=MemoryEventHistory(events.events),
        transactions=transactions,
        cipher=MemoryCipher(),
        signer=MemorySigner(),
    )
