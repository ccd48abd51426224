"""Tenants are remembered for a minute, strangers' guesses at ids are not."""

from __future__ import annotations

import pytest

from chalicelib.errors import NotFoundError
from chalicelib.tenants.cache import RememberedTenants
from chalicelib.tenants.profile import Profile
from tests.support.clock import ManualClock
from tests.support.memory import memory_stores
from tests.support.world import COZONE


def test_a_change_is_seen_after_a_minute_and_not_before() -> None:
    store, clock = memory_stores().tenants, ManualClock()
    remembered = RememberedTenants(store, clock=clock)
    store.apply(Profile.from_json(COZONE))
    assert remembered.get("cozone").profile.portal_name == "Azets Cozone"
    store.apply(Profile.from_json(COZONE | {"portal_name": "Nya portalen"}))
    clock.advance(59)
    assert remembered.get("cozone").profile.portal_name == "Azets Cozone"
    clock.advance(1)
    assert remembered.get("cozone").profile.portal_name == "Nya portalen"


def test_a_new_tenant_is_found_at_once_although_asked_for_before() -> None:
    store = memory_stores().tenants
    remembered = RememberedTenants(store, clock=ManualClock())
    with pytest.raises(NotFoundError):
        remembered.get("cozone")
    store.apply(Profile.from_json(COZONE))
    assert remembered.get("cozone").version == 1
