"""Adding, replacing and removing several authenticators at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import mintotp
import pytest

from chalicelib.authenticators.record import Authenticator, Owner, PendingAuthenticator, Place
from chalicelib.sessions.session import OpenSession
from chalicelib.totp import time_step_at
from tests.race.arena import NOON, Arena
from tests.support.live_server import Answer
from tests.support.seeding import METHOD, EnrolledUser

ROUNDS = 8


def outcomes(answers: list[Answer]) -> Counter[str]:
    """Count the answers by problem code."""
    return Counter(answer.outcome for answer in answers)


def _race(
    arena: Arena, sessions: Sequence[OpenSession], requests: Sequence[tuple[str, dict[str, str]]]
) -> list[Answer]:
    """Return what each of *sessions* is answered to its own of *requests*, all sent at once."""
    return arena.race(sessions, lambda page, n: page.post(requests[n][0], **requests[n][1]))


def _with_authenticators(arena: Arena, count: int) -> list[EnrolledUser]:
    """Return one new user as often as they have authenticators: what each phone knows."""
    phones = [arena.seeding.enrolled_user(now=NOON)]
    for number in range(2, count + 1):
        phones.append(_one_more(arena, phones[-1], Place(name=f"phone {number}", is_further=True)))
    return [replace(phone, user=phones[-1].user) for phone in phones]


def _one_more(arena: Arena, phone: EnrolledUser, place: Place) -> EnrolledUser:
    stores, user = arena.seeding.stores, phone.user
    opened = arena.seeding.sessions(user, 1, now=NOON)[0]
    new = arena.seeding.pending_enrolment(user, opened, now=NOON, place=place)
    owner = Owner(tenant_id=user.tenant_id, user_id=user.user_id)
    pending = stores.authenticators.pending(owner)
    assert pending is not None
    stores.transactions.commit(
        *stores.authenticators.confirmed(owner, pending, _entry(pending), now=NOON),
        stores.accounts.second_factor_changed(user, epoch=user.epoch),
    )
    return replace(new, user=replace(user, epoch=user.epoch + 1))


def _entry(pending: PendingAuthenticator) -> Authenticator:
    return Authenticator(
        authenticator_id=pending.authenticator_id,
        name=pending.name,
        sealed=pending.sealed,
        last_accepted_time_step=time_step_at(NOON) - 2,
        bound_at=NOON,
        last_used_at=None,
    )


def _proven(arena: Arena, phone: EnrolledUser, count: int) -> list[OpenSession]:
    """Return sign-ins that may change everything."""
    return arena.seeding.sessions(
        phone.user, count, now=NOON, reauthenticated_at=NOON, verified_at=NOON, verified_by="code"
    )


def _ids(arena: Arena, phone: EnrolledUser) -> list[str]:
    owner = Owner(tenant_id=phone.user.tenant_id, user_id=phone.user.user_id)
    bound = arena.seeding.stores.authenticators.bound(owner, METHOD)
    return [entry.authenticator_id for entry in bound.entries] if bound else []


@pytest.mark.requirement("E10", "B38")
def test_of_two_added_at_once_beside_four_one_becomes_the_fifth(arena: Arena) -> None:
    for _ in range(ROUNDS):
        phone = _with_authenticators(arena, 4)[0]
        sign_ins = _proven(arena, phone, 2)
        begun = arena.race(
            sign_ins, lambda page, _: page.post("/api/enrolment", phone="android", same_phone=False)
        )
        assert outcomes(begun) == {"ok": 2}
        answers = _race(
            arena,
            sign_ins,
            [("/api/enrolment/confirmation", {"otp": _code_of(answer.body["key"])}) for answer in begun],
        )
        counted = outcomes(answers)
        assert counted["ok"] == 1
        assert set(counted) <= {
            "ok",
            "enrolment_replaced",
            "enrolment_already_confirmed",
            "not_signed_in",
        }
        assert len(_ids(arena, phone)) == 5
        assert {row["epoch"]["N"] for row in arena.live_sessions(phone.user)} == {"5"}


def _code_of(key: str) -> str:
    return str(mintotp.hotp(key, time_step_at(NOON)))


@pytest.mark.requirement("B40", "E8")
def test_of_the_last_two_removed_at_once_where_one_is_asked_for_one_stays(arena: Arena) -> None:
    for _ in range(ROUNDS):
        phone = _with_authenticators(arena, 2)[0]
        ids = _ids(arena, phone)
        answers = _race(
            arena,
            _proven(arena, phone, 2),
            [("/api/authenticators/removal", {"authenticator": one}) for one in ids],
        )
        counted = outcomes(answers)
        assert counted["ok"] == 1
        assert set(counted) <= {"ok", "not_signed_in", "last_authenticator"}
        assert len(_ids(arena, phone)) == 1
        assert len(arena.events(phone.user, "authenticator.removed")) == 1


@pytest.mark.requirement("E10", "V3")
def test_one_removed_twenty_times_at_once_is_removed_once(arena: Arena) -> None:
    phone = _with_authenticators(arena, 3)[0]
    first = _ids(arena, phone)[0]
    answers = arena.race(
        _proven(arena, phone, 20),
        lambda page, _: page.post("/api/authenticators/removal", authenticator=first),
    )
    assert outcomes(answers)["ok"] == 1
    assert set(outcomes(answers)) <= {"ok", "not_signed_in", "not_found"}
    assert len(_ids(arena, phone)) == 2
    assert len(arena.events(phone.user, "authenticator.removed")) == 1


@pytest.mark.requirement("E10")
def test_one_removed_while_its_code_is_looked_at_opens_before_or_never(arena: Arena) -> None:
    """Whichever comes first: no code of it is accepted once the removal has been answered."""
    for _ in range(ROUNDS):
        lost = _with_authenticators(arena, 2)[0]
        removed_id = _id_of(arena, lost)
        owner_is_at = _proven(arena, lost, 1)
        guessing = arena.seeding.sessions(lost.user, 3, now=NOON)
        code = lost.code(NOON)
        answers = _race(
            arena,
            [*owner_is_at, *guessing],
            [
                ("/api/authenticators/removal", {"authenticator": removed_id}),
                *[("/api/verification", {"otp": code})] * len(guessing),
            ],
        )
        assert answers[0].outcome == "ok"
        assert len(_ids(arena, lost)) == 1
        assert set(outcomes(answers[1:])) <= {"ok", "otp_mismatch", "otp_already_used", "not_signed_in"}
        assert outcomes(answers[1:])["ok"] <= 1
        (late,) = arena.seeding.sessions(replace(lost.user, epoch=lost.user.epoch + 1), 1, now=NOON)
        arena.clock.set(NOON + 30)
        (page,) = arena.pages([late])
        assert page.post("/api/verification", otp=lost.code(NOON + 30)).outcome == "otp_mismatch"
        page.close()
        arena.clock.set(NOON)


def _id_of(arena: Arena, phone: EnrolledUser) -> str:
    owner = Owner(tenant_id=phone.user.tenant_id, user_id=phone.user.user_id)
    bound = arena.seeding.stores.authenticators.bound(owner, METHOD)
    assert bound is not None
    for entry in bound.entries:
        context = owner.seal_context(entry.authenticator_id, entry.sealed.version)
        if arena.seeding.stores.cipher.open(entry.sealed, context).base32 == phone.secret.base32:
            return entry.authenticator_id
    raise LookupError


@pytest.mark.requirement("B38", "B40", "E5")
def test_of_a_replacement_and_a_removal_of_the_same_one_takes_place(arena: Arena) -> None:
    for _ in range(ROUNDS):
        phone = _with_authenticators(arena, 2)[0]
        old = _ids(arena, phone)[0]
        one, other = _proven(arena, phone, 2)
        place = Place(name="new", replaces=old)
        code = arena.seeding.pending_enrolment(phone.user, one, now=NOON, place=place).code(NOON)
        answers = _race(
            arena,
            [one, other],
            [
                ("/api/enrolment/confirmation", {"otp": code}),
                ("/api/authenticators/removal", {"authenticator": old}),
            ],
        )
        told = [answer.outcome for answer in answers]
        assert told.count("ok") == 1
        assert set(told) <= {
            "ok",
            "not_signed_in",
            "not_found",
            "enrolment_replaced",
            "enrolment_not_begun",
            "enrolment_already_confirmed",  # something is bound, and nothing waits any more
        }
        assert old not in _ids(arena, phone)
        assert len(_ids(arena, phone)) == (2 if told[0] == "ok" else 1)
        gone = [*arena.events(phone.user, "authenticator.removed")]
        gone += arena.events(phone.user, "authenticator.revoked")
        assert [event["subject"]["S"] for event in gone] == [old]
