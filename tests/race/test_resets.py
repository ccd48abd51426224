"""The help desk acts while the user does: what is there afterwards is the work of one of the two."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib.accounts.record import User
from chalicelib.resets.record import MOST_RESET_CODE_ATTEMPTS, ResetCode
from chalicelib.sessions.session import OpenSession
from chalicelib.slow_hash import is_slow_hash_of
from tests.race.arena import NOON, Arena
from tests.support.live_server import SETTINGS, Answer, Page

SAID = {"reason": "The phone fell into the lake", "ticket": "INC-4711"}


def staff_sessions(arena: Arena, count: int) -> list[OpenSession]:
    staff = arena.seeding.staff(now=NOON)
    return arena.seeding.sessions(staff, count, now=NOON, verified_at=NOON, verified_by="code")


def reset(page: Page, user: User) -> Answer:
    return page.post("/api/help-desk/reset", user=user.user_id, identity_check="call_back", **SAID)


def rows_of(arena: Arena, user: User) -> dict[str, dict[str, Any]]:
    """Return all rows of *user*'s partition, by their sort keys."""
    answer = arena.backend.dynamodb.query(
        TableName=SETTINGS.state_table,
        KeyConditionExpression="pk = :user",
        ExpressionAttributeValues={":user": {"S": f"T#{user.tenant_id}#U#{user.user_id}"}},
        ConsistentRead=True,
    )
    return {row["sk"]["S"]: row for row in answer["Items"]}


def now_stored(arena: Arena, user: User) -> User:
    stored = arena.seeding.stores.accounts.get(user.tenant_id, user.user_id)
    assert stored is not None
    return stored


def reset_before(arena: Arena) -> User:
    """Return a user whom the help desk has just reset, as they are stored now."""
    enrolled = arena.seeding.enrolled_user(now=NOON)
    (page,) = arena.pages(staff_sessions(arena, 1))
    assert reset(page, enrolled.user).status == 201
    page.close()
    return now_stored(arena, enrolled.user)


@pytest.mark.requirement("E11", "B39", "V3")
@pytest.mark.parametrize("round_number", range(4))
def test_a_reset_beside_a_confirmation_leaves_no_authenticator_of_before(
    arena: Arena, round_number: int
) -> None:
    """Either the confirmation came first and went with the reset, or it finds another epoch."""
    user = reset_before(arena)
    (opened,) = arena.seeding.sessions(user, 1, now=NOON, reauthenticated_at=NOON, reset_proven_at=NOON)
    code = arena.seeding.pending_enrolment(user, opened, now=NOON).code(NOON)
    staff = staff_sessions(arena, 2)
    racing = [*staff, *[opened] * 6] if round_number % 2 else [*[opened] * 6, *staff]

    def act(page: Page, number: int) -> Answer:
        if racing[number] is opened:
            return page.post("/api/enrolment/confirmation", otp=code)
        return reset(page, user)

    answers = arena.race(racing, act)

    of_staff = [answer for answer, one in zip(answers, racing, strict=True) if one is not opened]
    of_user = [answer for answer, one in zip(answers, racing, strict=True) if one is opened]
    assert {answer.outcome for answer in of_staff} <= {"ok", "enrolment_replaced", "service_unavailable"}
    assert all(answer.status in {200, 401, 409, 410, 503} for answer in of_user)
    rows, after = rows_of(arena, user), now_stored(arena, user)
    if after.reset_pending:
        assert set(rows) == {"USER", "RESET"}
    else:
        assert set(rows) == {"USER", "TOTP"}
        assert any(answer.status == 200 for answer in of_user)
    resets = len(arena.events(user, "second_factor.reset")) - 1
    bound = len(arena.events(user, "authenticator.bound"))
    assert after.epoch == user.epoch + resets + bound
    assert bound <= 1


@pytest.mark.requirement("E11", "B39", "V3")
@pytest.mark.parametrize("round_number", range(3))
def test_a_reset_beside_verifications_leaves_none_of_them_signed_in(
    arena: Arena, round_number: int
) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON)
    user = enrolled.user
    sessions = arena.seeding.sessions(user, 6, now=NOON)
    staff = staff_sessions(arena, 1)
    racing = [*sessions[:round_number], *staff, *sessions[round_number:]]
    code = enrolled.code(NOON)

    def act(page: Page, number: int) -> Answer:
        if racing[number] is staff[0]:
            return reset(page, user)
        return page.post("/api/verification", otp=code)

    answers = arena.race(racing, act)

    by_staff = answers[racing.index(staff[0])]
    assert by_staff.outcome in {"ok", "service_unavailable"}
    if by_staff.outcome != "ok":
        assert "RESET" not in rows_of(arena, user)
        return
    assert set(rows_of(arena, user)) == {"USER", "RESET"}
    assert sum(answer.outcome == "ok" for answer in answers) <= 2  # the reset and one code
    for row in arena.live_sessions(user):
        assert int(row["epoch"]["N"]) < now_stored(arena, user).epoch


@pytest.mark.requirement("E11", "V3")
def test_of_resets_at_once_one_code_works(arena: Arena) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON)
    user = enrolled.user

    answers = arena.race(staff_sessions(arena, 8), lambda page, _: reset(page, user))

    given = [answer.body["reset_code"] for answer in answers if answer.status == 201]
    assert given
    assert all(answer.status in {201, 409, 503} for answer in answers)
    row = rows_of(arena, user)["RESET"]
    code_hash = row["code_hash"]["S"]
    working = [code for code in given if is_slow_hash_of(code_hash, ResetCode.parse(code).characters)]
    assert len(working) == 1
    assert len(arena.events(user, "second_factor.reset")) == len(given)
    assert now_stored(arena, user).epoch == user.epoch + len(given)


@pytest.mark.requirement("E11", "L6", "V3")
def test_of_forty_wrong_reset_codes_at_once_ten_are_looked_at(arena: Arena) -> None:
    user = reset_before(arena)
    sessions = arena.seeding.sessions(user, 40, now=NOON)

    answers = arena.race(
        sessions, lambda page, number: page.post("/api/session/reset-code", reset_code=f"{number:08}")
    )

    looked_at = sum(answer.outcome == "reset_code_mismatch" for answer in answers)
    assert {answer.outcome for answer in answers} <= {
        "reset_code_mismatch",
        "reset_code_expired",
        "service_unavailable",
    }
    assert int(rows_of(arena, user)["RESET"]["attempts"]["N"]) == looked_at <= MOST_RESET_CODE_ATTEMPTS
    assert len(arena.events(user, "attempt.counted")) == looked_at


@pytest.mark.requirement("E11", "L3", "V3")
@pytest.mark.parametrize("round_number", range(3))
def test_unlocking_beside_the_last_wrong_code_never_opens_what_is_disabled(
    arena: Arena, round_number: int
) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON)
    user = enrolled.user
    arena.backend.dynamodb.update_item(
        TableName=SETTINGS.state_table,
        Key={"pk": {"S": f"T#{user.tenant_id}#U#{user.user_id}"}, "sk": {"S": "TOTP"}},
        UpdateExpression="SET consecutive_failures = :nineteen",
        ExpressionAttributeValues={":nineteen": {"N": "19"}},
    )
    (last,) = arena.seeding.sessions(user, 1, now=NOON)
    staff = staff_sessions(arena, 3)
    racing = [*staff[:round_number], last, *staff[round_number:]]
    (wrong,) = enrolled.wrong_codes(NOON, 1)

    def act(page: Page, number: int) -> Answer:
        if racing[number] is last:
            return page.post("/api/verification", otp=wrong)
        return page.post("/api/help-desk/unlock", user=user.user_id, **SAID)

    answers = arena.race(racing, act)

    row = rows_of(arena, user)["TOTP"]
    ended = answers[round_number].outcome == "authenticator_disabled"
    assert (row["status"]["S"] == "DISABLED") == ended
    assert (int(row["consecutive_failures"]["N"]) >= 20) == ended


@pytest.mark.requirement("E11", "V3")
def test_one_unlock_sent_eight_times_at_once_is_one(arena: Arena) -> None:
    user = arena.seeding.enrolled_user(now=NOON).user
    (opened,) = staff_sessions(arena, 1)
    key = uuid.uuid4().hex

    answers = arena.race(
        [opened] * 8,
        lambda page, _: page.post("/api/help-desk/unlock", key=key, user=user.user_id, **SAID),
    )

    assert {answer.outcome for answer in answers} <= {"ok", "service_unavailable"}
    assert len(arena.events(user, "second_factor.unlocked")) == 1
    unlocks = [
        int(value["N"]) for name, value in rows_of(arena, user)["TOTP"].items() if "unlocks_" in name
    ]
    assert unlocks == [1]
