"""Every test here gets a fresh world over moto, whose AWS fails when told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hashing import quick_hashes  # noqa: F401 - a fixture for all
from tests.support.world import World, moto_world


@pytest.fixture
def world() -> Iterator[World]:
    """Return a world in which nothing has happened yet."""
    with moto_world() as world:
        yield world
