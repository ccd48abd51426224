"""
A release that was rolled back meets rows of the one after it: an outage and an alarm, never a wrong answer.

The rows are left exactly as they are, so that rolling forward again mends everything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from chalicelib.accounts.store import PasswordSubject
from chalicelib.authenticators.attempts import take_back
from chalicelib.authenticators.record import Attempt, Owner, Place
from chalicelib.errors import NewerRowError
from chalicelib.sessions.session import OpenSession, rotate, session_key_of
from chalicelib.storage.changes import Change
from chalicelib.storage.rows import FORMAT_VERSION
from chalicelib.tenants.profile import Profile
from tests.support.aws import Row
from tests.support.wizard import Answer, Phone, Wizard
from tests.support.world import COZONE, World, moto_world

NEWER = {"N": str(FORMAT_VERSION + 1)}
KINDS = {
    "PROFILE": "T#cozone",
    "USER": "T#cozone#U#",
    "look-up": "LOOKUP#",
    "PASSWORD": "LOOKUP#",
    "password of a session": "T#cozone#U#",
    "SESSION": "S#",
    "PENDING": "T#cozone#U#",
    "TOTP": "T#cozone#U#",
}
SORT_KEYS = {"look-up": "USER", "password of a session": "PASSWORD"}


class Life:
    """Anna in the middle of changing her phone, with a row of every kind to her name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wizard: Wizard = world.wizard()
        self.old_phone = self.wizard.enrolled()
        self.wizard.prove_again()
        self.new_phone = Phone(self.wizard.begin().body["key"], world.clock)
        self.wizard.prove_again(password="a wrong one")
        world.wizard().sign_in(password="a wrong one")
        world.clock.advance_to_next_time_step()

    def make_newer(self, kind: str) -> list[Row]:
        """Let all rows of *kind* be of the next format, and return them."""
        rows = [
            row | {"format_version": NEWER, "of_another_shape": {"BOOL": True}}
            for row in self.world.aws.state()
            if row["sk"]["S"] == SORT_KEYS.get(kind, kind) and row["pk"]["S"].startswith(KINDS[kind])
        ]
        assert rows, f"there is no {kind}"
        for row in rows:
            self.world.aws.write(row)
        return rows


@pytest.fixture
def life() -> Iterator[Life]:
    with moto_world() as world:
        yield Life(world)


def _everything(life: Life) -> Iterator[Callable[[], Answer]]:
    """Yield every call that there is, in the session and beside it."""
    wizard, beside = life.wizard, life.world.wizard()
    yield beside.sign_in
    yield lambda: beside.sign_in(password="a wrong one")
    yield beside.prove_again
    yield beside.begin
    yield wizard.session
    yield wizard.offer
    yield wizard.begin
    yield lambda: wizard.verify(life.old_phone.wrong_otp())
    yield lambda: wizard.verify(life.old_phone.otp())
    yield lambda: wizard.prove_again(password="a wrong one")
    yield wizard.prove_again
    yield lambda: wizard.confirm(life.new_phone.wrong_otp())
    yield lambda: wizard.confirm(life.new_phone.otp())
    yield wizard.cancel
    yield wizard.sign_out


@pytest.mark.requirement("V1")
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_an_outage_with_an_alarm_and_nothing_is_changed(life: Life, kind: str) -> None:
    world = life.world.restarted()  # which remembers no tenant
    life.wizard = _moved(life.wizard, world)
    life.world = world
    before = life.make_newer(kind)
    alarms = 0
    for step in _everything(life):
        answer = step()
        assert answer.status != 500, answer.text
        line = world.last_line
        if "alarm" in line:
            assert line["alarm"] == "newer_row"
            assert line["level"] == "ERROR"
            assert (answer.status, answer.problem) == (503, "service_unavailable")
            assert answer.headers["retry-after"] == "5"
            alarms += 1
        rows = world.aws.state()
        assert all(row in rows for row in before)
    assert alarms
    assert not [row for row in world.aws.state() if row in before and row["format_version"] != NEWER]


@pytest.mark.requirement("V1")
@pytest.mark.parametrize("kind", ["SESSION", "TOTP"])
def test_a_row_without_a_format_is_half_an_answer(life: Life, kind: str) -> None:
    for row in life.world.aws.state():
        if row["sk"]["S"] == kind:
            life.world.aws.write({name: value for name, value in row.items() if name != "format_version"})
    answers = [life.wizard.session(), life.wizard.verify(life.old_phone.otp()), life.wizard.begin()]
    assert {answer.status for answer in answers} == {503}


def _moved(wizard: Wizard, world: World) -> Wizard:
    moved = world.wizard()
    moved.session_id = wizard.session_id
    return moved


class TestEveryWrite:
    """Each by itself, for a read before it might have hidden that it is not guarded."""

    def test_single_writes(self, life: Life) -> None:
        stores, owner, now = life.world.stores, _owner(life), int(life.world.clock())
        authenticators = stores.authenticators
        reservation = authenticators.reserve_attempt(owner, "totp", _attempt(life))
        session = _opened(life).session
        sign_in_id = session.sign_in_id
        authenticator_id = reservation.bound.entries[0].authenticator_id
        for kind in KINDS:
            life.make_newer(kind)
        before = life.world.aws.state()
        writes: list[Callable[[], object]] = [
            lambda: authenticators.offer_again(
                owner,
                sign_in_id=sign_in_id,
                phone="iphone",
                same_phone=True,
                place=Place(name="Google Authenticator"),
                may_move=True,
                now=now,
            ),
            lambda: authenticators.reserve_confirmation(owner, sign_in_id=sign_in_id, now=now),
            lambda: authenticators.reserve_attempt(owner, "totp", _attempt(life)),
            lambda: authenticators.accept_attempt(owner, reservation, authenticator_id, time_step=9**9),
            lambda: take_back(
                authenticators._database,  # type: ignore[attr-defined]
                owner,
                "TOTP",
                reservation.attempt,
                reservation.month,
            ),
            lambda: stores.accounts.count_password_attempt(_by_user(life), now=now),
            lambda: stores.sessions.seen(session, now=now),
            lambda: stores.tenants.apply(Profile.from_json(COZONE)),
        ]
        for write in writes:
            with pytest.raises(NewerRowError):
                write()
        assert life.world.aws.state() == before

    def test_changes_by_themselves_and_within_a_transaction(self, life: Life) -> None:
        stores, owner, now = life.world.stores, _owner(life), int(life.world.clock())
        opened, user = _opened(life), life.world.user
        session, rotation = opened.session, rotate(opened, now=now)
        bound, pending = stores.authenticators.bound(owner, "totp"), stores.authenticators.pending(owner)
        assert bound is not None
        assert pending is not None
        changes: list[Change] = [
            stores.authenticators.begun(owner, replace(pending, sign_in_id="another")),
            stores.authenticators.cancelled(owner, sign_in_id=session.sign_in_id),
            *stores.authenticators.confirmed(owner, pending, bound.entries[0], now=now),
            stores.authenticators.disabled(owner, "totp"),
            stores.accounts.rehashed(user, "another hash"),
            stores.accounts.second_factor_changed(user, epoch=1),
            stores.accounts.password_attempts_forgiven(_by_user(life)),
            stores.sessions.rotated(rotation, request_hash="r", answer={}, now=now)[0],
            stores.sessions.pending_until_set(session, now),
            stores.sessions.pending_until_set(session, None),
            stores.sessions.ended(session),
        ]
        for kind in KINDS:
            life.make_newer(kind)
        before = life.world.aws.state()
        beside = stores.sessions.started(replace(session, session_key=secrets.token_hex(32)))
        for change in changes:
            for together in ((change,), (change, beside), (beside, change)):
                with pytest.raises(NewerRowError):
                    stores.transactions.commit(*together)
                assert life.world.aws.state() == before


def _owner(life: Life) -> Owner:
    return Owner(tenant_id=life.world.user.tenant_id, user_id=life.world.user.user_id)


def _by_user(life: Life) -> PasswordSubject:
    return PasswordSubject.of_user(life.world.user.tenant_id, life.world.user.user_id)


def _opened(life: Life) -> OpenSession:
    session_id = life.wizard.session_id
    assert session_id is not None
    session = life.world.stores.sessions.get(session_key_of(session_id))
    assert session is not None
    return OpenSession(session_id=session_id, session=session)


def _attempt(life: Life) -> Attempt:
    return Attempt(
        caller="c",
        attempt_id=secrets.token_hex(16),
        made_at=int(life.world.clock()),
        request_id="r",
        reference="12345678",
    )
