"""Every kind of event is kept as long as its class says, and then it may be swept."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.audit import event as kinds
from chalicelib.audit.dynamodb import DynamoEventLog
from chalicelib.audit.event import Event
from chalicelib.audit.retention import ACTIVITY, DAYS_KEPT, RETENTION_CLASSES, SECURITY, expires_at

NOON = 1_795_435_200
DAY_SECONDS = 24 * 60 * 60


def an_event(kind: str) -> Event:
    return Event(
        kind=kind,
        tenant_id="cozone",
        user_id="0" * 32,
        occurred_at=NOON,
        actor="0" * 32,
        request_id=None,
        reference=None,
    )


@pytest.mark.requirement("K8")
def test_every_kind_of_event_has_a_class() -> None:
    named = {value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)}

    assert set(RETENTION_CLASSES) == named
    assert set(RETENTION_CLASSES.values()) == set(DAYS_KEPT) == {SECURITY, ACTIVITY}


@pytest.mark.requirement("K8")
def test_who_signed_in_is_forgotten_sooner_than_who_changed_something() -> None:
    """What tells of a person's days goes after a good year; what answers for a change stays for five."""
    activity = {kind for kind, name in RETENTION_CLASSES.items() if name == ACTIVITY}

    assert {kind for kind in RETENTION_CLASSES if kind.startswith(("session.", "attempt"))} <= activity
    assert DAYS_KEPT[ACTIVITY] == 400
    assert 5 * 365 <= DAYS_KEPT[SECURITY] <= 5 * 366
    assert expires_at(an_event(kinds.SESSION_STARTED)) == NOON + 400 * DAY_SECONDS
    assert expires_at(an_event(kinds.AUTHENTICATOR_BOUND)) == NOON + 1_827 * DAY_SECONDS


@pytest.mark.requirement("K8")
def test_the_row_says_when_it_may_be_swept() -> None:
    write: Any = DynamoEventLog().recorded(an_event(kinds.ATTEMPT_COUNTED)).write
    kind, request = write

    assert kind == "Put"
    assert request["Item"]["expires_at"] == {"N": str(NOON + 400 * DAY_SECONDS)}
