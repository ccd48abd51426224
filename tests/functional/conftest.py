"""Every test here gets a fresh world over moto, or over doubles if it is marked so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hashing import quick_hashes  # noqa: F401 - a fixture for all
from tests.support.wizard import Wizard
from tests.support.world import World, memory_world, moto_world


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Return a world in which nothing has happened yet."""
    if request.node.get_closest_marker("doubles"):
        yield memory_world()
        return
    with moto_world() as world:
        yield world


@pytest.fixture
def wizard(world: World) -> Wizard:
    """Return Anna's browser, not signed in."""
    return world.wizard()
