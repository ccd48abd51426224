"""Guessing and replaying codes with many hands at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

from chalicelib.accounts.passwords import hash_password
from chalicelib.authenticators.attempts import MONTH_PREFIX
from chalicelib.throttle import month_of
from tests.race.arena import NOON, TRIALS, Arena
from tests.support.live_server import Answer, Page, serving

TRIAL_SECONDS = 10
FIRST_OF_NOVEMBER = NOON - NOON % 86_400 - 22 * 86_400


def outcomes(answers: list[Answer]) -> Counter[str]:
    """Count the answers by problem code."""
    return Counter(answer.outcome for answer in answers)


@pytest.mark.requirement("L1", "L5", "L6", "L7", "B18", "B26")
def test_of_two_hundred_wrong_codes_at_once_exactly_five_are_looked_at(arena: Arena) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON)
    sessions = arena.seeding.sessions(enrolled.user, 200, now=NOON)
    codes = enrolled.wrong_codes(NOON, 200)

    answers = arena.race(sessions, lambda page, n: page.post("/api/verification", otp=codes[n]))

    assert outcomes(answers) == {"otp_mismatch": 5, "too_many_attempts": 195}
    lines = arena.request_lines(sessions)
    assert len(lines) == 200
    assert sum(line["aws_calls"].get("KMS.Decrypt", 0) for line in lines) == 5
    refused = [line for line in lines if line["status"] == 429]
    assert not any("KMS.Decrypt" in line["aws_calls"] for line in refused)
    assert int(arena.authenticator_row(enrolled.user)["consecutive_failures"]["N"]) == 5

    # A server that has just started knows of it, too; not even the right code opens.
    (late,) = arena.seeding.sessions(enrolled.user, 1, now=NOON)
    with serving(arena.backend, arena.clock, arena.folder) as fresh:
        page = Page(fresh.port, late.session_id)
        assert page.post("/api/verification", otp=enrolled.code(NOON)).outcome == "too_many_attempts"
        arena.clock.set(NOON + 30)
        assert page.post("/api/verification", otp=enrolled.code(NOON + 30)).status == 200
        page.close()


@pytest.mark.requirement("T6", "B02")
def test_of_fifty_times_the_same_right_code_at_once_exactly_one_is_accepted(arena: Arena) -> None:
    enrolled = arena.seeding.enrolled_user(now=NOON)
    sessions = arena.seeding.sessions(enrolled.user, 50, now=NOON)
    code = enrolled.code(NOON)

    answers = arena.race(sessions, lambda page, _: page.post("/api/verification", otp=code))

    counted = outcomes(answers)
    assert counted["ok"] == 1
    assert set(counted) <= {"ok", "otp_already_used", "too_many_attempts"}
    verified = [row for row in arena.live_sessions(enrolled.user) if "verified_at" in row]
    assert len(verified) == 1


@pytest.mark.requirement("T6", "B02")
def test_one_code_sent_twelve_times_at_once_is_never_accepted_twice(
    arena: Arena, record_property: Callable[[str, object], None]
) -> None:
    """As many trials as fit in the time: `make bench` makes a thousand."""
    end = time.monotonic() + TRIAL_SECONDS
    trials = 0
    while time.monotonic() < end:
        assert arena.times_accepted_of_twelve_at_once() == 1, f"in trial {trials}"
        trials += 1
    record_property(TRIALS, trials)


@pytest.mark.requirement("L4")
def test_a_hundred_right_sign_ins_in_one_month_are_all_taken(arena: Arena) -> None:
    password = "sju lugna sommarmoln"
    enrolled = arena.seeding.enrolled_user(now=FIRST_OF_NOVEMBER, password_hash=hash_password(password))
    who = {"tenant": enrolled.user.tenant_id, "username": enrolled.user.username, "password": password}
    pages = [Page(server.port) for server in arena.servers]
    for number in range(100):
        now = FIRST_OF_NOVEMBER + number * 7 * 3600
        arena.clock.set(now)
        page = pages[number % len(pages)]
        signed_in = page.post("/api/session", **who)
        assert signed_in.status == 200, signed_in
        page.session_id = signed_in.cookie or ""
        verified = page.post("/api/verification", otp=enrolled.code(now))
        assert verified.status == 200, verified
    for page in pages:
        page.close()
    row = arena.authenticator_row(enrolled.user)
    assert month_of(now) == month_of(FIRST_OF_NOVEMBER)
    assert row[MONTH_PREFIX + month_of(now)] == row["consecutive_failures"] == {"N": "0"}
