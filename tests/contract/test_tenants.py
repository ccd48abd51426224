"""The port `TenantStore`: the profile changes, the key that names are looked up by does not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import NotFoundError
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import HostTakenError, Tenant, TenantStore
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


def a_profile(**differences: Any) -> Profile:
    return Profile.from_json(COZONE | differences)


@pytest.mark.requirement("M1")
def test_a_host_is_one_tenants(store: TenantStore) -> None:
    hosts = ["2fa.cozone.example", "login.cozone.example"]
    assert store.id_at(hosts[0]) is None
    store.apply(a_profile(hosts=hosts))
    with pytest.raises(HostTakenError):
        store.apply(Profile.from_json(BYRA | {"hosts": ["2fa.byra.example", hosts[1]]}))
    assert [store.id_at(host) for host in hosts] == ["cozone", "cozone"]
    assert store.id_at("2fa.byra.example") is None
    with pytest.raises(NotFoundError):
        store.get("byra")
    with pytest.raises(NotFoundError):
        store.version("byra", 1)


@pytest.mark.requirement("M1")
def test_a_refused_change_leaves_the_profile_as_it_was(store: TenantStore) -> None:
    store.apply(a_profile(hosts=["2fa.cozone.example"]))
    before = store.apply(Profile.from_json(BYRA | {"hosts": ["2fa.byra.example"]}))
    with pytest.raises(HostTakenError):
        store.apply(Profile.from_json(BYRA | {"portal_name": "Annan", "hosts": ["2fa.cozone.example"]}))
    assert store.get("byra") == before
    assert store.id_at("2fa.byra.example") == "byra"
    assert store.id_at("2fa.cozone.example") == "cozone"


@pytest.mark.requirement("M1")
def test_a_host_given_up_is_free_for_another(store: TenantStore) -> None:
    store.apply(a_profile(hosts=["a.example.se", "b.example.se"]))
    store.apply(a_profile(hosts=["b.example.se", "c.example.se"]))
    assert store.id_at("a.example.se") is None
    assert [store.id_at(host) for host in ("b.example.se", "c.example.se")] == ["cozone", "cozone"]
    store.apply(Profile.from_json(BYRA | {"hosts": ["a.example.se"]}))
    assert store.id_at("a.example.se") == "byra"


@pytest.mark.requirement("M1", "V3")
def test_of_tenants_that_want_one_host_at_once_one_gets_it(store: TenantStore) -> None:
    def apply(number: int) -> None:
        try:
            store.apply(a_profile(id=f"tenant-{number}", hosts=["one.example.se"]))
        except HostTakenError:
            return
        got.append(f"tenant-{number}")

    got: list[str] = []
    outcomes_in_parallel(partial(apply, number) for number in range(12))
    assert len(got) == 1
    assert store.id_at("one.example.se") == got[0]


def test_every_profile_applied_is_kept_with_when_and_by_whom(store: TenantStore) -> None:
    store.apply(a_profile(), at=100, by="arn:anna")
    store.apply(a_profile(portal_name="Nya portalen"), at=200, by="arn:berit")
    first, second = (store.version("cozone", number) for number in (1, 2))
    assert (first.number, first.applied_at, first.applied_by) == (1, 100, "arn:anna")
    assert (second.number, second.applied_at, second.applied_by) == (2, 200, "arn:berit")
    assert (first.profile.portal_name, second.profile.portal_name) == ("Azets Cozone", "Nya portalen")
    for tenant_id, number in (("cozone", 3), ("cozone", 0), ("byra", 1)):
        with pytest.raises(NotFoundError):
            store.version(tenant_id, number)


def test_of_parallel_profiles_each_is_a_version(store: TenantStore) -> None:
    names = {f"Portal {number}" for number in range(12)}
    outcomes_in_parallel(partial(store.apply, a_profile(portal_name=name)) for name in names)
    assert {store.version("cozone", n).profile.portal_name for n in range(1, 13)} == names
    assert store.get("cozone").profile == store.version("cozone", 12).profile


@pytest.mark.requirement("M1")
def test_a_suspended_tenant_keeps_its_first_time_until_it_is_resumed(store: TenantStore) -> None:
    before = store.apply(a_profile())
    assert before.suspended_at is None
    for at in (100, 200):
        store.suspend("cozone", at=at)
        assert store.get("cozone") == replace(before, suspended_at=100)
    assert store.apply(a_profile(portal_name="Nya portalen")).suspended_at == 100
    for _ in range(2):
        store.resume("cozone")
        assert store.get("cozone").suspended_at is None
    store.suspend("cozone", at=300)
    assert store.get("cozone").suspended_at == 300


def test_nobody_is_neither_suspended_nor_resumed(store: TenantStore) -> None:
    with pytest.raises(NotFoundError):
        store.suspend("nobody", at=100)
    with pytest.raises(NotFoundError):
        store.resume("nobody")
    with pytest.raises(NotFoundError):
        store.get("nobody")


@pytest.mark.requirement("K3")
def test_a_key_of_its_own_once_had_stays(store: TenantStore) -> None:
    """Secrets were sealed under it."""
    assert store.apply(a_profile()).secret_key_arn is None
    assert store.apply(a_profile(), secret_key_arn="arn:own").secret_key_arn == "arn:own"
    assert store.apply(a_profile(own_key=False)).secret_key_arn == "arn:own"
    store.suspend("cozone", at=100)
    assert store.get("cozone").secret_key_arn == "arn:own"
    first = store.apply(Profile.from_json(BYRA), secret_key_arn="arn:byras")
    assert first.secret_key_arn == "arn:byras"
