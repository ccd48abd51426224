"""Only our own page can change anything: what foreign pages can send is refused, state unchanged."""

from __future__ import annotations

import pytest

from tests.support.help_desk import SAID
from tests.support.wizard import HOST, ORIGIN, Wizard
from tests.support.world import World, moto_world

CHANGING_ROUTES = [
    ("POST", "/api/session", {"tenant": "cozone", "username": "anna@firma.se", "password": "x"}),
    ("POST", "/api/session/password", {"password": "x"}),
    ("DELETE", "/api/session", None),
    ("POST", "/api/enrolment", {"phone": "android", "same_phone": False}),
    ("DELETE", "/api/enrolment", None),
    ("POST", "/api/enrolment/confirmation", {"otp": "123456"}),
    ("POST", "/api/verification", {"otp": "123456"}),
    ("POST", "/api/authenticators/name", {"authenticator": "0" * 32, "name": "x"}),
    ("POST", "/api/authenticators/removal", {"authenticator": "0" * 32}),
    ("POST", "/api/remembered-browsers/removal", {"browser": "all"}),
    ("POST", "/api/recovery-codes", None),
    ("POST", "/api/recovery-codes/acknowledgement", {"set": "0" * 32}),
    ("POST", "/api/verification/recovery-code", {"recovery_code": "A-00000-00000-000"}),
    ("POST", "/api/session/hand-off", {"hand_off": "t" * 43}),
    ("POST", "/api/session/return", None),
    ("POST", "/api/session/reset-code", {"reset_code": "7F3K-9ABC"}),
    ("POST", "/api/help-desk/session", {"tenant": "cozone", "username": "stina", "password": "x"}),
    ("POST", "/api/help-desk/reset", {"user": "0" * 32, "identity_check": "bankid", **SAID}),
    ("POST", "/api/help-desk/unlock", {"user": "0" * 32, **SAID}),
]
FOREIGN_HEADERS: dict[str, dict[str, str | None]] = {
    "no idempotency key": {"idempotency-key": None},
    "short idempotency key": {"idempotency-key": "x" * 15},
    "long idempotency key": {"idempotency-key": "x" * 65},
    "odd idempotency key": {"idempotency-key": "0123456789abcde;"},
    "no origin": {"origin": None},
    "null origin": {"origin": "null"},
    "foreign origin": {"origin": "https://evil.example"},
    "origin of another port": {"origin": "http://127.0.0.1:8001"},
    "origin of another scheme": {"origin": f"https://{HOST}"},
    "origin as a prefix": {"origin": f"{ORIGIN}.evil.example"},
    "upper-case origin": {"origin": ORIGIN.upper()},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "typed in": {"sec-fetch-site": "none"},
    "rebound name": {"host": "evil.example:8000", "origin": "http://evil.example:8000"},
    "no host": {"host": None},
    "broken host": {"host": "[::1", "origin": "http://[::1"},
}
FORM_TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/plain; application/json",
    "text/json",
    "application/jsonp",
    "application/json; charset=latin-1",
    "application/json, text/plain",
    "",
    None,
]


@pytest.mark.doubles
def test_no_route_of_the_page_is_left_out(world: World) -> None:
    """What portals' servers ask is no page's business: see test_portal_clients.py."""
    changing = {
        (method, path)
        for path, methods in world.app.routes.items()
        for method in methods
        if method != "GET" and not path.startswith("/api/portal/")
    }
    assert {(method, path) for method, path, _ in CHANGING_ROUTES} == changing


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("headers", FOREIGN_HEADERS.values(), ids=FOREIGN_HEADERS)
def test_requests_that_a_foreign_page_can_make_are_refused(
    headers: dict[str, str | None], world: World, wizard: Wizard
) -> None:
    wizard.begun()
    before = world.aws.state()
    for method, path, body in CHANGING_ROUTES:
        answer = wizard.call(method, path, body, headers=headers)
        assert (answer.status, answer.problem) == (403, "cross_site_request"), path
        assert world.aws_calls() == {}
    assert world.aws.state() == before
    assert wizard.session().status == 200


@pytest.mark.requirement("S5", "B34")
@pytest.mark.parametrize("media_type", FORM_TYPES)
def test_forms_and_simple_requests_are_refused(
    media_type: str | None, world: World, wizard: Wizard
) -> None:
    wizard.begun()
    before = world.aws.state()
    for method, path, body in CHANGING_ROUTES:
        if body is not None:
            answer = wizard.call(method, path, body, headers={"content-type": media_type})
            assert (answer.status, answer.problem) == (415, "media_type_unsupported"), path
            assert world.aws_calls() == {}
    assert world.aws.state() == before


@pytest.mark.doubles
@pytest.mark.requirement("S5")
@pytest.mark.parametrize("media_type", ["application/json;charset=UTF-8", "Application/JSON"])
def test_json_by_any_spelling_is_taken(media_type: str, wizard: Wizard) -> None:
    assert wizard.sign_in(headers={"content-type": media_type}).status == 200


@pytest.mark.doubles
@pytest.mark.requirement("S5")
def test_browsers_without_fetch_metadata_are_served(wizard: Wizard) -> None:
    assert wizard.sign_in(headers={"sec-fetch-site": None}).status == 200


@pytest.mark.requirement("S5")
def test_reading_changes_nothing(world: World, wizard: Wizard) -> None:
    """A link or an image may make a browser send GET requests with the cookie; let it."""
    wizard.begun()
    before = world.aws.state()
    for path in ("/api/session", "/api/enrolment", "/api/second-factor", "/api/tenant"):
        wizard.call("GET", path, headers={"sec-fetch-site": "cross-site", "origin": "https://evil.example"})
    assert world.aws.state() == before


@pytest.mark.doubles
@pytest.mark.requirement("S10")
def test_no_answer_lets_another_origin_read_it(world: World, wizard: Wizard) -> None:
    wizard.begun()
    foreign: dict[str, str | None] = {"origin": "https://evil.example"}
    answers = [wizard.call(method, path, body, headers=foreign) for method, path, body in CHANGING_ROUTES]
    answers += [wizard.session(headers=foreign), wizard.offer(headers=foreign)]
    for answer in answers:
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers
    # Nor does the gateway's own answer to a preflight request: it knows of no such leave.
    assert not any(route.cors for routes in world.app.routes.values() for route in routes.values())


PASSED: dict[str, str | None] = {
    "x-origin-secret": "second",
    "x-viewer-host": "tva.example",
    "origin": "https://tva.example",
}


class TestFrontDoor:
    """In deployed stages everything must have come through our own CloudFront distribution."""

    @pytest.mark.requirement("S5", "S9")
    def test_only_requests_with_the_secret_header_are_served(self) -> None:
        with moto_world(stage="prod", origin_secrets=("first", "second")) as world:
            wizard = world.wizard()
            for secret in (None, "", "third", "secon", "first,second"):
                refused = wizard.sign_in(headers=PASSED | {"x-origin-secret": secret})
                assert (refused.status, refused.problem) == (403, "edge_bypassed")
                assert world.aws_calls() == {}
            assert wizard.sign_in(headers=PASSED | {"x-origin-secret": "first"}).status == 200
            assert wizard.sign_in(headers=PASSED).status == 200
            assert wizard.call("GET", "/api/tenant").problem == "edge_bypassed"

    @pytest.mark.requirement("S5", "S9")
    def test_our_origin_is_the_host_that_the_viewer_asked_for(self) -> None:
        with moto_world(stage="prod", origin_secrets=("first", "second")) as world:
            wizard = world.wizard()
            wrongs: list[dict[str, str | None]] = [
                {"origin": "https://evil.example"},
                {"origin": "http://tva.example"},
                {"x-viewer-host": "evil.example"},
                {"x-viewer-host": None, "host": "tva.example"},
                {"x-viewer-host": None, "x-forwarded-host": "tva.example"},
                {"origin": "http://127.0.0.1:8000", "x-viewer-host": None},
                {"origin": "https://", "x-viewer-host": ""},
            ]
            for wrong in wrongs:
                assert wizard.sign_in(headers=PASSED | wrong).problem == "cross_site_request"
