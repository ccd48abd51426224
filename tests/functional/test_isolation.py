"""
Tenants share a deployment and nothing else: every route, by one tenant's proofs, with another's ids.

The other tenant's id must be told exactly like one of the same shape that
nobody has, and nothing of theirs may change. A new route needs its row in `MATRIX`.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.record import lookup_hash, user_id_of
from chalicelib.recovery.code import draw_recovery_codes
from chalicelib.sessions.session import start_session
from chalicelib.storage.rows import tenant_partition, user_partition
from tests.support.help_desk import SAID
from tests.support.portal import Portal, brought_back
from tests.support.wizard import COOKIE_NAME, HOST, Answer, Wizard
from tests.support.world import ANNA, BERIT, BERITS_PASSWORD, World, moto_world

OURS, THEIRS = "example", "byra"
CLIENT, SESSION, ANYONE = "a portal's client", "a user's session", "anyone"
STAFF = "one of the help desk, by a fresh code"


@dataclass(frozen=True)
class Ids:
    """All that names something of one tenant's, or could."""

    tenant: str
    client_id: str
    host: str
    return_url: str
    portal_user: str
    user_id: str
    username: str
    used_link: str
    return_code: str
    session_id: str
    session_key: str
    authenticator_id: str
    assertion_id: str
    recovery_set: str
    recovery_code: str


def made_up() -> Ids:
    """Return ids of the same shape, which nobody has."""
    return Ids(
        tenant="bxra",
        client_id="bxra.web",
        host="bxra.example",
        return_url="https://bxra.example/return",
        portal_user="thxirs",
        user_id=secrets.token_hex(16),
        username="bexit@byra.se",
        used_link=secrets.token_urlsafe(32),
        return_code=secrets.token_urlsafe(32),
        session_id=secrets.token_hex(32),
        session_key=secrets.token_hex(32),
        authenticator_id=secrets.token_hex(16),
        assertion_id=secrets.token_hex(16),
        recovery_set=secrets.token_hex(16),
        recovery_code=draw_recovery_codes()[0].shown,
    )


PEOPLE = ("portal_user", "user_id", "username", "client_id", "tenant")
TOKENS = (
    "used_link",
    "return_code",
    "session_id",
    "session_key",
    "assertion_id",
    "authenticator_id",
    "recovery_set",
    "recovery_code",
)


@dataclass(frozen=True)
class Row:
    """One route: who asks, with which body, and which of `Ids` to try in which of its fields."""

    by: str
    body: Mapping[str, object] | None = None
    tried: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/api/jwks"): Row(ANYONE),
    ("GET", "/api/tenant"): Row(ANYONE),
    ("POST", "/api/session"): Row(
        ANYONE, {"tenant": OURS, "username": "x", "password": BERITS_PASSWORD}, {"username": PEOPLE}
    ),
    # A link not used yet is itself the proof of whoever holds it. Used, it is an id like others.
    ("POST", "/api/session/hand-off"): Row(ANYONE, {"hand_off": "x"}, {"hand_off": TOKENS}),
    ("GET", "/api/session"): Row(SESSION),
    ("DELETE", "/api/session"): Row(SESSION),
    ("POST", "/api/session/password"): Row(SESSION, {"password": "x"}),
    ("POST", "/api/session/return"): Row(SESSION),
    ("GET", "/api/enrolment"): Row(SESSION),
    ("POST", "/api/enrolment"): Row(
        SESSION, {"phone": "android", "same_phone": False}, {"phone": PEOPLE, "replaces": TOKENS}
    ),
    ("GET", "/api/second-factor"): Row(SESSION),
    ("POST", "/api/authenticators/name"): Row(
        SESSION, {"authenticator": "x", "name": "x"}, {"authenticator": TOKENS, "name": PEOPLE}
    ),
    ("POST", "/api/authenticators/removal"): Row(
        SESSION, {"authenticator": "x"}, {"authenticator": TOKENS}
    ),
    ("POST", "/api/remembered-browsers/removal"): Row(SESSION, {"browser": "x"}, {"browser": TOKENS}),
    ("DELETE", "/api/enrolment"): Row(SESSION),
    ("POST", "/api/enrolment/confirmation"): Row(SESSION, {"otp": "12345"}, {"otp": TOKENS}),
    ("POST", "/api/recovery-codes"): Row(SESSION),
    ("POST", "/api/recovery-codes/acknowledgement"): Row(SESSION, {"set": "x"}, {"set": TOKENS}),
    ("POST", "/api/verification/recovery-code"): Row(
        SESSION, {"recovery_code": "x"}, {"recovery_code": TOKENS}
    ),
    ("POST", "/api/verification"): Row(SESSION, {"otp": "12345"}, {"otp": TOKENS}),
    ("POST", "/api/session/reset-code"): Row(SESSION, {"reset_code": "x"}, {"reset_code": TOKENS}),
    ("POST", "/api/help-desk/session"): Row(
        ANYONE, {"tenant": OURS, "username": "x", "password": BERITS_PASSWORD}, {"username": PEOPLE}
    ),
    ("GET", "/api/help-desk/users"): Row(STAFF),
    ("GET", "/api/help-desk/counts"): Row(STAFF),
    ("GET", "/api/help-desk/user"): Row(STAFF),
    ("POST", "/api/help-desk/reset"): Row(
        STAFF, {"user": "x", "identity_check": "bankid", **SAID}, {"user": (*PEOPLE, *TOKENS)}
    ),
    ("POST", "/api/help-desk/unlock"): Row(STAFF, {"user": "x", **SAID}, {"user": (*PEOPLE, *TOKENS)}),
    ("POST", "/api/portal/status"): Row(CLIENT, {"user": "u-1"}, {"user": PEOPLE}),
    ("POST", "/api/portal/verification"): Row(
        CLIENT, {"user": "u-1", "otp": "123456", "attempt_id": "a" * 16}, {"user": PEOPLE}
    ),
    ("POST", "/api/portal/hand-off"): Row(
        CLIENT,
        {
            "user": "u-1",
            "username": "u-1@portal.example",
            "language": "sv",
            "auth_time": 0,
            "identity_verified": True,
            "purpose": "sign-in",
            "return_url": "https://portal.example/return",
            "state": "state-of-the-portal",
            "nonce": "nonce-of-the-portal",
        },
        {"user": PEOPLE, "return_url": ("return_url", "host")},
    ),
    ("POST", "/api/portal/assertion"): Row(CLIENT, {"code": "c" * 43}, {"code": TOKENS}),
}
# What takes something of our own user's away, so that it cannot be asked twice.
ENDING = {("DELETE", "/api/session"), ("POST", "/api/session/return"), ("DELETE", "/api/enrolment")}


class Place:
    """Two tenants, in both of which somebody has gone all the way; ours asks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.portal = world.add_portal(OURS)
        self.their_portal = world.add_portal(
            THEIRS,
            passwords="directory",
            return_urls=["https://byra.example/return"],
            hosts=["byra.example"],
        )
        self.their_portal.return_url = "https://byra.example/return"
        self.theirs = self._gone_all_the_way()
        wizard = world.arrived(self.portal, "u-1")
        wizard.begin()
        assert wizard.session_id is not None
        self.our_session_id = wizard.session_id
        self.staff_session_id = self._at_our_help_desk()
        world.wizard().call("GET", "/api/tenant")  # from here on what may be remembered is
        self.their_portal.keys()
        self.state = world.aws.state()
        self.their_things = self.things_of_theirs()

    def _at_our_help_desk(self) -> str:
        staff = self.world.add_staff(self.world.services.tenants.get(OURS))
        now = int(self.world.clock())
        opened = start_session(
            tenant_id=OURS,
            user_id=staff.user_id,
            epoch=staff.epoch,
            now=now,
            verified_at=now,
            verified_by="code",
        )
        stores = self.world.stores
        stores.transactions.commit(stores.sessions.started(opened.session))
        return opened.session_id

    def _gone_all_the_way(self) -> Ids:
        world, portal = self.world, self.their_portal
        tenant = world.services.tenants.get(THEIRS)
        world.add_user(tenant, username=BERIT, password=BERITS_PASSWORD)
        phone = world.enrolled_at(portal, "theirs")
        used_link = portal.token_for("theirs")
        wizard = world.wizard()
        wizard.arrive(used_link)
        world.clock.advance_to_next_time_step()
        wizard.verify(phone.otp())
        first = brought_back(wizard.return_to_portal())["code"]
        assertion = portal.checked(portal.redeem(first).body["assertion"])
        world.clock.advance_to_next_time_step()
        last = world.arrived(portal, "theirs")
        last.verify(phone.otp())
        made = last.make_recovery_codes().body
        code = brought_back(last.return_to_portal())["code"]
        live = world.arrived(portal, "theirs")
        assert live.session_id is not None
        (totp,) = [row for row in world.aws.state() if row["sk"]["S"] == "TOTP"]
        return Ids(
            tenant=THEIRS,
            client_id=f"{THEIRS}.web",
            host="byra.example",
            return_url=portal.return_url,
            portal_user="theirs",
            user_id=user_id_of(tenant.lookup_key, "theirs"),
            username=BERIT,
            used_link=used_link,
            return_code=code,
            session_id=live.session_id,
            session_key=hashlib.sha256(live.session_id.encode()).hexdigest(),
            authenticator_id=next(iter(totp["entries"]["M"])),
            assertion_id=assertion["jti"],
            recovery_set=made["set"],
            recovery_code=made["codes"][0],
        )

    def things_of_theirs(self) -> list[object]:
        """Return their rows and events: whatever names their tenant."""
        everything = [*self.world.aws.state(), *self.world.aws.events()]
        own = f"T#{THEIRS}"
        return [
            row
            for row in everything
            if row.get("tenant") == {"S": THEIRS} or f"{row['pk']['S']}#".startswith(f"{own}#")
        ]

    def browser(self, by: str = SESSION) -> Wizard:
        """Return our user's browser, as it was at first, or that of our help desk."""
        wizard = self.world.wizard()
        wizard.session_id = self.staff_session_id if by == STAFF else self.our_session_id
        return wizard

    def ask(
        self,
        route: tuple[str, str],
        *,
        by: str | None = None,
        query: str = "",
        headers: Mapping[str, str | None] | None = None,
        **fields: Any,
    ) -> Answer:
        """Send *route*'s request by our own proofs, or what else *by* says, with *fields* in its body."""
        (method, path), row = route, MATRIX[route]
        body = None if row.body is None else {**row.body, **fields}
        if "auth_time" in (row.body or {}):
            assert body is not None
            body["auth_time"] = int(self.world.clock())
        if (by or row.by) == CLIENT:
            raw = json.dumps(body).encode()
            jwt = self.portal.jwt(path, raw)
            return self._sent(method, path + query, raw, self.portal, jwt, headers)
        wizard = self.world.wizard() if (by or row.by) == ANYONE else self.browser(by or row.by)
        return wizard.call(method, path + query, body, headers=headers, idempotency_key="k" * 16)

    def _sent(
        self,
        method: str,
        path: str,
        raw: bytes,
        portal: Portal,
        jwt: str,
        headers: Mapping[str, str | None] | None,
    ) -> Answer:
        sent: dict[str, str | None] = {
            "host": HOST,
            "content-type": "application/json",
            "authorization": f"Bearer {jwt}",
        }
        sent |= headers or {}
        kept = {name: value for name, value in sent.items() if value is not None}
        return portal.transport(method, path, kept, raw)

    def told(self, answer: Answer, *named: str) -> tuple[object, ...]:
        """
        Return what can be told of *answer*: a refusal letter by letter, a success by its shape.

        A success is about our own user, whose keys and links are drawn anew each time.
        *named* are ids that the request itself held.
        """
        calls = self.world.aws_calls()
        if answer.status < 400 and answer.body is not None:
            return answer.status, _shape(answer.body), sorted(answer.headers), calls
        text = answer.text
        for name in named:
            text = text.replace(json.dumps(name), "named")
        return answer.status, text, dict(answer.headers), calls


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items()}
    return [_shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


@pytest.fixture(scope="module")
def settled() -> Iterator[Place]:
    """Return two tenants of which ours asks; to settle them takes longer than most of the tests."""
    with moto_world() as world:
        yield Place(world)


@pytest.fixture
def place(settled: Place) -> Place:
    """Return the two tenants as they were at first."""
    settled.world.aws.restore(settled.state)
    return settled


def test_every_route_has_its_row(place: Place) -> None:
    routes = {(method, path) for path, methods in place.world.app.routes.items() for method in methods}
    assert routes == set(MATRIX)


@pytest.mark.requirement("M1", "M2", "B57", "B62")
def test_their_ids_are_told_like_made_up_ones_wherever_an_id_could_stand(place: Place) -> None:
    for route, row in MATRIX.items():
        for place_of_id, names in row.tried.items():
            for name in names:
                ids = (getattr(place.theirs, name), getattr(made_up(), name))
                told = [place.told(place.ask(route, **{place_of_id: an_id}), an_id) for an_id in ids]
                if (place_of_id, name) == ("hand_off", "used_link"):
                    # Whoever holds a link knows that it was one: only what it is answered is alike.
                    told = [one[:-1] for one in told]
                assert told[0] == told[1], (route, place_of_id, name)
    assert place.things_of_theirs() == place.their_things


@pytest.mark.requirement("M1", "M2", "B57")
def test_our_users_are_told_like_nobody_at_their_sign_in(place: Place) -> None:
    """Who knows a user of ours, and even the password of theirs, learns nothing at their page."""
    route = ("POST", "/api/session")
    told = [
        place.told(place.ask(route, tenant=THEIRS, username=username))
        for username in ("u-1@portal.example", "nobody@portal.example", ANNA)
    ]
    assert told[0] == told[1] == told[2]
    assert told[0][0] == 422


@pytest.mark.requirement("M1", "B62")
def test_their_ids_anywhere_else_in_a_request_change_nothing(place: Place) -> None:
    """In the query, in headers, as another's proof beside our own."""
    theirs = place.theirs
    their_jwt = place.their_portal.jwt("/api/portal/status", b"{}")
    query = (
        f"?user={theirs.portal_user}&tenant_id={THEIRS}&client={theirs.client_id}&code={theirs.return_code}"
    )
    headers = {
        "x-tenant": THEIRS,
        "x-tenant-id": THEIRS,
        "x-user": theirs.portal_user,
        "x-client-id": theirs.client_id,
        "x-forwarded-host": theirs.host,
        "x-viewer-host": theirs.host,
        "forwarded": f"host={theirs.host}",
    }
    for route, row in MATRIX.items():
        beside = {
            CLIENT: {"cookie": f"{COOKIE_NAME}={theirs.session_id}"},
            SESSION: {"authorization": f"Bearer {their_jwt}"},
            STAFF: {"authorization": f"Bearer {their_jwt}"},
            ANYONE: {"authorization": f"Bearer {their_jwt}"},
        }[row.by]
        # Only the public face of a tenant is asked for by name.
        smuggled = query if route == ("GET", "/api/tenant") else f"{query}&tenant={THEIRS}"
        told = []
        for how in (
            _Smuggled(),
            _Smuggled(query=smuggled),
            _Smuggled(headers=headers),
            _Smuggled(headers=beside),
        ):
            if route in ENDING:
                place.world.aws.restore(place.state)
            answer = place.ask(route, query=how.query, headers=how.headers)
            told.append((place.told(answer), _without_drawn(answer)))
        assert all(one == told[0] for one in told), route
    assert place.things_of_theirs() == place.their_things


@dataclass(frozen=True)
class _Smuggled:
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@pytest.mark.requirement("M1", "B32")
def test_a_tenant_in_a_field_of_its_own_is_refused(place: Place) -> None:
    for route, row in MATRIX.items():
        if row.body is None:
            continue
        for name in ("tenant", "tenant_id", "client", "client_id", "user_id"):
            if name not in row.body:
                for value in (THEIRS, OURS):
                    more: dict[str, Any] = {name: value}
                    assert place.ask(route, **more).problem == "body_malformed", (route, name)
    assert place.things_of_theirs() == place.their_things


@pytest.mark.requirement("B62", "S4", "B59")
def test_no_proof_opens_the_routes_of_another_kind(place: Place) -> None:
    """A client's key is no session, a session no client's key, and neither is nothing."""
    before = place.world.aws.state(), place.world.aws.events()
    for (method, path), row in MATRIX.items():
        body = None if row.body is None else dict(row.body)
        raw = json.dumps(body).encode() if body is not None else b""
        jwt = f"Bearer {place.portal.jwt(path, raw)}"
        if row.by in {SESSION, STAFF} and method != "DELETE":
            for headers in ({}, {"authorization": jwt}):
                answer = place.world.wizard().call(method, path, body, headers=headers)
                assert (answer.status, answer.problem) == (401, "not_signed_in"), path
        if row.by == STAFF:
            answer = place.browser().call(method, path, body)
            assert (answer.status, answer.problem) == (404, "not_found"), path
        if row.by == CLIENT:
            for wizard in (place.world.wizard(), place.browser()):
                answer = wizard.call(method, path, body, headers={"sec-fetch-site": None})
                assert (answer.status, answer.problem) == (401, "client_not_authenticated"), path
    assert (place.world.aws.state(), place.world.aws.events()) == before


@pytest.mark.requirement("M1", "M2", "E10")
def test_whoever_has_proven_everything_changes_nothing_of_theirs(place: Place) -> None:
    """Their authenticator's id is told like one that nobody has, by all that takes one."""
    world, portal = place.world, place.portal
    phone = world.enrolled_at(portal, "u-2")
    world.clock.advance_to_next_time_step()
    wizard = world.arrived(portal, "u-2")
    wizard.verify(phone.otp())
    for ask in (
        lambda an_id: wizard.begin(replaces=an_id),
        lambda an_id: wizard.rename(an_id, "x"),
        wizard.remove,
        wizard.forget,
    ):
        told = [
            place.told(ask(an_id), an_id)
            for an_id in (place.theirs.authenticator_id, made_up().authenticator_id)
        ]
        assert told[0] == told[1]
        assert told[0][0] in {204, 404}
    assert place.things_of_theirs() == place.their_things


@pytest.mark.requirement("M1", "M2")
def test_both_can_call_a_user_alike(place: Place) -> None:
    """The portals' own ids may meet; ours do not."""
    ours = place.portal.token_for("theirs")
    wizard = place.world.wizard()
    answer = wizard.arrive(ours)
    assert (answer.body["tenant"], answer.body["second_factor"]) == (OURS, "none")
    assert place.portal.status("theirs").body["second_factor"] == "none"
    assert place.their_portal.status("theirs").body["second_factor"] == "active"
    assert place.things_of_theirs() == place.their_things


def _without_drawn(answer: Answer) -> str:
    """Return the text of *answer* but for what is drawn anew each time."""
    drawn = r'hand-off=[\w-]{43}|"(key|qr|key_uri|uri|url|reference|authenticator_id)": ("[^"]*"|\{.*?\})'
    return re.sub(drawn, "drawn", answer.text)


# -- the key layer, whatever anybody is called

tenant_ids = st.from_regex(r"[a-z][a-z0-9-]{1,31}", fullmatch=True)
user_ids = st.text(min_size=1, max_size=40).filter(lambda text: "#" not in text)
owners = st.tuples(tenant_ids, user_ids)
lookup_keys = st.binary(min_size=32, max_size=32)


@pytest.mark.requirement("M1")
@given(one=owners, other=owners)
def test_no_two_users_share_a_partition_and_none_lies_within_anothers(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    first, second = user_partition(*one), user_partition(*other)
    assert (first == second) == (one == other)
    if one != other:
        assert not second.startswith(f"{first}#")
        assert not first.startswith(f"{second}#")


@pytest.mark.requirement("M1")
@given(owner=owners, other=tenant_ids)
def test_a_users_partition_lies_within_its_own_tenants_alone(owner: tuple[str, str], other: str) -> None:
    within = user_partition(*owner).startswith(f"{tenant_partition(other)}#")
    assert within == (owner[0] == other)
    assert user_partition(*owner) != tenant_partition(other)


@pytest.mark.requirement("M1")
@given(before=st.text(max_size=20), after=st.text(max_size=20), user=user_ids, tenant=tenant_ids)
def test_an_id_that_holds_the_separator_makes_no_key(
    before: str, after: str, user: str, tenant: str
) -> None:
    fuzzed = f"{before}#{after}"
    for owner in ((fuzzed, user), (tenant, fuzzed)):
        with pytest.raises(ValueError, match="separator"):
            user_partition(*owner)
    with pytest.raises(ValueError, match="separator"):
        tenant_partition(fuzzed)


@pytest.mark.requirement("M1", "M2")
@given(keys=st.tuples(lookup_keys, lookup_keys), users=st.tuples(st.text(), st.text()))
def test_ids_of_users_meet_for_the_same_user_of_the_same_tenant_alone(
    keys: tuple[bytes, bytes], users: tuple[str, str]
) -> None:
    first, second = (user_id_of(key, user) for key, user in zip(keys, users, strict=True))
    is_same = keys[0] == keys[1] and users[0] == users[1]
    assert (first == second) == is_same
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert not lookup_hash(keys[0], users[0]).startswith(first), "a name is no portal's id"
    staff = lookup_hash(keys[0], users[0], role="help_desk")
    assert staff not in {lookup_hash(key, user) for key in keys for user in users}, "nor is a user staff"
