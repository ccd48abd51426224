"""What must stay secret shows up in no answer, log, error, repr, event or row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from chalicelib.audit.event import ATTEMPT_ACCEPTED, ATTEMPT_COUNTED
from tests.support import aws
from tests.support.portal import brought_back
from tests.support.stream import outbox_over, recorded_stream
from tests.support.wizard import Answer, Phone, Wizard, new_idempotency_key, wrong_recovery_code
from tests.support.world import World, moto_world

PASSWORD = "canary-password-gul-och-glad"
NEW_USER = "kanariefagel@firma.se"
# Each of these goes in where its name says, and may come out nowhere. (A claimed tenant id is
# logged, but only in the narrow alphabet of tenant ids; hence the capital letters.)
CANARIES: dict[str, str] = {
    "password": PASSWORD,
    "wrong password": "canary-guess",
    "user name": "canary-name\r\n\x1b[31m{}\u2028fake",
    "tenant": "Canary-tenant",
    "unknown field": "canary-field",
    "user agent": "canary-agent\r\n{}",
    "address": "canary-address",
    "authorization": "Bearer canary-token",
    "query": "Canary-query",
    "idempotency key": "canary-idempotency-key",
    "other cookie": "canary-cookie",
    "body": "canary-body",
    "fault": "canary-of-aws",
}
HEADERS: dict[str, str | None] = {
    "user-agent": CANARIES["user agent"],
    "x-forwarded-for": CANARIES["address"],
    "authorization": CANARIES["authorization"],
    "referer": f"https://{CANARIES['address']}.example/",
}


class Leaks:
    """Every secret of one run, and a search for them."""

    def __init__(self) -> None:
        self.secrets: set[str] = {"canary", "Canary"}
        self.codes: set[str] = set()

    def add_phone(self, phone: Phone) -> None:
        """Note that this key is secret, and its codes of these minutes."""
        self.secrets |= set(phone.forms_of_key())
        self.codes |= {phone.otp(steps=steps) for steps in range(-5, 6)} | {phone.wrong_otp()}

    def found_in(self, texts: Iterable[str]) -> list[str]:
        """Return each text that tells a secret."""
        # Six digits may occur within a hash or a time, but not by themselves.
        code = (
            re.compile(rf"(?<![0-9A-Za-z-])({'|'.join(self.codes)})(?![0-9A-Za-z-])")
            if self.codes
            else None
        )
        return [
            text
            for text in texts
            if any(secret in text for secret in self.secrets) or (code and code.search(text))
        ]


def _the_whole_journey_and_every_error(world: World, leaks: Leaks) -> None:
    """Do everything that can be done, rightly and wrongly, with canaries in every input."""
    world.add_user(username=NEW_USER, password=PASSWORD)
    browser = world.wizard if world.settings.is_local else world.wizard_at_front_door
    wizard = browser(username=NEW_USER, password=PASSWORD)

    def call(step: Callable[..., Answer], *arguments: Any, **how: Any) -> Answer:
        answer = step(*arguments, headers=HEADERS, **how)
        if wizard.session_id:
            leaks.secrets.add(wizard.session_id)
        return answer

    unknown = browser(username=CANARIES["user name"], password=CANARIES["wrong password"])
    for _ in range(7):
        call(unknown.sign_in)
    unknown.tenant = CANARIES["tenant"]
    call(unknown.sign_in)
    call(wizard.call, "GET", f"/api/tenant?tenant={CANARIES['query']}&{CANARIES['query']}=1")
    call(wizard.sign_in, password=CANARIES["wrong password"])
    call(wizard.sign_in)
    call(wizard.begin)
    call(wizard.verify, "123456")
    call(wizard.prove_again, password=CANARIES["wrong password"])
    key = CANARIES["idempotency key"]
    call(wizard.prove_again, idempotency_key=key, keep_cookie=False)
    call(wizard.prove_again, idempotency_key=key)
    phone = Phone(call(wizard.begin).body["key"], world.clock)
    leaks.add_phone(phone)
    call(wizard.offer)
    call(wizard.confirm, phone.wrong_otp())
    call(wizard.confirm, phone.otp(steps=5))
    call(wizard.confirm, CANARIES["body"])
    for raw in (CANARIES["body"].encode(), b'{"canary-field": 1}', b'{"otp": "canary-body", "otp": 1}'):
        call(wizard.call, "POST", "/api/enrolment/confirmation", raw=raw)
    call(wizard.confirm, phone.otp())
    call(wizard.confirm, phone.otp())
    _recovery_codes_and_what_comes_of_them(wizard, leaks, call)
    world.clock.advance_to_next_time_step()
    call(wizard.verify, phone.otp())
    call(wizard.verify, phone.otp())
    for interference in (aws.broken, aws.throttled, aws.unreachable, aws.malformed, _bug):
        for at_call in range(1, 5):
            world.aws.interfere(interference, at_call=at_call)
            call(wizard.verify, phone.otp(steps=1))
            call(wizard.prove_again)
    world.aws.leave_alone()
    _tamper_with_the_sealed_secret(world)
    world.clock.advance(4000)
    call(wizard.sign_in)
    assert call(wizard.verify, phone.otp()).status == 503
    call(wizard.session, idempotency_key=CANARIES["idempotency key"])
    cookie = f"canary-cookie=1; __Host-s={CANARIES['other cookie']}"
    wizard.session(headers=HEADERS | {"cookie": cookie})
    call(wizard.sign_out)
    _from_a_portal_and_back(world, leaks)
    _at_the_help_desk(world, leaks)


def _recovery_codes_and_what_comes_of_them(
    wizard: Wizard, leaks: Leaks, call: Callable[..., Answer]
) -> None:
    made = call(wizard.make_recovery_codes).body
    wrong = wrong_recovery_code(made["codes"][1])
    for code in (*made["codes"], wrong):
        leaks.secrets |= {code, code.replace("-", ""), code[2:], code.lower()}
    for set_id in (CANARIES["body"], made["set"]):
        call(wizard.acknowledge_recovery_codes, set_id)
    for typed in (wrong, CANARIES["body"], made["codes"][0], made["codes"][0]):
        call(wizard.recover, typed)


def _from_a_portal_and_back(world: World, leaks: Leaks) -> None:
    """Hand a user over and redeem what comes back, rightly and wrongly, with canaries in every input."""
    portal = world.add_portal() if world.settings.is_local else world.add_portal_at_front_door()
    user = world.wizard() if world.settings.is_local else world.wizard_at_front_door()
    said: dict[str, Any] = {
        name: f"canary-{name}-of-the-portal" for name in ("username", "language", "state", "nonce")
    }
    said["language"] = "canary-lang"
    portal.status("canary-user")
    portal.hand_off("canary-user", **said, return_url="https://canary.example/")
    portal.status("canary-user", jwt="canary.canary.canary")
    portal.status("canary-user", headers={"authorization": "Bearer canary"})
    token = portal.token_for("canary-user", **said)
    leaks.secrets.add(token)
    key = CANARIES["idempotency key"]
    user.arrive(token, idempotency_key=key, headers=HEADERS, keep_cookie=False)
    user.arrive(token, idempotency_key=key, headers=HEADERS)
    user.arrive(f"canary{token[6:]}", headers=HEADERS)
    user.begin()
    phone = user.scan()
    leaks.add_phone(phone)
    user.confirm(phone.otp())
    leaks.secrets.add(str(user.session_id))
    code = brought_back(user.return_to_portal(headers=HEADERS))["code"]
    leaks.secrets.add(code)
    world.aws.interfere(*[_bug] * 3)
    portal.redeem(code)
    world.aws.leave_alone()
    leaks.secrets.add(portal.redeem(code).body["assertion"])
    portal.redeem(code)
    portal.redeem(f"canary{code[6:]}")
    world.clock.advance_to_next_time_step()
    attempt_id = "canary-attempt-of-the-portal"
    portal.verify("canary-user", phone.wrong_otp(), attempt_id=attempt_id)
    portal.verify("canary-user", phone.otp(), attempt_id=attempt_id)
    portal.verify("canary-user", "canary", attempt_id=attempt_id)
    portal.call("/api/portal/status", {"user": "canary\r\n"})
    portal.call("/api/portal/status", {"canary": "canary-field"})


def _at_the_help_desk(world: World, leaks: Leaks) -> None:
    """See, search, unlock and reset, and give the code, rightly and wrongly."""
    user = world.add_user(username="bo@firma.se")
    world.add_staff()
    local = world.settings.is_local
    desk = world.help_desk() if local else world.help_desk_at_front_door()
    wizard = (world.wizard if local else world.wizard_at_front_door)(username=user.username)
    leaks.add_phone(wizard.enrolled())
    desk.sign_in(password=CANARIES["wrong password"], headers=HEADERS)
    leaks.add_phone(desk.begins_work().phone)
    leaks.secrets.add(str(desk.session_id))
    for query in ({"search": "canary-search"}, {"after": "canary-place"}, {"status": "canary-status"}):
        desk.users(**query)
    desk.counts()
    for nobody in ("canary-user", "canary\r\n"):
        desk.user(nobody)
        desk.user_of_reference(nobody)
        desk.reset(nobody)
        desk.unlock(nobody)
    desk.reset(user.user_id, said={"reason": "canary", "identity_check": "canary-check"})
    world.aws.interfere(_bug)
    desk.unlock(user.user_id)
    world.aws.leave_alone()
    code = desk.reset(user.user_id, headers=HEADERS).body["reset_code"]
    leaks.secrets |= {code, code.replace("-", ""), code.lower()}
    desk.user(user.user_id)
    wizard.sign_in()
    for typed in ("canary-code", code[::-1], code):
        wizard.give_reset_code(typed, headers=HEADERS)
    leaks.secrets.add(str(wizard.session_id))


def _bug(request: Any, take_effect: Any) -> Any:
    """Fail as only a fault of our own could, with a telling message."""
    del request, take_effect
    message = CANARIES["fault"]
    raise LookupError(message)


def _tamper_with_the_sealed_secret(world: World) -> None:
    for row in world.aws.state():
        if row["sk"]["S"] == "TOTP":
            (entry,) = row["entries"]["M"].values()
            entry["M"]["ciphertext"]["B"] = b"canary" + entry["M"]["ciphertext"]["B"]
            world.aws.write(row)


@pytest.mark.requirement("A2", "A5", "B44", "B45", "B47", "K2", "R7")
@pytest.mark.parametrize("stage", ["local", "prod"])
def test_no_canary_comes_out_anywhere(stage: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The whole journey and every error, with canaries in all inputs: no hit in any output."""
    with moto_world(
        stage=stage, origin_secrets=() if stage == "local" else ("canary-of-the-origin",)
    ) as world:
        _no_canary_comes_out_of(world, capfd)


def _no_canary_comes_out_of(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    leaks = Leaks()
    with recorded_stream(world.aws) as stream:
        _the_whole_journey_and_every_error(world, leaks)
    delivered: list[str] = []
    outbox_over(world.stores, delivered).deliver(stream.records, request_id="delivery")
    assert {ATTEMPT_COUNTED, ATTEMPT_ACCEPTED} <= set(world.event_kinds())
    printed = capfd.readouterr()
    assert leaks.found_in([*world.log_lines, *delivered]) == []
    assert leaks.found_in([printed.out, printed.err]) == []
    assert leaks.found_in(map(repr, world.aws.events())) == []
    assert leaks.found_in([repr(world.services), repr(world.stores), repr(world.app.__dict__)]) == []
    assert {line["outcome"] for line in map(_parsed, world.log_lines)} >= {
        "ok",
        "repeated",
        "internal_error",
        "service_unavailable",
        "too_many_attempts",
        "otp_already_used",
        "clock_skew",
    }


@pytest.mark.requirement("A2", "S1", "B47")
def test_the_tables_hold_no_secret_in_clear(world: World) -> None:
    leaks = Leaks()
    world.add_user(username=NEW_USER, password=PASSWORD)
    wizard = world.wizard(username=NEW_USER, password=PASSWORD)
    wizard.sign_in(headers=HEADERS, idempotency_key=CANARIES["idempotency key"])
    wizard.prove_again(headers=HEADERS, idempotency_key=CANARIES["idempotency key"])
    wizard.begin(headers=HEADERS)
    phone = wizard.scan()
    leaks.add_phone(phone)
    wizard.confirm(phone.otp(), idempotency_key=CANARIES["idempotency key"])
    assert wizard.session_id is not None
    leaks.secrets.add(wizard.session_id)
    assert leaks.found_in(map(repr, world.aws.state())) == []


@pytest.mark.requirement("A2", "S1")
def test_the_tables_hold_neither_link_nor_code_of_a_portal_in_clear(world: World, wizard: Wizard) -> None:
    """Save the code in the answer of the one request that may be repeated, worthless without the key."""
    portal = world.add_portal()
    token = portal.token_for("u-1")
    wizard.arrive(token)
    first_session_id = str(wizard.session_id)
    wizard.begin()
    wizard.confirm(wizard.scan().otp())
    code = brought_back(wizard.return_to_portal())["code"]
    assertion = portal.redeem(code).body["assertion"]
    rows = world.aws.state()
    for row in rows:
        row.pop("replacement_answer", None)
    for secret in (token, first_session_id, code, assertion):
        assert secret not in repr(rows)


@pytest.mark.requirement("K2")
def test_keys_of_rows_hold_opaque_ids_only(world: World, wizard: Wizard) -> None:
    wizard.enrolled()
    world.wizard().arrive(world.add_portal().token_for("anna@firma.se"))
    for row in world.aws.state() + world.aws.events():
        key = row["pk"]["S"] + row["sk"]["S"]
        assert "anna" not in key.lower()
        assert "firma" not in key.lower()


@pytest.mark.doubles
@pytest.mark.requirement("T12", "B35", "B46", "B51", "S8")
def test_after_confirmation_no_route_tells_the_secret_to_anybody(world: World, wizard: Wizard) -> None:
    """Every route, as the owner, in another sign-in of theirs, as another user and as nobody."""
    beside = world.wizard()
    phone = wizard.enrolled()
    world.clock.advance_to_next_time_step()
    beside.sign_in()
    verified = world.wizard()
    verified.sign_in()
    verified.verify(phone.otp())
    world.clock.advance_to_next_time_step()
    verified.prove_again()
    world.add_byra_with_berit()
    berit = world.berits_wizard()
    berit.sign_in()
    forms = phone.forms_of_key()
    user_id = world.user.user_id
    for who in (wizard, beside, verified, berit, world.wizard()):
        answers = [
            who.session(),
            who.offer(),
            who.confirm(phone.otp()),
            who.verify(phone.wrong_otp()),
            who.verify(phone.otp()),
            who.prove_again(),
            who.cancel(),
            who.call("GET", "/api/tenant"),
            who.call("GET", "/api/enrolment/confirmation"),
            who.sign_in(),
            who.sign_out(),
        ]
        world.clock.advance_to_next_time_step()
        for answer in answers:
            assert not [form for form in forms if form in answer.text]
            assert user_id not in answer.text
            if answer.status != 405:  # which the gateway answers
                assert answer.headers["cache-control"] == "no-store"
    # A replacement has a key of its own; the old one stays unseen.
    verified.sign_in()
    verified.verify(phone.otp())
    verified.prove_again()
    replacement = verified.begin_replacement()
    assert replacement.status == 200
    assert not [form for form in forms if form in replacement.text and not form.startswith("otpauth")]


@pytest.mark.doubles
@pytest.mark.requirement("S8", "B44")
def test_only_the_cookie_carries_the_session(world: World, wizard: Wizard) -> None:
    """No body, no other header and no address ever holds it, nor the user's id."""
    answers = [wizard.sign_in(), wizard.prove_again(), wizard.begin(), wizard.session()]
    for answer in answers:
        others = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
        for told in (answer.text, repr(others)):
            assert world.user.user_id not in told
            assert wizard.session_id is not None
            assert wizard.session_id not in told
    assert not any("{" in path for path in world.app.routes)


@pytest.mark.requirement("T11", "B51")
def test_every_answer_forbids_caching(world: World, wizard: Wizard) -> None:
    phone = wizard.begun()
    answers = [
        wizard.call("GET", "/api/tenant"),
        wizard.session(),
        wizard.offer(),
        wizard.begin(),
        wizard.confirm("1"),
        wizard.confirm(phone.wrong_otp()),
        wizard.confirm(phone.otp()),
        wizard.verify(phone.otp()),
        wizard.cancel(),
        world.wizard().session(),
        wizard.call("GET", "/api/tenant?tenant=nobody"),
    ]
    world.aws.interfere(aws.broken, aws.broken)
    answers.append(wizard.session())
    world.aws.interfere(_bug)
    answers.append(wizard.session())
    assert {answer.status for answer in answers} >= {200, 204, 400, 401, 404, 409, 422, 500, 503}
    assert all(answer.headers["cache-control"] == "no-store" for answer in answers)


@pytest.mark.requirement("S12")
def test_a_fault_of_ours_tells_nothing(world: World, wizard: Wizard) -> None:
    wizard.sign_in()
    reference = wizard.session().body["reference"]
    world.aws.interfere(_bug, at_call=2)
    answer = wizard.session()
    assert answer.status == 500
    assert answer.body == {
        "type": "urn:tvasteg:problem:internal_error",
        "title": "The fault is ours",
        "status": 500,
        "code": "internal_error",
        "detail": "The fault is ours",
        "reference": reference,
    }
    assert world.last_line["level"] == "ERROR"
    assert world.last_line["fault"][0] == "LookupError"


@pytest.mark.doubles
@pytest.mark.requirement("A5")
def test_a_log_line_is_one_line_whatever_is_in_it(world: World) -> None:
    for text in ("a\r\nb", "\x1b[2J", "a\u2028b\u2029c", '"}\n{"level":"INFO"', "\x00", "\u202e"):
        wizard = world.wizard(username=text, password=text)
        wizard.tenant = text
        wizard.sign_in(headers={"user-agent": text})
        wizard.tenant = "cozone"
        wizard.sign_in(headers={"user-agent": text}, idempotency_key=new_idempotency_key())
    for line in world.log_lines:
        assert len(line.splitlines()) == 1
        assert line.isascii()
        assert line.isprintable()
        assert _parsed(line)["route"] == "/api/session"


def _parsed(line: str) -> dict[str, Any]:

    parsed: dict[str, Any] = json.loads(line)
    return parsed
