"""The port `EventHistory`: what happened to a user, and whose a reference is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.audit.event import (
    ASSERTION_ISSUED,
    ATTEMPT_COUNTED,
    AUTHENTICATOR_BOUND,
    AUTHENTICATOR_RENAMED,
    BROWSER_FORGOTTEN,
    ENROLMENT_BEGUN,
    ENROLMENT_CANCELLED,
    HAND_OFF_BEGUN,
    RECOVERY_CODES_ACKNOWLEDGED,
    RECOVERY_CODES_MADE,
    SECOND_FACTOR_RESET,
    SESSION_STARTED,
    Event,
)
from chalicelib.bootstrap import Stores
from tests.contract.drafts import NOW, an_event

DAY = 24 * 60 * 60


def record(stores: Stores, event_id: str, kind: str = AUTHENTICATOR_BOUND, **differences: Any) -> Event:
    """Record what a user did, unless *differences* name another actor."""
    by_the_user = {"actor": differences.get("user_id", "anna")}
    event = replace(an_event(event_id), kind=kind, **by_the_user | differences)
    stores.transactions.commit(stores.events.recorded(event))
    return event


def user_of(stores: Stores, reference: str, tenant_id: str = "cozone") -> str | None:
    """Return whom *reference* leads to, looking through all there is."""
    parts = stores.event_history.users_of_reference(tenant_id, reference, now=NOW)
    return next((user_id for user_id in parts if user_id is not None), None)


@pytest.mark.requirement("E9")
def test_what_happened_comes_newest_first_and_whole(stores: Stores) -> None:
    events = [
        record(stores, "e1", RECOVERY_CODES_MADE, occurred_at=NOW - 40 * DAY),
        record(stores, "e2", subject="phone", source="192.0.2.0/24", occurred_at=NOW - DAY),
        record(stores, "e3", SECOND_FACTOR_RESET, details={"reason": "lost", "ticket": "4711"}),
    ]
    assert stores.event_history.of_user("cozone", "anna", limit=20) == tuple(reversed(events))
    assert stores.event_history.of_user("cozone", "anna", limit=2) == tuple(reversed(events[1:]))


def test_sign_ins_attempts_and_others_events_are_not_among_them(stores: Stores) -> None:
    record(stores, "e1", SESSION_STARTED)
    record(stores, "e2", ATTEMPT_COUNTED)
    record(stores, "e3", user_id="berit")
    record(stores, "e4", tenant_id="byra")
    assert stores.event_history.of_user("cozone", "anna", limit=20) == ()


@pytest.mark.parametrize(
    "kind",
    [
        AUTHENTICATOR_RENAMED,
        BROWSER_FORGOTTEN,
        ENROLMENT_BEGUN,
        ENROLMENT_CANCELLED,
        RECOVERY_CODES_ACKNOWLEDGED,
        HAND_OFF_BEGUN,
        ASSERTION_ISSUED,
    ],
)
def test_what_anybody_can_make_any_number_of_is_not_among_them(stores: Stores, kind: str) -> None:
    """A reset must not be pushed out of sight by names given to a phone."""
    event = record(stores, "e1", SECOND_FACTOR_RESET)
    for number in range(3):
        record(stores, f"f{number}", kind, occurred_at=NOW + number)
    assert stores.event_history.of_user("cozone", "anna", limit=2) == (event,)


def test_those_of_one_second_come_in_one_order_whenever_they_are_asked_for(stores: Stores) -> None:
    for event_id in ("b", "c", "a"):
        record(stores, event_id)
    told = stores.event_history.of_user("cozone", "anna", limit=20)
    assert [event.event_id for event in told] == ["c", "b", "a"]


def test_a_reference_leads_to_its_user_for_a_week(stores: Stores) -> None:
    for number in range(8):
        record(
            stores,
            f"e{number}",
            SESSION_STARTED,
            reference=f"ref{number:05}",
            user_id=f"user-{number}",
            occurred_at=NOW - number * DAY,
        )
    found = [user_of(stores, f"ref{number:05}") for number in range(8)]
    assert found == [*[f"user-{number}" for number in range(7)], None]
    assert user_of(stores, "nobodys1") is None


@pytest.mark.requirement("M1", "B57")
def test_no_other_tenants_reference_leads_anywhere(stores: Stores) -> None:
    record(stores, "e1", SESSION_STARTED, tenant_id="byra")
    assert user_of(stores, "7f3k9abc") is None
    assert user_of(stores, "7f3k9abc", "byra") == "anna"


@pytest.mark.requirement("B57")
def test_a_reference_leads_to_whoever_was_signed_in_and_not_to_whom_they_acted_on(stores: Stores) -> None:
    record(stores, "e1", SECOND_FACTOR_RESET, actor="stina", user_id="anna")
    assert user_of(stores, "7f3k9abc") is None
    record(stores, "e2", SESSION_STARTED, actor="stina", user_id="stina")
    assert user_of(stores, "7f3k9abc") == "stina"


def test_of_two_users_of_one_reference_the_latest_is_found(stores: Stores) -> None:
    record(stores, "e1", SESSION_STARTED, user_id="berit", occurred_at=NOW - DAY)
    record(stores, "e2", SESSION_STARTED, user_id="anna")
    assert user_of(stores, "7f3k9abc") == "anna"
