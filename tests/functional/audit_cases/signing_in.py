"""Signing in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.audit.event import (
    SESSION_ENDED,
    SESSION_REAUTHENTICATED,
    SESSION_STARTED,
)
from tests.functional.audit_cases.scene import (
    PROVE_AGAIN,
    SIGN_IN,
    SIGN_OUT,
    STANDING,
    TENANT,
    Act,
    Cases,
    Scene,
    failing_at_its_last_call,
)
from tests.support import aws

CASES = Cases()
case = CASES.case


@case(TENANT, "ok")
def _read_the_tenant(scene: Scene) -> Act:
    return lambda: scene.wizard.call("GET", "/api/tenant")


@case(TENANT, "not_found")
def _read_no_tenant(scene: Scene) -> Act:
    return lambda: scene.wizard.call("GET", "/api/tenant?tenant=nobody")


@case(SIGN_IN, "ok", SESSION_STARTED)
def _sign_in(scene: Scene) -> Act:
    return scene.wizard.sign_in


@case(SIGN_IN, "password_mismatch")
def _sign_in_with_a_wrong_password(scene: Scene) -> Act:
    return lambda: scene.wizard.sign_in(password="a wrong one")


@case(SIGN_IN, "too_many_attempts")
def _sign_in_too_often(scene: Scene) -> Act:
    for _ in range(5):
        scene.wizard.sign_in(password="a wrong one")
    return scene.wizard.sign_in


@case(SIGN_IN, "body_malformed")
def _sign_in_with_half_a_body(scene: Scene) -> Act:
    return lambda: scene.wizard.call("POST", "/api/session", raw=b"{")


@case(SIGN_IN, "body_too_large")
def _sign_in_with_a_novel(scene: Scene) -> Act:
    return lambda: scene.wizard.call("POST", "/api/session", raw=b" " * 100_000)


@case(SIGN_IN, "media_type_unsupported")
def _sign_in_by_a_form(scene: Scene) -> Act:
    return lambda: scene.wizard.sign_in(headers={"content-type": "text/plain"})


@case(SIGN_IN, "cross_site_request")
def _sign_in_from_elsewhere(scene: Scene) -> Act:
    return lambda: scene.wizard.sign_in(headers={"origin": "https://elsewhere.example"})


@case(SIGN_IN, "service_unavailable")
def _sign_in_while_nothing_can_be_stored(scene: Scene) -> Act:
    scene.wizard.call("GET", "/api/tenant")  # which is remembered
    return lambda: failing_at_its_last_call(scene, scene.wizard.sign_in)


@case(STANDING, "ok")
def _ask_where_i_stand(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.session


@case(STANDING, "not_signed_in")
def _ask_as_nobody(scene: Scene) -> Act:
    return scene.wizard.session


@case(STANDING, "internal_error")
def _ask_what_we_cannot_answer(scene: Scene) -> Act:
    scene.wizard.sign_in()
    scene.world.aws.interfere(_bug)
    return scene.wizard.session


@case(SIGN_OUT, "ok", SESSION_ENDED)
def _sign_out(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.sign_out


@case(SIGN_OUT, "ok")
def _sign_out_again(scene: Scene) -> Act:
    scene.wizard.sign_in()
    scene.wizard.sign_out(keep_cookie=False)
    return scene.wizard.sign_out


@case(PROVE_AGAIN, "ok", SESSION_REAUTHENTICATED)
def _prove_the_password_again(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.prove_again


@case(PROVE_AGAIN, "repeated")
def _prove_the_password_again_by_the_same_request(scene: Scene) -> Act:
    scene.wizard.sign_in()
    scene.wizard.prove_again(idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.prove_again(idempotency_key=scene.key)


@case(PROVE_AGAIN, "password_mismatch")
def _prove_a_wrong_password(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return lambda: scene.wizard.prove_again(password="a wrong one")


def _bug(request: aws.Request, take_effect: Callable[[], Any]) -> Any:
    del request, take_effect
    raise LookupError("a fault of our own")
