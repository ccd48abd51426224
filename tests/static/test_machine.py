"""Where each event leads, by table and by search."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.static.conftest import Evaluate

OUT = {
    "signedIn": False,
    "factor": "none",
    "verified": False,
    "fresh": False,
    "pending": False,
    "handedOff": None,
    "passwordAtPortal": False,
}
BEGUN = OUT | {"signedIn": True}
FRESH = BEGUN | {"fresh": True}
PENDING = FRESH | {"pending": True}
LATER = BEGUN | {"pending": True}
ASKED = BEGUN | {"factor": "active"}
ON = ASKED | {"verified": True}
OFF = BEGUN | {"factor": "disabled"}
HANDED_OFF = BEGUN | {"handedOff": "sign-in", "passwordAtPortal": True}

SCREENS = [
    "sign-in",
    "method",
    "password",
    "phone",
    "app",
    "code",
    "done",
    "verify",
    "stopped",
    "",
    "nonsense",
]

CLAMPED = {
    # facts: where somebody lands who wants each of SCREENS
    "out": (OUT, ["sign-in"] * 11),
    "begun": (
        BEGUN,
        [
            "method",
            "method",
            "password",
            "password",
            "password",
            "password",
            "method",
            "method",
            "method",
            "method",
            "method",
        ],
    ),
    "fresh": (
        FRESH,
        [
            "method",
            "method",
            "phone",
            "phone",
            "phone",
            "phone",
            "method",
            "method",
            "method",
            "method",
            "method",
        ],
    ),
    "pending": (
        PENDING,
        ["app", "method", "phone", "phone", "app", "code", "app", "app", "app", "app", "app"],
    ),
    "pending, password long ago": (
        LATER,
        ["app", "method", "phone", "phone", "app", "code", "app", "app", "app", "app", "app"],
    ),
    "asked for a code": (ASKED, ["verify"] * 11),
    "on": (ON, ["done"] * 11),
    "off": (OFF, ["stopped"] * 11),
    "handed off": (
        HANDED_OFF,
        ["method", "method", *["password"] * 4, "method", "method", "method", "method", "method"],
    ),
    "handed off, password a moment ago": (
        HANDED_OFF | {"fresh": True},
        ["method", "method", *["phone"] * 4, "method", "method", "method", "method", "method"],
    ),
    "handed off and on": (HANDED_OFF | {"factor": "active", "verified": True}, ["done"] * 11),
}

RUN = """
({ initialState, next }, events) => {
  let state = initialState();
  return events.map((event) => {
    const step = next(state, event);
    state = step.state;
    return { ...state, effects: step.effects };
  });
}
"""


@pytest.mark.requirement("E12")
@pytest.mark.parametrize(("facts", "expected"), CLAMPED.values(), ids=CLAMPED.keys())
def test_nobody_gets_further_than_the_server_says(
    evaluate: Evaluate, facts: dict[str, Any], expected: list[str]
) -> None:
    """The address asks; the facts decide."""
    clamp_all = "({ clamp }, { wanted, facts }) => wanted.map((screen) => clamp(screen, facts))"
    assert evaluate("machine", clamp_all, {"wanted": SCREENS, "facts": facts}) == expected


def server(facts: dict[str, Any], wanted: str | None = None) -> dict[str, Any]:
    """The server's answer as an event."""
    event: dict[str, Any] = {"type": "server", "facts": facts}
    return event if wanted is None else event | {"wanted": wanted}


def go(screen: str, **more: Any) -> dict[str, Any]:
    """A move of the user."""
    return {"type": "go", "screen": screen, **more}


def problem(code: str) -> dict[str, Any]:
    """A refusal."""
    return {"type": "problem", "code": code}


TO_PHONE = ["method", "password", "phone"]
TO_CODE = [server(BEGUN), go("password"), server(FRESH, "phone"), server(PENDING, "app"), go("code")]

JOURNEYS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "the guide": (
        [problem("not_signed_in"), *TO_CODE, server(ON)],
        ["sign-in", "method", "password", "phone", "app", "code", "done"],
    ),
    "a later sign-in": (
        [problem("not_signed_in"), server(ASKED), server(ON)],
        ["sign-in", "verify", "done"],
    ),
    "back and forth": (
        [*TO_CODE, go("app"), go("phone"), go("code")],
        ["method", "password", "phone", "app", "code", "app", "phone", "code"],
    ),
    "breaking off": (
        [*TO_CODE, go("phone"), {"type": "cancel"}, server(BEGUN, "method")],
        ["method", "password", "phone", "app", "code", "phone", "stopped", "method"],
    ),
    "the session ends": (
        [*TO_CODE, problem("not_signed_in"), problem("not_signed_in")],
        ["method", "password", "phone", "app", "code", "stopped", "sign-in"],
    ),
    "the key dies": (
        [*TO_CODE, problem("enrolment_expired"), server(FRESH, "method")],
        ["method", "password", "phone", "app", "code", "stopped", "method"],
    ),
    "another sign-in took over": (
        [*TO_CODE, problem("enrolment_replaced")],
        ["method", "password", "phone", "app", "code", "stopped"],
    ),
    "ten wrong codes": (
        [*TO_CODE, problem("enrolment_attempts_exhausted")],
        ["method", "password", "phone", "app", "code", "stopped"],
    ),
    "done in another tab": (
        [*TO_CODE, problem("enrolment_already_confirmed")],
        ["method", "password", "phone", "app", "code", "done"],
    ),
    "password too long ago": (
        [server(LATER, "phone"), problem("reauthentication_required"), server(PENDING, "phone")],
        ["phone", "password", "phone"],
    ),
    "a wrong code": (
        [*TO_CODE, problem("otp_mismatch")],
        ["method", "password", "phone", "app", "code", "code"],
    ),
    "disabled at sign-in": (
        [server(ASKED), problem("authenticator_disabled"), go("method")],
        ["verify", "stopped", "stopped"],
    ),
    "a new phone": (
        [
            server(ON),
            {"type": "replace"},
            go("password"),
            server(ON | {"fresh": True}, "phone"),
            server(ON | {"pending": True}, "app"),
            go("code"),
            server(ON, "done"),
        ],
        ["done", "method", "password", "phone", "app", "code", "done"],
    ),
    "a new phone, broken off": (
        [server(ON), {"type": "replace"}, {"type": "cancel"}, server(ON, "method")],
        ["done", "method", "stopped", "done"],
    ),
    "signing out": ([server(ON), {"type": "signed-out"}], ["done", "sign-in"]),
    "nothing works from the start": ([problem("service_unavailable")], ["stopped"]),
    "a link that is too old": ([problem("hand_off_expired")], ["stopped"]),
    "a portal that is closed, half way": (
        [*TO_CODE[:3], problem("tenant_suspended")],
        [*TO_PHONE, "stopped"],
    ),
    "a portal that is closed, at the end": ([server(ON), problem("tenant_suspended")], ["done", "done"]),
    "a password that only the portal can ask for": (
        [server(BEGUN), go("password"), problem("password_held_by_portal")],
        ["method", "password", "password"],
    ),
    "the same at the sign-in": (
        [problem("not_signed_in"), problem("password_held_by_portal")],
        ["sign-in", "sign-in"],
    ),
    "a portal that asked for the password a moment ago": (
        [server(HANDED_OFF | {"fresh": True}, ""), go("password"), server(PENDING, "app")],
        ["method", "phone", "app"],
    ),
    "a way back that finds the session over": (
        [server(HANDED_OFF | {"factor": "active", "verified": True}), {"type": "signed-out"}],
        ["done", "sign-in"],
    ),
}


@pytest.mark.parametrize(("events", "expected"), JOURNEYS.values(), ids=JOURNEYS.keys())
def test_events_lead_from_screen_to_screen(
    evaluate: Evaluate, events: list[dict[str, Any]], expected: list[str]
) -> None:
    """Each journey as a list of events and the screens that it shows."""
    assert [state["screen"] for state in evaluate("machine", RUN, events)] == expected


FACTS_OF = """
({ factsOf }, session) => factsOf({ password_fresh_until: null, enrolment: null, ...session }, 0)
"""
STATED = [
    ({"hand_off": None, "password": "directory"}, (None, False)),
    ({"hand_off": {"purpose": "sign-in"}, "password": "directory"}, ("sign-in", False)),
    ({"hand_off": {"purpose": "manage"}, "password": "portal"}, ("manage", True)),
]


@pytest.mark.parametrize(("session", "expected"), STATED)
def test_a_session_states_who_sent_the_user_and_who_asks_for_the_password(
    evaluate: Evaluate, session: dict[str, Any], expected: tuple[str | None, bool]
) -> None:
    """Two things apart: a portal may hand over users whose passwords we hold."""
    facts = evaluate("machine", FACTS_OF, session)
    assert (facts["handedOff"], facts["passwordAtPortal"]) == expected


def test_what_the_portal_wanted_is_known_until_the_sign_out(evaluate: Evaluate) -> None:
    """A broken-off journey still has a way back; one that is over has none."""
    events = [
        server(HANDED_OFF),
        {"type": "cancel"},
        problem("authenticator_disabled"),
        {"type": "signed-out"},
    ]
    states = evaluate("machine", RUN, events)
    assert [state["facts"]["handedOff"] for state in states] == ["sign-in", "sign-in", "sign-in", None]


def test_history_keeps_each_step_but_nothing_that_is_over(evaluate: Evaluate) -> None:
    """Back from the phone is the method, not the password; back from the end is the end."""
    effects = [
        set(state["effects"])
        for state in evaluate("machine", RUN, [*TO_CODE, server(ON), go("code", fromHistory=True)])
    ]
    assert effects == [
        {"replace"},
        {"push"},
        {"replace"},
        {"push"},
        {"push"},
        {"replace", "wipe"},
        {"replace", "wipe"},
    ]


EVENTS = st.one_of(
    st.builds(
        server,
        st.fixed_dictionaries(
            {
                "signedIn": st.just(value=True),
                "factor": st.sampled_from(["none", "active", "disabled"]),
                "verified": st.booleans(),
                "fresh": st.booleans(),
                "pending": st.booleans(),
                "handedOff": st.sampled_from([None, "sign-in", "manage"]),
                "passwordAtPortal": st.booleans(),
            }
        ),
        st.none() | st.sampled_from(SCREENS),
    ),
    st.builds(go, st.sampled_from(SCREENS)),
    st.builds(
        problem,
        st.sampled_from(
            [
                "not_signed_in",
                "reauthentication_required",
                "verification_required",
                "enrolment_not_begun",
                "enrolment_replaced",
                "enrolment_expired",
                "enrolment_already_confirmed",
                "authenticator_disabled",
                "not_enrolled",
                "hand_off_expired",
                "not_handed_off",
                "password_held_by_portal",
                "tenant_suspended",
                "otp_mismatch",
                "network",
            ]
        ),
    ),
    st.sampled_from([{"type": "cancel"}, {"type": "replace"}, {"type": "signed-out"}]),
)


@pytest.mark.requirement("E12")
@given(events=st.lists(EVENTS, max_size=12))
def test_no_events_reach_the_code_before_the_server_has_a_key_pending(
    evaluate: Evaluate, events: list[dict[str, Any]]
) -> None:
    """What the server last said about the key is what counts, whatever happened in between."""
    said_pending = False
    for event, state in zip(events, evaluate("machine", RUN, events), strict=True):
        if event["type"] == "server":
            said_pending = event["facts"]["pending"]
        if state["screen"] in {"app", "code"}:
            assert said_pending


@given(events=st.lists(EVENTS, max_size=12))
def test_only_the_user_leaves_the_end(evaluate: Evaluate, events: list[dict[str, Any]]) -> None:
    """No answer, no Back and no late refusal takes a finished journey back."""
    was_done = False
    for event, state in zip(events, evaluate("machine", RUN, events), strict=True):
        if was_done and event["type"] not in {"replace", "signed-out"}:
            assert state["screen"] == "done"
        was_done = state["screen"] == "done"


@given(events=st.lists(EVENTS, max_size=12))
def test_every_screen_shown_is_one_that_exists(evaluate: Evaluate, events: list[dict[str, Any]]) -> None:
    """And a stopped journey always says why."""
    for state in evaluate("machine", RUN, events):
        assert state["screen"] in SCREENS[:9]
        assert (state["screen"] == "stopped") == (state["reason"] is not None)
