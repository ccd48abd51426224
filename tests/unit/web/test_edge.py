"""Only our own page, through our own front door, may change anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.errors import CrossSiteRequestError, EdgeBypassedError, MediaTypeUnsupportedError
from chalicelib.web.edge import (
    check_front_door,
    check_media_type,
    check_no_page,
    check_own_page,
    own_host,
    own_origin,
)
from tests.support.aws import SETTINGS as LOCAL

DEPLOYED = replace(LOCAL, stage="prod", origin_secrets=("new-secret", "old-secret"))
KEY = "abcDEF0123456789-_"
OWN_PAGE = {
    "host": "127.0.0.1:8000",
    "origin": "http://127.0.0.1:8000",
    "sec-fetch-site": "same-origin",
    "idempotency-key": KEY,
}
BEHIND_THE_DOOR = {
    "host": "abc123.execute-api.eu-north-1.amazonaws.com",
    "x-viewer-host": "2fa.cozone.example",
    "x-origin-secret": "new-secret",
    "origin": "https://2fa.cozone.example",
    "idempotency-key": KEY,
}


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def test_our_own_page_is_known_by_its_marks() -> None:
    assert check_own_page(OWN_PAGE, LOCAL) == KEY
    assert check_own_page(BEHIND_THE_DOOR, DEPLOYED) == KEY


@pytest.mark.parametrize("host", ["localhost:8000", "localhost", "127.0.0.1:1", "[::1]:8000"])
def test_every_loopback_name_is_our_own_page_locally(host: str) -> None:
    check_own_page({**OWN_PAGE, "host": host, "origin": f"http://{host}"}, LOCAL)


def test_a_browser_that_sends_no_fetch_metadata_is_still_known() -> None:
    check_own_page(without(OWN_PAGE, "sec-fetch-site"), LOCAL)


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    "strange",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:8000/"},
        {"origin": "https://127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": ""},
        {"idempotency-key": ""},
        {"idempotency-key": "k" * 15},
        {"idempotency-key": "k" * 65},
        {"idempotency-key": "k" * 20 + " "},
        {"idempotency-key": "k" * 20 + "\n"},
        {"idempotency-key": "ö" * 20},
        {"idempotency-key": "k" * 20 + "/"},
    ],
)
def test_a_request_with_a_strange_mark_is_refused(strange: dict[str, str]) -> None:
    with pytest.raises(CrossSiteRequestError):
        check_own_page({**OWN_PAGE, **strange}, LOCAL)


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("name", ["origin", "idempotency-key", "host"])
def test_a_request_that_lacks_a_mark_is_refused(name: str) -> None:
    with pytest.raises(CrossSiteRequestError):
        check_own_page(without(OWN_PAGE, name), LOCAL)


@pytest.mark.requirement("S5", "S9")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8000",
        "evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:8000@evil.example",
        "localhost.",
        "[::1",
        "",
    ],
)
@pytest.mark.parametrize("with_origin", [True, False])
def test_no_foreign_name_can_be_bound_to_this_machine(host: str, *, with_origin: bool) -> None:
    headers = {**OWN_PAGE, "host": host, "origin": f"http://{host}"}
    with pytest.raises(CrossSiteRequestError):
        check_own_page(headers if with_origin else without(headers, "origin"), LOCAL)


@pytest.mark.requirement("S5", "S9")
@pytest.mark.parametrize(
    "strange",
    [
        {"origin": "http://2fa.cozone.example"},
        {"origin": "https://cozone.example"},
        {"origin": "https://abc123.execute-api.eu-north-1.amazonaws.com"},
        {"origin": "https://"},
        {"x-viewer-host": "", "origin": "https://"},
    ],
)
def test_behind_the_door_only_the_viewers_own_host_counts(strange: dict[str, str]) -> None:
    with pytest.raises(CrossSiteRequestError):
        check_own_page({**BEHIND_THE_DOOR, **strange}, DEPLOYED)


@pytest.mark.requirement("S5", "S9")
@pytest.mark.parametrize("name", ["origin", "x-viewer-host"])
def test_behind_the_door_no_mark_may_be_missing(name: str) -> None:
    with pytest.raises(CrossSiteRequestError):
        check_own_page(without(BEHIND_THE_DOOR, name), DEPLOYED)


@pytest.mark.requirement("S11")
@pytest.mark.parametrize("secret", ["new-secret", "old-secret"])
def test_the_front_door_is_known_by_either_secret(secret: str) -> None:
    """Two are taken while one is being replaced."""
    check_front_door({"x-origin-secret": secret}, DEPLOYED)


@pytest.mark.requirement("S11")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-origin-secret": ""},
        {"x-origin-secret": "new-secre"},
        {"x-origin-secret": "new-secret,old-secret"},
        {"x-origin-secret": "NEW-SECRET"},
        {"x-origin-secret": "sécret"},
    ],
)
def test_whoever_comes_past_the_front_door_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(EdgeBypassedError):
        check_front_door(headers, DEPLOYED)


def test_locally_there_is_no_front_door() -> None:
    check_front_door({}, LOCAL)


@pytest.mark.parametrize(
    "declared",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;"],
)
def test_json_is_json_however_it_is_written(declared: str) -> None:
    check_media_type({"content-type": declared})


@pytest.mark.requirement("S5")
@pytest.mark.parametrize(
    "declared",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/jsonp",
        "application/problem+json",
    ],
)
def test_what_a_foreign_form_could_send_is_refused(declared: str | None) -> None:
    with pytest.raises(MediaTypeUnsupportedError):
        check_media_type({} if declared is None else {"content-type": declared})


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "", "None"])
def test_what_a_browser_sends_for_a_page_is_no_portals(site: str) -> None:
    with pytest.raises(CrossSiteRequestError):
        check_no_page({"sec-fetch-site": site})


def test_what_no_browser_sends_or_nobodys_page_is_taken() -> None:
    check_no_page({})
    check_no_page({"sec-fetch-site": "none"})


@pytest.mark.requirement("B61")
def test_our_own_name_is_what_the_viewer_asked_for() -> None:
    """Behind the front door by its word, locally by the host; never by what a client may add."""
    assert own_host({"host": "2FA.Byra.example:8000", "x-viewer-host": "evil.example"}, LOCAL) == (
        "2fa.byra.example"
    )
    behind = {"host": "abc.execute-api.example", "x-viewer-host": "2FA.byra.example"}
    assert own_host(behind | {"x-forwarded-host": "evil.example"}, DEPLOYED) == "2fa.byra.example"
    assert own_host({}, LOCAL) == own_host({"host": "abc.execute-api.example"}, DEPLOYED) == ""


@pytest.mark.requirement("B61", "S9")
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[::1", ""]
)
def test_a_name_that_is_not_ours_is_no_address_of_ours(host: str) -> None:
    """What is signed and linked says where we are: nobody's Host header decides that."""
    assert own_origin({"host": host}, LOCAL) is None
    assert own_origin({"host": "127.0.0.1:8000"}, LOCAL) == "http://127.0.0.1:8000"
    assert own_origin({"host": host}, DEPLOYED) is None
    assert own_origin({"host": host, "x-viewer-host": "2fa.byra.example"}, DEPLOYED) == (
        "https://2fa.byra.example"
    )
