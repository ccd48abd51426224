"""Who asks for a portal: a client that signed this very request, with a key of its tenant's profile."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.portal import ClientKey, Portal, base64url, client_of, jwt_of
from tests.support.wizard import Answer
from tests.support.world import World

STATUS = "/api/portal/status"
BODY = json.dumps({"user": "u-1"}).encode()
STRANGERS_KEY = ClientKey()  # of which no profile knows, under a kid that one does
Forge = Callable[[Portal], str]


@pytest.fixture
def portal(world: World) -> Portal:
    """Return the server of a portal that holds its users' passwords itself."""
    return world.add_portal()


def asked_with(portal: Portal, authorization: str | None, *, body: bytes = BODY) -> Answer:
    """Ask for a status with *authorization* as it stands."""
    return portal.call(STATUS, None, raw=body, jwt="", headers={"authorization": authorization})


def signed(portal: Portal, header: object, claims: object, sign: Callable[[bytes], bytes]) -> str:
    """Return a JWT of *header*, none for a good one, and *claims*, likewise, signed by *sign*."""
    head = {"alg": "ES256", "kid": portal.key.kid, "typ": "JWT"} if header is None else header
    parts = (head, portal.claims(STATUS, BODY) if claims is None else claims)
    octets = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    return jwt_of(octets[0], octets[1], sign)


def with_claims(**differences: Any) -> Forge:
    """Return what makes a JWT that is right but for these claims; None leaves one out."""
    return lambda portal: portal.jwt(STATUS, BODY, **differences)


def with_header(**differences: Any) -> Forge:
    """Return what makes a JWT that is right but for its header; None leaves a member out."""
    return lambda portal: portal.jwt(STATUS, BODY, header=differences)


def with_times(**seconds: int) -> Forge:
    """Return what makes a JWT whose times lie that many seconds from now."""

    def forge(portal: Portal) -> str:
        times: dict[str, Any] = {name: int(portal.clock()) + away for name, away in seconds.items()}
        return portal.jwt(STATUS, BODY, **times)

    return forge


def with_time_as(name: str, convert: Callable[[int], object]) -> Forge:
    """Return what makes a JWT whose time *name* is written otherwise than as a whole number."""

    def forge(portal: Portal) -> str:
        times: dict[str, Any] = {name: convert(int(portal.clock()) + 30)}
        return portal.jwt(STATUS, BODY, **times)

    return forge


def with_algorithm(name: object, sign: Callable[[Portal, bytes], bytes]) -> Forge:
    """Return what makes a JWT that says *name* of itself and is signed by *sign*."""
    return lambda portal: signed(
        portal,
        {"alg": name, "kid": portal.key.kid, "typ": "JWT"},
        None,
        lambda octets: sign(portal, octets),
    )


def with_parts(header: bytes | None = None, claims: bytes | None = None) -> Forge:
    """Return what makes a JWT of those octets, signed with the right key."""
    return lambda portal: signed(portal, header, claims, portal.key.signature)


def _pem(portal: Portal) -> bytes:
    public = portal.key.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _jwk(portal: Portal) -> bytes:
    return json.dumps(portal.key.jwk).encode()


def _twice_in_the_claims(portal: Portal) -> str:
    claims = json.dumps(portal.claims(STATUS, BODY)).replace("{", '{"iss": "cozone.web", ', 1)
    return signed(portal, None, claims.encode(), portal.key.signature)


HEADERS: dict[str, Forge] = {
    "alg none": with_algorithm("none", lambda _, __: b""),
    "alg none with a signature": with_algorithm(
        "none", lambda portal, octets: portal.key.signature(octets)
    ),
    "HS256 keyed with the public PEM": with_algorithm(
        "HS256", lambda portal, octets: hmac.digest(_pem(portal), octets, "sha256")
    ),
    "HS256 keyed with the public JWK": with_algorithm(
        "HS256", lambda portal, octets: hmac.digest(_jwk(portal), octets, "sha256")
    ),
    "HS256 keyed with nothing": with_algorithm(
        "HS256", lambda _, octets: hmac.digest(b"", octets, "sha256")
    ),
    "another algorithm": with_algorithm("ES384", lambda portal, octets: portal.key.signature(octets)),
    "EdDSA for a key on P-256": with_algorithm(
        "EdDSA", lambda portal, octets: portal.key.signature(octets)
    ),
    "alg in small letters": with_header(alg="es256"),
    "alg missing": with_header(alg=None),
    "alg is no text": with_header(alg=["ES256"]),
    "kid unknown": with_header(kid="key-2"),
    "kid missing": with_header(kid=None),
    "kid is no text": with_header(kid=1),
    "typ of something else": with_header(typ="at+jwt"),
    "typ is no text": with_header(typ=["JWT"]),
    "a key of its own": lambda portal: portal.jwt(
        STATUS, BODY, header={"jwk": STRANGERS_KEY.jwk}, key=STRANGERS_KEY
    ),
    "a key from elsewhere": with_header(jku="https://evil.example/jwks"),
    "a certificate from elsewhere": with_header(x5u="https://evil.example/cert"),
    "a certificate of its own": with_header(x5c=["MIIB"]),
    "an extension": with_header(crit=["b64"], b64=False),
    "a name twice in the header": lambda portal: signed(
        portal,
        b'{"alg": "ES256", "kid": "key-2", "typ": "JWT", "kid": "%s"}' % portal.key.kid.encode(),
        None,
        portal.key.signature,
    ),
    "a list for a header": with_parts(header=b"[]"),
    "no JSON for a header": with_parts(header=b"{"),
    "no UTF-8 for a header": with_parts(header=b"\xff\xfe"),
    "deep nesting for a header": with_parts(header=b'{"alg":' + b"[" * 2_500),
}
SIGNATURES: dict[str, Forge] = {
    "a stranger's key under a known kid": lambda portal: portal.jwt(STATUS, BODY, key=STRANGERS_KEY),
    "no signature": with_algorithm("ES256", lambda _, __: b""),
    "a signature of zeros": with_algorithm("ES256", lambda _, __: bytes(64)),
    "half a signature": with_algorithm("ES256", lambda portal, octets: portal.key.signature(octets)[:32]),
    "a signature in DER": with_algorithm(
        "ES256", lambda portal, octets: b"0D\x02 %b\x02 %b" % _halves(portal.key.signature(octets))
    ),
    "signed before the claims were changed": lambda portal: _moved_to(portal, {"sub": "example.other"}),
}
CLAIMS: dict[str, Forge] = {
    "iss is not sub": with_claims(sub="example.other"),
    "iss missing": with_claims(iss=None),
    "sub missing": with_claims(sub=None),
    "neither": with_claims(iss=None, sub=None),
    "iss is no text": with_claims(iss=["example.web"], sub=["example.web"]),
    "no client": with_claims(iss="example", sub="example"),
    "unknown client": with_claims(iss="example.app", sub="example.app"),
    "a client's name and more": with_claims(iss="example.web.web", sub="example.web.web"),
    "unknown tenant": with_claims(iss="nobody.web", sub="nobody.web"),
    "no tenant": with_claims(iss=".web", sub=".web"),
    "another partition": with_claims(iss="example#U#x.web", sub="example#U#x.web"),
    "half a character in the tenant": with_claims(iss="\ud800.web", sub="\ud800.web"),
    "a tenant longer than any key": with_claims(iss="e" * 2_100 + ".web", sub="e" * 2_100 + ".web"),
    "another tenant's client": with_claims(iss="byra.web", sub="byra.web"),
    "aud of another route": with_claims(aud="http://127.0.0.1:8000/api/portal/verification"),
    "aud of another host": with_claims(aud=f"http://evil.example{STATUS}"),
    "aud of another port": with_claims(aud=f"http://127.0.0.1:8001{STATUS}"),
    "aud by https": with_claims(aud=f"https://127.0.0.1:8000{STATUS}"),
    "aud with a query": with_claims(aud=f"http://127.0.0.1:8000{STATUS}?"),
    "aud without a path": with_claims(aud="http://127.0.0.1:8000"),
    "aud missing": with_claims(aud=None),
    "no aud in a list": with_claims(aud=[]),
    "aud and another": with_claims(aud=[f"http://127.0.0.1:8000{STATUS}", "http://evil.example"]),
    "too old by a second": with_times(iat=-61, exp=-1),
    "longer than two minutes": with_times(iat=0, exp=121),
    "begun in the future": with_times(iat=31, exp=60),
    "exp missing": with_claims(exp=None),
    "exp is true": with_claims(exp=True, iat=0),
    "exp is a fraction": with_time_as("exp", lambda at: at + 0.5),
    "exp is a float": with_time_as("exp", float),
    "exp is a text": with_time_as("exp", str),
    "exp is endless": with_claims(exp=float("inf")),
    "exp is no number": with_claims(exp=float("nan")),
    "exp is a list": with_time_as("exp", lambda at: [at]),
    "iat missing": with_claims(iat=None),
    "iat is a text": with_time_as("iat", str),
    "iat is false": with_claims(iat=False, exp=100),
    "jti missing": with_claims(jti=None),
    "jti too short": with_claims(jti="j" * 15),
    "jti too long": with_claims(jti="j" * 129),
    "jti is no text": with_claims(jti=1),
    "half a character in the jti": with_claims(jti="\ud800" * 16),
    "body_sha256 missing": with_claims(body_sha256=None),
    "body_sha256 is no text": with_claims(body_sha256=1),
    "body_sha256 empty": with_claims(body_sha256=""),
    "half a character in body_sha256": with_claims(body_sha256="\ud800"),
    "the digest of another body": with_claims(
        body_sha256=base64url(
            bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        )
    ),
    "a name twice in the claims": _twice_in_the_claims,
    "a text for claims": with_parts(claims=b'"claims"'),
    "no JSON for claims": with_parts(claims=b"iss=example.web"),
}
FORMS: dict[str, Callable[[str], str | None]] = {
    "no header": lambda _: None,
    "empty": lambda _: "",
    "no scheme": lambda jwt: jwt,
    "another scheme": lambda jwt: f"Basic {jwt}",
    "the scheme alone": lambda _: "Bearer ",
    "the scheme without a space": lambda jwt: f"Bearer{jwt}",
    "two parts": lambda jwt: f"Bearer {jwt.rpartition('.')[0]}",
    "four parts": lambda jwt: f"Bearer {jwt}.{jwt.rpartition('.')[2]}",
    "five parts": lambda jwt: f"Bearer {jwt}..",
    "no parts": lambda _: "Bearer ....",
    "only dots": lambda _: "Bearer ..",
    "two JWTs": lambda jwt: f"Bearer {jwt}, Bearer {jwt}",
    "five thousand characters": lambda jwt: f"Bearer {jwt}{'A' * 5_000}",
    "not ASCII": lambda jwt: f"Bearer {jwt}ö",
    "half a character": lambda jwt: f"Bearer {jwt}\udcff",
    "padding": lambda jwt: f"Bearer {jwt}==",
    "a space within": lambda jwt: f"Bearer {jwt[:20]} {jwt[20:]}",
}


AT_THE_EDGE: dict[str, Forge] = {
    "in its last second": with_times(iat=-60, exp=0),
    "by a clock ahead": with_times(iat=30, exp=150),
    "of two minutes": with_times(iat=0, exp=120),
    "shortest jti": with_claims(jti="j" * 16),
    "longest jti": with_claims(jti="j" * 128),
    "aud in a list": with_claims(aud=[f"http://127.0.0.1:8000{STATUS}"]),
    "claims of its own": with_claims(more="is not looked at"),
    "no typ": with_header(typ=None),
    "typ in small letters": with_header(typ="jwt"),
}


def _halves(signature: bytes) -> tuple[bytes, bytes]:
    return signature[:32], signature[32:]


def _moved_to(portal: Portal, differences: dict[str, str]) -> str:
    header, _, signature = portal.jwt(STATUS, BODY).split(".")
    claims = base64url(json.dumps(portal.claims(STATUS, BODY, **differences)).encode())
    return f"{header}.{claims}.{signature}"


class TestWhatIsRefused:
    """Anything wrong with a JWT has one answer, costs nothing and tells nothing."""

    @pytest.mark.requirement("M3", "B59", "B60")
    @pytest.mark.parametrize(
        "forgeries", [HEADERS, SIGNATURES, CLAIMS], ids=["header", "signature", "claims"]
    )
    def test_a_forged_jwt(self, forgeries: dict[str, Forge], world: World, portal: Portal) -> None:
        world.add_portal("byra")  # whose client is called ``web`` too
        known = asked_with(portal, None)
        before = world.aws.state(), world.aws.events()
        for name, forge in forgeries.items():
            answer = asked_with(portal, f"Bearer {forge(portal)}")
            assert (answer.status, answer.problem) == (401, "client_not_authenticated"), name
            assert (answer.text, answer.headers) == (known.text, known.headers), name
            assert world.aws_calls().keys() <= {"DynamoDB.GetItem"}, name
        assert (world.aws.state(), world.aws.events()) == before
        assert portal.status("u-1").status == 200, "all but what was wrong was right"

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_a_jwt_sent_in_another_form(self, world: World, portal: Portal) -> None:
        known = asked_with(portal, None)
        for name, form in FORMS.items():
            answer = asked_with(portal, form(portal.jwt(STATUS, BODY)))
            assert (answer.status, answer.text) == (401, known.text), name
            assert world.aws_calls().keys() <= {"DynamoDB.GetItem"}, name

    @pytest.mark.doubles
    @pytest.mark.requirement("M3", "B59")
    def test_a_jwt_for_another_body(self, portal: Portal) -> None:
        """Whoever sees one on its way asks the very same with it, or nothing."""
        jwt = portal.jwt(STATUS, BODY)
        for body in (b'{"user": "u-2"}', BODY + b" ", b"", BODY.upper()):
            assert asked_with(portal, f"Bearer {jwt}", body=body).problem == "client_not_authenticated"
        assert asked_with(portal, f"Bearer {jwt}").status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("M3", "B60")
    @pytest.mark.parametrize("path", ["verification", "hand-off", "assertion"])
    def test_a_jwt_for_another_route(self, path: str, portal: Portal) -> None:
        jwt = portal.jwt(STATUS, BODY)
        answer = portal.call(f"/api/portal/{path}", None, raw=BODY, jwt=jwt)
        assert answer.problem == "client_not_authenticated"

    @pytest.mark.doubles
    @pytest.mark.requirement("M3", "B62")
    def test_another_tenants_key_proves_only_its_own_tenant(self, world: World, portal: Portal) -> None:
        """Both clients are called ``web``, both keys ``key-1``."""
        byra = world.add_portal("byra")
        stolen_name = byra.jwt(STATUS, BODY, iss=portal.client_id, sub=portal.client_id)
        assert asked_with(portal, f"Bearer {stolen_name}").problem == "client_not_authenticated"
        assert byra.status("u-1").status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_a_user_id_alone_opens_nothing(self, world: World, portal: Portal) -> None:
        """Neither a session nor what a wizard sends makes up for the JWT."""
        wizard = world.wizard()
        wizard.sign_in()
        for path, body in (
            ("status", {"user": "u-1"}),
            ("verification", {"user": "u-1", "otp": "123456", "attempt_id": "a" * 16}),
            ("assertion", {"code": "c" * 43}),
        ):
            answer = wizard.call("POST", f"/api/portal/{path}", body, headers={"sec-fetch-site": None})
            assert answer.problem == "client_not_authenticated"
        del portal

    @pytest.mark.doubles
    @pytest.mark.requirement("M3", "B59")
    def test_who_asks_is_looked_at_before_what_is_asked(self, portal: Portal) -> None:
        """A stranger does not even learn which bodies are taken."""
        for body in (b"", b"{", b'{"user": 1}', b'{"more": true}'):
            assert asked_with(portal, "Bearer a.b.c", body=body).problem == "client_not_authenticated"
            assert portal.call(STATUS, None, raw=body).problem == "body_malformed"

    @pytest.mark.doubles
    @pytest.mark.requirement("S5")
    @pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site"])
    def test_a_page_asks_for_no_portal(self, site: str, world: World, portal: Portal) -> None:
        answer = portal.status("u-1", headers={"sec-fetch-site": site})
        assert (answer.status, answer.problem) == (403, "cross_site_request")
        assert world.aws_calls() == {}
        assert portal.status("u-1", headers={"sec-fetch-site": "none"}).status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("S5", "B61")
    def test_under_a_host_that_is_not_ours_nothing_is_taken(self, portal: Portal) -> None:
        jwt = portal.jwt(STATUS, BODY, aud=f"http://evil.example{STATUS}")
        answer = portal.call(STATUS, None, raw=BODY, jwt=jwt, headers={"host": "evil.example"})
        assert (answer.status, answer.problem) == (403, "cross_site_request")

    @pytest.mark.doubles
    def test_bodies_are_json_and_of_a_size(self, world: World, portal: Portal) -> None:
        assert (
            portal.status("u-1", headers={"content-type": "text/plain"}).problem == "media_type_unsupported"
        )
        large = b'{"user": "' + b"u" * 20_000 + b'"}'
        assert portal.call(STATUS, None, raw=large).problem == "body_too_large"
        assert world.aws_calls() == {}


class TestWhatIsTaken:
    """Right is right to the last second, by either kind of key."""

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    @pytest.mark.parametrize("forge", AT_THE_EDGE.values(), ids=AT_THE_EDGE)
    def test_at_the_edge(self, forge: Forge, portal: Portal) -> None:
        assert asked_with(portal, f"Bearer {forge(portal)}").status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_a_key_on_ed25519(self, world: World, portal: Portal) -> None:
        private = Ed25519PrivateKey.generate()
        x = base64url(private.public_key().public_bytes_raw())
        key = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ed-1"}
        client = {"name": "web", "keys": {"keys": [key, portal.key.jwk]}}
        _change_clients(world, client)
        header = {"alg": "EdDSA", "kid": "ed-1", "typ": "JWT"}
        jwt = signed(portal, header, None, private.sign)
        assert asked_with(portal, f"Bearer {jwt}").status == 200
        assert portal.status("u-1").status == 200
        as_es256 = signed(portal, header | {"alg": "ES256"}, None, private.sign)
        assert asked_with(portal, f"Bearer {as_es256}").problem == "client_not_authenticated"
        by_stranger = signed(portal, header, None, Ed25519PrivateKey.generate().sign)
        assert asked_with(portal, f"Bearer {by_stranger}").problem == "client_not_authenticated"

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_its_name_is_logged_and_no_jwt(self, world: World, portal: Portal) -> None:
        jwt = portal.jwt(STATUS, BODY)
        portal.call(STATUS, None, raw=BODY, jwt=jwt)
        assert (world.last_line["tenant"], world.last_line["client"]) == ("example", "web")
        assert not any(part in "".join(world.log_lines) for part in jwt.split("."))
        asked_with(portal, f"Bearer {jwt[:-8]}AAAAAAAA")
        assert "client" not in world.last_line, "who did not prove it is not named"
        assert world.last_line["tenant"] is None


class TestRotation:
    """A client's keys change by the profile, and what the profile says holds at once."""

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_the_next_key_signs_beside_the_old_one_until_that_is_taken_off(
        self, world: World, portal: Portal
    ) -> None:
        old, new = portal.key, ClientKey(kid="key-2")
        renewed = world.portal(portal.client_id, new)
        assert portal.status("u-1").status == 200
        assert renewed.status("u-1").problem == "client_not_authenticated"
        _change_clients(world, client_of(old, new))
        assert portal.status("u-1").status == 200
        assert renewed.status("u-1").status == 200
        _change_clients(world, client_of(new))
        assert portal.status("u-1").problem == "client_not_authenticated"
        assert renewed.status("u-1").status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_a_kid_given_to_another_key_proves_only_that(self, world: World, portal: Portal) -> None:
        """What was imported once is remembered by the key itself, not by its name."""
        assert portal.status("u-1").status == 200
        _change_clients(world, client_of(STRANGERS_KEY))
        assert portal.status("u-1").problem == "client_not_authenticated"
        assert world.portal(portal.client_id, STRANGERS_KEY).status("u-1").status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_a_client_taken_off_the_profile_is_nobody(self, world: World, portal: Portal) -> None:
        assert portal.status("u-1").status == 200
        _change_clients(world, client_of(portal.key, name="app"))
        assert portal.status("u-1").problem == "client_not_authenticated"
        assert world.portal("example.app", portal.key).status("u-1").status == 200

    @pytest.mark.requirement("M1")
    def test_a_suspended_tenants_client_is_told_so_at_once_and_nobody_else_is(
        self, world: World, portal: Portal
    ) -> None:
        assert portal.status("u-1").status == 200
        world.services.tenants.suspend("example", at=int(world.clock()))
        before = world.aws.state()
        for answer in (
            portal.status("u-1"),
            portal.verify("u-1", "123456"),
            portal.hand_off("u-1"),
            portal.redeem("c" * 43),
        ):
            assert (answer.status, answer.problem) == (403, "tenant_suspended")
        stranger = world.portal(portal.client_id, STRANGERS_KEY)
        assert stranger.status("u-1").problem == "client_not_authenticated"
        assert world.aws.state() == before
        world.services.tenants.resume("example")
        assert portal.status("u-1").status == 200


class TestTheSameJwtAgain:
    """A question may be repeated; what happens once, happens once."""

    @pytest.mark.doubles
    @pytest.mark.requirement("M3", "B60")
    def test_a_question_gets_its_answer_again(self, portal: Portal) -> None:
        jwt = portal.jwt(STATUS, BODY)
        first, second = (portal.call(STATUS, None, raw=BODY, jwt=jwt) for _ in range(2))
        assert (first.status, first.text) == (second.status, second.text) == (200, first.text)

    @pytest.mark.requirement("M3", "B60")
    def test_a_hand_off_happens_once(self, world: World, portal: Portal) -> None:
        body = json.dumps(portal.said_of("u-1")).encode()
        jwt = portal.jwt("/api/portal/hand-off", body)
        assert portal.call("/api/portal/hand-off", None, raw=body, jwt=jwt).status == 201
        before = world.aws.state(), world.aws.events()
        again = portal.call("/api/portal/hand-off", None, raw=body, jwt=jwt)
        assert (again.status, again.problem) == (401, "client_not_authenticated")
        assert (world.aws.state(), world.aws.events()) == before

    @pytest.mark.doubles
    @pytest.mark.requirement("M3")
    def test_the_same_jti_of_another_client_is_no_repetition(self, world: World, portal: Portal) -> None:
        """No tenant spends another's."""
        byra = world.add_portal("byra")
        for server in (portal, byra):
            body = json.dumps(server.said_of("u-1")).encode()
            jwt = server.jwt("/api/portal/hand-off", body, jti="the-same-for-both")
            assert server.call("/api/portal/hand-off", None, raw=body, jwt=jwt).status == 201


def _change_clients(world: World, *clients: Mapping[str, object]) -> None:
    source = dict(world.services.tenants.get("example").profile.source)
    world.add_tenant(**source | {"clients": list(clients)})
