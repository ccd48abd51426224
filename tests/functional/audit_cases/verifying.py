"""The code at sign-in."""

from __future__ import annotations

from chalicelib.audit.event import (
    ATTEMPT_ACCEPTED,
    ATTEMPT_COUNTED,
    AUTHENTICATOR_DISABLED,
)
from tests.functional.audit_cases.scene import (
    VERIFY,
    Act,
    Cases,
    Scene,
    failing_at,
    failing_at_its_last_call,
)

CASES = Cases()
case = CASES.case


@case(VERIFY, "ok", ATTEMPT_COUNTED, ATTEMPT_ACCEPTED)
def _give_the_right_code(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: scene.wizard.verify(phone.otp())


@case(VERIFY, "repeated")
def _give_the_right_code_by_the_same_request(scene: Scene) -> Act:
    otp = scene.has_enrolled_before().otp()
    scene.wizard.verify(otp, idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.verify(otp, idempotency_key=scene.key)


@case(VERIFY, "otp_mismatch", ATTEMPT_COUNTED)
def _give_a_wrong_code(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: scene.wizard.verify(phone.wrong_otp())


@case(VERIFY, "otp_already_used", ATTEMPT_COUNTED)
def _give_a_spent_code(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    scene.wizard.verify(phone.otp())
    return lambda: scene.wizard.verify(phone.otp())


@case(VERIFY, "otp_malformed")
def _give_no_code(scene: Scene) -> Act:
    scene.has_enrolled_before()
    return lambda: scene.wizard.verify("12345")


@case(VERIFY, "not_enrolled")
def _give_a_code_without_an_authenticator(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return lambda: scene.wizard.verify("123456")


@case(VERIFY, "too_many_attempts")
def _give_a_code_too_soon(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    for _ in range(5):
        scene.wizard.verify(phone.wrong_otp())
    return lambda: scene.wizard.verify(phone.otp())


@case(VERIFY, "authenticator_disabled", ATTEMPT_COUNTED, AUTHENTICATOR_DISABLED)
def _give_the_twentieth_wrong_code(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    scene.has_failed(19)
    return lambda: scene.wizard.verify(phone.wrong_otp())


@case(VERIFY, "authenticator_disabled")
def _give_a_code_of_a_disabled_authenticator(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    scene.has_failed(19)
    scene.wizard.verify(phone.wrong_otp())
    return lambda: scene.wizard.verify(phone.otp())


@case(VERIFY, "service_unavailable")
def _give_a_code_that_cannot_be_counted(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: failing_at(scene, 3, lambda: scene.wizard.verify(phone.otp()))


@case(VERIFY, "service_unavailable", ATTEMPT_COUNTED)
def _give_a_code_while_no_secret_opens(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: failing_at(scene, 4, lambda: scene.wizard.verify(phone.otp()))


@case(VERIFY, "service_unavailable", ATTEMPT_COUNTED, ATTEMPT_ACCEPTED)
def _give_the_right_code_and_lose_the_session(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: failing_at_its_last_call(scene, lambda: scene.wizard.verify(phone.otp()))


@case(VERIFY, "ok")
def _give_the_right_code_once_more_after_that(scene: Scene) -> Act:
    otp = scene.has_enrolled_before().otp()

    def same() -> object:
        return scene.wizard.verify(otp, idempotency_key=scene.key)

    failing_at_its_last_call(scene, same)
    return same
