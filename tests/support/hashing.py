"""Passwords and codes hashed at next to no cost, where a test is not about the cost."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from chalicelib import slow_hash

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_NOBODYS_HASH = QUICK.hash("what nobody knows")


@pytest.fixture(autouse=True)
def quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash at next to no cost; of 20 ms a hash the suites would spend minutes."""
    if not request.node.get_closest_marker("full_cost"):
        monkeypatch.setattr(slow_hash, "_hasher", lambda: QUICK)
        monkeypatch.setattr(slow_hash, "_NOBODYS_HASH", _NOBODYS_HASH)
