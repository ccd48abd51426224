"""The port `Transactions`, and `EventLog` with it: all or nothing, and the first refusal is told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import ConditionRefusedError, EnrolmentReplacedError, ServiceUnavailableError
from chalicelib.sessions.session import start_session
from chalicelib.sessions.store import SessionReplacedError
from tests.contract.drafts import (
    ANNA,
    METHOD,
    NOW,
    a_pending,
    a_user,
    an_entry,
    an_event,
    outcomes_in_parallel,
)

SESSION = start_session(tenant_id="cozone", user_id="anna", epoch=0, now=NOW).session


@pytest.mark.requirement("A1", "A6")
def test_changes_of_several_stores_take_effect_together(stores: Stores) -> None:
    stores.accounts.add(a_user(), "lookup")
    stores.transactions.commit(
        stores.sessions.started(SESSION),
        stores.accounts.second_factor_changed(a_user(), epoch=0),
        stores.authenticators.begun(ANNA, a_pending()),
        stores.events.recorded(an_event()),
    )
    assert stores.sessions.get(SESSION.session_key) == SESSION
    assert stores.accounts.get("cozone", "anna") == a_user(epoch=1, status="enrolled")
    assert stores.authenticators.pending(ANNA) == a_pending()
    with pytest.raises(ConditionRefusedError):  # it is there
        stores.transactions.commit(stores.events.recorded(an_event()))


@pytest.mark.requirement("E5", "A6")
@pytest.mark.parametrize("refused_at", range(4))
def test_one_refusal_leaves_everything_as_it_was(stores: Stores, refused_at: int) -> None:
    stores.accounts.add(a_user(), "lookup")
    changes = [
        stores.sessions.started(SESSION),
        stores.authenticators.begun(ANNA, a_pending()),
        stores.events.recorded(an_event()),
    ]
    # There is no epoch 7.
    changes.insert(refused_at, stores.accounts.second_factor_changed(a_user(), epoch=7))
    with pytest.raises(EnrolmentReplacedError):
        stores.transactions.commit(*changes)
    assert stores.sessions.get(SESSION.session_key) is None
    assert stores.authenticators.pending(ANNA) is None
    assert stores.accounts.get("cozone", "anna") == a_user()
    stores.transactions.commit(stores.events.recorded(an_event()))  # it was not stored either


@pytest.mark.parametrize("replaced_first", [True, False])
def test_of_several_refusals_the_first_change_is_told(stores: Stores, *, replaced_first: bool) -> None:
    session = stores.sessions.pending_until_set(SESSION, NOW)
    enrolment = stores.accounts.second_factor_changed(a_user(), epoch=7)
    changes = [session, enrolment] if replaced_first else [enrolment, session]
    with pytest.raises(SessionReplacedError if replaced_first else EnrolmentReplacedError):
        stores.transactions.commit(*changes)


def test_a_single_change_is_refused_in_its_own_words(stores: Stores) -> None:
    with pytest.raises(EnrolmentReplacedError):
        stores.transactions.commit(stores.accounts.second_factor_changed(a_user(), epoch=7))
    assert stores.accounts.get("cozone", "anna") is None, "a refused update makes no row"


def test_a_row_is_changed_once_in_a_transaction(stores: Stores) -> None:
    """DynamoDB refuses such a transaction whole; a journey that asks for it is at fault."""
    with pytest.raises(ServiceUnavailableError):
        stores.transactions.commit(
            stores.sessions.started(SESSION), stores.sessions.started(replace(SESSION, epoch=1))
        )
    assert stores.sessions.get(SESSION.session_key) is None


@pytest.mark.requirement("E5", "B38", "V3")
def test_of_parallel_transactions_one_wins_whole(stores: Stores) -> None:
    """Each would bind its own authenticator, in its own session."""
    stores.accounts.add(a_user(), "lookup")
    stores.transactions.commit(stores.authenticators.begun(ANNA, a_pending()))
    sessions = [
        start_session(tenant_id="cozone", user_id="anna", epoch=1, now=NOW).session for _ in range(12)
    ]
    outcomes = outcomes_in_parallel(
        partial(
            stores.transactions.commit,
            stores.sessions.started(session),
            stores.accounts.second_factor_changed(a_user(), epoch=0),
            *stores.authenticators.confirmed(
                ANNA, a_pending(), an_entry(last_accepted_time_step=number), now=NOW
            ),
        )
        for number, session in enumerate(sessions)
    )
    assert sorted(outcomes) == ["EnrolmentReplacedError"] * 11 + ["ok"]
    winner = outcomes.index("ok")
    bound = stores.authenticators.bound(ANNA, METHOD)
    assert bound is not None
    assert [entry.last_accepted_time_step for entry in bound.entries] == [winner]
    assert [bool(stores.sessions.get(session.session_key)) for session in sessions] == [
        number == winner for number in range(12)
    ]


@pytest.mark.requirement("A1", "A4")
def test_an_event_is_added_once_and_never_changed(stores: Stores) -> None:
    stores.transactions.commit(stores.events.recorded(an_event("e1")))
    with pytest.raises(ConditionRefusedError):
        stores.transactions.commit(stores.events.recorded(an_event("e1")))
    stores.transactions.commit(stores.events.recorded(an_event("e2")))
