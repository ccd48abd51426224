"""What a session is worth, how long, and what its successor's id rests on."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sessions.session import (
    OpenSession,
    Replacement,
    new_session_id,
    request_hash,
    rotate,
    session_key_of,
    start_session,
    successor_id,
)
from tests.contract.drafts import a_user

START = 1_795_424_400
MINUTE = 60


def started() -> OpenSession:
    return start_session(tenant_id="cozone", user_id="u1", epoch=3, now=START)


def ends_at(opened: OpenSession) -> int:
    """Return the last second at which the session may be used, by asking second for second."""
    session = opened.session
    return next(now for now in range(START, START + 2 * 3600) if session.has_ended(now=now + 1))


@pytest.mark.requirement("S1")
def test_an_id_is_256_random_bits() -> None:
    ids = {new_session_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {len(base64.urlsafe_b64decode(session_id + "=")) for session_id in ids} == {32}


@pytest.mark.requirement("S1")
def test_the_store_knows_the_hash_of_the_id_only() -> None:
    opened = started()
    assert opened.session.session_key == hashlib.sha256(opened.session_id.encode()).hexdigest()
    assert opened.session_id not in repr(opened)


@pytest.mark.requirement("S3")
def test_an_unused_session_lives_for_a_quarter_of_an_hour() -> None:
    assert ends_at(started()) == START + 15 * MINUTE


@pytest.mark.requirement("S3")
def test_a_pending_authenticator_keeps_it_for_half_an_hour() -> None:
    opened = started()
    waiting = replace(opened, session=replace(opened.session, pending_until=START + 30 * MINUTE))
    assert ends_at(waiting) == START + 30 * MINUTE


@pytest.mark.requirement("S3")
@pytest.mark.parametrize("pending_minutes", [None, 75])
def test_nothing_keeps_it_longer_than_an_hour(pending_minutes: int | None) -> None:
    opened = started()
    pending_until = None if pending_minutes is None else START + pending_minutes * MINUTE
    used = replace(opened.session, last_seen_at=START + 59 * MINUTE, pending_until=pending_until)
    assert ends_at(replace(opened, session=used)) == START + 60 * MINUTE
    assert used.ends_at == START + 60 * MINUTE


@pytest.mark.requirement("E1")
def test_a_password_proof_is_fresh_for_five_minutes() -> None:
    session = replace(started().session, reauthenticated_at=START)
    fresh = [session.password_is_fresh(now=START + seconds) for seconds in (0, 299, 300, 301)]
    assert fresh == [True, True, True, False]


@pytest.mark.requirement("E1")
def test_signing_in_is_no_proof_for_changes() -> None:
    session = started().session
    assert session.password_fresh_until is None
    assert not session.password_is_fresh(now=START)
    assert not session.is_verified


@pytest.mark.requirement("E1", "B29")
@pytest.mark.parametrize(
    ("verified_by", "opens_changes"),
    [
        ("code", True),
        ("recovery_code", True),
        ("remembered_browser", False),
        ("hunch", False),
        (None, False),
    ],
)
def test_only_what_is_known_to_be_a_factor_opens_changes(
    verified_by: str | None, *, opens_changes: bool
) -> None:
    session = replace(started().session, verified_at=START, verified_by=verified_by)
    assert session.is_verified
    assert session.has_proven_factor is opens_changes
    assert not replace(session, verified_at=None).has_proven_factor


@pytest.mark.requirement("E2", "S1")
def test_a_successor_has_another_id_and_the_same_sign_in() -> None:
    opened = started()
    rotation = rotate(opened, now=START + 10, verified_at=START + 10)
    successor = rotation.successor
    assert rotation.replaced == opened.session
    assert successor.session_id != opened.session_id
    assert successor.session == replace(
        opened.session,
        session_key=session_key_of(successor.session_id),
        last_seen_at=START + 10,
        verified_at=START + 10,
    )
    assert successor.session.reference == opened.session.reference


@pytest.mark.requirement("S3")
def test_rotation_does_not_prolong_the_hour() -> None:
    successor = rotate(started(), now=START + 50 * MINUTE).successor
    assert ends_at(successor) == START + 60 * MINUTE


@pytest.mark.requirement("E6", "S1")
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_successors_id_needs_both_halves(salt: bytes, other_salt: bytes) -> None:
    session_id, other_id = "a" * 43, "b" * 43
    found = successor_id(session_id, salt)
    assert found == successor_id(session_id, salt)
    assert len(bytes.fromhex(found)) == 32
    assert found != successor_id(other_id, salt)
    assert (found == successor_id(session_id, other_salt)) == (salt == other_salt)
    # The row holds the hash of the replaced id; that must not be enough.
    assert found != successor_id(session_key_of(session_id), salt)


def test_two_rotations_of_one_session_never_meet() -> None:
    opened = started()
    assert len({rotate(opened, now=START).successor.session_id for _ in range(100)}) == 100


@pytest.mark.requirement("E6")
def test_only_the_replacing_request_is_repeated_and_only_for_a_minute() -> None:
    def hashed(route: str, key: str, *, session_id: str = "anna", body: bytes = b"{}") -> str:
        return request_hash(route, key, session_id=session_id, body=body)

    route = "POST /api/enrolment/confirmation"
    confirming = hashed(route, "k" * 22)
    replacement = Replacement(replaced_at=START, request_hash=confirming, salt=bytes(32), answer={})
    repeated = [replacement.repeats(confirming, now=START + seconds) for seconds in (0, 1, 59, 60, 61)]
    assert repeated == [True, True, True, True, False]
    assert not replacement.repeats(hashed(route, "l" * 22), now=START)
    assert not replacement.repeats(hashed("POST /api/verification", "k" * 22), now=START)
    assert not replacement.repeats(hashed(route, "k" * 22, body=b'{"otp":"000000"}'), now=START)
    assert not replacement.repeats(hashed(route, "k" * 22, session_id="berit"), now=START)


def test_a_reference_is_short_and_no_key() -> None:
    session = started().session
    assert len(session.reference) == 8
    assert session.reference not in session.session_key


@pytest.mark.requirement("K8", "E8")
def test_a_session_is_its_own_users_until_their_factors_change_or_they_are_erased() -> None:
    user = a_user(epoch=3, created_at=START)
    session = replace(started().session, user_created_at=START)
    assert session.is_of(user)
    assert not session.is_of(replace(user, epoch=4))
    for later in (1, 3_600):
        assert not session.is_of(replace(user, created_at=START + later))
        assert not session.is_of(replace(user, created_at=START - later))


@pytest.mark.requirement("K8")
def test_a_session_of_an_earlier_release_is_nobodys_who_was_stored_after_it_began() -> None:
    session = started().session
    assert session.user_created_at is None
    assert session.is_of(a_user(epoch=3, created_at=START))
    assert not session.is_of(a_user(epoch=3, created_at=START + 1))
