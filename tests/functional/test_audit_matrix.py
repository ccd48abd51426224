"""
Every operation with every outcome: which events it brings, and that it writes one log line.

A change and an attempt that counts are events; what is refused or malformed is
told by the log line alone. Read the first lines of the cases as a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.audit import event
from chalicelib.audit.event import (
    ADDRESSES_CHANGED,
    ASSERTION_FLAGGED,
    ASSERTION_ISSUED,
    ATTEMPT_ACCEPTED,
    ATTEMPT_COUNTED,
    AUTHENTICATOR_BOUND,
    AUTHENTICATOR_DISABLED,
    AUTHENTICATOR_REMOVED,
    AUTHENTICATOR_RENAMED,
    AUTHENTICATOR_REVOKED,
    BROWSER_FORGOTTEN,
    BROWSER_REMEMBERED,
    ENROLMENT_BEGUN,
    ENROLMENT_CANCELLED,
    HAND_OFF_BEGUN,
    HAND_OFF_RETURNED,
    RECOVERY_CODE_USED,
    RECOVERY_CODES_ACKNOWLEDGED,
    RECOVERY_CODES_DISABLED,
    RECOVERY_CODES_MADE,
    RESET_CODE_ACCEPTED,
    SECOND_FACTOR_RESET,
    SECOND_FACTOR_UNLOCKED,
    SESSION_ENDED,
    SESSION_REAUTHENTICATED,
    SESSION_STARTED,
)
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from tests.support import aws
from tests.support.help_desk import HelpDesk
from tests.support.portal import Portal, brought_back
from tests.support.stream import deliver_all, recorded_stream
from tests.support.wizard import Phone, Wizard, new_idempotency_key, wrong_recovery_code
from tests.support.world import World

TENANT = "GET /api/tenant"
SIGN_IN = "POST /api/session"
STANDING = "GET /api/session"
SIGN_OUT = "DELETE /api/session"
PROVE_AGAIN = "POST /api/session/password"
BEGIN = "POST /api/enrolment"
OFFER = "GET /api/enrolment"
CANCEL = "DELETE /api/enrolment"
CONFIRM = "POST /api/enrolment/confirmation"
VERIFY = "POST /api/verification"
OVERVIEW = "GET /api/second-factor"
RENAME = "POST /api/authenticators/name"
REMOVE = "POST /api/authenticators/removal"
FORGET = "POST /api/remembered-browsers/removal"
MAKE_CODES = "POST /api/recovery-codes"
KEEP_CODES = "POST /api/recovery-codes/acknowledgement"
RECOVER = "POST /api/verification/recovery-code"
ARRIVE = "POST /api/session/hand-off"
RETURN = "POST /api/session/return"
STAFF_SIGN_IN = "POST /api/help-desk/session"
LIST = "GET /api/help-desk/users"
COUNTS = "GET /api/help-desk/counts"
SEE = "GET /api/help-desk/user"
RESET = "POST /api/help-desk/reset"
UNLOCK = "POST /api/help-desk/unlock"
GIVE_RESET_CODE = "POST /api/session/reset-code"
STATUS = "POST /api/portal/status"
PORTAL_VERIFY = "POST /api/portal/verification"
HAND_OFF = "POST /api/portal/hand-off"
REDEEM = "POST /api/portal/assertion"
KEYS = "GET /api/jwks"

# Only deployed stages have a front door to go round; see unit/web/test_edge.py.
NOT_IN_STAGE_LOCAL = {"edge_bypassed"}


@dataclass
class Scene:
    """Anna at our page, and what a case puts in place before it acts."""

    world: World
    wizard: Wizard
    key: str = field(default_factory=new_idempotency_key)

    def has_enrolled_before(self) -> Phone:
        """Let Anna have a phone from an earlier sign-in; she is signed in by her password now."""
        phone = self.world.wizard().enrolled()
        self.world.clock.advance_to_next_time_step()
        self.wizard.sign_in()
        return phone

    def may_change_the_phone(self) -> Phone:
        """Let Anna have verified with her phone, proven her password, and begun to replace it."""
        self.has_proven_everything()
        return Phone(self.wizard.begin_replacement().body["key"], self.world.clock)

    def has_proven_everything(self) -> Phone:
        """Let Anna have verified with her phone and proven her password: she may change what she has."""
        phone = self.has_enrolled_before()
        self.wizard.verify(phone.otp())
        self.wizard.prove_again()
        return phone

    def has_several(self, count: int) -> list[str]:
        """Let Anna have that many authenticators, and leave to change them; return their ids."""
        self.has_proven_everything()
        for _ in range(count - 1):
            phone = Phone(self.wizard.begin().body["key"], self.world.clock)
            self.wizard.confirm(phone.otp())
            self.wizard.prove_again()
        return self.wizard.authenticator_ids()

    def may_remember(self) -> Phone:
        """Let Anna have a phone from before, in a tenant that lets browsers be remembered."""
        self.world.add_tenant(policy={"second_factor": "required", "deadline": None, "remember_days": 30})
        return self.has_enrolled_before()

    def comes_from_a_portal(self) -> Portal:
        """Let a portal's user have arrived by a link, without a second factor."""
        portal = self.world.add_portal()
        self.wizard.arrive(portal.token_for("u-1"))
        return portal

    def has_enrolled_for_a_portal(self) -> tuple[Portal, Phone]:
        """Let a portal's user have confirmed a phone, and be about to return."""
        portal = self.comes_from_a_portal()
        self.wizard.begin()
        phone = self.wizard.scan()
        self.wizard.confirm(phone.otp())
        return portal, phone

    def has_recovery_codes(self) -> list[str]:
        """Let Anna have recovery codes from an earlier sign-in; she is signed in by her password now."""
        _, codes = self.world.wizard().enrolled_with_codes()
        self.wizard.sign_in()
        return codes

    def has_failed(self, times: int, *, at: str = "TOTP") -> None:
        """Let that many wrong codes lie behind Anna, the last of them an hour ago."""
        row = self.world.row(at)
        assert row is not None
        self.world.aws.write(row | {"consecutive_failures": {"N": str(times)}})
        self.world.clock.advance(3_600)
        self.wizard.sign_in()

    def is_helped(self) -> HelpDesk:
        """Let Anna have a phone, and one of the help desk have given a code just now."""
        self.has_enrolled_before()
        self.world.add_staff()
        return self.world.help_desk().begins_work()

    def has_been_reset(self, **policy: Any) -> str:
        """Let the help desk have reset Anna, who is signed in by her password now; return the code."""
        if policy:
            self.world.add_tenant(policy={"second_factor": "required", "deadline": None, **policy})
        answer = self.is_helped().reset(self.world.user.user_id)
        self.wizard.sign_in()
        code: str = answer.body["reset_code"]
        return code


Act = Callable[[], Any]
Prepare = Callable[[Scene], Act]


@dataclass(frozen=True)
class Case:
    """One request that has *outcome* and brings *kinds*; *prepare* returns how to send it."""

    operation: str
    outcome: str
    kinds: tuple[str, ...]
    prepare: Prepare

    def __str__(self) -> str:
        return self.prepare.__name__.strip("_")


CASES: list[Case] = []


def case(operation: str, outcome: str, *kinds: str) -> Callable[[Prepare], Prepare]:
    """Add a case to the matrix."""

    def add(prepare: Prepare) -> Prepare:
        CASES.append(Case(operation, outcome, kinds, prepare))
        return prepare

    return add


# -- signing in and out


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
    return lambda: _failing_at_its_last_call(scene, scene.wizard.sign_in)


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


# -- binding an authenticator


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
    return lambda: _failing_at_its_last_call(scene, scene.wizard.begin)


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


# -- what there is, changed by its owner


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


# -- the code at sign-in


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
    return lambda: _failing_at(scene, 3, lambda: scene.wizard.verify(phone.otp()))


@case(VERIFY, "service_unavailable", ATTEMPT_COUNTED)
def _give_a_code_while_no_secret_opens(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: _failing_at(scene, 4, lambda: scene.wizard.verify(phone.otp()))


@case(VERIFY, "service_unavailable", ATTEMPT_COUNTED, ATTEMPT_ACCEPTED)
def _give_the_right_code_and_lose_the_session(scene: Scene) -> Act:
    phone = scene.has_enrolled_before()
    return lambda: _failing_at_its_last_call(scene, lambda: scene.wizard.verify(phone.otp()))


@case(VERIFY, "ok")
def _give_the_right_code_once_more_after_that(scene: Scene) -> Act:
    otp = scene.has_enrolled_before().otp()

    def same() -> object:
        return scene.wizard.verify(otp, idempotency_key=scene.key)

    _failing_at_its_last_call(scene, same)
    return same


# -- recovery codes


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
    return lambda: _failing_at_its_last_call(scene, scene.wizard.make_recovery_codes)


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
    return lambda: _failing_at_its_last_call(scene, lambda: scene.wizard.recover(code))


# -- from a portal and back


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


# -- the help desk, and the code that it says


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
    return lambda: _failing_at_its_last_call(scene, lambda: desk.reset(scene.world.user.user_id))


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


# -- what portals ask


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


def _failing_at(scene: Scene, at_call: int, act: Act) -> Any:
    scene.world.aws.interfere(aws.broken, at_call=at_call)
    answer = act()
    scene.world.aws.leave_alone()
    return answer


def _failing_at_its_last_call(scene: Scene, act: Act) -> Any:
    """Let the transaction fail in which each of these operations ends."""

    def fails_at_the_end(request: aws.Request, take_effect: Callable[[], Any]) -> Any:
        is_transaction = request.headers["X-Amz-Target"].endswith(b"TransactWriteItems")
        return aws.broken(request, take_effect) if is_transaction else take_effect()

    scene.world.aws.interfere(*[fails_at_the_end] * 12)
    answer = act()
    scene.world.aws.leave_alone()
    return answer


def _bug(request: aws.Request, take_effect: Callable[[], Any]) -> Any:
    del request, take_effect
    raise LookupError("a fault of our own")


@pytest.mark.requirement("A1")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_outcome_is_one_log_line_and_exactly_its_events(
    world: World, wizard: Wizard, case: Case
) -> None:
    act = case.prepare(Scene(world, wizard))
    kinds_before, lines_before = Counter(world.event_kinds()), len(world.log_lines)
    with recorded_stream(world.aws) as stream:
        act()
    world.aws.leave_alone()
    deliver_all(world.stores, stream.records)

    line = world.last_line
    assert (f"{line['method']} {line['route']}", line["outcome"]) == (case.operation, case.outcome)
    assert len(world.log_lines) == lines_before + 1
    assert Counter(world.event_kinds()) - kinds_before == Counter(case.kinds)


# Operators' events, see test_admin.py, and what the outbox warns of, see test_notices.py.
TOLD_BY_NO_REQUEST = {
    event.USER_ADDED,
    event.USER_ERASED,
    event.AUTHENTICATOR_IMPORTED,
    event.ATTEMPTS_WARNED,
}


@pytest.mark.doubles
@pytest.mark.requirement("A1")
def test_no_operation_no_outcome_and_no_kind_of_event_is_left_out(world: World) -> None:
    operations = {f"{method} {path}" for path, methods in world.app.routes.items() for method in methods}
    problems = {problem.code for problem in [*PROBLEMS.values(), INTERNAL_ERROR]}
    kinds = {value for name, value in vars(event).items() if name.isupper() and isinstance(value, str)}

    assert {case.operation for case in CASES} == operations
    assert {case.outcome for case in CASES} == problems - NOT_IN_STAGE_LOCAL | {"ok", "repeated"}
    assert {kind for case in CASES for kind in case.kinds} == kinds - TOLD_BY_NO_REQUEST
