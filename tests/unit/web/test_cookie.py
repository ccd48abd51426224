"""The cookie: what the browser is handed, and which of its values is looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sessions.session import new_session_id, successor_id
from chalicelib.web.cookie import expiring, session_id_in, setting


@pytest.mark.requirement("S2")
@pytest.mark.parametrize("value", [setting("abc"), expiring()])
def test_the_cookie_is_bound_to_this_host_and_hidden_from_scripts(value: str) -> None:
    pair, *attributes = [part.strip() for part in value.split(";")]
    assert pair.startswith("__Host-s=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert not any(attribute.lower().startswith("domain") for attribute in attributes)


@pytest.mark.requirement("S12")
def test_signing_out_takes_the_cookie_away() -> None:
    assert "Max-Age=0" in expiring()
    assert expiring().startswith("__Host-s=;")


@pytest.mark.parametrize(
    "session_id", [new_session_id(), successor_id(new_session_id(), bytes(32))], ids=["first", "successor"]
)
def test_what_was_set_is_found_again(session_id: str) -> None:
    kept = setting(session_id).partition(";")[0]
    assert session_id_in({"cookie": kept}) == session_id
    assert session_id_in({"cookie": f"portal=1; {kept}; lang=sv"}) == session_id


@pytest.mark.requirement("S2")
@pytest.mark.parametrize(
    "header",
    [
        "",
        "s=abc",
        "__Host-s",
        "__Host-s=",
        "__host-s=abc",
        "x__Host-s=abc",
        "__Host-s =abc",
        "__Host-s=" + "a" * 129,
        "__Host-s=ö",
    ],
)
def test_what_is_no_session_id_of_ours_is_not_looked_at(header: str) -> None:
    assert session_id_in({"cookie": header}) is None


def test_no_cookie_is_no_session() -> None:
    assert session_id_in({}) is None


@given(st.text())
def test_no_header_is_a_fault_of_ours(header: str) -> None:
    session_id = session_id_in({"cookie": header})
    assert session_id is None or 0 < len(session_id) <= 128
