"""The help desk, and the code that it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.audit.event import (
    ATTEMPT_COUNTED,
    AUTHENTICATOR_BOUND,
    RESET_CODE_ACCEPTED,
    SECOND_FACTOR_RESET,
    SECOND_FACTOR_UNLOCKED,
    SESSION_STARTED,
)
from tests.functional.audit_cases.scene import (
    BEGIN,
    CONFIRM,
    COUNTS,
    GIVE_RESET_CODE,
    LIST,
    RESET,
    SEE,
    STAFF_SIGN_IN,
    UNLOCK,
    Act,
    Cases,
    Scene,
    failing_at_its_last_call,
)
from tests.support import aws
from tests.support.wizard import Phone

CASES = Cases()
case = CASES.case


@case(STAFF_SIGN_IN, "ok", SESSION_STARTED)
def _sign_in_as_staff(scene: Scene) -> Act:
    scene.world.add_staff()
    return scene.world.help_desk().sign_in


@case(STAFF_SIGN_IN, "password_mismatch")
def _sign_in_as_staff_whom_nobody_knows(scene: Scene) -> Act:
    return scene.world.help_desk().sign_in


@case(LIST, "ok")
def _list_users(scene: Scene) -> Act:
    return scene.is_helped().users


@case(LIST, "body_malformed")
def _list_users_from_nowhere(scene: Scene) -> Act:
    desk = scene.is_helped()
    return lambda: desk.users(after="nowhere")


@case(COUNTS, "ok")
def _count_users(scene: Scene) -> Act:
    return scene.is_helped().counts


@case(COUNTS, "not_found")
def _count_users_as_one_of_them(scene: Scene) -> Act:
    scene.wizard.enrolled()
    return lambda: scene.wizard.call("GET", "/api/help-desk/counts")


@case(SEE, "ok")
def _see_a_user(scene: Scene) -> Act:
    desk = scene.is_helped()
    return lambda: desk.user(scene.world.user.user_id)


@case(SEE, "not_found")
def _see_nobody(scene: Scene) -> Act:
    desk = scene.is_helped()
    return lambda: desk.user("nobody")


@case(SEE, "search_unfinished")
def _see_whoever_shows_a_reference_of_a_busy_week(scene: Scene) -> Act:
    desk = scene.is_helped()

    def take_long(_: aws.Request, take_effect: Callable[[], Any]) -> Any:
        scene.world.clock.advance(30)
        return take_effect()

    scene.world.aws.interfere(take_long, at_call=4)
    return lambda: desk.user_of_reference("00000000")


@case(RESET, "ok", SECOND_FACTOR_RESET)
def _reset(scene: Scene) -> Act:
    desk = scene.is_helped()
    return lambda: desk.reset(scene.world.user.user_id)


@case(RESET, "ok")
def _reset_by_the_same_request(scene: Scene) -> Act:
    desk = scene.is_helped()
    desk.reset(scene.world.user.user_id, idempotency_key=scene.key)
    return lambda: desk.reset(scene.world.user.user_id, idempotency_key=scene.key)


@case(RESET, "verification_required")
def _reset_by_a_stale_code(scene: Scene) -> Act:
    desk = scene.is_helped()
    scene.world.clock.advance(301)
    return lambda: desk.reset(scene.world.user.user_id)


@case(RESET, "not_enrolled")
def _reset_who_has_nothing(scene: Scene) -> Act:
    desk = scene.is_helped()
    other = scene.world.add_user(username="bo@firma.se")
    return lambda: desk.reset(other.user_id)


@case(RESET, "enrolment_replaced")
def _reset_beside_a_colleague(scene: Scene) -> Act:
    desk = scene.is_helped()
    stores, user = scene.world.stores, scene.world.user

    def change_first(request: aws.Request, take_effect: Callable[[], Any]) -> Any:
        del request
        stores.transactions.commit(stores.accounts.second_factor_changed(user, epoch=1))
        return take_effect()

    scene.world.aws.interfere(change_first, at_call=5)
    return lambda: desk.reset(user.user_id)


@case(RESET, "service_unavailable")
def _reset_while_nothing_can_be_stored(scene: Scene) -> Act:
    desk = scene.is_helped()
    return lambda: failing_at_its_last_call(scene, lambda: desk.reset(scene.world.user.user_id))


@case(UNLOCK, "ok", SECOND_FACTOR_UNLOCKED)
def _unlock(scene: Scene) -> Act:
    desk = scene.is_helped()
    return lambda: desk.unlock(scene.world.user.user_id)


@case(UNLOCK, "ok")
def _unlock_by_the_same_request(scene: Scene) -> Act:
    desk = scene.is_helped()
    desk.unlock(scene.world.user.user_id, idempotency_key=scene.key)
    return lambda: desk.unlock(scene.world.user.user_id, idempotency_key=scene.key)


@case(UNLOCK, "authenticator_disabled")
def _unlock_what_is_disabled(scene: Scene) -> Act:
    desk = scene.is_helped()
    row = scene.world.row("TOTP")
    assert row is not None
    scene.world.aws.write(row | {"status": {"S": "DISABLED"}})
    return lambda: desk.unlock(scene.world.user.user_id)


@case(BEGIN, "reset_code_required")
def _begin_without_the_help_desks_code(scene: Scene) -> Act:
    scene.has_been_reset()
    scene.wizard.prove_again()
    return scene.wizard.begin


@case(CONFIRM, "ok", AUTHENTICATOR_BOUND)
def _confirm_after_a_reset(scene: Scene) -> Act:
    code = scene.has_been_reset()
    scene.wizard.prove_again()
    scene.wizard.give_reset_code(code)
    phone = Phone(scene.wizard.begin().body["key"], scene.world.clock)
    return lambda: scene.wizard.confirm(phone.otp())


@case(GIVE_RESET_CODE, "ok", ATTEMPT_COUNTED, RESET_CODE_ACCEPTED)
def _give_the_help_desks_code(scene: Scene) -> Act:
    code = scene.has_been_reset()
    return lambda: scene.wizard.give_reset_code(code)


@case(GIVE_RESET_CODE, "repeated")
def _give_the_help_desks_code_by_the_same_request(scene: Scene) -> Act:
    code = scene.has_been_reset()
    scene.wizard.give_reset_code(code, idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.give_reset_code(code, idempotency_key=scene.key)


@case(GIVE_RESET_CODE, "reset_code_mismatch", ATTEMPT_COUNTED)
def _give_another_code(scene: Scene) -> Act:
    code = scene.has_been_reset()
    return lambda: scene.wizard.give_reset_code(_other_than(code))


def _other_than(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


@case(GIVE_RESET_CODE, "reset_code_malformed")
def _give_what_is_no_code_of_the_help_desk(scene: Scene) -> Act:
    scene.has_been_reset()
    return lambda: scene.wizard.give_reset_code("1234567")


@case(GIVE_RESET_CODE, "reset_code_expired")
def _give_the_help_desks_code_too_often(scene: Scene) -> Act:
    code = scene.has_been_reset()
    for _ in range(10):
        scene.wizard.give_reset_code(_other_than(code))
    return lambda: scene.wizard.give_reset_code(code)


@case(GIVE_RESET_CODE, "reset_not_open")
def _give_the_help_desks_code_too_soon(scene: Scene) -> Act:
    code = scene.has_been_reset(reset_wait_hours=1)
    return lambda: scene.wizard.give_reset_code(code)
