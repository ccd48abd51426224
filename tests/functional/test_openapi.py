"""`static/openapi.json` says what the service does: held against its routes and its real answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from openapi_spec_validator import validate

from chalicelib.accounts.record import User
from chalicelib.throttle import day_of
from chalicelib.web.body import LONGEST_BODY_BYTES
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from tests.support import aws
from tests.support.help_desk import SAID, HelpDesk
from tests.support.openapi import DOCUMENT, OPERATIONS, Held, codes_of, matches, resolved
from tests.support.portal import Portal, brought_back, client_of
from tests.support.wizard import Answer, Phone, Wizard, chalice_transport
from tests.support.world import ANNA, ANNAS_PASSWORD, STINA, STINAS_PASSWORD, World

BO = "bo@firma.se"
DAG = "dag@firma.se"
# Anybody may read these, from wherever they are.
OPEN_TO_ALL = {("GET", "/api/tenant"), ("GET", "/api/jwks")}

# What may be left out of a body; everything else is required.
OPTIONAL_FIELDS: dict[str, set[str]] = {
    "/api/enrolment": {"replaces"},
    "/api/verification": {"remember"},
    "/api/portal/hand-off": {"addresses"},
}


def test_the_document_is_sound() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


@pytest.mark.doubles
def test_it_names_every_route_and_no_other(world: World) -> None:
    routes = {(method, path) for path, methods in world.app.routes.items() for method in methods}
    assert set(OPERATIONS) == routes


def test_every_problem_is_told_with_its_status() -> None:
    table = {problem.code: problem.status for problem in (*PROBLEMS.values(), INTERNAL_ERROR)}
    told: dict[str, int] = {}
    for operation in OPERATIONS.values():
        told |= codes_of(operation)
    assert told == table


def test_what_every_route_shares_is_told_for_every_route() -> None:
    for (method, path), operation in OPERATIONS.items():
        codes = codes_of(operation)
        assert codes.keys() >= {"edge_bypassed", "internal_error", "service_unavailable"}, path
        assert ("cross_site_request" in codes) == ((method, path) not in OPEN_TO_ALL)
        parameters = [resolved(parameter)["name"] for parameter in operation.get("parameters", [])]
        is_of_page = not path.startswith("/api/portal/")
        assert ("Idempotency-Key" in parameters) == (method != "GET" and is_of_page)
        takes_a_query = "after" in parameters
        assert ("body_malformed" in codes) == ("requestBody" in operation or takes_a_query)
        assert operation["security"] in ([], [{"session": []}], [{"client": []}])
        assert ("not_signed_in" in codes) == (operation["security"] == [{"session": []}])
        assert ("client_not_authenticated" in codes) == (operation["security"] == [{"client": []}])
        assert is_of_page == (operation["security"] != [{"client": []}])


@pytest.mark.doubles
def test_bodies_are_what_it_says(world: World, wizard: Wizard) -> None:
    """What the document takes is taken, what it does not take is refused by name."""
    portal = world.add_portal()
    bodies: dict[str, dict[str, Any]] = {
        "/api/session": {"tenant": "cozone", "username": ANNA, "password": ANNAS_PASSWORD},
        "/api/session/password": {"password": ANNAS_PASSWORD},
        "/api/enrolment": {"phone": "iphone", "same_phone": True, "replaces": "0" * 32},
        "/api/enrolment/confirmation": {"otp": "123 456"},
        "/api/verification": {"otp": "123456", "remember": True},
        "/api/authenticators/name": {"authenticator": "0" * 32, "name": "Arbetsmobil"},
        "/api/authenticators/removal": {"authenticator": "0" * 32},
        "/api/remembered-browsers/removal": {"browser": "all"},
        "/api/recovery-codes/acknowledgement": {"set": "0" * 32},
        "/api/verification/recovery-code": {"recovery_code": "A-00000-00000-000"},
        "/api/session/hand-off": {"hand_off": "t" * 43},
        "/api/session/reset-code": {"reset_code": "7f3k-9abc"},
        "/api/help-desk/session": {"tenant": "cozone", "username": ANNA, "password": ANNAS_PASSWORD},
        "/api/help-desk/reset": {"user": world.user.user_id, "identity_check": "bankid", **SAID},
        "/api/help-desk/unlock": {"user": world.user.user_id, **SAID},
        "/api/portal/status": {"user": "u-1"},
        "/api/portal/verification": {"user": "u-1", "otp": "123456", "attempt_id": "a" * 16},
        "/api/portal/hand-off": {
            "user": "u-1",
            "username": "anna@firma.se",
            "language": "sv",
            "auth_time": int(world.clock()),
            "identity_verified": True,
            "purpose": "manage",
            "return_url": portal.return_url,
            "state": "s" * 16,
            "nonce": "n" * 16,
            "addresses": ["anna@firma.se", "anna.andersson@hem.se"],
        },
        "/api/portal/assertion": {"code": "c" * 43},
    }
    described = {path for (_, path), operation in OPERATIONS.items() if "requestBody" in operation}
    assert set(bodies) == described
    for path, body in bodies.items():
        schema = OPERATIONS["POST", path]["requestBody"]["content"]["application/json"]["schema"]
        matches(schema, body)
        fields = resolved(schema)
        optional = set(fields["properties"]) - set(fields["required"])
        assert optional == OPTIONAL_FIELDS.get(path, set())
        assert set(fields["properties"]) == set(body)
        assert fields["additionalProperties"] is False
        call = portal.call if path.startswith("/api/portal/") else partial(wizard.call, "POST")
        assert call(path, body).problem not in {"body_malformed", "otp_malformed"}
        for name, field in fields["properties"].items():
            if 0 < field.get("maxLength", 0) < LONGEST_BODY_BYTES:
                assert call(path, body | {name: "x" * (field["maxLength"] + 1)}).body["field"] == name
            if "minLength" in field:
                assert call(path, body | {name: "x" * (field["minLength"] - 1)}).body["field"] == name
            if "minimum" in field:
                assert call(path, body | {name: field["minimum"] - 1}).body["field"] == name
                assert call(path, body | {name: field["maximum"] + 1}).body["field"] == name
    key = DOCUMENT["components"]["parameters"]["IdempotencyKey"]["schema"]["pattern"]
    for text in ("x" * 15, "x" * 16, "a-Z_0" * 12, "x" * 65, "0123456789abcdef;"):
        refused = wizard.sign_out(idempotency_key=text).problem == "cross_site_request"
        assert refused != bool(re.search(key, text))


@pytest.mark.requirement("E12", "T12")
def test_every_real_answer_is_as_it_says(world: World) -> None:
    """The whole journey and every problem that a browser can meet, each held against the document."""
    held = Held(chalice_transport(world.app))
    wizard = Wizard(held, tenant="cozone", username=ANNA, password=ANNAS_PASSWORD, clock=world.clock)
    _meet_everything(world, wizard, held)
    promised = {
        (method, path, code)
        for (method, path), operation in OPERATIONS.items()
        for code in codes_of(operation)
        if code not in {"edge_bypassed", "cross_site_request", "body_too_large", "media_type_unsupported"}
    }
    met = {(method, path, problem) for method, path, _, problem in held.seen if problem}
    assert promised - met == set()
    succeeded = {(method, path) for method, path, status, _ in held.seen if status < 400}
    assert succeeded == set(OPERATIONS)


def _meet_everything(world: World, wizard: Wizard, held: Held) -> None:
    def another() -> Wizard:
        return Wizard(held, tenant="cozone", username=ANNA, password=ANNAS_PASSWORD, clock=world.clock)

    _ask_as_nobody(another())
    _send_nonsense_and_wrong_passwords(world, wizard)
    _wait_too_long_and_give_way(world, wizard, another())
    phone = wizard.begun()
    wizard.offer()
    wizard.confirm(next(phone.otp(steps=steps) for steps in (5, 6, 7, 8)))
    wizard.confirm(phone.otp())
    wizard.confirm(phone.otp())
    wizard.offer()
    wizard.verify(phone.otp())
    world.clock.advance_to_next_time_step()
    _change_what_there_is(world, another(), phone)
    _use_it_until_it_is_disabled(world, another(), phone)
    _lose_the_phone(world, held)
    _come_from_a_portal(world, another(), held)
    _go_to_the_help_desk(world, held)


def _ask_as_nobody(wizard: Wizard) -> None:
    wizard.call("GET", "/api/tenant")
    wizard.call("GET", "/api/tenant?tenant=nobody")
    for step in (wizard.session, wizard.prove_again, wizard.begin, wizard.offer, wizard.cancel):
        step()
    wizard.confirm("123456")
    wizard.verify("123456")
    wizard.tenant = "nobody"
    wizard.sign_in()


def _send_nonsense_and_wrong_passwords(world: World, wizard: Wizard) -> None:
    for path in ("/api/session", "/api/session/password", "/api/enrolment"):
        wizard.call("POST", path, {})
    wizard.confirm(None)
    wizard.verify(None)
    for _ in range(6):
        wizard.sign_in(password="not-the-password-at-all")
    world.clock.advance(30)
    wizard.sign_in()
    wizard.begin()
    wizard.offer()
    wizard.confirm("123456")
    wizard.verify("123456")
    wizard.verify("12345")
    for _ in range(6):
        wizard.prove_again(password="not-the-password-at-all")
    world.clock.advance(30)


def _wait_too_long_and_give_way(world: World, wizard: Wizard, other: Wizard) -> None:
    phone = wizard.begun()
    for _ in range(10):
        wizard.confirm(phone.wrong_otp())
    wizard.confirm("1")
    wizard.confirm(phone.otp())
    wizard.offer()
    phone = wizard.begun()
    wizard.session()
    other.begun()
    wizard.offer()
    wizard.confirm(phone.otp())
    other.cancel()
    phone = wizard.begun()
    for _ in range(4):
        world.clock.advance(600)
        wizard.session()
    wizard.offer()
    wizard.confirm(phone.otp())


def _of_what_there_is(wizard: Wizard) -> list[Callable[[], Answer]]:
    return [
        wizard.second_factor,
        lambda: wizard.rename("0" * 32, "Arbetsmobil"),
        lambda: wizard.remove("0" * 32),
        lambda: wizard.forget("all"),
    ]


def _change_what_there_is(world: World, wizard: Wizard, phone: Phone) -> None:
    """End with what there was before: one authenticator, whose phone is *phone*."""
    for path in ("authenticators/name", "authenticators/removal", "remembered-browsers/removal"):
        wizard.call("POST", f"/api/{path}", {})
    for _ in range(2):  # as nobody, then by a password alone
        for step in _of_what_there_is(wizard):
            step()
        wizard.sign_in()
    world.add_tenant(policy=world.tenant.profile.source["policy"] | {"remember_days": 30})
    world.clock.advance(61)  # for which the tenant was remembered
    wizard.verify(phone.otp(), remember=True)
    wizard.rename("0" * 32, "Arbetsmobil")
    wizard.remove("0" * 32)
    (first,) = wizard.authenticator_ids()
    wizard.prove_again()
    wizard.begin(replaces="0" * 32)
    wizard.rename(first, "Arbetsmobil")
    wizard.rename("0" * 32, "Arbetsmobil")
    wizard.remove("0" * 32)
    wizard.remove(first)
    wizard.forget("0" * 32)
    wizard.forget("all")
    for _ in range(4):
        wizard.begin()
        world.clock.advance_to_next_time_step()
        wizard.confirm(wizard.scan().otp())
        wizard.prove_again()
    wizard.begin()
    for _ in range(4):
        wizard.remove(wizard.authenticator_ids()[-1])
        wizard.prove_again()
    user = world.row("USER")
    assert user is not None
    world.aws.write(user | {f"steps_on_{day_of(int(world.clock()))}": {"N": "40"}})
    wizard.begin()  # too_many_attempts, as the three below
    wizard.confirm("123456")
    wizard.rename(first, "Arbetsmobil")
    wizard.remove(first)
    world.aws.write(user)
    for interferences in _OUTAGE_AND_BUG:
        for step in _of_what_there_is(wizard):
            world.aws.interfere(*interferences)
            assert step().status in {500, 503}
            world.aws.leave_alone()
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"status": {"S": "DISABLED"}})
    wizard.remove(first)
    world.aws.write(row)
    world.stores.tenants.suspend("cozone", at=0)
    world.clock.advance(61)
    for step in _of_what_there_is(wizard):
        step()
    world.stores.tenants.resume("cozone")
    world.add_tenant()
    world.clock.advance(61)


def _use_it_until_it_is_disabled(world: World, wizard: Wizard, phone: Phone) -> None:
    wizard.sign_in()
    wizard.prove_again()
    wizard.begin()
    wizard.verify(phone.otp())
    for _ in range(6):
        wizard.verify(phone.wrong_otp())
    _fail_everything(world, wizard)
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"status": {"S": "DISABLED"}})
    wizard.begin()
    wizard.verify(phone.otp())
    wizard.sign_out()


def _lose_the_phone(world: World, held: Held) -> None:
    world.add_user(username=DAG)
    nobody, wizard, lost = (
        Wizard(held, tenant="cozone", username=DAG, password=ANNAS_PASSWORD, clock=world.clock)
        for _ in range(3)
    )
    for step in _of_recovery_codes(nobody):
        step()
    wizard.sign_in()
    wizard.recover(None)
    wizard.recover("A-1")
    wizard.acknowledge_recovery_codes(None)
    for step in _of_recovery_codes(wizard):
        step()
    _, codes = wizard.enrolled_with_codes()
    wizard.acknowledge_recovery_codes("of nobody")
    rows = [row for row in world.aws.state() if row["sk"]["S"] == "RECOVERY"]
    for row in rows:
        world.aws.write(row | {f"made_on_{day_of(int(world.clock()))}": {"N": "10"}})
    wizard.prove_again()
    wizard.make_recovery_codes()  # too_many_attempts
    for row in rows:
        world.aws.write(row)
    lost.sign_in()
    lost.make_recovery_codes()
    lost.recover(codes[0])
    lost.make_recovery_codes()
    for _ in range(6):
        lost.recover(codes[0])
    _fail_recovery_codes(world, lost)
    _disable(world, "cozone")
    row = next(row for row in world.aws.state() if row["sk"]["S"] == "RECOVERY" and "set_id" in row)
    world.aws.write(row | {"status": {"S": "DISABLED"}})
    for step in _of_recovery_codes(lost):
        step()
    world.add_tenant(recovery_codes=False)
    world.clock.advance(61)  # for which the tenant is remembered
    for step in _of_recovery_codes(lost):
        step()
    world.add_tenant()
    world.stores.tenants.suspend("cozone", at=0)
    world.clock.advance(61)
    for step in _of_recovery_codes(lost):
        step()
    world.stores.tenants.resume("cozone")
    world.clock.advance(61)


def _of_recovery_codes(wizard: Wizard) -> list[Callable[[], Answer]]:
    return [
        lambda: wizard.recover("A-00000-00000-000"),
        wizard.make_recovery_codes,
        lambda: wizard.acknowledge_recovery_codes("of nobody"),
    ]


def _fail_recovery_codes(world: World, wizard: Wizard) -> None:
    for interferences in _OUTAGE_AND_BUG:
        for step in _of_recovery_codes(wizard):
            world.aws.interfere(*interferences)
            assert step().status in {500, 503}
            world.aws.leave_alone()


def _come_from_a_portal(world: World, wizard: Wizard, held: Held) -> None:
    portal = world.add_portal()
    portal.transport = held
    _send_a_portals_nonsense(portal)
    wizard.sign_in()
    wizard.return_to_portal()
    wizard.arrive("t" * 43)
    wizard.call("POST", "/api/session/hand-off", {})
    wizard.arrive(portal.token_for("u-1"))
    wizard.prove_again()
    wizard.begin()
    phone = wizard.scan()
    wizard.confirm(phone.otp())
    _fail_the_way_back(world, wizard)
    back = brought_back(wizard.return_to_portal())
    portal.redeem(back["code"])
    portal.redeem(back["code"])
    portal.keys()
    wizard.return_to_portal()
    world.clock.advance_to_next_time_step()
    otp = phone.otp()
    for _ in range(2):
        portal.verify("u-1", otp)
    for _ in range(6):
        portal.verify("u-1", phone.wrong_otp())
    _disable(world, "example")
    portal.verify("u-1", otp)
    _fail_what_portals_ask(world, portal)
    token = portal.token_for("u-1")
    wizard.arrive(portal.token_for("u-1"))
    world.add_tenant(id="example", clients=[client_of(portal.key)], return_urls=["https://portal.example/"])
    wizard.return_to_portal()
    world.stores.tenants.suspend("example", at=0)
    world.clock.advance(61)  # for which open pages go on
    _meet_a_closed_service(portal, wizard, token)
    wizard.tenant = "example"
    wizard.sign_in()
    world.add_portal("other")
    wizard.tenant = "other"
    wizard.sign_in()


def _go_to_the_help_desk(world: World, held: Held) -> None:
    tenant = world.add_tenant(policy={"second_factor": "required", "deadline": None, "reset_wait_hours": 1})
    world.clock.advance(61)
    bo = world.add_user(tenant, username=BO)
    cilla = world.add_user(tenant, username="cilla@firma.se")
    world.add_staff(tenant)
    world.add_staff(tenant, username=BO)
    desk, colleague, nobody = (
        HelpDesk(held, tenant="cozone", username=name, password=STINAS_PASSWORD, clock=world.clock)
        for name in (STINA, BO, "nobody")
    )
    wizard = Wizard(held, tenant="cozone", username=BO, password=ANNAS_PASSWORD, clock=world.clock)
    wizard.enrolled()
    _knock_at_the_help_desk(desk, nobody, wizard, bo)
    desk.begins_work()
    colleague.begins_work()
    _help(world, desk, colleague, bo, cilla)
    code = desk.reset(bo.user_id).body["reset_code"]
    wizard.sign_in()
    wizard.give_reset_code("1")
    wizard.call("POST", "/api/session/reset-code", {})
    wizard.give_reset_code(code)
    world.clock.advance(3_600)
    wizard.sign_in()
    wizard.begin()  # reset_code_required
    wizard.give_reset_code(code[::-1])
    wizard.give_reset_code(code)
    world.clock.advance(24 * 3_600 + 1)
    wizard.sign_in()
    wizard.give_reset_code(code)
    _fail_the_help_desk(world, desk, wizard, bo)
    world.stores.tenants.suspend("cozone", at=0)
    world.clock.advance(61)  # for which open pages go on
    for step in _of_the_help_desk(desk, bo):
        step()
    wizard.give_reset_code(code)


def _of_the_help_desk(desk: HelpDesk, user: User) -> list[Callable[[], Answer]]:
    return [
        desk.users,
        desk.counts,
        partial(desk.user, user.user_id),
        partial(desk.reset, user.user_id),
        partial(desk.unlock, user.user_id),
        desk.sign_in,
    ]


def _knock_at_the_help_desk(desk: HelpDesk, nobody: HelpDesk, wizard: Wizard, user: User) -> None:
    for _ in range(6):
        nobody.sign_in()
    nobody.tenant = "nobody"
    for step in _of_the_help_desk(nobody, user):
        step()
    nobody.give_reset_code("7f3k-9abc")
    nobody.session_id = wizard.session_id
    for step in _of_the_help_desk(nobody, user)[:-1]:
        step()
    desk.sign_in()
    for step in _of_the_help_desk(desk, user)[:-1]:
        step()
    for path in ("session", "reset", "unlock"):
        desk.call("POST", f"/api/help-desk/{path}", {})


def _help(world: World, desk: HelpDesk, colleague: HelpDesk, bo: User, cilla: User) -> None:
    desk.users()
    desk.users(after="nonsense")
    desk.counts()
    desk.user(bo.user_id)
    desk.user("nobody")
    world.aws.interfere(_after(lambda: world.clock.advance(30)), at_call=4)
    assert desk.user_of_reference("00000000").problem == "search_unfinished"
    world.aws.leave_alone()
    for _ in range(4):
        desk.unlock(bo.user_id)
    desk.unlock("nobody")
    desk.reset(cilla.user_id)  # who never had a second factor
    desk.reset("nobody")
    _disable(world, "cozone")
    desk.unlock(bo.user_id)
    world.aws.interfere(_after(lambda: colleague.reset(bo.user_id)), at_call=5)
    desk.reset(bo.user_id)
    world.aws.leave_alone()


def _after(earlier: Callable[[], object]) -> aws.Interference:
    def interference(request: object, take_effect: Callable[[], Any]) -> Any:
        del request
        earlier()
        return take_effect()

    return interference


def _fail_the_help_desk(world: World, desk: HelpDesk, wizard: Wizard, user: User) -> None:
    world.clock.advance(3_600)
    desk.sign_in()
    desk.verify(desk.phone.otp())
    wizard.sign_in()
    for interferences in _OUTAGE_AND_BUG:
        steps = _of_the_help_desk(desk, user)
        steps.append(partial(wizard.give_reset_code, "7f3k-9abc"))
        for step in steps:
            world.aws.interfere(*interferences)
            assert step().status in {500, 503}
            world.aws.leave_alone()


def _send_a_portals_nonsense(portal: Portal) -> None:
    for name in ("status", "verification", "hand-off", "assertion"):
        portal.call(f"/api/portal/{name}", {})
        portal.call(f"/api/portal/{name}", {}, jwt="no.jwt.atall")
    portal.status("u-1")
    portal.verify("u-1", "12345")
    portal.verify("u-1", "123456")
    portal.hand_off("u-1", identity_verified=False)
    portal.hand_off("u-1", return_url="https://evil.example/")
    portal.redeem("c" * 43)


def _fail_the_way_back(world: World, wizard: Wizard) -> None:
    for interferences in _OUTAGE_AND_BUG:
        world.aws.interfere(*interferences)
        assert wizard.return_to_portal().status in {500, 503}
        world.aws.leave_alone()


def _fail_what_portals_ask(world: World, portal: Portal) -> None:
    world.clock.advance(61)  # for which the keys are remembered
    steps: list[Callable[[], Answer]] = [
        lambda: portal.status("u-1"),
        lambda: portal.verify("u-1", "123456"),
        lambda: portal.hand_off("u-1"),
        lambda: portal.redeem("c" * 43),
        lambda: portal.transport("GET", "/api/jwks", {}, b""),
        lambda: world.wizard_over(portal.transport).arrive("t" * 43),
    ]
    for interferences in _OUTAGE_AND_BUG:
        for step in steps:
            world.aws.interfere(*interferences)
            assert step().status in {500, 503}
            world.aws.leave_alone()


def _meet_a_closed_service(portal: Portal, wizard: Wizard, token: str) -> None:
    portal.status("u-1")
    portal.verify("u-1", "123456")
    portal.hand_off("u-1")
    portal.redeem("c" * 43)
    wizard.arrive(token)
    for step in (wizard.session, wizard.prove_again, wizard.begin, wizard.offer, wizard.cancel):
        step()
    wizard.confirm("123456")
    wizard.verify("123456")
    wizard.return_to_portal()


def _disable(world: World, tenant_id: str) -> None:
    for row in world.aws.state():
        if row["sk"]["S"] == "TOTP" and row["pk"]["S"].startswith(f"T#{tenant_id}#"):
            world.aws.write(row | {"status": {"S": "DISABLED"}})


def _bug(request: object, take_effect: object) -> Any:
    del request, take_effect
    raise LookupError


_OUTAGE_AND_BUG: list[list[aws.Interference]] = [[aws.unreachable, aws.unreachable], [_bug]]


def _fail_everything(world: World, wizard: Wizard) -> None:
    """Let every route of the page meet an outage and a fault of ours."""
    for interferences in _OUTAGE_AND_BUG:
        steps: list[Callable[[], Answer]] = [
            wizard.session,
            wizard.prove_again,
            wizard.begin,
            wizard.offer,
            wizard.cancel,
            lambda: wizard.confirm("123456"),
            lambda: wizard.verify("123456"),
            wizard.sign_in,
            wizard.sign_out,
        ]
        for step in steps:
            world.aws.interfere(*interferences)
            assert step().status in {500, 503}
        world.clock.advance(61)  # for which the tenant is remembered
        world.aws.interfere(*interferences)
        assert wizard.call("GET", "/api/tenant").status in {500, 503}
        world.aws.leave_alone()
