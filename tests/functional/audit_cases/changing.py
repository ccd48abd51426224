"""What there is, changed by its owner."""

from __future__ import annotations

from chalicelib.audit.event import (
    ATTEMPT_ACCEPTED,
    ATTEMPT_COUNTED,
    AUTHENTICATOR_REMOVED,
    AUTHENTICATOR_RENAMED,
    BROWSER_FORGOTTEN,
    BROWSER_REMEMBERED,
    SESSION_STARTED,
)
from tests.functional.audit_cases.scene import (
    FORGET,
    OVERVIEW,
    REMOVE,
    RENAME,
    SIGN_IN,
    VERIFY,
    Act,
    Cases,
    Scene,
)

CASES = Cases()
case = CASES.case


@case(OVERVIEW, "ok")
def _see_what_there_is(scene: Scene) -> Act:
    scene.has_proven_everything()
    return scene.wizard.second_factor


@case(OVERVIEW, "verification_required")
def _see_what_there_is_by_the_password_alone(scene: Scene) -> Act:
    scene.has_enrolled_before()
    return scene.wizard.second_factor


@case(RENAME, "ok", AUTHENTICATOR_RENAMED)
def _rename(scene: Scene) -> Act:
    (mine,) = scene.has_several(1)
    return lambda: scene.wizard.rename(mine, "Arbetsmobil")


@case(RENAME, "ok")
def _rename_to_what_it_is_called(scene: Scene) -> Act:
    (mine,) = scene.has_several(1)
    return lambda: scene.wizard.rename(mine, "Google Authenticator")


@case(RENAME, "not_found")
def _rename_nobodys(scene: Scene) -> Act:
    scene.has_proven_everything()
    return lambda: scene.wizard.rename("0" * 32, "Arbetsmobil")


@case(REMOVE, "ok", AUTHENTICATOR_REMOVED)
def _remove(scene: Scene) -> Act:
    first, _ = scene.has_several(2)
    return lambda: scene.wizard.remove(first)


@case(REMOVE, "repeated")
def _remove_by_the_same_request(scene: Scene) -> Act:
    first, _ = scene.has_several(2)
    scene.wizard.remove(first, idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.remove(first, idempotency_key=scene.key)


@case(REMOVE, "last_authenticator")
def _remove_the_last_where_one_is_asked_for(scene: Scene) -> Act:
    (mine,) = scene.has_several(1)
    return lambda: scene.wizard.remove(mine)


@case(REMOVE, "ok", AUTHENTICATOR_REMOVED)
def _remove_the_last_where_none_is_asked_for(scene: Scene) -> Act:
    scene.world.add_tenant(policy={"second_factor": "optional", "deadline": None})
    (mine,) = scene.has_several(1)
    return lambda: scene.wizard.remove(mine)


@case(VERIFY, "ok", ATTEMPT_COUNTED, ATTEMPT_ACCEPTED, BROWSER_REMEMBERED)
def _let_the_browser_be_remembered(scene: Scene) -> Act:
    phone = scene.may_remember()
    return lambda: scene.wizard.verify(phone.otp(), remember=True)


@case(SIGN_IN, "ok", SESSION_STARTED)
def _sign_in_at_a_remembered_browser(scene: Scene) -> Act:
    scene.wizard.verify(scene.may_remember().otp(), remember=True)
    return scene.wizard.sign_in


@case(FORGET, "ok", BROWSER_FORGOTTEN)
def _forget_all_browsers(scene: Scene) -> Act:
    scene.wizard.verify(scene.may_remember().otp(), remember=True)
    return lambda: scene.wizard.forget("all")


@case(FORGET, "ok", BROWSER_FORGOTTEN)
def _forget_one_browser(scene: Scene) -> Act:
    scene.wizard.verify(scene.may_remember().otp(), remember=True)
    (browser,) = scene.wizard.second_factor().body["remembered_browsers"]
    return lambda: scene.wizard.forget(browser["id"])


@case(FORGET, "ok")
def _forget_a_browser_that_is_not_remembered(scene: Scene) -> Act:
    scene.has_proven_everything()
    return lambda: scene.wizard.forget("0" * 32)
