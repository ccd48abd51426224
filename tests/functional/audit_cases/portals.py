"""From a portal and back, and what portals ask."""

from __future__ import annotations

from chalicelib.audit.event import (
    ADDRESSES_CHANGED,
    ASSERTION_FLAGGED,
    ASSERTION_ISSUED,
    ATTEMPT_ACCEPTED,
    ATTEMPT_COUNTED,
    HAND_OFF_BEGUN,
    HAND_OFF_RETURNED,
    SESSION_STARTED,
)
from tests.functional.audit_cases.scene import (
    ARRIVE,
    HAND_OFF,
    KEYS,
    PORTAL_VERIFY,
    PROVE_AGAIN,
    REDEEM,
    RETURN,
    STATUS,
    Act,
    Cases,
    Scene,
)
from tests.support.portal import brought_back

CASES = Cases()
case = CASES.case


@case(HAND_OFF, "ok", HAND_OFF_BEGUN)
def _hand_a_user_over(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.hand_off("u-1")


@case(HAND_OFF, "ok", HAND_OFF_BEGUN, ADDRESSES_CHANGED)
def _hand_a_user_over_with_other_addresses(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    portal.token_for("u-1", addresses=["former@firma.se"])
    return lambda: portal.hand_off("u-1", addresses=["u-1@firma.se"])


@case(HAND_OFF, "client_not_authenticated")
def _hand_a_user_over_by_a_spent_jwt(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    body = b"{}"
    jwt = portal.jwt("/api/portal/hand-off", body, body_sha256="of another body")
    return lambda: portal.call("/api/portal/hand-off", None, raw=body, jwt=jwt)


@case(HAND_OFF, "identity_not_verified")
def _hand_over_somebody_unverified(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.hand_off("u-1", identity_verified=False)


@case(HAND_OFF, "return_url_not_registered")
def _hand_a_user_over_with_an_unknown_return_address(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.hand_off("u-1", return_url="https://evil.example/")


@case(ARRIVE, "ok", SESSION_STARTED)
def _arrive(scene: Scene) -> Act:
    token = scene.world.add_portal().token_for("u-1")
    return lambda: scene.wizard.arrive(token)


@case(ARRIVE, "hand_off_expired")
def _arrive_twice(scene: Scene) -> Act:
    token = scene.world.add_portal().token_for("u-1")
    scene.wizard.arrive(token)
    return lambda: scene.world.wizard().arrive(token)


@case(ARRIVE, "tenant_suspended")
def _arrive_at_a_closed_service(scene: Scene) -> Act:
    token = scene.world.add_portal().token_for("u-1")
    scene.world.stores.tenants.suspend("example", at=0)
    return lambda: scene.wizard.arrive(token)


@case(PROVE_AGAIN, "password_held_by_portal")
def _prove_a_password_that_the_portal_holds(scene: Scene) -> Act:
    scene.comes_from_a_portal()
    return scene.wizard.prove_again


@case(RETURN, "ok", HAND_OFF_RETURNED)
def _return_with_a_code(scene: Scene) -> Act:
    scene.has_enrolled_for_a_portal()
    return scene.wizard.return_to_portal


@case(RETURN, "ok", HAND_OFF_RETURNED)
def _return_without_one(scene: Scene) -> Act:
    scene.comes_from_a_portal()
    return scene.wizard.return_to_portal


@case(RETURN, "repeated")
def _return_by_the_same_request(scene: Scene) -> Act:
    scene.comes_from_a_portal()
    scene.wizard.return_to_portal(idempotency_key=scene.key, keep_cookie=False)
    return lambda: scene.wizard.return_to_portal(idempotency_key=scene.key)


@case(RETURN, "not_handed_off")
def _return_to_no_portal(scene: Scene) -> Act:
    scene.wizard.sign_in()
    return scene.wizard.return_to_portal


@case(REDEEM, "ok", ASSERTION_ISSUED)
def _redeem_a_code(scene: Scene) -> Act:
    portal, _ = scene.has_enrolled_for_a_portal()
    code = brought_back(scene.wizard.return_to_portal())["code"]
    return lambda: portal.redeem(code)


@case(REDEEM, "return_code_used", ASSERTION_FLAGGED)
def _redeem_a_code_twice(scene: Scene) -> Act:
    portal, _ = scene.has_enrolled_for_a_portal()
    code = brought_back(scene.wizard.return_to_portal())["code"]
    portal.redeem(code)
    return lambda: portal.redeem(code)


@case(REDEEM, "not_found")
def _redeem_no_code(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.redeem("c" * 43)


@case(KEYS, "ok")
def _read_the_keys(scene: Scene) -> Act:
    return lambda: scene.wizard.call("GET", "/api/jwks")


@case(STATUS, "ok")
def _ask_for_a_status(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.status("u-1")


@case(STATUS, "cross_site_request")
def _ask_for_a_status_from_a_page(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.status("u-1", headers={"sec-fetch-site": "cross-site"})


@case(PORTAL_VERIFY, "ok", ATTEMPT_COUNTED, ATTEMPT_ACCEPTED)
def _give_the_portal_the_right_code(scene: Scene) -> Act:
    portal, phone = scene.has_enrolled_for_a_portal()
    scene.world.clock.advance_to_next_time_step()
    return lambda: portal.verify("u-1", phone.otp())


@case(PORTAL_VERIFY, "ok")
def _let_the_portal_repeat_its_attempt(scene: Scene) -> Act:
    portal, phone = scene.has_enrolled_for_a_portal()
    scene.world.clock.advance_to_next_time_step()
    portal.verify("u-1", phone.otp(), attempt_id="one-attempt-of-the-portal")
    return lambda: portal.verify("u-1", phone.otp(), attempt_id="one-attempt-of-the-portal")


@case(PORTAL_VERIFY, "otp_mismatch", ATTEMPT_COUNTED)
def _give_the_portal_a_wrong_code(scene: Scene) -> Act:
    portal, phone = scene.has_enrolled_for_a_portal()
    return lambda: portal.verify("u-1", phone.wrong_otp())


@case(PORTAL_VERIFY, "not_enrolled")
def _give_the_portal_a_code_of_nobody(scene: Scene) -> Act:
    portal = scene.world.add_portal()
    return lambda: portal.verify("nobody", "123456")
