"""Replacing one session many times at once: it has one successor, whoever asks."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest

from chalicelib.accounts.passwords import hash_password
from chalicelib.accounts.record import User
from tests.race.arena import NOON, Arena
from tests.support.live_server import Answer, Page, all_at_once

PASSWORD = "sju lugna sommarmoln"


@pytest.mark.requirement("E2", "V3")
@pytest.mark.parametrize("keys", ["one key", "a key each"])
def test_twenty_password_proofs_of_one_session_at_once_leave_one_successor(arena: Arena, keys: str) -> None:
    user = arena.seeding.user(now=NOON, password_hash=hash_password(PASSWORD))
    (opened,) = arena.seeding.sessions(user, 1, now=NOON)
    shared_key = uuid.uuid4().hex if keys == "one key" else None

    answers = arena.race(
        [opened] * 20,
        lambda page, _: page.post("/api/session/password", key=shared_key, password=PASSWORD),
    )

    _assert_one_successor(arena, user, answers)
    assert keys == "one key" or len([answer for answer in answers if answer.status == 200]) == 1
    assert len(arena.events(user, "session.reauthenticated")) == 1


@pytest.mark.requirement("T6", "E2", "V3")
def test_codes_and_passwords_racing_in_one_session_leave_one_successor(arena: Arena) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON, password_hash=hash_password(PASSWORD))
    (opened,) = arena.seeding.sessions(enrolled.user, 1, now=NOON)
    code = enrolled.code(NOON)

    def code_or_password(page: Page, number: int) -> Answer:
        if number % 4 < 2:  # so that each server gets both
            return page.post("/api/verification", otp=code)
        return page.post("/api/session/password", password=PASSWORD)

    answers = arena.race([opened] * 20, code_or_password)

    _assert_one_successor(arena, enrolled.user, answers)
    assert len([answer for answer in answers if answer.status == 200]) == 1


@pytest.mark.requirement("R5", "E2")
def test_codes_acknowledged_while_the_password_is_proven_do_not_come_due_again(arena: Arena) -> None:
    """Of either order one whole outcome: acknowledged, or told that the session was replaced."""
    stores = arena.seeding.stores
    for _ in range(5):
        enrolled = arena.seeding.enrolled_user(now=NOON, password_hash=hash_password(PASSWORD)).user
        arena.seeding.recovery_codes(enrolled, now=NOON)
        user = stores.accounts.get(enrolled.tenant_id, enrolled.user_id)
        assert user is not None
        proofs: dict[str, int | str] = {"verified_at": NOON, "verified_by": "code", "enrolled_at": NOON}
        opened = arena.seeding.sessions(user, 1, now=NOON, **proofs) * 2
        acknowledged = {"set": user.recovery_set}

        def send(page: Page, number: int, acknowledged: dict[str, str | None] = acknowledged) -> Answer:
            if number == 0:
                return page.post("/api/session/password", password=PASSWORD)
            return page.post("/api/recovery-codes/acknowledgement", **acknowledged)

        password, acknowledgement = arena.race(opened, send)

        assert password.status == 200
        assert acknowledgement.status in {200, 401}
        (live,) = arena.live_sessions(user)
        assert ("enrolled_at" in live) is (acknowledgement.status == 401)


@pytest.mark.requirement("L11", "B18")
def test_of_fifty_wrong_passwords_at_once_exactly_five_are_looked_at(arena: Arena) -> None:
    user = arena.seeding.user(now=NOON, password_hash=hash_password(PASSWORD))
    pages = [Page(arena.servers[number % 2].port) for number in range(50)]

    answers = all_at_once(
        pages,
        lambda page, number: page.post(
            "/api/session", tenant=user.tenant_id, username=user.username, password=f"wrong {number}"
        ),
        pool=arena.pool,
    )

    counted = Counter(answer.outcome for answer in answers)
    assert counted == {"password_mismatch": 5, "too_many_attempts": 45}


def _assert_one_successor(arena: Arena, user: User, answers: list[Answer]) -> None:
    taken = [answer for answer in answers if answer.status == 200]
    assert len({answer.cookie for answer in taken}) == 1
    assert {answer.status for answer in answers} <= {200, 401, 409, 429}
    assert len(arena.live_sessions(user)) == 1
    page = Page(arena.servers[0].port, taken[0].cookie or "")
    answer = page.post("/api/enrolment/confirmation", otp="000000")
    page.close()
    assert answer.outcome in {"enrolment_not_begun", "enrolment_already_confirmed"}  # a live session
