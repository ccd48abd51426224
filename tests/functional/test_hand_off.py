"""From a portal into the wizard and back: a link that works once, a code that works once, an assertion."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.accounts.record import user_id_of
from chalicelib.audit.event import ADDRESSES_CHANGED
from chalicelib.storage.changes import Change
from tests.support.aws import unreachable
from tests.support.portal import RETURN_URL, ClientKey, Portal, brought_back, client_of
from tests.support.wizard import Answer, Phone, Wizard, new_idempotency_key
from tests.support.world import World, memory_world, moto_world

USER = "u-1"
MINUTES = 60
# What is not the one registered address, however much it looks like it to a browser or to a person.
OTHER_ADDRESSES = [
    "",
    "/return",
    "//portal.example/return",
    "//evil.example",
    "https:evil.example",
    "https:/portal.example/return",
    "https:///portal.example/return",
    "https://portal.example\\@evil.example/return",
    "https://portal.example\\.evil.example/return",
    "https:\\\\portal.example\\return",
    "https://user@portal.example/return",
    "https://portal.example@evil.example/return",
    "https://www.portal.example/return",
    "https://portal.example.evil.example/return",
    "https://evilportal.example/return",
    "https://portal.example./return",
    "https://portal.example:443/return",
    "https://portal.example:8443/return",
    "http://portal.example/return",
    "HTTPS://portal.example/return",
    "https://Portal.example/return",
    "https://portal.example/Return",
    "https://portal.example/return/",
    "https://portal.example/return?",
    "https://portal.example/return?next=//evil.example",
    "https://portal.example/return#",
    "https://portal.example/return/..",
    "https://portal.example/x/../return",
    "https://portal.example/%72eturn",
    "https://portal.example/return ",
    " https://portal.example/return",
    "https://portal.example/return\n",
    "https://portal.example/return\x00",
    "https://portal.example/return\u200b",
    "https://portal.exämple/return",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://cozone.azets.com/",  # another tenant's
]


@pytest.fixture
def portal(world: World) -> Portal:
    """Return the server of a portal that holds its users' passwords itself."""
    return world.add_portal()


@pytest.fixture
def phone(world: World, portal: Portal) -> Phone:
    """Return the phone of the portal's user, who enrolled a while ago."""
    phone = world.enrolled_at(portal, USER)
    world.clock.advance(5 * MINUTES)
    return phone


@pytest.fixture
def verified(world: World, portal: Portal, phone: Phone) -> Wizard:
    """Return the browser of the portal's user, who has just given a right code."""
    wizard = world.arrived(portal, USER)
    assert wizard.verify(phone.otp()).status == 200
    return wizard


def change_profile(world: World, tenant_id: str = "example", **differences: object) -> None:
    source = dict(world.services.tenants.get(tenant_id).profile.source)
    world.add_tenant(**source | differences)


def rows(world: World, sort_key: str) -> list[dict[str, dict[str, str]]]:
    return [row for row in world.aws.state() if row["sk"]["S"] == sort_key]


def told(world: World, answer: Answer) -> tuple[object, ...]:
    """Return all that a caller, and whoever measures, can tell of *answer*."""
    return answer.status, answer.text, dict(answer.headers), world.aws_calls()


class TestLink:
    """256 random bits behind a ``#``, for one browser and two minutes."""

    @pytest.mark.requirement("M3", "S8")
    def test_it_names_tenant_and_language_and_hides_the_rest_behind_the_fragment(
        self, world: World, portal: Portal
    ) -> None:
        answer = portal.hand_off(USER, language="en")
        assert answer.status == 201
        assert answer.headers["cache-control"] == "no-store"
        assert answer.body["expires_at"] == "2026-11-23T09:02:00Z"
        parts = urlsplit(answer.body["url"])
        assert (parts.scheme, parts.netloc, parts.path) == ("http", "127.0.0.1:8000", "/")
        assert parse_qs(parts.query) == {"tenant": ["example"], "lang": ["en"]}
        token = re.fullmatch(r"hand-off=([A-Za-z0-9_-]{43})", parts.fragment)
        assert token is not None
        dump = repr(world.aws.state()) + repr(world.aws.events()) + "".join(world.log_lines)
        assert token[1] not in dump
        assert portal.token_for(USER) != token[1]

    @pytest.mark.doubles
    def test_a_language_that_the_tenant_lacks_becomes_its_own(self, portal: Portal) -> None:
        assert "lang=sv#" in portal.hand_off(USER, language="fi").body["url"]

    @pytest.mark.requirement("M3", "S1")
    def test_it_opens_a_session_once(self, world: World, portal: Portal) -> None:
        token = portal.token_for(USER, purpose="manage")
        wizard = world.wizard()
        answer = wizard.arrive(token)
        assert answer.status == 200
        assert answer.cookie
        assert (answer.body["tenant"], answer.body["username"]) == ("example", "u-1@portal.example")
        assert answer.body["hand_off"] == {"purpose": "manage"}
        assert (answer.body["password"], answer.body["verified"]) == ("portal", False)
        assert wizard.session().body == answer.body
        state = world.aws.state()
        assert world.wizard().arrive(token).problem == "hand_off_expired"
        assert world.aws.state() == state
        assert answer.cookie not in repr(state)

    @pytest.mark.requirement("M3", "V5")
    def test_it_works_in_its_last_second_and_not_after(self, world: World, portal: Portal) -> None:
        first, second = portal.token_for(USER), portal.token_for(USER)
        world.clock.advance(120)
        assert world.wizard().arrive(first).status == 200
        world.clock.advance(1)
        answer = world.wizard().arrive(second)
        assert (answer.status, answer.problem) == (410, "hand_off_expired")
        assert answer.cookie is None
        assert len(rows(world, "HANDOFF")) == 2, "nothing has swept it; the time alone decides"

    @pytest.mark.requirement("M2", "M3")
    def test_used_unknown_and_malformed_links_are_told_alike(self, world: World, portal: Portal) -> None:
        used, key = portal.token_for(USER), new_idempotency_key()
        world.wizard().arrive(used)
        (row,) = rows(world, "HANDOFF")
        tokens = [used, "t" * 43, "t" * 42, "t" * 44, "", "t" * 10_000, row["pk"]["S"].partition("#")[2]]
        answers = [world.wizard().arrive(token, idempotency_key=key) for token in tokens]
        assert {(answer.status, answer.text) for answer in answers} == {(410, answers[0].text)}

    @pytest.mark.doubles
    @pytest.mark.requirement("S5")
    def test_only_our_own_page_exchanges_it(self, world: World, portal: Portal) -> None:
        token = portal.token_for(USER)
        wizard = world.wizard()
        foreign: list[dict[str, str | None]] = [
            {"origin": "https://portal.example"},
            {"origin": None},
            {"sec-fetch-site": "cross-site"},
            {"idempotency-key": None},
        ]
        for headers in foreign:
            assert wizard.arrive(token, headers=headers).problem == "cross_site_request"
        plain = {"content-type": "text/plain"}
        assert wizard.arrive(token, headers=plain).problem == "media_type_unsupported"
        assert wizard.arrive(token).status == 200

    @pytest.mark.requirement("E6", "M3")
    def test_the_same_request_again_gets_the_same_session_for_a_minute(
        self, world: World, portal: Portal
    ) -> None:
        token, key = portal.token_for(USER), new_idempotency_key()
        wizard = world.wizard()
        lost = wizard.arrive(token, idempotency_key=key, keep_cookie=False)
        state = world.aws.state()
        for seconds in (0, 1, 58, 1):
            world.clock.advance(seconds)
            again = wizard.arrive(token, idempotency_key=key, keep_cookie=False)
            assert (again.status, again.body, again.cookie) == (200, lost.body, lost.cookie)
            assert world.wizard().arrive(token).problem == "hand_off_expired", "another's key"
        world.clock.advance(1)
        assert wizard.arrive(token, idempotency_key=key).problem == "hand_off_expired"
        assert world.aws.state() == state
        wizard.session_id = lost.cookie
        assert wizard.session().status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("E2", "E6")
    def test_a_session_that_has_gone_on_is_not_handed_out_again(self, world: World, portal: Portal) -> None:
        token, key = portal.token_for(USER), new_idempotency_key()
        wizard = world.wizard()
        wizard.arrive(token, idempotency_key=key)
        wizard.begin()
        wizard.confirm(wizard.scan().otp())
        assert world.wizard().arrive(token, idempotency_key=key).problem == "hand_off_expired"
        wizard.sign_out()
        assert world.wizard().arrive(token, idempotency_key=key).problem == "hand_off_expired"

    @pytest.mark.requirement("M3", "B02")
    @pytest.mark.parametrize("same_request", [False, True])
    def test_of_twelve_exchanges_at_once_one_session_comes(self, *, same_request: bool) -> None:
        world = memory_world()
        token, key = world.add_portal().token_for(USER), new_idempotency_key()
        browsers = [world.restarted().wizard() for _ in range(12)]
        start = Barrier(len(browsers))

        def arrive(wizard: Wizard) -> Answer:
            start.wait(10)
            return wizard.arrive(token, idempotency_key=key if same_request else None)

        with ThreadPoolExecutor(len(browsers)) as pool:
            answers = list(pool.map(arrive, browsers))
        opened = [answer.cookie for answer in answers if answer.status == 200]
        assert len(set(opened)) == 1
        assert len(opened) == (12 if same_request else 1)
        assert {answer.status for answer in answers} == ({200} if same_request else {200, 410})


class TestWhoComes:
    """The portal's signed word says who; nothing that a page posts changes it."""

    @pytest.mark.doubles
    @pytest.mark.requirement("B32", "M1")
    def test_no_field_of_the_pages_names_anybody(self, world: World, portal: Portal) -> None:
        token = portal.token_for(USER)
        wizard = world.wizard()
        for more in ({"user": "u-2"}, {"username": "evil"}, {"tenant": "cozone"}, {"auth_time": 1}):
            answer = wizard.call("POST", "/api/session/hand-off", {"hand_off": token} | more)
            assert answer.problem == "body_malformed"
        wizard.arrive(token, headers={"x-user": "u-2", "x-tenant": "cozone"})
        for path, body in (
            ("/api/enrolment", {"phone": "android", "same_phone": False, "account_name": "evil"}),
            ("/api/enrolment", {"phone": "android", "same_phone": False, "user": "u-2"}),
        ):
            assert wizard.call("POST", path, body).problem == "body_malformed"
        offer = wizard.begin().body
        assert (offer["issuer"], offer["account_name"]) == ("Exempelportalen", "u-1@portal.example")

    @pytest.mark.requirement("B32")
    def test_a_new_name_is_noted_and_the_user_stays_the_same(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        wizard = world.arrived(portal, USER, username="  anna.ny@portal.example ", language="en")
        assert wizard.session().body["username"] == "anna.ny@portal.example"
        assert wizard.verify(phone.otp()).status == 200
        (row,) = [row for row in rows(world, "USER") if "portal_user" in row]
        assert row["username"] == row["name_key"] == {"S": "anna.ny@portal.example"}
        assert row["language"] == {"S": "en"}

    @pytest.mark.doubles
    @pytest.mark.requirement("E7")
    @pytest.mark.parametrize(
        ("earlier", "later", "stays"),
        [
            ({"addresses": ["a@x.se"], "language": "en"}, {"addresses": ["b@x.se"]}, ["b@x.se"]),
            ({"language": "en"}, {"addresses": ["b@x.se"]}, ["b@x.se"]),
            ({"username": "c@x.se"}, {"addresses": ["b@x.se"]}, ["b@x.se"]),
            ({"addresses": ["a@x.se"], "username": "c@x.se"}, {"addresses": ["b@x.se"]}, ["a@x.se"]),
        ],
        ids=["the same addresses", "none", "another name", "another name and the same addresses"],
    )
    def test_of_two_hand_overs_at_once_neither_undoes_where_notices_go_without_a_word(
        self,
        world: World,
        portal: Portal,
        monkeypatch: pytest.MonkeyPatch,
        earlier: dict[str, Any],
        later: dict[str, Any],
        stays: list[str],
    ) -> None:
        """The one reads the user, then the other changes where their notices go: both are told."""
        portal.hand_off(USER, addresses=["a@x.se"])
        transactions = world.stores.transactions
        commit = transactions.commit

        def at_the_last_moment(*changes: Change) -> None:
            monkeypatch.undo()
            assert portal.hand_off(USER, **later).status == 201
            commit(*changes)

        monkeypatch.setattr(transactions, "commit", at_the_last_moment)
        assert portal.hand_off(USER, **earlier).status == 201
        user_id = user_id_of(world.services.tenants.get("example").lookup_key, USER)
        user = world.stores.accounts.get("example", user_id)
        assert user is not None
        assert user.addresses == tuple(stays)
        told = {*user.addresses, *user.former_addresses}
        assert told == {"a@x.se", "b@x.se"}
        changed = [e for e in world.stores.events.events if e.kind == ADDRESSES_CHANGED]  # type: ignore[attr-defined]  # a double's
        assert len(changed) == (1 if stays == ["b@x.se"] else 2)

    @pytest.mark.requirement("B42")
    def test_a_user_whose_identity_is_not_verified_stays_outside(
        self, world: World, portal: Portal
    ) -> None:
        before = world.aws.state(), world.aws.events()
        answer = portal.hand_off(USER, identity_verified=False)
        assert (answer.status, answer.problem) == (403, "identity_not_verified")
        for value in (None, "true", 1):
            assert portal.hand_off(USER, identity_verified=value).problem == "body_malformed"
        assert (world.aws.state(), world.aws.events()) == before

    def test_a_body_with_anything_out_of_range_makes_nobody(self, world: World, portal: Portal) -> None:
        before = world.aws.state(), world.aws.events()
        wrong: list[tuple[str, Any]] = [
            ("username", ""),
            ("username", "   "),
            ("username", "a\nb"),
            ("username", "a\u202eb"),
            ("username", "a" * 255),
            ("username", "\ufdfa" * 50),  # grows to more than may be
            ("language", None),
            ("language", "s" * 17),
            ("auth_time", True),
            ("auth_time", -1),
            ("auth_time", 1.5),
            ("auth_time", "now"),
            ("auth_time", 10**12),
            ("purpose", "anything"),
            ("state", "s" * 15),
            ("state", "s" * 513),
            ("nonce", "n" * 15),
            ("nonce", "n" * 513),
            ("nonce", "n" * 16 + "ö"),
            ("nonce", "n" * 16 + "\n"),
            ("return_url", None),
            ("return_url", "https://portal.example/" + "r" * 2_000),
            ("tenant", "cozone"),
        ]
        for name, value in wrong:
            answer = portal.hand_off(USER, **{name: value})
            assert (answer.status, answer.problem) == (400, "body_malformed"), (name, value)
        assert (world.aws.state(), world.aws.events()) == before

    @pytest.mark.doubles
    def test_a_user_of_our_directory_keeps_name_and_password(self, world: World) -> None:
        portal = world.add_portal(passwords="directory", sign_in_url=None)
        world.services.directory.create_user(
            world.services.tenants.get("example"),
            username="carl@firma.se",
            password="nio-gula-humlebon-x",
            language="sv",
            portal_user="carl-7",
        )
        wizard = world.arrived(portal, "carl-7", username="another@portal.example")
        wizard.password = "nio-gula-humlebon-x"
        assert (wizard.session().body["username"], wizard.session().body["password"]) == (
            "carl@firma.se",
            "directory",
        )
        assert wizard.prove_again().status == 200
        own = world.wizard(tenant="example", username="carl@firma.se", password="nio-gula-humlebon-x")
        assert own.sign_in().status == 200

    @pytest.mark.requirement("L11", "B57")
    def test_where_the_portal_holds_the_passwords_nobody_signs_in_with_us(
        self, world: World, portal: Portal, phone: Phone
    ) -> None:
        del phone
        told_of = []
        for username in ("u-1@portal.example", USER, "nobody@portal.example"):
            answer = world.wizard(tenant="example", username=username).sign_in()
            told_of.append(told(world, answer))
        assert told_of[0] == told_of[1] == told_of[2]
        assert told_of[0][0] == 409
        wizard = world.arrived(portal, USER)
        answer = wizard.prove_again()
        assert (answer.status, answer.problem) == (409, "password_held_by_portal")
        assert not rows(world, "PASSWORD")


class TestAuthTime:
    """The portal's proof of the password is worth what ours is, and for as long."""

    @pytest.mark.doubles
    @pytest.mark.requirement("E1", "B33")
    def test_a_fresh_proof_opens_the_set_up_to_the_second(self, world: World, portal: Portal) -> None:
        now = int(world.clock())
        assert world.arrived(portal, USER, auth_time=now - 5 * MINUTES).begin().status == 200
        wizard = world.arrived(portal, USER, auth_time=now - 4 * MINUTES)
        assert wizard.session().body["password_fresh_until"] == "2026-11-23T09:01:00Z"
        world.clock.advance(MINUTES)
        assert wizard.begin().status == 200
        wizard.cancel()
        world.clock.advance(1)
        assert wizard.begin().problem == "reauthentication_required"

    @pytest.mark.requirement("E1", "B33")
    def test_an_old_one_does_not(self, world: World, portal: Portal) -> None:
        for seconds in (5 * MINUTES + 1, 24 * 60 * MINUTES):
            wizard = world.arrived(portal, USER, auth_time=int(world.clock()) - seconds)
            answer = wizard.begin()
            assert (answer.status, answer.problem) == (401, "reauthentication_required")
        assert not rows(world, "PENDING")

    @pytest.mark.doubles
    @pytest.mark.requirement("E1")
    def test_the_portal_asks_again_and_hands_over_anew(self, world: World, portal: Portal) -> None:
        wizard = world.arrived(portal, USER, auth_time=0)
        assert wizard.begin().problem == "reauthentication_required"
        wizard.arrive(portal.token_for(USER, purpose="manage"))
        assert wizard.begin().status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("E1", "T5")
    def test_no_proof_lies_in_the_future(self, world: World, portal: Portal) -> None:
        now = int(world.clock())
        answer = portal.hand_off(USER, auth_time=now + 31)
        assert (answer.problem, answer.body["field"]) == ("body_malformed", "auth_time")
        ahead = world.arrived(portal, USER, auth_time=now + 30)
        assert ahead.session().body["password_fresh_until"] == "2026-11-23T09:05:00Z", "as if it were now"

    @pytest.mark.doubles
    @pytest.mark.requirement("B36", "E3")
    def test_a_new_hand_off_begins_anew_and_the_one_before_is_told(
        self, world: World, portal: Portal
    ) -> None:
        before = world.arrived(portal, USER)
        before.begin()
        phone = before.scan()
        after = world.arrived(portal, USER)
        after.begin()
        assert before.confirm(phone.otp()).problem == "enrolment_replaced"
        assert after.confirm(after.scan().otp()).status == 200


class TestReturnAddress:
    """Exactly one of the profile's, letter by letter, when the user comes and when they go."""

    @pytest.mark.requirement("S9")
    def test_whatever_only_looks_like_it_is_refused(self, world: World, portal: Portal) -> None:
        before = world.aws.state(), world.aws.events()
        for address in OTHER_ADDRESSES:
            answer = portal.hand_off(USER, return_url=address)
            assert (answer.status, answer.problem) == (403, "return_url_not_registered"), address
        assert (world.aws.state(), world.aws.events()) == before
        assert portal.hand_off(USER).status == 201

    @pytest.mark.doubles
    @pytest.mark.requirement("S9", "B61")
    def test_no_header_moves_it(self, world: World, portal: Portal, verified: Wizard) -> None:
        del world, portal
        headers: dict[str, str | None] = {
            "x-forwarded-host": "evil.example",
            "forwarded": "host=evil.example",
            "x-viewer-host": "evil.example",
            "referer": "https://evil.example/",
        }
        answer = verified.return_to_portal(headers=headers)
        assert answer.body["url"].startswith(f"{RETURN_URL}?code=")

    @pytest.mark.doubles
    @pytest.mark.requirement("S9")
    def test_code_and_state_stand_behind_the_addresss_own_query(self, world: World) -> None:
        address = "https://portal.example/in?page=2&x=%C3%A5"
        portal = world.add_portal(return_urls=["https://portal.example/", address])
        state = "s & t=å#?/+\u2028 end of state"
        wizard = world.arrived(portal, USER, return_url=address, state=state)
        url = wizard.return_to_portal().body["url"]
        assert url.startswith(f"{address}&error=access_denied&state=")
        assert parse_qs(urlsplit(url).query, strict_parsing=True)["state"] == [state]
        assert url.isascii()
        assert "#" not in url

    @pytest.mark.requirement("S9")
    def test_an_address_taken_off_the_profile_meanwhile_is_none(
        self, world: World, verified: Wizard
    ) -> None:
        change_profile(world, return_urls=["https://portal.example/other"])
        answer = verified.return_to_portal()
        assert (answer.status, answer.problem) == (403, "return_url_not_registered")
        assert not rows(world, "RETURN")
        change_profile(world, return_urls=[RETURN_URL])
        assert verified.return_to_portal().status == 200, "nothing was spent by it"


class TestReturn:
    """Home with a code if a code of theirs was right, and with a plain no if not."""

    @pytest.mark.requirement("M4", "S8")
    def test_a_verified_user_takes_a_code_and_the_state_home(self, world: World, verified: Wizard) -> None:
        answer = verified.return_to_portal()
        brought = brought_back(answer)
        assert brought.keys() == {"code", "state"}
        assert brought["state"] == "state-of-the-portal"
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", brought["code"])
        dump = "".join(world.log_lines) + repr(world.aws.events()) + repr(rows(world, "RETURN"))
        assert brought["code"] not in dump
        (returned,) = [e for e in world.aws.events() if e["kind"]["S"] == "hand_off.returned"]
        assert "nonce-of-the-portal" not in repr(returned)

    @pytest.mark.requirement("M4", "B34", "S4")
    def test_nobody_else_takes_one(self, world: World, portal: Portal, phone: Phone) -> None:
        """Neither with a wrong code, nor without one, nor from the middle of a set-up."""
        wrong = world.arrived(portal, USER)
        wrong.verify(phone.wrong_otp())
        midway = world.arrived(portal, "u-2")
        midway.begin()
        for wizard in (wrong, midway, world.arrived(portal, USER), world.arrived(portal, "u-3")):
            assert brought_back(wizard.return_to_portal()) == {
                "error": "access_denied",
                "state": "state-of-the-portal",
            }
        assert not rows(world, "RETURN")

    @pytest.mark.doubles
    @pytest.mark.requirement("M4")
    def test_the_code_that_confirmed_an_enrolment_is_proof(self, world: World, portal: Portal) -> None:
        wizard = world.arrived(portal, USER)
        wizard.begin()
        wizard.confirm(wizard.scan().otp())
        code = brought_back(wizard.return_to_portal())["code"]
        assert portal.checked(portal.redeem(code).body["assertion"])["sub"] == USER

    @pytest.mark.requirement("S12", "E2")
    def test_the_session_ends_with_it(self, world: World, verified: Wizard) -> None:
        session_id = verified.session_id
        answer = verified.return_to_portal()
        assert answer.cookie == ""
        assert "clear-site-data" not in answer.headers, "it would slow down every sign-in"
        verified.session_id = session_id
        for again in (verified.session, verified.return_to_portal, verified.begin):
            assert again().problem == "not_signed_in"
        assert len(rows(world, "RETURN")) == 1

    @pytest.mark.requirement("E6", "M4")
    def test_the_same_request_again_gets_the_same_address_for_a_minute(
        self, world: World, verified: Wizard
    ) -> None:
        key = new_idempotency_key()
        lost = verified.return_to_portal(idempotency_key=key, keep_cookie=False)
        state, events = world.aws.state(), world.aws.events()
        for seconds in (1, 58, 1):
            world.clock.advance(seconds)
            again = verified.return_to_portal(idempotency_key=key, keep_cookie=False)
            assert (again.status, again.body) == (200, lost.body)
        verified.session_id = again.cookie or verified.session_id
        assert verified.session().problem == "not_signed_in", "no session comes of it"
        world.clock.advance(1)
        assert verified.return_to_portal(idempotency_key=key).problem == "not_signed_in"
        assert (world.aws.state(), world.aws.events()) == (state, events)

    @pytest.mark.doubles
    def test_whoever_came_by_no_portal_returns_to_none(self, world: World) -> None:
        wizard = world.wizard()
        wizard.sign_in()
        answer = wizard.return_to_portal()
        assert (answer.status, answer.problem) == (409, "not_handed_off")
        assert wizard.session().status == 200
        assert wizard.session().body["hand_off"] is None


class TestAssertion:
    """What the portal gets for the code: signed, for one client and one occasion, once."""

    @pytest.mark.requirement("M4", "B60")
    def test_it_says_who_where_when_and_how(self, world: World, portal: Portal, phone: Phone) -> None:
        wizard = world.arrived(portal, USER, nonce="a-nonce-of-this-sign-in")
        wizard.verify(phone.otp())
        verified_at = int(world.clock())
        world.clock.advance(100)
        code = brought_back(wizard.return_to_portal())["code"]
        world.clock.advance(7)
        answer = portal.redeem(code)
        assert answer.headers["cache-control"] == "no-store"
        claims = portal.checked(answer.body["assertion"])
        now = int(world.clock())
        (issued,) = [e for e in world.aws.events() if e["kind"]["S"] == "assertion.issued"]
        assert claims == {
            "iss": "http://127.0.0.1:8000",
            "aud": "example.web",
            "sub": USER,
            "tenant": "example",
            "nonce": "a-nonce-of-this-sign-in",
            "iat": now,
            "exp": now + 60,
            "jti": issued["subject"]["S"],
            "auth_time": verified_at,
            "amr": ["otp"],
            "verified_by": "code",
            "acr": "urn:tvasteg:acr:two-step",
        }
        assert answer.body["assertion"] not in "".join(world.log_lines) + repr(world.aws.state())

    @pytest.mark.doubles
    @pytest.mark.requirement("M4")
    def test_the_longest_there_can_be_is_signed_too(self, world: World, portal: Portal) -> None:
        """KMS takes 4,096 octets, and what JSON and base64 make of names counts."""
        user, nonce = "\U0001f3d4" * 256, '"' * 512
        wizard = world.arrived(portal, user, username="u", nonce=nonce)
        wizard.begin()
        wizard.confirm(wizard.scan().otp())
        claims = portal.checked(
            portal.redeem(brought_back(wizard.return_to_portal())["code"]).body["assertion"]
        )
        assert (claims["sub"], claims["nonce"]) == (user, nonce)

    @pytest.mark.requirement("M4", "S9", "B61")
    def test_behind_the_front_door_we_are_called_as_the_viewer_calls_us(self) -> None:
        with moto_world(stage="dev", origin_secrets=("secret-of-the-front-door",)) as world:
            portal = world.add_portal_at_front_door()
            link = portal.hand_off(USER).body["url"]
            assert link.startswith("https://127.0.0.1:8000/?tenant=example&lang=sv#hand-off=")
            wizard = world.wizard_at_front_door()
            wizard.arrive(link.partition("#hand-off=")[2])
            wizard.begin()
            wizard.confirm(wizard.scan().otp())
            code = brought_back(wizard.return_to_portal())["code"]
            claims = portal.checked(portal.redeem(code).body["assertion"])
            assert (claims["iss"], claims["aud"]) == ("https://127.0.0.1:8000", "example.web")
            beside = world.portal(portal.client_id, portal.key)
            assert beside.status(USER).problem == "edge_bypassed"

    @pytest.mark.requirement("M4", "B60")
    def test_the_second_redemption_is_refused_and_the_first_is_flagged(
        self, world: World, portal: Portal, verified: Wizard
    ) -> None:
        code = brought_back(verified.return_to_portal())["code"]
        first = portal.checked(portal.redeem(code).body["assertion"])
        for seconds in (0, 61, 23 * 60 * MINUTES):
            world.clock.advance(seconds)
            answer = portal.redeem(code)
            assert (answer.status, answer.problem) == (409, "return_code_used")
            assert "KMS.Sign" not in world.aws_calls()
            assert world.last_line["alarm"] == "return_code_used"
        flagged = [e for e in world.aws.events() if e["kind"]["S"] == "assertion.flagged"]
        assert [e["subject"]["S"] for e in flagged] == [first["jti"]] * 3
        assert {e["actor"]["S"] for e in flagged} == {"example.web"}
        (started,) = [e for e in world.aws.events() if e["kind"]["S"] == "hand_off.returned"]
        assert {e["reference"]["S"] for e in flagged} == {started["reference"]["S"]}

    @pytest.mark.requirement("M2", "M4", "B60")
    def test_no_other_client_can_tell_that_a_code_is_one(
        self, world: World, portal: Portal, verified: Wizard
    ) -> None:
        app_key = ClientKey()
        change_profile(world, clients=[client_of(portal.key), client_of(app_key, name="app")])
        app, byra = world.portal("example.app", app_key), world.add_portal("byra")
        code = brought_back(verified.return_to_portal())["code"]
        portal.keys()  # so that the keys are remembered by now
        before = world.aws.state(), world.aws.events()
        for stranger in (app, byra):
            unknown = told(world, stranger.redeem("c" * 43))
            assert told(world, stranger.redeem(code)) == unknown
            assert unknown[0] == 404
        assert (world.aws.state(), world.aws.events()) == before
        assert portal.redeem(code).status == 200
        for stranger in (app, byra):
            assert told(world, stranger.redeem(code)) == told(world, stranger.redeem("c" * 43))

    @pytest.mark.requirement("M4", "V5")
    def test_a_code_lasts_a_minute_to_the_second(self, world: World, portal: Portal, phone: Phone) -> None:
        codes = []
        for steps in (-1, 0):
            wizard = world.arrived(portal, USER)
            wizard.verify(phone.otp(steps=steps))
            codes.append(brought_back(wizard.return_to_portal())["code"])
        world.clock.advance(60)
        assert portal.redeem(codes[0]).status == 200
        world.clock.advance(1)
        late = portal.redeem(codes[1])
        assert (late.status, late.text) == (404, portal.redeem("c" * 43).text)
        assert len(rows(world, "RETURN")) == 2, "nothing has swept it; the time alone decides"

    @pytest.mark.doubles
    @pytest.mark.requirement("M4")
    def test_what_cannot_be_a_code_is_told_like_an_unknown_one(self, portal: Portal) -> None:
        unknown = portal.redeem("c" * 43)
        for code in ("", "c" * 42, "c" * 44, "c" * 42 + "\n", "ü" * 43, "c" * 10_000):
            answer = portal.redeem(code)
            assert (answer.status, answer.text) == (unknown.status, unknown.text)
        assert portal.call("/api/portal/assertion", {}).problem == "body_malformed"
        assert portal.call("/api/portal/assertion", {"code": None}).problem == "body_malformed"

    @pytest.mark.requirement("V1", "M4")
    def test_a_key_service_that_is_down_spends_no_code(
        self, world: World, portal: Portal, verified: Wizard
    ) -> None:
        code = brought_back(verified.return_to_portal())["code"]
        portal.keys()
        world.aws.interfere(unreachable, at_call=3)
        answer = portal.redeem(code)
        assert world.aws.calls == ["GetItem", "GetItem", "Sign"]
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        world.aws.leave_alone()
        assert portal.redeem(code).status == 200
        assert "assertion.flagged" not in world.event_kinds()


class TestSuspension:
    """A tenant that is suspended half way lets nobody further, and one that is resumed does."""

    @pytest.mark.doubles
    @pytest.mark.requirement("M1")
    def test_it_holds_at_every_step_of_the_way(self, world: World, portal: Portal, phone: Phone) -> None:
        tenants, now = world.services.tenants, int(world.clock())

        def suspended(answer: Answer) -> bool:
            return (answer.status, answer.problem) == (403, "tenant_suspended")

        token = portal.token_for(USER)
        wizard = world.wizard()
        tenants.suspend("example", at=now)
        assert suspended(wizard.arrive(token))
        assert suspended(portal.hand_off(USER))
        assert suspended(world.wizard(tenant="example").sign_in())
        tenants.resume("example")
        assert wizard.arrive(token).status == 200, "the link was not spent"
        wizard.verify(phone.otp())
        tenants.suspend("example", at=now)
        assert suspended(wizard.return_to_portal()), "at once, though the profile is remembered"
        tenants.resume("example")
        code = brought_back(wizard.return_to_portal())["code"]
        tenants.suspend("example", at=now)
        assert suspended(portal.redeem(code))
        tenants.resume("example")
        assert portal.redeem(code).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("M1")
    def test_sessions_learn_of_it_within_a_minute_and_others_do_not(
        self, world: World, portal: Portal
    ) -> None:
        wizard, other = world.arrived(portal, USER), world.wizard()
        other.sign_in()
        world.services.tenants.suspend("example", at=int(world.clock()))
        world.clock.advance(61)
        assert wizard.session().problem == "tenant_suspended"
        assert wizard.begin().problem == "tenant_suspended"
        assert other.session().status == 200
        shown = other.call("GET", "/api/tenant?tenant=example").body
        assert shown["suspended"] is True
        assert other.call("GET", "/api/tenant").body["suspended"] is False


@pytest.mark.doubles
@pytest.mark.requirement("M3", "M4")
def test_a_redemption_sent_twice_by_one_jwt_flags_nothing(world: World, wizard: Wizard) -> None:
    """A log that holds a JWT pages no operator; the code stays spent."""
    portal = world.add_portal()
    wizard.arrive(portal.token_for("u-1"))
    wizard.begin()
    wizard.confirm(wizard.scan().otp())
    code = brought_back(wizard.return_to_portal())["code"]
    body = json.dumps({"code": code}).encode()
    jwt = portal.jwt("/api/portal/assertion", body)

    first, second = (portal.call("/api/portal/assertion", None, raw=body, jwt=jwt) for _ in range(2))

    assert first.status == 200
    assert second.problem == "client_not_authenticated"
    assert portal.redeem(code).problem == "return_code_used"


@pytest.mark.doubles
@pytest.mark.requirement("E2")
def test_a_link_ends_the_session_that_the_browser_had(world: World, wizard: Wizard) -> None:
    portal = world.add_portal()
    wizard.arrive(portal.token_for("u-1"))
    before = wizard.session_id
    wizard.arrive(portal.token_for("u-2"))
    assert wizard.session().body["username"] == "u-2@portal.example"
    wizard.session_id = before
    assert wizard.session().problem == "not_signed_in"


@pytest.mark.doubles
@pytest.mark.requirement("E1")
def test_a_password_from_before_the_portal_held_them_proves_nothing(world: World, wizard: Wizard) -> None:
    key = ClientKey()
    users = {"id": "byra", "clients": [client_of(key)], "return_urls": [RETURN_URL]}
    tenant = world.add_tenant(**users)
    world.services.directory.create_user(
        tenant, username="berit", password="en-gammal-hemlighet", language="sv", portal_user="u-1"
    )
    world.add_tenant(**users, passwords="portal", sign_in_url="https://portal.example/")
    long_ago = int(world.clock()) - 3_600
    wizard.arrive(world.portal("byra.web", key).token_for("u-1", auth_time=long_ago))
    assert wizard.session().body["password"] == "portal"
    assert wizard.prove_again(password="en-gammal-hemlighet").problem == "password_held_by_portal"
    assert wizard.begin().problem == "reauthentication_required"
