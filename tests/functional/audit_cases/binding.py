"""Binding an authenticator."""

from __future__ import annotations

from chalicelib.audit.event import (
    AUTHENTICATOR_BOUND,
    AUTHENTICATOR_REVOKED,
    ENROLMENT_BEGUN,
    ENROLMENT_CANCELLED,
)
from tests.functional.audit_cases.scene import (
    BEGIN,
    CANCEL,
    CONFIRM,
    OFFER,
    Act,
    Cases,
    Scene,
    failing_at_its_last_call,
)
from tests.support.wizard import Phone

CASES = Cases()
case = CASES.case


@case(BEGIN, "ok", ENROLMENT_BEGUN)
def _begin(scene: Scene) -> Act:
    scene.wizard.sign_in()
    scene.wizard.prove_again()
    return scene.wizard.begin


@case(BEGIN, "ok")
def _begin_again_and_see_the_same_key(scene: Scene) -> Act:
    scene.wizard.begun()
    return scene.wizard.begin


@case(BEGIN, "reauthentication_required")
def _begin_without_the_password(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.begin


@case(BEGIN, "verification_required")
def _begin_without_the_active_authenticator(scene: Scene) -> Act:
    scene.has_enrolled_before()
    scene.wizard.prove_again()
    return scene.wizard.begin


@case(BEGIN, "service_unavailable")
def _begin_while_nothing_can_be_stored(scene: Scene) -> Act:
    scene.wizard.sign_in()
    scene.wizard.prove_again()
    return lambda: failing_at_its_last_call(scene, scene.wizard.begin)


@case(OFFER, "ok")
def _see_the_key_again(scene: Scene) -> Act:
    scene.wizard.begun()
    return scene.wizard.offer


@case(OFFER, "enrolment_not_begun")
def _see_no_key(scene: Scene) -> Act:
    scene.wizard.sign_in()
    scene.wizard.prove_again()
    return scene.wizard.offer


@case(CANCEL, "ok", ENROLMENT_CANCELLED)
def _cancel(scene: Scene) -> Act:
    scene.wizard.begun()
    return scene.wizard.cancel


@case(CANCEL, "ok")
def _cancel_nothing(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.cancel


@case(CONFIRM, "ok", AUTHENTICATOR_BOUND)
def _confirm(scene: Scene) -> Act:
    phone = scene.wizard.begun()
    return lambda: scene.wizard.confirm(phone.otp())


@case(CONFIRM, "ok", AUTHENTICATOR_BOUND, AUTHENTICATOR_REVOKED)
def _confirm_a_replacement(scene: Scene) -> Act:
    phone = scene.may_change_the_phone()
    return lambda: scene.wizard.confirm(phone.otp())


@case(CONFIRM, "repeated")
def _confirm_by_the_same_request(scene: Scene) -> Act:
    otp = scene.wizard.begun().otp()
    scene.wizard.confirm(otp, idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.confirm(otp, idempotency_key=scene.key)


@case(CONFIRM, "otp_mismatch")
def _confirm_with_a_wrong_code(scene: Scene) -> Act:
    phone = scene.wizard.begun()
    return lambda: scene.wizard.confirm(phone.wrong_otp())


@case(CONFIRM, "clock_skew")
def _confirm_by_a_wrong_clock(scene: Scene) -> Act:
    phone = scene.wizard.begun()
    return lambda: scene.wizard.confirm(phone.otp(steps=5))


@case(CONFIRM, "otp_malformed")
def _confirm_with_no_code(scene: Scene) -> Act:
    scene.wizard.begun()
    return lambda: scene.wizard.confirm("1")


@case(CONFIRM, "enrolment_replaced")
def _confirm_what_another_sign_in_replaced(scene: Scene) -> Act:
    phone = scene.wizard.begun()
    scene.world.wizard().begun()
    return lambda: scene.wizard.confirm(phone.otp())


@case(CONFIRM, "enrolment_expired")
def _confirm_too_late(scene: Scene) -> Act:
    phone = scene.wizard.begun()
    scene.world.clock.advance(1_000)
    scene.wizard.session()
    scene.world.clock.advance(801)
    return lambda: scene.wizard.confirm(phone.otp())


@case(CONFIRM, "enrolment_attempts_exhausted")
def _confirm_too_often(scene: Scene) -> Act:
    phone = scene.wizard.begun()
    for _ in range(10):
        scene.wizard.confirm(phone.wrong_otp())
    return lambda: scene.wizard.confirm(phone.otp())


@case(CONFIRM, "enrolment_already_confirmed")
def _confirm_twice(scene: Scene) -> Act:
    phone = scene.wizard.enrolled()
    return lambda: scene.wizard.confirm(phone.otp())


@case(BEGIN, "not_found")
def _begin_in_place_of_nobodys(scene: Scene) -> Act:
    scene.has_proven_everything()
    return lambda: scene.wizard.begin(replaces="0" * 32)


@case(BEGIN, "too_many_authenticators")
def _begin_a_sixth(scene: Scene) -> Act:
    scene.has_several(5)
    return scene.wizard.begin


@case(CONFIRM, "ok", AUTHENTICATOR_BOUND)
def _confirm_one_more(scene: Scene) -> Act:
    scene.has_proven_everything()
    phone = Phone(scene.wizard.begin().body["key"], scene.world.clock)
    return lambda: scene.wizard.confirm(phone.otp())
