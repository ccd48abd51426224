"""Time without a second factor: asked of the store only where the policy gives any."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chalicelib.accounts.grace import grace_until
from chalicelib.accounts.record import NOT_ENROLLED, User
from chalicelib.accounts.store import AccountStore
from chalicelib.tenants.profile import Policy
from tests.support.memory import memory_stores

NOW = 1_795_424_400
DAY = 24 * 60 * 60


def a_user(**differences: Any) -> User:
    known: dict[str, Any] = {
        "tenant_id": "cozone",
        "user_id": "anna",
        "username": "anna@firma.se",
        "language": "sv",
        "status": NOT_ENROLLED,
        "epoch": 0,
        "created_at": NOW,
        "password_hash": None,
    }
    return User(**known | differences)


@pytest.fixture
def accounts() -> AccountStore:
    return memory_stores().accounts


def until(accounts: AccountStore, *, user: User | None = None, now: int = NOW, **policy: Any) -> int | None:
    asked: dict[str, Any] = {"second_factor": "required", "deadline": None, "grace_days": None}
    return grace_until(
        accounts, Policy(**asked | policy), tenant_id="cozone", user_id="anna", user=user, now=now
    )


@pytest.mark.requirement("B34", "B58")
@pytest.mark.parametrize("user", [None, a_user()], ids=["unknown", "known"])
def test_the_first_question_sets_it_and_no_later_one_moves_it(
    accounts: AccountStore, user: User | None
) -> None:
    assert until(accounts, user=user, grace_days=14) == NOW + 14 * DAY
    for now in (NOW + DAY, NOW + 100 * DAY):
        for policy in ({"grace_days": 14}, {"grace_days": 300}, {"deadline": date(2028, 1, 1)}):
            assert until(accounts, user=a_user(), now=now, **policy) == NOW + 14 * DAY


@pytest.mark.requirement("B34", "B58")
@pytest.mark.parametrize(
    "policy",
    [{}, {"grace_days": 0}, {"second_factor": "optional", "grace_days": 14}],
    ids=["none", "no days", "optional"],
)
def test_where_the_policy_gives_none_nothing_is_set(accounts: AccountStore, policy: dict[str, Any]) -> None:
    assert until(accounts, user=a_user(), **policy) is None
    later = NOW + 50 * DAY
    assert until(accounts, user=a_user(), now=later, grace_days=14) == later + 14 * DAY


@pytest.mark.requirement("B34", "B58")
def test_whoever_was_enrolled_once_waits_for_nothing(accounts: AccountStore) -> None:
    assert until(accounts, user=a_user(), grace_days=14) == NOW + 14 * DAY
    for epoch in (1, 2, 9):
        assert until(accounts, user=a_user(epoch=epoch), grace_days=14) is None
