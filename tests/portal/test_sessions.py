"""The example portal's sessions: what requests of one browser do at once never mixes."""

from __future__ import annotations

import json
import time

import pytest
from flask import Flask, Response

from sessions import COOKIE_NAME, Session, Sessions


class Requests:
    """The requests of one browser, as they begin and end."""

    def __init__(self) -> None:
        self._app = Flask("portal")
        self._sessions = Sessions()

    def begins(self, id_: str = "") -> Session:
        """Return the session that a request under that id works on."""
        with self._app.test_request_context(headers={"Cookie": f"{COOKIE_NAME}={id_}"}) as context:
            return self._sessions.open_session(self._app, context.request)

    def keeps(self, session: Session) -> bool:
        """Keep what a request did, in the middle of it."""
        return self._sessions.keep(session)

    def ends(self, session: Session) -> str | None:
        """End a request; return the id that the browser is told, or None."""
        response = Response()
        self._sessions.save_session(self._app, session, response)
        told = response.headers.get("Set-Cookie")
        return told.partition(";")[0].removeprefix(f"{COOKIE_NAME}=") if told else None


@pytest.fixture
def requests() -> Requests:
    """A browser's requests, none yet."""
    return Requests()


@pytest.fixture
def id_(requests: Requests) -> str:
    """The id of a session in which somebody was handed over."""
    first = requests.begins()
    first["hand_off"] = {"state": "s"}
    told = requests.ends(first)
    assert told is not None
    return told


@pytest.mark.parametrize("order", ["the password first", "the code first"])
def test_of_two_who_become_known_at_once_one_does_and_is_not_mixed(
    order: str, requests: Requests, id_: str
) -> None:
    anna, bo = requests.begins(id_), requests.begins(id_)
    anna.start_anew(user_id="anna")
    bo.start_anew(user_id="bo", signed_in="code")
    first, second = (anna, bo) if order == "the password first" else (bo, anna)

    told = requests.ends(first)

    assert told == first.id
    assert requests.ends(second) is None
    assert requests.begins(first.id) == first
    for dead in (id_, second.id):
        assert requests.begins(dead).keys() == {"form_key"}


def test_a_request_under_the_old_id_is_not_told_the_new_one(requests: Requests, id_: str) -> None:
    """Whoever planted the old id, and asks with it at the right moment, hears nothing."""
    planted = requests.begins(id_)
    signing_in = requests.begins(id_)
    signing_in.start_anew(user_id="anna", signed_in="code")
    requests.ends(signing_in)

    assert "signed_in" not in planted
    planted["attempt_id"] = "a"
    assert requests.ends(planted) is None


def test_what_one_request_does_no_other_sees_before_it_ends(requests: Requests, id_: str) -> None:
    one, other = requests.begins(id_), requests.begins(id_)
    one["hand_off"]["state"] = "t"
    one["user_id"] = "anna"
    assert json.loads(json.dumps(other)) == requests.begins(id_)
    assert other["hand_off"] == {"state": "s"}


def test_what_is_used_up_is_so_once_and_does_not_come_back(requests: Requests, id_: str) -> None:
    one, other, slow = (requests.begins(id_) for _ in range(3))
    for returning in (one, other):
        del returning["hand_off"]
    slow["attempt_id"] = "a"

    assert [requests.keeps(one), requests.keeps(other)] == [True, False]
    assert requests.ends(slow) is None
    assert "hand_off" not in requests.begins(id_)


def test_whoever_used_it_up_goes_on(requests: Requests, id_: str) -> None:
    returning = requests.begins(id_)
    del returning["hand_off"]
    requests.keeps(returning)
    returning.start_anew(user_id="anna", signed_in="hand-off")

    assert requests.begins(requests.ends(returning) or "")["signed_in"] == "hand-off"


def test_signing_out_is_not_too_late_after_a_change(requests: Requests, id_: str) -> None:
    """A change is dropped where another came first; an end of the session is not."""
    signing_out, changing = requests.begins(id_), requests.begins(id_)
    changing["attempt_id"] = "a"
    requests.ends(changing)
    signing_out.start_anew()

    assert requests.ends(signing_out) is not None
    assert requests.begins(id_).keys() == {"form_key"}


def test_a_request_that_changes_nothing_is_in_nobodys_way(requests: Requests, id_: str) -> None:
    looking, changing = requests.begins(id_), requests.begins(id_)
    assert requests.ends(looking) is None
    changing["attempt_id"] = "a"
    assert requests.ends(changing) == id_


def test_a_session_ends(requests: Requests) -> None:
    old = requests.begins()
    old["user_id"] = "anna"
    old.ends_at = time.time() - 1
    told = requests.ends(old)
    assert told is not None
    assert requests.begins(told).keys() == {"form_key"}
