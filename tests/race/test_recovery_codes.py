"""Spending, guessing and making recovery codes with many hands at once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib.accounts.record import User
from tests.race.arena import NOON, Arena
from tests.race.test_codes import outcomes
from tests.support.live_server import Answer, Page
from tests.support.wizard import wrong_recovery_code

SPEND = "/api/verification/recovery-code"


@pytest.fixture
def anna(arena: Arena) -> tuple[User, list[str]]:
    """Return a user with an authenticator, and her recovery codes."""
    enrolled = arena.seeding.enrolled_user(now=NOON)
    user = arena.seeding.stores.accounts.get(enrolled.user.tenant_id, enrolled.user.user_id)
    assert user is not None
    return user, arena.seeding.recovery_codes(user, now=NOON)


def used_letters(row: dict[str, Any]) -> set[str]:
    """Return the letters of the codes that the row holds as used."""
    return {letter for letter, code in row["codes"]["M"].items() if "used_at" in code["M"]}


@pytest.mark.requirement("R3", "B11")
def test_of_fifty_times_the_same_recovery_code_at_once_exactly_one_is_accepted(
    arena: Arena, anna: tuple[User, list[str]]
) -> None:
    user, codes = anna
    sessions = arena.seeding.sessions(user, 50, now=NOON)

    answers = arena.race(sessions, lambda page, _: page.post(SPEND, recovery_code=codes[0]))

    counted = outcomes(answers)
    assert counted["ok"] == 1
    assert set(counted) <= {"ok", "recovery_code_used", "too_many_attempts"}
    assert len([row for row in arena.live_sessions(user) if "verified_at" in row]) == 1
    row = arena.row(user, "RECOVERY")
    assert (used_letters(row), row["codes_left"]) == ({"A"}, {"N": "9"})
    assert len(arena.events(user, "recovery_code.used")) == 1


@pytest.mark.requirement("R3", "E6", "V3")
def test_one_request_sent_twenty_times_at_once_spends_one_code_and_is_answered_alike(
    arena: Arena, anna: tuple[User, list[str]]
) -> None:
    user, codes = anna
    (opened,) = arena.seeding.sessions(user, 1, now=NOON)
    key = uuid.uuid4().hex

    answers = arena.race([opened] * 20, lambda page, _: page.post(SPEND, key=key, recovery_code=codes[0]))

    taken = [answer for answer in answers if answer.status == 200]
    assert taken
    assert all((answer.body, answer.cookie) == (taken[0].body, taken[0].cookie) for answer in taken)
    assert set(outcomes(answers)) <= {"ok", "too_many_attempts"}
    row = arena.row(user, "RECOVERY")
    assert row["codes_left"] == {"N": "9"}
    assert len(arena.events(user, "recovery_code.used")) == 1


@pytest.mark.requirement("B12", "R6")
def test_different_recovery_codes_at_once_are_all_spent_and_each_counted(
    arena: Arena, anna: tuple[User, list[str]]
) -> None:
    user, codes = anna
    for already_spent in (0, 2, 4):
        sessions = arena.seeding.sessions(user, 2, now=NOON)
        both = codes[already_spent : already_spent + 2]
        answers = arena.race(sessions, lambda page, n: page.post(SPEND, recovery_code=both[n]))  # noqa: B023 - sent in this round
        assert {answer.status for answer in answers} == {200}
        left = sorted(answer.body["recovery_codes_left"] for answer in answers)
        assert left == [8 - already_spent, 9 - already_spent]
    row = arena.row(user, "RECOVERY")
    assert (used_letters(row), row["codes_left"]) == (set("ABCDEF"), {"N": "4"})
    assert row["consecutive_failures"] == row["failures_2026_11"] == {"N": "0"}
    told = {event["details"]["S"] for event in arena.events(user, "recovery_code.used")}
    assert told == {f'{{"left": "{left}"}}' for left in range(4, 10)}


@pytest.mark.requirement("R4", "L5", "L6")
@pytest.mark.parametrize("has_codes", [True, False])
def test_of_a_hundred_wrong_recovery_codes_at_once_exactly_five_are_looked_at(
    arena: Arena, anna: tuple[User, list[str]], *, has_codes: bool
) -> None:
    user, codes = anna
    if not has_codes:
        user = arena.seeding.enrolled_user(now=NOON).user
    sessions = arena.seeding.sessions(user, 100, now=NOON)
    wrong = wrong_recovery_code(codes[0])

    answers = arena.race(sessions, lambda page, _: page.post(SPEND, recovery_code=wrong))

    assert outcomes(answers) == {"recovery_code_mismatch": 5, "too_many_attempts": 95}
    assert arena.row(user, "RECOVERY")["consecutive_failures"] == {"N": "5"}


@pytest.mark.requirement("R5", "B12")
def test_a_set_made_while_the_old_one_is_spent_is_whole(arena: Arena, anna: tuple[User, list[str]]) -> None:
    user, codes = anna
    spending = arena.seeding.sessions(user, 4, now=NOON)
    making = arena.seeding.sessions(
        user, 2, now=NOON, verified_at=NOON, verified_by="code", reauthenticated_at=NOON
    )

    def send(page: Page, number: int) -> Answer:
        if number < len(making):
            return page.post("/api/recovery-codes")
        return page.post(SPEND, recovery_code=codes[number])

    answers = arena.race([*making, *spending], send)

    made, spent = answers[:2], answers[2:]
    assert {answer.status for answer in made} == {201}
    assert set(outcomes(spent)) <= {"ok", "recovery_code_mismatch"}
    row, user_row = arena.row(user, "RECOVERY"), arena.row(user, "USER")
    assert row["set_id"] == user_row["recovery_set"]
    assert row["set_id"]["S"] in {answer.body["set"] for answer in made}
    assert (used_letters(row), row["codes_left"]) == (set(), {"N": "10"})
    assert len(arena.events(user, "recovery_code.used")) == outcomes(spent)["ok"]
