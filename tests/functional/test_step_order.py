"""No step can be skipped, repeated or reordered: every route, from every state a sign-in can be in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.wizard import Answer, Phone, Wizard
from tests.support.world import World

MINUTES = 60
CODE_OF_NOBODY = "A-00000-00000-000"


def _nobody(world: World, wizard: Wizard) -> Phone:
    del wizard
    return Phone("A" * 32, world.clock)


def _signed_in(world: World, wizard: Wizard) -> Phone:
    wizard.sign_in()
    return _nobody(world, wizard)


def _password_fresh(world: World, wizard: Wizard) -> Phone:
    phone = _signed_in(world, wizard)
    wizard.prove_again()
    return phone


def _pending(world: World, wizard: Wizard) -> Phone:
    del world
    return wizard.begun()


def _pending_with_stale_password(world: World, wizard: Wizard) -> Phone:
    phone = wizard.begun()
    world.clock.advance(10 * MINUTES)
    wizard.session()  # which notes, once a minute, that the session is in use
    return phone


def _just_enrolled(world: World, wizard: Wizard) -> Phone:
    phone = wizard.enrolled()
    world.clock.advance_to_next_time_step()
    return phone


def _enrolled_elsewhere(world: World, wizard: Wizard) -> Phone:
    phone = _just_enrolled(world, world.wizard())
    wizard.sign_in()
    return phone


def _enrolled_elsewhere_password_fresh(world: World, wizard: Wizard) -> Phone:
    phone = _enrolled_elsewhere(world, wizard)
    wizard.prove_again()
    return phone


def _verified(world: World, wizard: Wizard) -> Phone:
    phone = _enrolled_elsewhere(world, wizard)
    wizard.verify(phone.otp())
    world.clock.advance_to_next_time_step()
    return phone


def _verified_password_fresh(world: World, wizard: Wizard) -> Phone:
    phone = _verified(world, wizard)
    wizard.prove_again()
    return phone


def _disabled(world: World, wizard: Wizard) -> Phone:
    phone = _verified_password_fresh(world, wizard)
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"status": {"S": "DISABLED"}, "consecutive_failures": {"N": "20"}})
    return phone


def _signed_out(world: World, wizard: Wizard) -> Phone:
    phone = _pending(world, wizard)
    session_id = wizard.session_id
    wizard.sign_out()
    wizard.session_id = session_id
    return phone


def _session_over(world: World, wizard: Wizard) -> Phone:
    phone = _verified_password_fresh(world, wizard)
    world.clock.advance(15 * MINUTES + 1)
    return phone


def _ended_by_another_sign_in(world: World, wizard: Wizard) -> Phone:
    wizard.sign_in()
    wizard.prove_again()
    return _just_enrolled(world, world.wizard())


def _handed_over(world: World, wizard: Wizard) -> Phone:
    wizard.arrive(world.add_portal().token_for("u-1"))
    return _nobody(world, wizard)


def _handed_over_long_after_the_password(world: World, wizard: Wizard) -> Phone:
    long_ago = int(world.clock()) - 5 * MINUTES - 1
    wizard.arrive(world.add_portal().token_for("u-1", auth_time=long_ago))
    return _nobody(world, wizard)


def _handed_over_with_a_phone(world: World, wizard: Wizard) -> Phone:
    portal = world.add_portal()
    before = world.wizard()
    before.arrive(portal.token_for("u-1"))
    before.begin()
    phone = before.scan()
    before.confirm(phone.otp())
    world.clock.advance_to_next_time_step()
    wizard.arrive(portal.token_for("u-1"))
    return phone


def _returned(world: World, wizard: Wizard) -> Phone:
    phone = _handed_over(world, wizard)
    session_id = wizard.session_id
    wizard.return_to_portal()
    wizard.session_id = session_id
    return phone


def _reset_and_waiting(world: World, wizard: Wizard) -> Phone:
    world.add_tenant(policy={"second_factor": "required", "deadline": None, "reset_wait_hours": 1})
    phone, _ = _reset_by_the_help_desk(world, wizard)
    return phone


def _reset_and_code_given(world: World, wizard: Wizard) -> Phone:
    phone, code = _reset_by_the_help_desk(world, wizard)
    assert wizard.give_reset_code(code).status == 200
    row = world.row("RESET")
    assert row is not None
    world.aws.write(row | {"attempts": {"N": "10"}})
    return phone


def _reset_by_the_help_desk(world: World, wizard: Wizard) -> tuple[Phone, str]:
    phone = _just_enrolled(world, world.wizard())
    world.add_staff()
    answer = world.help_desk().begins_work().reset(world.user.user_id)
    wizard.sign_in()
    wizard.prove_again()
    return phone, answer.body["reset_code"]


ROUTES: dict[str, Callable[[Wizard, Phone], Answer]] = {
    "session": lambda wizard, _: wizard.session(),
    "password": lambda wizard, _: wizard.prove_again(),
    "begin": lambda wizard, _: wizard.begin(),
    "offer": lambda wizard, _: wizard.offer(),
    "cancel": lambda wizard, _: wizard.cancel(),
    "confirm": lambda wizard, phone: wizard.confirm(phone.otp()),
    "verify": lambda wizard, phone: wizard.verify(phone.otp()),
    "recover": lambda wizard, _: wizard.recover(CODE_OF_NOBODY),
    "codes": lambda wizard, _: wizard.make_recovery_codes(),
    "keep": lambda wizard, _: wizard.acknowledge_recovery_codes("of nobody"),
    "return": lambda wizard, _: wizard.return_to_portal(),
    "reset code": lambda wizard, _: wizard.give_reset_code("0000-0000"),
    "help desk": lambda wizard, _: wizard.call("GET", "/api/help-desk/counts"),
    "see": lambda wizard, _: wizard.second_factor(),
    "rename": lambda wizard, _: wizard.rename(NOBODYS, "Arbetsmobil"),
    "remove": lambda wizard, _: wizard.remove(NOBODYS),
    "forget": lambda wizard, _: wizard.forget(NOBODYS),
}
NOT_SIGNED_IN: dict[str, str | None] = dict.fromkeys(ROUTES, "not_signed_in")
OK = None
# What a session that has proven everything is told of an authenticator that nobody has.
NOBODYS = "0" * 32
OF_A_USER = {"reset code": "reset_code_expired", "help desk": "not_found"}
UNPROVEN = {
    **OF_A_USER,
    **dict.fromkeys(("see", "rename", "remove", "forget"), "verification_required"),
}
TO_BE_SEEN: dict[str, str | None] = {
    **OF_A_USER,
    "see": OK,
    "rename": "reauthentication_required",
    "remove": "reauthentication_required",
    "forget": OK,
}
TO_BE_CHANGED: dict[str, str | None] = TO_BE_SEEN | {"rename": "not_found", "remove": "not_found"}
COUNTED = "recovery_code_mismatch"

# What each route answers in each state: None for success, else the problem's code.
LEGAL: dict[Callable[[World, Wizard], Phone], dict[str, str | None]] = {
    _nobody: NOT_SIGNED_IN,
    _signed_in: {
        "session": OK,
        "password": OK,
        "begin": "reauthentication_required",
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    _password_fresh: {
        "session": OK,
        "password": OK,
        "begin": OK,
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    _pending: {
        "session": OK,
        "password": OK,
        "begin": OK,
        "offer": OK,
        "cancel": OK,
        "confirm": OK,
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    # What was begun within the five minutes goes on until it expires.
    _pending_with_stale_password: {
        "session": OK,
        "password": OK,
        "begin": OK,
        "offer": OK,
        "cancel": OK,
        "confirm": OK,
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    _just_enrolled: {
        "session": OK,
        "password": OK,
        "begin": "reauthentication_required",
        "offer": "enrolment_already_confirmed",
        "cancel": OK,
        "confirm": "enrolment_already_confirmed",
        "verify": OK,
        "recover": COUNTED,
        "codes": OK,
        "keep": "recovery_codes_replaced",
        "return": "not_handed_off",
        **TO_BE_SEEN,
    },
    _enrolled_elsewhere: {
        "session": OK,
        "password": OK,
        "begin": "verification_required",
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": OK,
        "recover": COUNTED,
        "codes": "verification_required",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    _enrolled_elsewhere_password_fresh: {
        "session": OK,
        "password": OK,
        "begin": "verification_required",
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": OK,
        "recover": COUNTED,
        "codes": "verification_required",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    _verified: {
        "session": OK,
        "password": OK,
        "begin": "reauthentication_required",
        "offer": "enrolment_already_confirmed",
        "cancel": OK,
        "confirm": "enrolment_already_confirmed",
        "verify": OK,
        "recover": COUNTED,
        "codes": "reauthentication_required",
        "keep": "recovery_codes_replaced",
        "return": "not_handed_off",
        **TO_BE_SEEN,
    },
    _verified_password_fresh: {
        "session": OK,
        "password": OK,
        "begin": OK,
        "offer": "enrolment_already_confirmed",
        "cancel": OK,
        "confirm": "enrolment_already_confirmed",
        "verify": OK,
        "recover": COUNTED,
        "codes": OK,
        "keep": "recovery_codes_replaced",
        "return": "not_handed_off",
        **TO_BE_CHANGED,
    },
    _disabled: {
        "session": OK,
        "password": OK,
        "begin": "authenticator_disabled",
        "offer": "enrolment_already_confirmed",
        "cancel": OK,
        "confirm": "enrolment_already_confirmed",
        "verify": "authenticator_disabled",
        "recover": COUNTED,
        "codes": "authenticator_disabled",
        "keep": "recovery_codes_replaced",
        "return": "not_handed_off",
        **TO_BE_CHANGED,
    },
    _handed_over: {
        "session": OK,
        "password": "password_held_by_portal",
        "begin": OK,
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": OK,
        **UNPROVEN,
    },
    _handed_over_long_after_the_password: {
        "session": OK,
        "password": "password_held_by_portal",
        "begin": "reauthentication_required",
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": OK,
        **UNPROVEN,
    },
    _handed_over_with_a_phone: {
        "session": OK,
        "password": "password_held_by_portal",
        "begin": "verification_required",
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": OK,
        "recover": COUNTED,
        "codes": "verification_required",
        "keep": "verification_required",
        "return": OK,
        **UNPROVEN,
    },
    # The password alone opens nothing after a reset, and no code does before its time.
    _reset_and_waiting: {
        "session": OK,
        "password": OK,
        "begin": "reset_code_required",
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
        "reset code": "reset_not_open",
    },
    _reset_and_code_given: {
        "session": OK,
        "password": OK,
        "begin": OK,
        "offer": "enrolment_not_begun",
        "cancel": OK,
        "confirm": "enrolment_not_begun",
        "verify": "not_enrolled",
        "recover": COUNTED,
        "codes": "not_enrolled",
        "keep": "verification_required",
        "return": "not_handed_off",
        **UNPROVEN,
    },
    _returned: NOT_SIGNED_IN,
    _signed_out: NOT_SIGNED_IN,
    _session_over: NOT_SIGNED_IN,
    _ended_by_another_sign_in: NOT_SIGNED_IN,
}


@pytest.mark.requirement("E12", "S4", "B34")
@pytest.mark.parametrize("bring_about", LEGAL, ids=lambda bring_about: bring_about.__name__.strip("_"))
def test_only_legal_steps_succeed_and_every_other_changes_nothing(
    bring_about: Callable[[World, Wizard], Phone], world: World, wizard: Wizard
) -> None:
    """Right codes and right passwords throughout: only the order is ever wrong."""
    phone = bring_about(world, wizard)
    before, events, session_id = world.aws.state(), world.aws.events(), wizard.session_id
    for route, expected in LEGAL[bring_about].items():
        answer = ROUTES[route](wizard, phone)
        assert answer.problem == expected, route
        if expected is COUNTED:
            # Whether there are codes or not, a wrong one is counted, and that is all.
            changed = [row["sk"]["S"] for row in world.aws.state() if row not in before]
            assert changed == ["RECOVERY"]
            assert world.aws.events() == events, route
        elif expected is not OK:
            assert world.aws.state() == before, route
            assert world.aws.events() == events, route
        world.aws.restore(before)
        events, wizard.session_id = world.aws.events(), session_id


@pytest.mark.requirement("E12", "S4")
@pytest.mark.parametrize("route", ["password", "begin", "confirm", "verify", "recover", "keep"])
def test_an_empty_body_skips_no_step(route: str, world: World, wizard: Wizard) -> None:
    """A missing field is never taken for a proof."""
    _verified_password_fresh(world, wizard)
    wizard.begin()
    path = {
        "password": "/api/session/password",
        "begin": "/api/enrolment",
        "confirm": "/api/enrolment/confirmation",
        "verify": "/api/verification",
        "recover": "/api/verification/recovery-code",
        "keep": "/api/recovery-codes/acknowledgement",
    }[route]
    before = world.aws.state()
    for raw in (b"", b"{}", b"null", b'{"otp": null}', b'{"password": ""}'):
        answer = wizard.call("POST", path, raw=raw)
        assert answer.status in {400, 422}
    world.clock.advance(1)
    after = world.aws.state()
    # An empty password is an attempt and counted as one; nothing else may have happened.
    assert [row for row in after if row["sk"]["S"] != "PASSWORD"] == before


@pytest.mark.doubles
@pytest.mark.requirement("S4")
def test_there_are_no_other_routes(world: World, wizard: Wizard) -> None:
    """The gateway refuses them before our code runs."""
    _verified_password_fresh(world, wizard)
    lines = len(world.log_lines)
    for path in ("/api", "/api/users", "/api/admin", "/api/session/1", "/api/authenticators", "/session"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = wizard.call(method, path, None if method == "GET" else {})
            assert (answer.status, answer.body) == (403, {"message": "Missing Authentication Token"})
    for path in ("/api/session", "/api/enrolment", "/api/verification"):
        assert wizard.call("PUT", path, {}).status == 405
    assert len(world.log_lines) == lines
