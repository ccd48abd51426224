"""What operators store of somebody known elsewhere: a name and an authenticator, each once."""

from __future__ import annotations

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import ConditionRefusedError
from chalicelib.totp import SharedSecret
from tests.contract.drafts import ANNA, METHOD, a_user, an_entry, an_event, outcomes_in_parallel

LOOKUP, ANOTHER_LOOKUP = "0" * 64, "1" * 64


def test_a_user_is_added_together_with_what_tells_of_it(stores: Stores) -> None:
    stores.transactions.commit(
        *stores.accounts.added(a_user(), LOOKUP), stores.events.recorded(an_event("e1"))
    )
    assert stores.accounts.find("cozone", LOOKUP) == a_user()


@pytest.mark.parametrize(
    ("user_id", "lookup"), [("anna", ANOTHER_LOOKUP), ("berit", LOOKUP), ("anna", LOOKUP)]
)
def test_neither_a_name_nor_an_id_is_added_twice(stores: Stores, user_id: str, lookup: str) -> None:
    stores.transactions.commit(*stores.accounts.added(a_user(), LOOKUP))
    with pytest.raises(ConditionRefusedError):
        stores.transactions.commit(*stores.accounts.added(a_user(user_id=user_id, language="en"), lookup))
    assert stores.accounts.find("cozone", LOOKUP) == a_user()
    assert stores.accounts.find("cozone", ANOTHER_LOOKUP) is None


def test_an_imported_authenticator_is_the_first(stores: Stores) -> None:
    stores.transactions.commit(stores.authenticators.imported(ANNA, METHOD, an_entry("old")))
    with pytest.raises(ConditionRefusedError):
        stores.transactions.commit(stores.authenticators.imported(ANNA, METHOD, an_entry("new")))
    bound = stores.authenticators.bound(ANNA, METHOD)
    assert bound is not None
    assert (bound.is_disabled, bound.consecutive_failures, bound.entries) == (False, 0, (an_entry("old"),))


def test_of_many_at_once_one_is_bound(stores: Stores) -> None:
    def bind(name: str) -> None:
        stores.transactions.commit(stores.authenticators.imported(ANNA, METHOD, an_entry(name)))

    outcomes = outcomes_in_parallel([lambda name=f"a{n}": bind(name) for n in range(8)])  # type: ignore[misc]  # bound at once
    assert outcomes.count("ConditionRefusedError") == 7


@pytest.mark.requirement("B41")
@pytest.mark.parametrize("length", [16, 20, 33, 64])
def test_a_secret_of_another_length_opens_as_it_was_sealed(stores: Stores, length: int) -> None:
    secret, context = SharedSecret(bytes(range(length))), ANNA.seal_context("old", 1)
    assert stores.cipher.open(stores.cipher.seal(secret, context), context) == secret
