"""The port `TenantStore`: the profile changes, the key that names are looked up by does not."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import NotFoundError
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant, TenantStore
from tests.contract.drafts import outcomes_in_parallel
from tests.support.world import BYRA, COZONE


@pytest.fixture
def store(stores: Stores) -> TenantStore:
    return stores.tenants


@pytest.mark.parametrize("tenant_id", ["cozone", "", "nobody"])
def test_at_first_there_is_none(store: TenantStore, tenant_id: str) -> None:
    with pytest.raises(NotFoundError):
        store.get(tenant_id)


def test_an_applied_profile_is_read_back_as_it_was(store: TenantStore) -> None:
    profile = Profile.from_json(
        BYRA
        | {"support": {"mail": "a@b.se", "phone": "08-1", "hours": {"sv": "Jämt"}}, "strict_window": True}
    )
    applied = store.apply(profile)
    assert applied.profile == profile
    assert applied.version == 1
    assert len(applied.lookup_key) == 32
    assert store.get("byra") == applied
    assert store.get("byra").profile.source == profile.source


@pytest.mark.requirement("E5")
def test_a_new_profile_keeps_the_lookup_key(store: TenantStore) -> None:
    """Else every user of the tenant would be lost."""
    first = store.apply(Profile.from_json(COZONE))
    second = store.apply(Profile.from_json(COZONE | {"portal_name": "Nya portalen"}))
    assert second.lookup_key == first.lookup_key
    assert second.version == 2
    assert second.profile.portal_name == "Nya portalen"


def test_each_tenant_has_its_own_lookup_key(store: TenantStore) -> None:
    tenants = [store.apply(Profile.from_json(source)) for source in (COZONE, BYRA)]
    assert tenants[0].lookup_key != tenants[1].lookup_key


def test_parallel_first_profiles_draw_one_lookup_key(store: TenantStore) -> None:
    applied: list[Tenant] = []
    outcomes_in_parallel([partial(lambda: applied.append(store.apply(Profile.from_json(COZONE))))] * 12)
    assert len(applied) == 12
    assert len({tenant.lookup_key for tenant in applied}) == 1
    assert store.get("cozone").version == 12
