"""Beginning and confirming one enrolment many times at once: one key, one authenticator."""

from __future__ import annotations

import uuid

import pytest

from tests.race.arena import NOON, Arena


@pytest.mark.requirement("B36", "V3")
def test_twenty_begins_of_one_sign_in_at_once_draw_one_key(arena: Arena) -> None:
    user = arena.seeding.user(now=NOON)
    (opened,) = arena.seeding.sessions(user, 1, now=NOON, reauthenticated_at=NOON)

    answers = arena.race(
        [opened] * 20, lambda page, _: page.post("/api/enrolment", phone="android", same_phone=False)
    )

    assert {answer.status for answer in answers} == {200}
    offers = [answer.body for answer in answers]
    assert all(offer == offers[0] for offer in offers)
    assert len(arena.events(user, "enrolment.begun")) == 1


@pytest.mark.requirement("B38", "E3", "V3")
@pytest.mark.parametrize("keys", ["one key", "a key each"])
def test_twenty_confirms_of_one_enrolment_at_once_bind_one_authenticator(arena: Arena, keys: str) -> None:
    """The one that wins is answered; whoever repeats that very request gets that very answer."""
    user = arena.seeding.user(now=NOON)
    (opened,) = arena.seeding.sessions(user, 1, now=NOON, reauthenticated_at=NOON)
    code = arena.seeding.pending_enrolment(user, opened, now=NOON).code(NOON)
    shared_key = uuid.uuid4().hex if keys == "one key" else None

    answers = arena.race(
        [opened] * 20,
        lambda page, _: page.post("/api/enrolment/confirmation", key=shared_key, otp=code),
    )

    taken = [answer for answer in answers if answer.status == 200]
    assert len({answer.cookie for answer in taken}) == 1
    assert all(answer.body == taken[0].body for answer in taken)
    assert keys == "one key" or len(taken) == 1
    assert all(answer.status in {200, 401, 409, 410} for answer in answers)
    assert len(arena.authenticator_row(user)["entries"]["M"]) == 1
    assert len(arena.events(user, "authenticator.bound")) == 1
    assert [row["epoch"]["N"] for row in arena.live_sessions(user)] == ["1"]

    # Once the answer is out, the same request is answered the same again, and a new one is not.
    (page,) = arena.pages([opened])
    again = page.post("/api/enrolment/confirmation", key=shared_key, otp=code)
    page.close()
    if keys == "one key":
        assert (again.body, again.cookie) == (taken[0].body, taken[0].cookie)
    else:
        assert again.outcome == "not_signed_in"
