"""One change of a row: an attempt counted, an attempt accepted, or no attempt at all."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest

from chalicelib.audit.attempts import ATTEMPT_ROWS, attempt_event
from chalicelib.audit.event import ATTEMPT_ACCEPTED, ATTEMPT_COUNTED, Event
from chalicelib.errors import NewerRowError
from chalicelib.methods import METHODS
from chalicelib.storage.rows import user_partition
from chalicelib.storage.stream import Record
from tests.support.stream import FIRST_SEQUENCE_NUMBER, a_record

NUMBER = str(FIRST_SEQUENCE_NUMBER)
NOON = 1_795_435_200
STEP = NOON // 30
Row = dict[str, Any]


def _entry(*, step: int = STEP - 10, used_at: int = NOON - 300) -> Row:
    return {
        "M": {
            "name": {"S": "canary-name"},
            "ciphertext": {"B": b"canary-ciphertext"},
            "key_arn": {"S": "canary-arn"},
            "version": {"N": "1"},
            "last_accepted_time_step": {"N": str(step)},
            "bound_at": {"N": str(NOON - 900)},
            "last_used_at": {"N": str(used_at)},
        }
    }


def _row(**differences: Row | None) -> Row:
    row: Row = {
        "pk": {"S": user_partition("cozone", "anna")},
        "sk": {"S": "TOTP"},
        "format_version": {"N": "1"},
        "status": {"S": "ACTIVE"},
        "consecutive_failures": {"N": "2"},
        "last_attempt_at": {"N": str(NOON - 60)},
        "failures_2026_11": {"N": "4"},
        "last_attempt_request_id": {"S": "an earlier request"},
        "last_attempt_reference": {"S": "earlier1"},
        "accepted_attempt": {"S": "canary-earlier-attempt"},
        "entries": {"M": {"phone": _entry(), "tablet": _entry(step=STEP - 99)}},
    }
    return {name: value for name, value in (row | differences).items() if value is not None}


BEFORE = _row()
RESERVED = _row(
    consecutive_failures={"N": "3"},
    last_attempt_at={"N": str(NOON)},
    failures_2026_11={"N": "5"},
    last_attempt_request_id={"S": "request"},
    last_attempt_reference={"S": "7f3k9abc"},
)
COMMITTED = RESERVED | {
    "consecutive_failures": {"N": "0"},
    "failures_2026_11": {"N": "4"},
    "accepted_attempt": {"S": "canary-attempt"},
    "entries": {"M": {"phone": _entry(step=STEP, used_at=NOON), "tablet": _entry(step=STEP - 99)}},
}
COUNTED = Event(
    kind=ATTEMPT_COUNTED,
    tenant_id="cozone",
    user_id="anna",
    occurred_at=NOON,
    actor="anna",
    request_id="request",
    reference="7f3k9abc",
    subject=None,
    event_id=NUMBER,
)
ACCEPTED = Event(**(asdict(COUNTED) | {"kind": ATTEMPT_ACCEPTED, "subject": "phone"}))


def _told(before: Row | None, after: Row | None) -> Event | None:
    return attempt_event(a_record(before, after, sequence_number=NUMBER))


@pytest.mark.requirement("A1")
def test_an_attempt_that_was_counted_is_told() -> None:
    assert _told(BEFORE, RESERVED) == COUNTED


@pytest.mark.requirement("A1")
def test_an_attempt_that_was_accepted_is_told_with_the_authenticator_that_took_it() -> None:
    assert _told(RESERVED, COMMITTED) == ACCEPTED


@pytest.mark.requirement("A1")
def test_the_first_of_all_attempts_is_told() -> None:
    new = _row(
        accepted_attempt=None,
        consecutive_failures={"N": "0"},
        last_attempt_at={"N": "0"},
        failures_2026_11=None,
        last_attempt_request_id=None,
        last_attempt_reference=None,
    )
    reserved = new | {"consecutive_failures": {"N": "1"}, "last_attempt_at": {"N": str(NOON)}}
    committed = COMMITTED | {"failures_2026_11": {"N": "0"}}

    for told, kind in (
        (_told(new, reserved), ATTEMPT_COUNTED),
        (_told(reserved, committed), ATTEMPT_ACCEPTED),
    ):
        assert told is not None
        assert told.kind == kind


@pytest.mark.requirement("A1")
def test_a_code_used_again_is_an_attempt_counted() -> None:
    """It is right, and spent: reserved and never accepted."""
    again = COMMITTED | {"consecutive_failures": {"N": "1"}, "last_attempt_at": {"N": str(NOON + 5)}}
    told = _told(COMMITTED, again)
    assert told is not None
    assert (told.kind, told.occurred_at) == (ATTEMPT_COUNTED, NOON + 5)


@pytest.mark.requirement("A1")
def test_an_acceptance_is_told_of_its_own_time_though_another_attempt_came_between() -> None:
    between = RESERVED | {"consecutive_failures": {"N": "4"}, "last_attempt_at": {"N": str(NOON + 7)}}
    accepted = between | {
        name: COMMITTED[name] for name in ("consecutive_failures", "accepted_attempt", "entries")
    }
    told = _told(between, accepted)
    assert told is not None
    assert told.occurred_at == NOON


@pytest.mark.requirement("A1")
def test_rows_that_do_not_say_who_asked_are_told_without_it() -> None:
    """Releases before this one wrote such rows."""
    unsaid: dict[str, Row | None] = {"last_attempt_request_id": None, "last_attempt_reference": None}
    reserved = {name: value for name, value in RESERVED.items() if name not in unsaid}
    told = _told(_row(**unsaid), reserved)
    assert told is not None
    assert (told.request_id, told.reference) == (None, None)
    assert told.event_id == NUMBER


REPLACED = BEFORE | {"entries": {"M": {"new": _entry(), "tablet": _entry(step=STEP - 99)}}}
ELSEWHERE = {"sk": {"S": "PASSWORD"}}


@pytest.mark.requirement("A1")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, _row(accepted_attempt=None)),
        (BEFORE, REPLACED),
        (BEFORE, BEFORE | {"status": {"S": "DISABLED"}}),
        (BEFORE, BEFORE | {"failures_2026_11": {"N": "3"}}),
        (BEFORE, None),
        (BEFORE | ELSEWHERE, RESERVED | ELSEWHERE),
        (None, RESERVED | ELSEWHERE),
    ],
    ids=[
        "confirmed",
        "replaced",
        "disabled",
        "counted twice, taken back",
        "removed",
        "a password counted",
        "a password counted first",
    ],
)
def test_what_is_no_attempt_is_not_told(before: Row | None, after: Row | None) -> None:
    assert _told(before, after) is None


RECOVERY: Row = {
    "pk": {"S": user_partition("cozone", "anna")},
    "sk": {"S": "RECOVERY"},
    "format_version": {"N": "1"},
    "status": {"S": "ACTIVE"},
    "consecutive_failures": {"N": "2"},
    "last_attempt_at": {"N": str(NOON - 60)},
    "failures_2026_11": {"N": "4"},
    "set_id": {"S": "canary-set"},
    "codes_left": {"N": "10"},
    "codes": {"M": {"A": {"M": {"hash": {"S": "canary-hash"}}}}},
}
RECOVERY_RESERVED = RECOVERY | {
    "consecutive_failures": {"N": "3"},
    "last_attempt_at": {"N": str(NOON)},
    "failures_2026_11": {"N": "5"},
    "last_attempt_request_id": {"S": "request"},
    "last_attempt_reference": {"S": "7f3k9abc"},
}
WITHOUT_A_SET = {"set_id", "codes", "codes_left"}
FIRST_WITHOUT_A_SET = {
    name: value for name, value in RECOVERY_RESERVED.items() if name not in WITHOUT_A_SET
} | {"consecutive_failures": {"N": "1"}}


@pytest.mark.requirement("A1", "R4")
@pytest.mark.parametrize(
    ("before", "after"), [(RECOVERY, RECOVERY_RESERVED), (None, FIRST_WITHOUT_A_SET)], ids=["set", "no set"]
)
def test_an_attempt_at_a_recovery_code_is_told_as_one(before: Row | None, after: Row) -> None:
    told = _told(before, after)
    assert told == Event(**(asdict(COUNTED) | {"details": {"by": "recovery_code"}}))
    assert "canary" not in repr(told)


@pytest.mark.requirement("A1")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, RECOVERY | {"consecutive_failures": {"N": "0"}}),
        (RECOVERY, RECOVERY | {"set_id": {"S": "new"}}),
        (RECOVERY_RESERVED, RECOVERY_RESERVED | {"consecutive_failures": {"N": "0"}}),
        (RECOVERY, RECOVERY | {"status": {"S": "DISABLED"}}),
        (RECOVERY, None),
    ],
    ids=["made", "made anew", "used or unlocked", "disabled", "voided"],
)
def test_what_else_becomes_of_recovery_codes_is_told_where_it_happens(
    before: Row | None, after: Row | None
) -> None:
    assert _told(before, after) is None


def test_recovery_codes_of_a_newer_release_are_not_read() -> None:
    with pytest.raises(NewerRowError):
        _told(RECOVERY, RECOVERY_RESERVED | {"format_version": {"N": "2"}})


def test_a_row_that_ttl_has_swept_is_not_told() -> None:
    record = a_record(BEFORE, None, sequence_number=NUMBER)
    swept = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert attempt_event(record | {"userIdentity": swept}) is None


@pytest.mark.requirement("A1")
def test_the_same_record_makes_the_same_event_again() -> None:
    assert _told(RESERVED, COMMITTED) == _told(RESERVED, COMMITTED)


@pytest.mark.requirement("A2", "B45")
@pytest.mark.parametrize(("before", "after"), [(BEFORE, RESERVED), (RESERVED, COMMITTED)])
def test_an_event_holds_ids_and_nothing_else_of_the_row(before: Row, after: Row) -> None:
    assert "canary" not in repr(_told(before, after))


def _without(record: Record, *path: str) -> Record:
    changed: dict[str, Any] = deepcopy(dict(record))
    *way, last = path
    place = changed
    for name in way:
        place = place[name]
    del place[last]
    return changed


def _broken_records() -> list[Record]:
    whole = a_record(RESERVED, COMMITTED, sequence_number=NUMBER)
    cut = [
        _without(whole, "dynamodb"),
        _without(whole, "eventName"),
        _without(whole, "dynamodb", "Keys"),
        _without(whole, "dynamodb", "Keys", "sk"),
        _without(whole, "dynamodb", "OldImage"),
        _without(whole, "dynamodb", "NewImage"),
        _without(whole, "dynamodb", "SequenceNumber"),
        _without(whole, "dynamodb", "NewImage", "consecutive_failures"),
        _without(whole, "dynamodb", "OldImage", "entries"),
        _without(whole, "dynamodb", "NewImage", "entries", "M", "phone", "M", "last_used_at"),
    ]
    strange = {"S": "three"}
    other = [
        a_record(BEFORE, RESERVED | {"consecutive_failures": strange}, sequence_number=NUMBER),
        a_record(BEFORE, RESERVED | {"last_attempt_at": {"N": "noon"}}, sequence_number=NUMBER),
        a_record(BEFORE, RESERVED, sequence_number="../../etc"),
        a_record(BEFORE, RESERVED | {"pk": {"S": "S#nobody"}}, sequence_number=NUMBER),
        a_record(BEFORE, RESERVED | {"pk": {"S": "T#a#U#b#U#c"}}, sequence_number=NUMBER),
    ]
    return cut + other


@pytest.mark.parametrize("record", _broken_records())
def test_a_record_that_is_none_is_refused_and_never_told_by_halves(record: Record) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        attempt_event(record)


def test_a_row_of_a_newer_release_is_not_read() -> None:
    with pytest.raises(NewerRowError):
        _told(BEFORE, RESERVED | {"format_version": {"N": "2"}})


def test_every_method_has_its_row() -> None:
    assert {name.upper() for name in METHODS} == ATTEMPT_ROWS - {"RECOVERY"}
