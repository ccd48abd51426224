"""The directory: every attempt is counted first, and old hashes are renewed on the way."""

from __future__ import annotations

from functools import partial

import argon2
import pytest

from chalicelib.accounts.authority import Directory, UsernameRefusedError
from chalicelib.accounts.passwords import PasswordRefusedError, needs_rehash
from chalicelib.accounts.record import User
from chalicelib.accounts.store import UserExistsError
from chalicelib.errors import PasswordMismatchError, TooManyAttemptsError
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant
from tests.support.clock import A_MONDAY_MORNING, ManualClock
from tests.support.memory import MemoryStores, memory_stores
from tests.support.world import COZONE

PASSWORD = "sju-lugna-sommarmoln"
NOW = A_MONDAY_MORNING


@pytest.fixture
def stores() -> MemoryStores:
    return memory_stores()


@pytest.fixture
def directory(stores: MemoryStores) -> Directory:
    return Directory(stores.accounts, stores.transactions, clock=ManualClock())


@pytest.fixture
def tenant(stores: MemoryStores) -> Tenant:
    return stores.tenants.apply(Profile.from_json(COZONE))


@pytest.fixture
def anna(directory: Directory, tenant: Tenant) -> User:
    return directory.create_user(tenant, username="Anna@firma.se", password=PASSWORD, language="sv")


def test_a_new_user_has_no_second_factor_and_an_id_that_tells_nothing(anna: User) -> None:
    assert (anna.username, anna.status, anna.epoch, anna.created_at) == (
        "anna@firma.se",
        "not_enrolled",
        0,
        NOW,
    )
    assert "anna" not in anna.user_id
    assert PASSWORD not in str(anna.password_hash)


@pytest.mark.usefixtures("anna")
def test_a_name_is_taken_once(directory: Directory, tenant: Tenant) -> None:
    with pytest.raises(UserExistsError):
        directory.create_user(tenant, username=" ANNA@firma.se", password=PASSWORD, language="en")


@pytest.mark.requirement("P1", "P2")
@pytest.mark.parametrize("password", ["kort", "password1", "cozone2026", "berit@firma.se", "k" * 257])
def test_a_password_that_may_not_be_chosen_makes_no_user(
    directory: Directory, tenant: Tenant, password: str
) -> None:
    with pytest.raises(PasswordRefusedError):
        directory.create_user(tenant, username="berit@firma.se", password=password, language="sv")
    directory.create_user(tenant, username="berit@firma.se", password=PASSWORD, language="sv")


@pytest.mark.requirement("P1")
def test_a_tenant_that_may_go_without_a_second_factor_asks_for_fifteen_characters(
    stores: MemoryStores, directory: Directory
) -> None:
    optional = COZONE | {"policy": {"second_factor": "optional", "deadline": None}}
    tenant = stores.tenants.apply(Profile.from_json(optional))
    with pytest.raises(PasswordRefusedError):
        directory.create_user(tenant, username="b@firma.se", password="fjorton-tecken", language="sv")
    directory.create_user(tenant, username="b@firma.se", password="femton--tecken!", language="sv")


def test_the_right_password_names_the_user(directory: Directory, tenant: Tenant, anna: User) -> None:
    assert directory.prove(tenant, username="ANNA@firma.se ", password=PASSWORD, now=NOW).user == anna


@pytest.mark.requirement("L11")
@pytest.mark.parametrize("username", ["anna@firma.se", "nobody@firma.se"])
@pytest.mark.usefixtures("anna")
def test_a_known_and_an_unknown_name_wait_alike(
    directory: Directory, tenant: Tenant, username: str
) -> None:
    for _ in range(5):
        with pytest.raises(PasswordMismatchError):
            directory.prove(tenant, username=username, password="fel lösenord", now=NOW)
    with pytest.raises(TooManyAttemptsError) as caught:
        directory.prove(tenant, username=username, password=PASSWORD, now=NOW)
    assert caught.value.retry_at_epoch_seconds == NOW + 30


@pytest.mark.requirement("L11")
def test_a_strangers_guesses_do_not_stop_who_is_signed_in(
    directory: Directory, tenant: Tenant, anna: User
) -> None:
    for _ in range(5):
        with pytest.raises(PasswordMismatchError):
            directory.prove(tenant, username=anna.username, password="fel lösenord", now=NOW)
    assert directory.prove_again(tenant, anna, password=PASSWORD, now=NOW).user == anna


@pytest.mark.parametrize("username", ["", "  ", "anna\n@firma.se", "anna\u202e@firma.se", "a" * 255])
def test_a_name_that_cannot_be_shown_is_refused(
    directory: Directory, tenant: Tenant, username: str
) -> None:
    with pytest.raises(UsernameRefusedError):
        directory.create_user(tenant, username=username, password=PASSWORD, language="sv")


@pytest.mark.requirement("E7")
def test_a_name_that_is_kept_as_another_address_takes_addresses_of_its_own(
    directory: Directory, tenant: Tenant
) -> None:
    create = partial(
        directory.create_user, tenant, username="anna@straße.de", password=PASSWORD, language="sv"
    )
    with pytest.raises(UsernameRefusedError):
        create()
    user = create(addresses=("anna@firma.se",))
    assert (user.username, user.notice_addresses) == ("anna@strasse.de", ("anna@firma.se",))


@pytest.mark.requirement("L7", "L11")
def test_failures_are_forgiven_by_the_sign_in_and_not_by_the_proof_alone(
    stores: MemoryStores, directory: Directory, tenant: Tenant, anna: User
) -> None:
    """What forgives them is committed with the session, or not at all."""
    for _ in range(4):
        with pytest.raises(PasswordMismatchError):
            directory.prove(tenant, username=anna.username, password="fel lösenord", now=NOW)
    forgiven = directory.prove(tenant, username=anna.username, password=PASSWORD, now=NOW).forgiven
    with pytest.raises(TooManyAttemptsError):
        directory.prove(tenant, username=anna.username, password=PASSWORD, now=NOW)
    stores.transactions.commit(forgiven)
    assert directory.prove(tenant, username=anna.username, password=PASSWORD, now=NOW).user == anna


@pytest.mark.requirement("P4")
def test_an_old_hash_is_renewed_at_the_next_sign_in(
    stores: MemoryStores, directory: Directory, tenant: Tenant, anna: User
) -> None:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    stores.transactions.commit(stores.accounts.rehashed(anna, cheap))
    directory.prove(tenant, username=anna.username, password=PASSWORD, now=NOW)
    renewed = stores.accounts.get(anna.tenant_id, anna.user_id)
    assert renewed is not None
    assert renewed.password_hash != cheap
    assert not needs_rehash(str(renewed.password_hash))
    assert directory.prove(tenant, username=anna.username, password=PASSWORD, now=NOW).user == renewed


@pytest.mark.requirement("P4")
def test_a_wrong_password_renews_no_hash(
    stores: MemoryStores, directory: Directory, tenant: Tenant, anna: User
) -> None:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    stores.transactions.commit(stores.accounts.rehashed(anna, cheap))
    with pytest.raises(PasswordMismatchError):
        directory.prove(tenant, username=anna.username, password="fel lösenord", now=NOW)
    kept = stores.accounts.get(anna.tenant_id, anna.user_id)
    assert kept is not None
    assert kept.password_hash == cheap
