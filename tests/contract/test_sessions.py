"""The port `SessionStore`: one lives, its successor takes over, and only one request wins."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import ReauthenticationRequiredError
from chalicelib.sessions.session import (
    OpenSession,
    Replacement,
    Rotation,
    rotate,
    session_key_of,
    start_session,
    successor_id,
)
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from tests.contract.drafts import HOUR, NOW, Commit, outcomes_in_parallel

ANSWER: dict[str, Any] = {
    "username": "åsa@firma.se",
    "verified": True,
    "enrolment": None,
    "authenticator": {"name": "Google Authenticator"},
}

FROM_A_PORTAL: dict[str, Any] = {"due_at": NOW + 900, "hand_off_key": "a" * 64, "purpose": "manage"}


@pytest.fixture
def store(stores: Stores) -> SessionStore:
    return stores.sessions


@pytest.fixture
def commit(stores: Stores) -> Commit:
    return stores.transactions.commit


@pytest.fixture
def opened(store: SessionStore, commit: Commit) -> OpenSession:
    """A session that was just started."""
    opened = start_session(tenant_id="cozone", user_id="anna", epoch=3, now=NOW)
    commit(store.started(opened.session))
    return opened


def replace_it(store: SessionStore, commit: Commit, opened: OpenSession) -> Rotation:
    rotation = rotate(opened, now=NOW + 5, verified_at=NOW + 5)
    commit(*store.rotated(rotation, request_hash="request", answer=ANSWER, now=NOW + 5))
    return rotation


def test_an_unknown_key_is_no_session(store: SessionStore) -> None:
    assert store.get("unknown") is None


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"reauthenticated_at": NOW, "verified_at": NOW + 1, "pending_until": NOW + 1_800},
        {"verified_by": "remembered_browser", "remembered_at": NOW - 1_800, "user_created_at": NOW - 9_000},
        FROM_A_PORTAL,
    ],
)
def test_a_started_session_is_read_back_as_it_was(
    store: SessionStore, commit: Commit, times: dict[str, Any]
) -> None:
    opened = start_session(tenant_id="cozone", user_id="anna", epoch=3, now=NOW)
    session = replace(opened.session, **times)
    commit(store.started(session))
    assert store.get(session.session_key) == session


@pytest.mark.requirement("S1")
def test_a_key_is_taken_once(store: SessionStore, commit: Commit, opened: OpenSession) -> None:
    with pytest.raises(SessionReplacedError):
        commit(store.started(replace(opened.session, user_id="berit")))
    assert store.get(opened.session.session_key) == opened.session


@pytest.mark.requirement("V5")
def test_a_session_that_is_over_is_still_read(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    """Whether it has ended is decided by time, not by whether it was swept."""
    commit(store.pending_until_set(opened.session, NOW - 10 * HOUR))
    kept = store.get(opened.session.session_key)
    assert kept is not None
    assert kept.has_ended(now=NOW + 2 * HOUR)


@pytest.mark.requirement("E2", "E6")
def test_a_replaced_session_remembers_by_what_and_its_successor_lives(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    rotation = replace_it(store, commit, opened)
    replaced = store.get(opened.session.session_key)
    assert replaced == replace(
        opened.session,
        replacement=Replacement(
            replaced_at=NOW + 5, request_hash="request", salt=rotation.salt, answer=ANSWER
        ),
    )
    successor = rotation.successor.session
    assert store.get(successor.session_key) == successor
    assert successor.verified_at == NOW + 5


@pytest.mark.requirement("E2", "E6")
def test_a_replaced_session_is_not_replaced_again(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    replace_it(store, commit, opened)
    kept = store.get(opened.session.session_key)
    second = rotate(opened, now=NOW + 6)
    with pytest.raises(SessionReplacedError):
        commit(*store.rotated(second, request_hash="another", answer={}, now=NOW + 6))
    assert store.get(opened.session.session_key) == kept
    assert store.get(second.successor.session.session_key) is None


@pytest.mark.requirement("E2", "B38")
def test_of_parallel_replacements_one_wins(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    rotations = [rotate(opened, now=NOW) for _ in range(12)]
    outcomes = outcomes_in_parallel(
        partial(commit, *store.rotated(rotation, request_hash="r", answer={}, now=NOW))
        for rotation in rotations
    )
    assert sorted(outcomes) == ["SessionReplacedError"] * 11 + ["ok"]
    living = [rotation for rotation in rotations if store.get(rotation.successor.session.session_key)]
    assert living == [rotations[outcomes.index("ok")]]


@pytest.mark.requirement("R5", "E2")
@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"enrolled_at": NOW}, "codes acknowledged"),
        ({}, "key begun"),
        ({"pending_until": NOW + 1_800}, "key begun"),
        ({"pending_until": NOW + 1_800}, "key cancelled"),
    ],
)
def test_what_changed_since_it_was_read_is_not_undone_by_its_successor(
    store: SessionStore, commit: Commit, opened: OpenSession, before: dict[str, Any], change: str
) -> None:
    """Whoever replaces it is to look again; that it was used meanwhile is no change."""
    read = replace(opened.session, session_key="read", **before)
    commit(store.started(read))
    commit(
        {
            "codes acknowledged": store.codes_acknowledged(read),
            "key begun": store.pending_until_set(read, NOW + 1_801),
            "key cancelled": store.pending_until_set(read, None),
        }[change]
    )
    changed = store.get("read")
    assert changed is not None
    stale = rotate(OpenSession(session_id="an id", session=read), now=NOW + 5)
    with pytest.raises(SessionReplacedError):
        commit(*store.rotated(stale, request_hash="r", answer=ANSWER, now=NOW + 5))
    assert store.get("read") == changed
    assert store.get(stale.successor.session.session_key) is None
    store.seen(changed, now=NOW + 61)
    anew = rotate(OpenSession(session_id="an id", session=changed), now=NOW + 62)
    commit(*store.rotated(anew, request_hash="r", answer=ANSWER, now=NOW + 62))
    assert store.get(anew.successor.session.session_key) == anew.successor.session


@pytest.mark.requirement("S3")
def test_a_pending_authenticator_can_prolong_it_and_let_go(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    commit(store.pending_until_set(opened.session, NOW + 1_800))
    assert store.get(opened.session.session_key) == replace(opened.session, pending_until=NOW + 1_800)
    commit(store.pending_until_set(opened.session, None))
    assert store.get(opened.session.session_key) == opened.session


@pytest.mark.requirement("S3")
def test_being_seen_is_noted(store: SessionStore, opened: OpenSession) -> None:
    store.seen(opened.session, now=NOW + 61)
    assert store.get(opened.session.session_key) == replace(opened.session, last_seen_at=NOW + 61)


@pytest.mark.requirement("E2", "S1")
@pytest.mark.parametrize("fate", ["replaced", "ended", "never started"])
def test_what_is_no_longer_live_is_neither_prolonged_nor_revived(
    store: SessionStore, commit: Commit, opened: OpenSession, fate: str
) -> None:
    session = opened.session
    if fate == "replaced":
        replace_it(store, commit, opened)
    elif fate == "ended":
        commit(store.ended(session))
    else:
        session = replace(session, session_key="never started")
    before = store.get(session.session_key)
    with pytest.raises(SessionReplacedError):
        store.seen(session, now=NOW + 61)
    for pending_until in (NOW + 1_800, None):
        with pytest.raises(SessionReplacedError):
            commit(store.pending_until_set(session, pending_until))
    stale = rotate(OpenSession(session_id="an id", session=session), now=NOW)
    with pytest.raises(SessionReplacedError):
        commit(*store.rotated(stale, request_hash="r", answer={}, now=NOW))
    assert store.get(session.session_key) == before


@pytest.mark.requirement("R5")
def test_what_a_session_does_notes_its_use_and_may_hang_on_codes_that_are_due(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    for awaiting_codes in (False, True):
        enrolled = replace(
            opened.session, session_key=f"enrolled {awaiting_codes}", enrolled_at=NOW, verified_at=NOW
        )
        commit(store.started(enrolled))
        commit(store.used(enrolled, awaiting_codes=awaiting_codes, now=NOW + 61))
        assert store.get(enrolled.session_key) == replace(enrolled, last_seen_at=NOW + 61)
        commit(store.codes_acknowledged(enrolled))
        after = store.get(enrolled.session_key)
        assert after == replace(enrolled, last_seen_at=NOW + 61, enrolled_at=None)
        commit(store.codes_acknowledged(enrolled))
        if awaiting_codes:
            with pytest.raises(ReauthenticationRequiredError):
                commit(store.used(enrolled, awaiting_codes=True, now=NOW + 62))
        assert store.get(enrolled.session_key) == after
    commit(store.ended(enrolled))
    with pytest.raises(SessionReplacedError):
        commit(store.used(enrolled, awaiting_codes=False, now=NOW))
    with pytest.raises(ReauthenticationRequiredError):
        commit(store.used(enrolled, awaiting_codes=True, now=NOW))
    with pytest.raises(SessionReplacedError):
        commit(store.codes_acknowledged(enrolled))
    assert store.get(enrolled.session_key) is None


@pytest.mark.requirement("S12")
def test_a_replaced_session_does_not_end_in_its_successors_place(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    """Whoever ends it must look again and end the successor."""
    replace_it(store, commit, opened)
    before = store.get(opened.session.session_key)
    with pytest.raises(SessionReplacedError):
        commit(store.ended(opened.session))
    assert store.get(opened.session.session_key) == before


@pytest.mark.requirement("S12")
def test_an_ended_session_is_gone_and_ends_once(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    commit(store.ended(opened.session))
    assert store.get(opened.session.session_key) is None
    with pytest.raises(SessionReplacedError):
        commit(store.ended(opened.session))


@pytest.mark.requirement("M4", "E2")
def test_what_a_portal_began_goes_along_through_every_replacement(
    store: SessionStore, commit: Commit
) -> None:
    opened = start_session(tenant_id="cozone", user_id="anna", epoch=3, now=NOW, **FROM_A_PORTAL)
    commit(store.started(opened.session))
    for _ in range(3):
        opened = replace_it(store, commit, opened).successor
        kept = store.get(opened.session.session_key)
        assert kept is not None
        assert {name: getattr(kept, name) for name in FROM_A_PORTAL} == FROM_A_PORTAL


@pytest.mark.requirement("M4", "E6")
def test_a_finished_session_remembers_its_last_answer_and_has_no_successor(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    answer = {"url": "https://portal.example/?code=å"}
    commit(store.finished(opened.session, request_hash="last", answer=answer, now=NOW + 5))
    finished = store.get(opened.session.session_key)
    assert finished is not None
    replacement = finished.replacement
    assert replacement is not None
    assert (replacement.replaced_at, replacement.request_hash) == (NOW + 5, "last")
    assert replacement.answer == answer
    assert len(replacement.salt) == 32
    assert finished == replace(opened.session, replacement=replacement)
    assert store.get(session_key_of(successor_id(opened.session_id, replacement.salt))) is None


@pytest.mark.requirement("M4", "E2")
def test_a_session_finishes_once_and_only_while_it_lives(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    changes = [
        store.finished(opened.session, request_hash=f"r{number}", answer={}, now=NOW)
        for number in range(12)
    ]
    outcomes = outcomes_in_parallel(partial(commit, change) for change in changes)
    assert sorted(outcomes) == ["SessionReplacedError"] * 11 + ["ok"]
    finished = store.get(opened.session.session_key)
    for change in (
        store.ended(opened.session),
        *store.rotated(rotate(opened, now=NOW), request_hash="r", answer={}, now=NOW)[:1],
    ):
        with pytest.raises(SessionReplacedError):
            commit(change)
    assert store.get(opened.session.session_key) == finished


@pytest.mark.requirement("E11", "V3")
def test_a_request_is_noted_once_while_it_may_be_repeated(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    session = opened.session

    def act(request_hash: str, now: int) -> None:
        commit(store.acted(session, request_hash=request_hash, now=now))

    act("one", NOW)
    noted = store.get(session.session_key)
    assert noted == replace(session, last_seen_at=NOW, acted_at=NOW, acted_by_request="one")
    assert noted.has_done("one", now=NOW + 60)
    assert not noted.has_done("one", now=NOW + 61)
    assert not noted.has_done("two", now=NOW)
    assert not session.has_done("one", now=NOW)
    with pytest.raises(SessionReplacedError):
        act("one", NOW + 60)
    assert store.get(session.session_key) == noted
    act("one", NOW + 61)
    act("two", NOW + 61)
    act("one", NOW + 62)


@pytest.mark.requirement("E11", "V3")
def test_of_one_request_sent_many_times_at_once_one_is_noted(
    store: SessionStore, commit: Commit, opened: OpenSession
) -> None:
    noting = [partial(commit, store.acted(opened.session, request_hash="one", now=NOW)) for _ in range(12)]
    assert sorted(outcomes_in_parallel(noting)) == ["SessionReplacedError"] * 11 + ["ok"]


@pytest.mark.requirement("E11")
def test_a_successor_has_done_nothing_yet(store: SessionStore, commit: Commit, opened: OpenSession) -> None:
    commit(store.acted(opened.session, request_hash="one", now=NOW))
    session = store.get(opened.session.session_key)
    assert session is not None
    rotation = replace_it(store, commit, replace(opened, session=session))
    successor = rotation.successor.session
    assert (successor.acted_at, successor.acted_by_request) == (None, None)
    with pytest.raises(SessionReplacedError):
        commit(store.acted(session, request_hash="two", now=NOW + 90))
