"""The stage of the cases of `test_audit_matrix`: what can be asked, and what is put in place before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support import aws
from tests.support.help_desk import HelpDesk
from tests.support.portal import Portal
from tests.support.wizard import Phone, Wizard, new_idempotency_key
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


class Cases(list[Case]):
    """Cases in the order in which they were written down."""

    def case(self, operation: str, outcome: str, *kinds: str) -> Callable[[Prepare], Prepare]:
        """Add a case."""

        def add(prepare: Prepare) -> Prepare:
            self.append(Case(operation, outcome, kinds, prepare))
            return prepare

        return add


def failing_at(scene: Scene, at_call: int, act: Act) -> Any:
    """Act while the call to AWS of that number fails."""
    scene.world.aws.interfere(aws.broken, at_call=at_call)
    answer = act()
    scene.world.aws.leave_alone()
    return answer


def failing_at_its_last_call(scene: Scene, act: Act) -> Any:
    """Let the transaction fail in which each of these operations ends."""

    def fails_at_the_end(request: aws.Request, take_effect: Callable[[], Any]) -> Any:
        is_transaction = request.headers["X-Amz-Target"].endswith(b"TransactWriteItems")
        return aws.broken(request, take_effect) if is_transaction else take_effect()

    scene.world.aws.interfere(*[fails_at_the_end] * 12)
    answer = act()
    scene.world.aws.leave_alone()
    return answer
