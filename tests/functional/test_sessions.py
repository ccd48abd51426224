"""Sessions: what a browser is given, how long it lasts, and how one follows another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse

from tests.support.aws import Request
from tests.support.wizard import Answer, Wizard, new_idempotency_key
from tests.support.world import World

MINUTES = 60

# Every action that replaces the session, done by a wizard that is ready for it.
ROTATIONS: dict[str, Callable[[World, Wizard], Callable[..., Answer]]] = {}


def _rotation(
    prepare: Callable[[World, Wizard], Callable[..., Answer]],
) -> Callable[[World, Wizard], Callable[..., Answer]]:
    ROTATIONS[prepare.__name__.strip("_")] = prepare
    return prepare


@_rotation
def _password(world: World, wizard: Wizard) -> Callable[..., Answer]:
    del world
    wizard.sign_in()
    return wizard.prove_again


@_rotation
def _confirmation(world: World, wizard: Wizard) -> Callable[..., Answer]:
    otp = wizard.begun().otp()
    del world
    return lambda **how: wizard.confirm(otp, **how)


@_rotation
def _verification(world: World, wizard: Wizard) -> Callable[..., Answer]:
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    otp = phone.otp()
    return lambda **how: wizard.verify(otp, **how)


class TestCookie:
    """One cookie, out of reach of scripts, other hosts and other sites."""

    @pytest.mark.requirement("S1")
    def test_the_tables_hold_only_its_hash(self, world: World, wizard: Wizard) -> None:
        wizard.enrolled()
        session_id = wizard.session_id
        assert session_id is not None
        dump = repr(world.aws.state()) + repr(world.aws.events())
        assert session_id not in dump
        key = hashlib.sha256(session_id.encode()).hexdigest()
        assert f"S#{key}" in dump
        thief = world.wizard()
        for replayed in (key, f"S#{key}"):
            thief.session_id = replayed
            assert thief.session().problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.requirement("S1")
    def test_ids_are_256_random_bits(self, world: World) -> None:
        ids = set()
        for _ in range(5):
            wizard = world.wizard()
            wizard.sign_in()
            assert re.fullmatch(r"[A-Za-z0-9_-]{43}", wizard.session_id or "")
            ids.add(wizard.session_id)
            wizard.prove_again()
            assert re.fullmatch(r"[0-9a-f]{64}", wizard.session_id or "")
            ids.add(wizard.session_id)
        assert len(ids) == 10

    @pytest.mark.doubles
    @pytest.mark.requirement("S2")
    def test_every_set_cookie_has_every_attribute_and_no_domain(self, world: World, wizard: Wizard) -> None:
        phone = world.wizard().begun()
        answers = [wizard.sign_in(), wizard.prove_again(), wizard.begin()]
        phone = wizard.scan()
        answers.append(wizard.confirm(phone.otp()))
        world.clock.advance_to_next_time_step()
        answers += [wizard.verify(phone.otp()), wizard.session(), wizard.sign_out()]
        cookies = [answer.headers["set-cookie"] for answer in answers if "set-cookie" in answer.headers]
        assert len(cookies) == 5
        for cookie in cookies:
            name_and_value, *attributes = cookie.split("; ")
            assert name_and_value.startswith("__Host-s=")
            assert set(attributes) - {"Max-Age=0"} == {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}
        assert "Max-Age=0" in cookies[-1]

    @pytest.mark.doubles
    @pytest.mark.requirement("S2")
    @pytest.mark.parametrize(
        "cookie",
        [
            "s=1",
            "__Host-s=",
            "__Host-s",
            "__host-s=x",
            "__Host-s=" + "x" * 129,
            "__Host-s=ö",
            "=;;=",
            "\x00",
        ],
    )
    def test_other_cookies_are_nobody(self, cookie: str, wizard: Wizard) -> None:
        assert wizard.session(headers={"cookie": cookie}).problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.requirement("S2")
    def test_other_cookies_beside_ours_do_no_harm(self, wizard: Wizard) -> None:
        wizard.sign_in()
        cookie = f"a=b; __Host-s={wizard.session_id}; __Host-session=z"
        assert wizard.session(headers={"cookie": cookie}).status == 200


class TestLife:
    """15 minutes idle, 30 while a key waits to be confirmed, 60 in all."""

    @pytest.mark.doubles
    @pytest.mark.requirement("S3")
    def test_idle_for_fifteen_minutes(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        world.clock.advance(15 * MINUTES)
        assert wizard.session().status == 200
        world.clock.advance(15 * MINUTES + 1)
        assert wizard.session().problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.requirement("S3")
    def test_idle_for_thirty_while_a_key_waits(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        world.clock.advance(30 * MINUTES)
        assert wizard.confirm(phone.otp()).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("S3")
    def test_and_not_a_second_longer(self, world: World, wizard: Wizard) -> None:
        phone = wizard.begun()
        world.clock.advance(30 * MINUTES + 1)
        assert wizard.confirm(phone.otp()).problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.requirement("S3")
    @pytest.mark.parametrize("ends_waiting", ["cancel", "confirm"])
    def test_fifteen_again_when_nothing_waits_any_more(
        self, ends_waiting: str, world: World, wizard: Wizard
    ) -> None:
        phone = wizard.begun()
        if ends_waiting == "cancel":
            wizard.cancel()
        else:
            wizard.confirm(phone.otp())
        world.clock.advance(15 * MINUTES + 1)
        assert wizard.session().problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.requirement("S3")
    def test_sixty_in_all_whatever_happens(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        for _ in range(6):
            world.clock.advance(10 * MINUTES)
            assert wizard.session().status == 200
        assert wizard.session().body["ends_at"] == "2026-11-23T10:00:00Z"
        world.clock.advance(1)
        assert wizard.session().problem == "not_signed_in"
        assert wizard.prove_again().problem == "not_signed_in"

    @pytest.mark.doubles
    @pytest.mark.requirement("S3")
    def test_rotation_gives_no_new_hour(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        for _ in range(6):
            world.clock.advance(10 * MINUTES - 1)
            assert wizard.prove_again().body["ends_at"] == "2026-11-23T10:00:00Z"
        world.clock.advance(7)
        assert wizard.session().problem == "not_signed_in"

    def test_its_use_is_written_at_most_once_a_minute(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        for seconds, writes in ((59, 0), (1, 1), (59, 0), (1, 1)):
            world.clock.advance(seconds)
            wizard.session()
            assert world.aws_calls().get("DynamoDB.UpdateItem", 0) == writes

    @pytest.mark.requirement("V5")
    def test_a_session_that_ttl_has_not_swept_is_over_all_the_same(
        self, world: World, wizard: Wizard
    ) -> None:
        wizard.sign_in()
        world.clock.advance(2 * 24 * 60 * MINUTES)
        assert any(row["sk"]["S"] == "SESSION" for row in world.aws.state())
        assert wizard.session().problem == "not_signed_in"


class TestRotation:
    """Whatever proves more gives a new id; the old may only repeat what replaced it, for a minute."""

    @pytest.mark.requirement("E2", "S3", "E6")
    @pytest.mark.parametrize("prepare", ROTATIONS.values(), ids=ROTATIONS)
    def test_the_same_request_again_within_a_minute(
        self, prepare: Callable[[World, Wizard], Callable[..., Answer]], world: World, wizard: Wizard
    ) -> None:
        act = prepare(world, wizard)
        key = new_idempotency_key()
        lost = act(idempotency_key=key, keep_cookie=False)
        assert lost.status == 200
        state, events = world.aws.state(), world.aws.events()
        for seconds in (1, 58, 1):
            world.clock.advance(seconds)
            again = act(idempotency_key=key, keep_cookie=False)
            assert (again.status, again.body, again.cookie) == (200, lost.body, lost.cookie)
            assert world.last_line["outcome"] == "repeated"
        world.clock.advance(1)
        assert act(idempotency_key=key).problem == "not_signed_in"
        assert (world.aws.state(), world.aws.events()) == (state, events)
        wizard.session_id = lost.cookie
        assert wizard.session().status == 200

    @pytest.mark.requirement("E2")
    @pytest.mark.parametrize("prepare", ROTATIONS.values(), ids=ROTATIONS)
    def test_nothing_else_with_the_old_id(
        self, prepare: Callable[[World, Wizard], Callable[..., Answer]], world: World, wizard: Wizard
    ) -> None:
        act = prepare(world, wizard)
        key = new_idempotency_key()
        act(idempotency_key=key, keep_cookie=False)
        state = world.aws.state()
        assert act().problem == "not_signed_in"
        tampered = act(idempotency_key=key, raw=b'{"otp":"000000"}')
        assert tampered.status in {400, 401}
        for other in (wizard.begin, wizard.cancel):
            assert other(idempotency_key=key).problem == "not_signed_in"
        assert wizard.session().problem == "not_signed_in"
        assert world.aws.state() == state

    @pytest.mark.requirement("S1")
    def test_neither_half_yields_the_new_id(self, world: World, wizard: Wizard) -> None:
        """The row holds a salt, the browser the old id; the new one takes both."""
        wizard.sign_in()
        wizard.prove_again()
        assert wizard.session_id is not None
        assert wizard.session_id not in repr(world.aws.state())

    @pytest.mark.doubles
    @pytest.mark.requirement("S4")
    def test_a_sign_in_inherits_nothing(self, world: World, wizard: Wizard) -> None:
        """An id planted in a browser before its user signs in is not the one used afterwards."""
        planted = world.wizard()
        planted.sign_in()
        wizard.session_id = planted.session_id
        wizard.sign_in()
        assert wizard.session_id != planted.session_id
        assert wizard.session().body["reference"] != planted.session().body["reference"]


class TestSigningOut:
    """Leaving takes the session along and nothing of the portal's."""

    @pytest.mark.requirement("S12")
    def test_the_browser_is_told_to_forget(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        session_id = wizard.session_id
        answer = wizard.sign_out()
        assert (answer.status, answer.text) == (204, "")
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert answer.cookie == ""
        assert answer.headers["cache-control"] == "no-store"
        wizard.session_id = session_id
        assert wizard.session().problem == "not_signed_in"
        assert not [row for row in world.aws.state() if row["sk"]["S"] == "SESSION"]

    @pytest.mark.requirement("S12")
    def test_signing_out_twice_is_no_fault(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        session_id = wizard.session_id
        wizard.sign_out()
        wizard.session_id = session_id
        assert wizard.sign_out().status == 204
        assert world.wizard().sign_out().status == 204
        assert world.event_kinds().count("session.ended") == 1

    @pytest.mark.requirement("S12", "E2")
    def test_signing_out_with_an_id_just_replaced_ends_its_successor(
        self, world: World, wizard: Wizard
    ) -> None:
        """The user leaves while the answer that rotated the session is still on its way."""
        wizard.sign_in()
        replaced = wizard.session_id
        for _ in range(3):
            wizard.prove_again()
        successor, wizard.session_id = wizard.session_id, replaced
        assert wizard.sign_out().status == 204
        wizard.session_id = successor
        assert wizard.session().problem == "not_signed_in"
        assert world.event_kinds().count("session.ended") == 1

    @pytest.mark.requirement("S12", "E2")
    def test_a_rotation_in_the_middle_of_a_sign_out_does_not_survive_it(
        self, world: World, wizard: Wizard
    ) -> None:
        wizard.sign_in()
        beside = world.wizard()
        beside.session_id = wizard.session_id

        def rotate_first(request: Request, take_effect: Callable[[], AWSResponse]) -> AWSResponse:
            world.aws.leave_alone()
            assert beside.prove_again().status == 200
            del request
            return take_effect()

        world.aws.interfere(rotate_first, at_call=2)
        assert wizard.sign_out().status == 204
        assert beside.session().problem == "not_signed_in"


class TestNeighbours:
    """A site next to ours, on another port or subdomain, shares our cookies' host but not our page."""

    @pytest.mark.doubles
    @pytest.mark.requirement("S5")
    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_their_page_keeps_no_session_alive(self, site: str, wizard: Wizard) -> None:
        wizard.sign_in()
        assert wizard.session(headers={"sec-fetch-site": site}).problem == "cross_site_request"
        assert wizard.session(headers={"sec-fetch-site": "none"}).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("S2")
    def test_a_cookie_that_only_looks_like_ours_plants_no_session(
        self, world: World, wizard: Wizard
    ) -> None:
        """Browsers guard the name ``__Host-s``, not a no-break space before it."""
        mallory = world.wizard()
        mallory.sign_in()
        reference = wizard.sign_in().body["reference"]
        ours = f"__Host-s={wizard.session_id}"
        for space in "\xa0\x85\u2000\u3000\x1c":
            planted = f"{space}__Host-s={mallory.session_id}; {ours}"
            assert wizard.session(headers={"cookie": planted}).body["reference"] == reference
        twice = f"__Host-s={mallory.session_id}; {ours}"
        assert wizard.session(headers={"cookie": twice}).problem == "not_signed_in"


class TestReference:
    """The few characters that a help desk searches by."""

    def test_it_is_the_same_through_a_whole_sign_in(self, world: World, wizard: Wizard) -> None:
        reference = wizard.sign_in().body["reference"]
        assert re.fullmatch(r"[0-9a-f]{8}", reference)
        wizard.prove_again()
        phone_key = wizard.begin().body["key"]
        assert phone_key
        assert wizard.confirm("000").body["reference"] == reference
        assert wizard.session().body["reference"] == reference
        assert world.last_line["reference"] == reference
        assert {event["reference"]["S"] for event in world.aws.events()} == {reference}
