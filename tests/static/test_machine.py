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
    "verifiedBy": None,
    "fresh": False,
    "pending": False,
    "codesMade": False,
    "codesDue": False,
    "resetPending": False,
    "handedOff": None,
    "passwordAtPortal": False,
}
BEGUN = OUT | {"signedIn": True}
FRESH = BEGUN | {"fresh": True}
PENDING = FRESH | {"pending": True}
LATER = BEGUN | {"pending": True}
ASKED = BEGUN | {"factor": "active"}
ON = ASKED | {"verifiedBy": "code"}
KNOWN = ASKED | {"verifiedBy": "remembered_browser"}
DUE = ON | {"codesDue": True}
RECOVERED = ASKED | {"verifiedBy": "recovery_code", "codesMade": True}
RESET = BEGUN | {"resetPending": True}
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
    "recovery",
    "recover",
    "reset-code",
    "account",
    "rename",
    "remove",
    "renew",
    "stopped",
    "",
    "nonsense",
]

STEPS = ["method", "password", "phone", "app", "code"]


def lands(default: str, **others: str) -> list[str]:
    """Return where somebody lands who wants each of SCREENS: *default*, if not told otherwise."""
    named = {name.replace("_", "-"): screen for name, screen in others.items()}
    return [named.get(screen, default) for screen in SCREENS]


ALL_STEPS = dict(zip(STEPS, STEPS, strict=True))
ADD, RENAME, RENEW = ({"kind": kind, "id": "phone-1"} for kind in ("add", "rename", "renew"))

CLAMPED: dict[str, tuple[dict[str, Any], dict[str, Any] | None, list[str]]] = {
    # facts, what they want changed, and where somebody lands who wants each of SCREENS
    "out": (OUT, None, lands("sign-in")),
    "begun": (
        BEGUN,
        None,
        lands("method", password="password", phone="password", app="password", code="password"),
    ),
    "fresh": (FRESH, None, lands("method", password="phone", phone="phone", app="phone", code="phone")),
    "pending": (PENDING, None, lands("app", **ALL_STEPS | {"password": "phone"})),
    "pending, password long ago": (LATER, None, lands("app", **ALL_STEPS | {"password": "phone"})),
    "asked for a code": (ASKED, None, lands("verify")),
    "asked for a code, with recovery codes": (
        ASKED | {"codesMade": True},
        None,
        lands("verify", recover="recover"),
    ),
    "on": (ON, None, lands("account", done="done")),
    "on, and another phone is pending": (ON | {"pending": True}, None, lands("account", done="done")),
    "on, adding a phone": (
        ON,
        ADD,
        lands(
            "method",
            account="account",
            done="done",
            password="password",
            phone="password",
            app="password",
            code="password",
        ),
    ),
    "on, changing a name": (ON, RENAME, lands("password", account="account", done="done")),
    "on, changing a name, password a moment ago": (
        ON | {"fresh": True},
        RENAME,
        lands("rename", account="account", done="done"),
    ),
    "on, making codes": (
        ON | {"fresh": True},
        RENEW,
        lands("renew", recovery="recovery", account="account", done="done"),
    ),
    "a browser that is remembered": (KNOWN, None, lands("account", done="done")),
    "a browser that is remembered, adding a phone": (
        KNOWN | {"fresh": True},
        ADD,
        lands("verify", account="account", done="done"),
    ),
    "a browser that is remembered, changing a name, with recovery codes": (
        KNOWN | {"codesMade": True},
        RENAME,
        lands("verify", account="account", done="done", recover="recover"),
    ),
    "codes are due": (DUE, None, lands("recovery")),
    "codes are due, whatever is wanted": (DUE | {"fresh": True, "pending": True}, ADD, lands("recovery")),
    "reset": (RESET, None, lands("reset-code")),
    "off": (OFF, None, lands("stopped")),
    "off, verified before": (OFF | {"verifiedBy": "code"}, None, lands("stopped")),
    "off, with recovery codes": (OFF | {"codesMade": True}, None, lands("stopped", recover="recover")),
    "off, with a recovery code given": (
        OFF | {"verifiedBy": "recovery_code"},
        None,
        lands("method", password="password", phone="password", app="password", code="password"),
    ),
    "handed off": (
        HANDED_OFF,
        None,
        lands("method", password="password", phone="password", app="password", code="password"),
    ),
    "handed off and on": (
        HANDED_OFF | {"factor": "active", "verifiedBy": "code"},
        None,
        lands("account", done="done"),
    ),
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
@pytest.mark.parametrize(("facts", "task", "expected"), CLAMPED.values(), ids=CLAMPED.keys())
def test_nobody_gets_further_than_the_server_says(
    evaluate: Evaluate, facts: dict[str, Any], task: dict[str, Any] | None, expected: list[str]
) -> None:
    """The address asks; the facts decide."""
    clamp_all = """({ clamp }, { wanted, facts, task }) =>
      wanted.map((screen) => clamp(screen, facts, { task }))"""
    landed = evaluate("machine", clamp_all, {"wanted": SCREENS, "facts": facts, "task": task})
    assert dict(zip(SCREENS, landed, strict=True)) == dict(zip(SCREENS, expected, strict=True))


def server(facts: dict[str, Any], wanted: str | None = None) -> dict[str, Any]:
    """The server's answer as an event."""
    event: dict[str, Any] = {"type": "server", "facts": facts}
    return event if wanted is None else event | {"wanted": wanted}


def go(screen: str, **more: Any) -> dict[str, Any]:
    """A move of the user."""
    return {"type": "go", "screen": screen, **more}


def wants(kind: str, phone: str | None = None, **more: Any) -> dict[str, Any]:
    """A wish of somebody who is through already."""
    return {"type": "task", "kind": kind, "id": phone, **more}


def problem(code: str) -> dict[str, Any]:
    """A refusal."""
    return {"type": "problem", "code": code}


TO_PHONE = ["method", "password", "phone"]
TO_CODE = [server(BEGUN), go("password"), server(FRESH, "phone"), server(PENDING, "app"), go("code")]

JOURNEYS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "the guide": (
        [problem("not_signed_in"), *TO_CODE, server(DUE, "done"), server(ON, "done")],
        ["sign-in", "method", "password", "phone", "app", "code", "recovery", "done"],
    ),
    "the guide, where there are no recovery codes": (
        [problem("not_signed_in"), *TO_CODE, server(ON, "done")],
        ["sign-in", "method", "password", "phone", "app", "code", "done"],
    ),
    "a later sign-in": (
        [problem("not_signed_in"), server(ASKED), server(ON)],
        ["sign-in", "verify", "account"],
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
        [*TO_CODE, problem("enrolment_already_confirmed"), server(ON, "done")],
        ["method", "password", "phone", "app", "code", "code", "done"],
    ),
    "done in another tab, seen on return": (
        [*TO_CODE, server(ON, "code")],
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
            wants("replace", "phone-1"),
            go("password"),
            server(ON | {"fresh": True}, "phone"),
            server(ON | {"pending": True}, "app"),
            go("code"),
            server(DUE, "done"),
            server(ON, "done"),
        ],
        ["account", "method", "password", "phone", "app", "code", "recovery", "done"],
    ),
    "a new phone, broken off": (
        [server(ON), wants("add"), {"type": "cancel"}],
        ["account", "method", "account"],
    ),
    "a new phone without the old one": (
        [
            server(ASKED | {"codesMade": True}),
            go("recover"),
            wants("lost", facts=RECOVERED),
            wants("lost", "phone-1", wanted="password"),
            server(RECOVERED | {"fresh": True}, "phone"),
            server(RECOVERED | {"fresh": True, "pending": True}, "app"),
            go("code"),
            server(DUE, "done"),
            server(ON, "done"),
        ],
        ["verify", "recover", "method", "password", "phone", "app", "code", "recovery", "done"],
    ),
    "not now": (
        [server(RECOVERED), wants("lost", facts=RECOVERED), {"type": "cancel"}],
        ["account", "method", "account"],
    ),
    "a recovery code after too many wrong ones": (
        [
            server(OFF | {"codesMade": True}),
            go("recover"),
            wants("lost", facts=RECOVERED | {"factor": "disabled"}),
            go("password"),
            {"type": "cancel"},
            server(RECOVERED | {"factor": "disabled"}, "method"),
        ],
        ["stopped", "recover", "method", "password", "stopped", "method"],
    ),
    "another name": (
        [server(ON), wants("rename", "phone-1"), server(ON | {"fresh": True}, "phone"), go("account")],
        ["account", "password", "rename", "account"],
    ),
    "another name, thought better of": (
        [server(ON), wants("rename", "phone-1"), {"type": "cancel"}, go("rename", fromHistory=True)],
        ["account", "password", "account", "account"],
    ),
    "another name in a browser that is remembered": (
        [
            server(KNOWN),
            wants("rename", "phone-1"),
            server(ON, "verify"),
            server(ON | {"fresh": True}, "phone"),
            problem("reauthentication_required"),
            server(ON | {"fresh": True}, "phone"),
            problem("verification_required"),
        ],
        ["account", "verify", "password", "rename", "password", "rename", "verify"],
    ),
    "new recovery codes": (
        [
            server(ON),
            wants("renew"),
            server(ON | {"fresh": True}, "phone"),
            go("recovery"),
            go("account", fromHistory=True),
            server(ON | {"fresh": True}, "account"),
        ],
        ["account", "password", "renew", "recovery", "recovery", "account"],
    ),
    "the last phone taken away": (
        [
            server(ON | {"fresh": True}),
            wants("remove", "phone-1"),
            {"type": "turned-off", "facts": FRESH},
            server(FRESH, "method"),
        ],
        ["account", "remove", "stopped", "method"],
    ),
    "the help desk's code": (
        [problem("not_signed_in"), server(RESET), problem("reset_code_mismatch"), server(BEGUN, "method")],
        ["sign-in", "reset-code", "reset-code", "method"],
    ),
    "a reset half way": (
        [*TO_CODE[:3], problem("reset_code_required"), server(FRESH, "method")],
        [*TO_PHONE, "reset-code", "method"],
    ),
    "a part of the page that cannot be had": (
        [*TO_CODE, {"type": "stuck", "facts": DUE, "code": "network"}, server(DUE, "method")],
        ["method", "password", "phone", "app", "code", "stopped", "recovery"],
    ),
    "signing out": ([server(ON), {"type": "signed-out"}], ["account", "sign-in"]),
    "signing out instead of keeping codes": (
        [server(DUE), {"type": "signed-out"}],
        ["recovery", "sign-in"],
    ),
    "nothing works from the start": ([problem("service_unavailable")], ["stopped"]),
    "a link that is too old": ([problem("hand_off_expired")], ["stopped"]),
    "a portal that is closed, half way": (
        [*TO_CODE[:3], problem("tenant_suspended")],
        [*TO_PHONE, "stopped"],
    ),
    "a portal that is closed, at the end": (
        [server(ON, "done"), problem("tenant_suspended"), server(ON, "account"), go("account")],
        ["done", "done", "done", "done"],
    ),
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
        [server(HANDED_OFF | {"factor": "active", "verifiedBy": "code"}), {"type": "signed-out"}],
        ["account", "sign-in"],
    ),
}


@pytest.mark.parametrize(("events", "expected"), JOURNEYS.values(), ids=JOURNEYS.keys())
def test_events_lead_from_screen_to_screen(
    evaluate: Evaluate, events: list[dict[str, Any]], expected: list[str]
) -> None:
    """Each journey as a list of events and the screens that it shows."""
    assert [state["screen"] for state in evaluate("machine", RUN, events)] == expected


FACTS_OF = """
({ factsOf }, session) => factsOf({
  password_fresh_until: null, enrolment: null, verified: false, verified_by: null,
  recovery_codes: { made: false, due: false }, reset_code_required: false, ...session,
}, 0)
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


@pytest.mark.parametrize(
    ("verified", "by", "expected"),
    [
        (False, None, None),
        (True, "remembered_browser", "remembered_browser"),
        (True, "code", "code"),
        (True, None, "code"),
    ],
)
def test_a_session_states_what_stood_for_the_second_factor(
    evaluate: Evaluate, *, verified: bool, by: str | None, expected: str | None
) -> None:
    """One that does not say is older than all but the code."""
    session = {"hand_off": None, "password": "directory", "verified": verified, "verified_by": by}
    assert evaluate("machine", FACTS_OF, session)["verifiedBy"] == expected


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
        for state in evaluate(
            "machine",
            RUN,
            [
                *TO_CODE,
                server(DUE),
                go("code", fromHistory=True),
                server(ON, "done"),
                go("code", fromHistory=True),
            ],
        )
    ]
    assert effects == [
        {"replace"},
        {"push"},
        {"replace"},
        {"push"},
        {"push"},
        {"replace", "wipe"},
        {"replace"},
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
                "verifiedBy": st.sampled_from([None, "code", "recovery_code", "remembered_browser"]),
                "fresh": st.booleans(),
                "pending": st.booleans(),
                "codesMade": st.booleans(),
                "codesDue": st.booleans(),
                "resetPending": st.booleans(),
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
                "reset_code_required",
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
    st.builds(
        wants, st.sampled_from(["add", "replace", "lost", "rename", "remove", "renew"]), st.just("phone-1")
    ),
    st.sampled_from(
        [{"type": "cancel"}, {"type": "signed-out"}, {"type": "stuck", "facts": BEGUN, "code": "network"}]
    ),
)


@pytest.mark.requirement("E12")
@given(events=st.lists(EVENTS, max_size=12))
def test_no_events_reach_the_code_before_the_server_has_a_key_pending(
    evaluate: Evaluate, events: list[dict[str, Any]]
) -> None:
    """What the server last said about the key is what counts, whatever happened in between."""
    said_pending = False
    for event, state in zip(events, evaluate("machine", RUN, events), strict=True):
        if "facts" in event:
            said_pending = event["facts"]["pending"]
        if state["screen"] in {"app", "code"}:
            assert said_pending


@given(events=st.lists(EVENTS, max_size=12))
def test_only_the_user_leaves_the_end(evaluate: Evaluate, events: list[dict[str, Any]]) -> None:
    """No answer, no Back and no late refusal takes a finished journey back."""
    was_done = False
    for event, state in zip(events, evaluate("machine", RUN, events), strict=True):
        if was_done and event["type"] not in {"task", "signed-out"}:
            assert state["screen"] == "done"
        was_done = state["screen"] == "done"


@pytest.mark.requirement("R5")
@given(events=st.lists(EVENTS, max_size=12))
def test_nobody_gets_past_recovery_codes_that_are_due(
    evaluate: Evaluate, events: list[dict[str, Any]]
) -> None:
    """Until the server says that they are kept there is only the way out."""
    is_due = False
    before = None
    for event, state in zip(events, evaluate("machine", RUN, events), strict=True):
        if "facts" in event:
            is_due = event["facts"]["codesDue"]
        if event["type"] == "signed-out" or event.get("code") == "not_signed_in":
            is_due = False
        if is_due and state["screen"] != before:
            assert state["screen"] not in {"done", "account", "rename", "remove", "renew"}
        before = state["screen"]


@given(events=st.lists(EVENTS, max_size=12))
def test_a_browser_that_is_remembered_opens_no_change(
    evaluate: Evaluate, events: list[dict[str, Any]]
) -> None:
    """What it stands for is the sign-in alone."""
    said_by: Any = None
    factor = "none"
    before = None
    for event, state in zip(events, evaluate("machine", RUN, events), strict=True):
        if "facts" in event:
            said_by, factor = event["facts"]["verifiedBy"], event["facts"]["factor"]
        if (said_by, factor) == ("remembered_browser", "active") and state["screen"] != before:
            assert state["screen"] not in {"rename", "remove", "renew"}
        before = state["screen"]


@given(events=st.lists(EVENTS, max_size=12))
def test_every_screen_shown_is_one_that_exists(evaluate: Evaluate, events: list[dict[str, Any]]) -> None:
    """And a stopped journey always says why."""
    for state in evaluate("machine", RUN, events):
        assert state["screen"] in SCREENS[:-2]
        assert (state["screen"] == "stopped") == (state["reason"] is not None)
