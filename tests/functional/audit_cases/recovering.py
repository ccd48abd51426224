"""Recovery codes."""

from __future__ import annotations

from chalicelib.audit.event import (
    ATTEMPT_COUNTED,
    RECOVERY_CODE_USED,
    RECOVERY_CODES_ACKNOWLEDGED,
    RECOVERY_CODES_DISABLED,
    RECOVERY_CODES_MADE,
)
from tests.functional.audit_cases.scene import (
    KEEP_CODES,
    MAKE_CODES,
    RECOVER,
    Act,
    Cases,
    Scene,
    failing_at_its_last_call,
)
from tests.support.wizard import wrong_recovery_code

CASES = Cases()
case = CASES.case


@case(MAKE_CODES, "ok", RECOVERY_CODES_MADE)
def _make_recovery_codes(scene: Scene) -> Act:
    scene.wizard.enrolled()
    return scene.wizard.make_recovery_codes


@case(MAKE_CODES, "not_enrolled")
def _make_recovery_codes_without_an_authenticator(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.make_recovery_codes


@case(MAKE_CODES, "service_unavailable")
def _make_recovery_codes_while_nothing_can_be_stored(scene: Scene) -> Act:
    scene.wizard.enrolled()
    return lambda: failing_at_its_last_call(scene, scene.wizard.make_recovery_codes)


@case(KEEP_CODES, "ok", RECOVERY_CODES_ACKNOWLEDGED)
def _keep_recovery_codes(scene: Scene) -> Act:
    scene.wizard.enrolled()
    made = scene.wizard.make_recovery_codes().body
    return lambda: scene.wizard.acknowledge_recovery_codes(made["set"])


@case(KEEP_CODES, "ok")
def _keep_recovery_codes_twice(scene: Scene) -> Act:
    scene.wizard.enrolled()
    made = scene.wizard.make_recovery_codes().body
    scene.wizard.acknowledge_recovery_codes(made["set"])
    return lambda: scene.wizard.acknowledge_recovery_codes(made["set"])


@case(KEEP_CODES, "recovery_codes_replaced")
def _keep_recovery_codes_of_another_set(scene: Scene) -> Act:
    scene.wizard.enrolled()
    former = scene.wizard.make_recovery_codes().body
    scene.wizard.make_recovery_codes()
    return lambda: scene.wizard.acknowledge_recovery_codes(former["set"])


@case(RECOVER, "ok", ATTEMPT_COUNTED, RECOVERY_CODE_USED)
def _give_a_recovery_code(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    return lambda: scene.wizard.recover(code)


@case(RECOVER, "repeated")
def _give_a_recovery_code_by_the_same_request(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    scene.wizard.recover(code, idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.recover(code, idempotency_key=scene.key)


@case(RECOVER, "recovery_code_mismatch", ATTEMPT_COUNTED)
def _give_a_wrong_recovery_code(scene: Scene) -> Act:
    code = wrong_recovery_code(scene.has_recovery_codes()[0])
    return lambda: scene.wizard.recover(code)


@case(RECOVER, "recovery_code_mismatch", ATTEMPT_COUNTED)
def _give_a_recovery_code_without_having_any(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return lambda: scene.wizard.recover("A-00000-00000-000")


@case(RECOVER, "recovery_code_used", ATTEMPT_COUNTED)
def _give_a_recovery_code_twice(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    scene.wizard.recover(code)
    return lambda: scene.wizard.recover(code)


@case(RECOVER, "recovery_code_malformed")
def _give_no_recovery_code(scene: Scene) -> Act:
    scene.has_recovery_codes()
    return lambda: scene.wizard.recover("A-1")


@case(RECOVER, "too_many_attempts")
def _give_a_recovery_code_too_soon(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    for _ in range(5):
        scene.wizard.recover(wrong_recovery_code(code))
    return lambda: scene.wizard.recover(code)


@case(RECOVER, "recovery_codes_disabled", ATTEMPT_COUNTED, RECOVERY_CODES_DISABLED)
def _give_the_twentieth_wrong_recovery_code(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    scene.has_failed(19, at="RECOVERY")
    return lambda: scene.wizard.recover(wrong_recovery_code(code))


@case(RECOVER, "recovery_codes_disabled")
def _give_a_recovery_code_that_is_disabled(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    scene.has_failed(19, at="RECOVERY")
    scene.wizard.recover(wrong_recovery_code(code))
    return lambda: scene.wizard.recover(code)


@case(RECOVER, "service_unavailable", ATTEMPT_COUNTED)
def _give_a_recovery_code_and_lose_the_session(scene: Scene) -> Act:
    code = scene.has_recovery_codes()[0]
    return lambda: failing_at_its_last_call(scene, lambda: scene.wizard.recover(code))
