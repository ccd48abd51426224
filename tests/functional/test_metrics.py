"""Every outcome of every route sends exactly the metrics that the operator is promised for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import Session

from chalicelib.bootstrap import stores_on
from chalicelib.storage.dynamodb import make_client
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from tests.docs.pages import DOCS, code_in, table
from tests.support import aws
from tests.support.aws import SETTINGS, Row, moto
from tests.support.clock import ManualClock
from tests.support.embedded_metrics import sent_by
from tests.support.portal import brought_back
from tests.support.wizard import Answer, Phone, wrong_recovery_code
from tests.support.world import World, moto_world

RUNBOOK = DOCS / "runbook.md"
# These are measured, not counted.
MEASURED = {"AwsCalls", "VerificationTime", "ClockDrift"}


@pytest.fixture
def world() -> Iterator[World]:
    with moto_world(stage="prod", origin_secrets=("the-secret",)) as world:
        yield world


class Watch:
    """Reads off each request what it sent, and what it did."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outcomes: Counter[str] = Counter()

    def counted_by(self, answer: Answer) -> set[str]:
        """Return the counters that the request of *answer* sent, all rules checked."""
        line = self._world.last_line
        assert line["status"] == answer.status
        self.outcomes[line["outcome"]] += 1
        sent = sent_by(self._world.log_lines[-1])
        assert (sent.namespace, sent.dimensions) == ("Tvasteg", {"stage": "prod"})
        assert sent.at_epoch_milliseconds == int(self._world.clock() * 1000)
        assert sent.values["AwsCalls"] == sum(line["aws_calls"].values())
        assert ("VerificationTime" in sent.values) == ("Verified" in sent.values)
        counted = {name for name in sent.values if name not in MEASURED}
        assert all(sent.values[name] == 1 for name in counted)
        assert counted == _promised(line)
        return counted


def _promised(line: dict[str, Any]) -> set[str]:
    """Return what the runbook's table says of a request that left *line*."""
    promised = set()
    for row in table("### Metrics", RUNBOOK):
        for cause in code_in(row["sent for"]):
            step = f"{line['method']} {line['route']}"
            if cause == line.get("alarm", line["outcome"]) or (cause == step and line["outcome"] == "ok"):
                promised.add(code_in(row["metric"])[0])
    return promised


class Story:
    """Everything that can come of a request, told in four parts that lead into each other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.watch = Watch(world)
        self.wizard = world.wizard_at_front_door()

    def _sends(self, answer: Answer, *counters: str) -> None:
        assert self.watch.counted_by(answer) == set(counters)

    def the_way_that_it_is_meant_to_go(self) -> Phone:
        sends, wizard = self._sends, self.wizard
        sends(wizard.call("GET", "/api/tenant"))
        sends(wizard.sign_in(), "SignedIn")
        sends(wizard.session())
        key = "one-key-for-one-action"
        sends(wizard.prove_again(idempotency_key=key, keep_cookie=False), "PasswordProven")
        sends(wizard.prove_again(idempotency_key=key))  # the same answer once more
        begun = wizard.begin()
        sends(begun, "EnrolmentBegun")
        sends(wizard.offer(), "EnrolmentOffered")
        return Phone(begun.body["key"], self.world.clock)

    def wrong_turns_on_it(self, phone: Phone) -> None:
        sends, wizard, other = self._sends, self.wizard, self.world.wizard_at_front_door()
        sends(other.session())  # not_signed_in
        sends(other.sign_in(password="a wrong one"))
        other.sign_in()
        sends(other.begin())  # reauthentication_required
        sends(other.verify("123456"))  # not_enrolled
        sends(other.offer())  # enrolment_replaced
        sends(wizard.confirm("12345"), "CodeMalformed")
        sends(wizard.confirm(phone.wrong_otp()), "CodeMismatched")
        sends(wizard.confirm(phone.otp(steps=5)), "CodeOfAnotherTime")
        sends(wizard.call("POST", "/api/enrolment/confirmation", raw=b"{"))
        sends(wizard.call("POST", "/api/enrolment/confirmation", raw=b"0" * 20_000))
        sends(wizard.confirm("1", headers={"content-type": "text/plain"}))
        sends(wizard.confirm("1", headers={"origin": "https://evil.example"}))
        sends(wizard.call("GET", "/api/tenant?tenant=nobody"))
        sends(self.world.wizard().session())  # edge_bypassed
        sends(wizard.confirm(phone.otp()), "EnrolmentConfirmed")
        sends(wizard.confirm(phone.otp()))  # enrolment_already_confirmed
        sends(wizard.cancel())

    def enrolments_that_come_to_nothing(self, phone: Phone) -> None:
        sends, wizard, clock = self._sends, self.wizard, self.world.clock
        clock.advance_to_next_time_step()
        wizard.sign_in()
        sends(wizard.begin())  # verification_required
        sends(wizard.verify(phone.otp()), "Verified")
        sends(wizard.verify(phone.otp()), "CodeAlreadyUsed")
        wizard.prove_again()
        wizard.begin()
        new_phone = wizard.scan()
        for _ in range(10):
            sends(wizard.confirm(new_phone.wrong_otp()), "CodeMismatched")
        sends(wizard.confirm(new_phone.otp()))  # enrolment_attempts_exhausted
        wizard.cancel()
        wizard.sign_in()
        sends(wizard.confirm("123456"))  # enrolment_not_begun
        wizard.verify(phone.otp(steps=1))
        wizard.prove_again()
        wizard.begin()
        for minutes in (14, 14, 3):
            clock.advance(60 * minutes)
            last = wizard.offer()
        sends(last)  # enrolment_expired

    def recovery_codes_and_what_comes_of_them(self, phone: Phone) -> None:
        sends, wizard, lost = self._sends, self.wizard, self.world.wizard_at_front_door()
        self.world.clock.advance_to_next_time_step()
        wizard.sign_in()
        wizard.verify(phone.otp())
        wizard.prove_again()
        made = wizard.make_recovery_codes()
        sends(made, "RecoveryCodesMade")
        sends(wizard.acknowledge_recovery_codes(made.body["set"]))
        sends(wizard.acknowledge_recovery_codes("another"))  # recovery_codes_replaced
        lost.sign_in()
        first, second, *_ = made.body["codes"]
        sends(lost.recover("A-1"), "CodeMalformed")
        sends(lost.recover(wrong_recovery_code(first)), "RecoveryCodeMismatched")
        sends(lost.recover(first), "RecoveryCodeUsed")
        sends(lost.recover(first), "CodeAlreadyUsed")
        row = self.world.row("RECOVERY")
        assert row is not None
        self.world.aws.write(row | {"consecutive_failures": {"N": "20"}})
        sends(lost.recover(second), "Disabled")

    def more_phones_than_one_may_have(self) -> None:
        """End with the one that there was before."""
        sends, wizard = self._sends, self.wizard
        wizard.prove_again()
        (first,) = wizard.authenticator_ids()
        sends(wizard.remove(first))  # last_authenticator
        sends(wizard.rename(first, "Arbetsmobil"))
        sends(wizard.forget("all"))
        for _ in range(4):
            wizard.begin()
            self.world.clock.advance_to_next_time_step()
            wizard.confirm(wizard.scan().otp())
            wizard.prove_again()
        sends(wizard.second_factor())
        sends(wizard.begin())  # too_many_authenticators
        for _ in range(4):
            sends(wizard.remove(wizard.authenticator_ids()[-1]))
            wizard.prove_again()

    def the_help_desk_and_its_code(self) -> None:
        sends, world = self._sends, self.world
        tenant = world.add_tenant(
            policy={"second_factor": "required", "deadline": None, "reset_wait_hours": 1}
        )
        world.clock.advance(61)  # for which the old policy is remembered
        user, other = (world.add_user(tenant, username=f"{name}@firma.se") for name in ("bo", "cilla"))
        world.add_staff(tenant)
        desk, wizard = world.help_desk_at_front_door(), world.wizard_at_front_door(username=user.username)
        sends(desk.sign_in())
        sends(desk.users())  # verification_required
        wizard.enrolled()
        desk.begins_work()
        sends(desk.users())
        sends(desk.users(after="nowhere"))  # body_malformed
        sends(desk.counts())
        sends(desk.user(user.user_id))
        sends(desk.user("nobody"))  # not_found
        world.aws.interfere(self._take_long, at_call=4)
        sends(desk.user_of_reference("00000000"))  # search_unfinished
        world.aws.leave_alone()
        sends(desk.unlock(user.user_id))
        sends(desk.reset(other.user_id))  # not_enrolled
        key = "one-key-for-one-action"
        given = desk.reset(user.user_id, idempotency_key=key)
        sends(given, "SecondFactorReset")
        code = given.body["reset_code"]
        wizard.sign_in()
        wizard.prove_again()
        sends(wizard.begin())  # reset_code_required
        sends(wizard.give_reset_code("1"), "CodeMalformed")
        sends(wizard.give_reset_code(code), "ToldToWait")
        world.clock.advance(3_600)
        wizard.sign_in()
        sends(wizard.give_reset_code(code[::-1]), "ResetCodeMismatched")
        sends(wizard.give_reset_code(code))
        world.clock.advance(24 * 3_600 + 1)
        wizard.sign_in()
        sends(wizard.give_reset_code(code))  # reset_code_expired

    def guesses_and_what_we_stand_on_failing(self, phone: Phone) -> None:
        sends, wizard, aws_below = self._sends, self.wizard, self.world.aws
        wizard.sign_in()
        for _ in range(5):
            sends(wizard.verify(phone.wrong_otp()), "CodeMismatched")
        sends(wizard.verify(phone.otp()), "ToldToWait")
        aws_below.interfere(aws.broken, aws.broken)
        sends(wizard.session(), "AwsFaults")
        aws_below.interfere(_bug)
        sends(wizard.session(), "InternalErrors")
        aws_below.leave_alone()
        self._change_the_authenticators(consecutive_failures={"N": "20"})
        sends(wizard.verify(phone.otp()), "Disabled")
        self._change_the_authenticators(format_version={"N": "2"})
        sends(wizard.verify(phone.otp()), "NewerRows")
        self._change_the_authenticators(format_version={"N": "1"}, **_tampered(self.world))
        sends(wizard.verify(phone.otp()), "SecretIntegrity")
        sends(wizard.sign_out())

    def portals_and_who_is_none(self) -> None:
        sends, world = self._sends, self.world
        portal = world.add_portal_at_front_door()
        sends(portal.status("u-1"))
        sends(portal.status("u-1", jwt="none.of.ours"), "ClientsRefused")
        sends(portal.hand_off("u-1", identity_verified=False))
        sends(portal.hand_off("u-1", return_url="https://evil.example/"))
        token = portal.token_for("u-1")
        user = world.wizard_at_front_door()
        sends(user.arrive(token), "SignedIn")
        sends(user.arrive(token))  # hand_off_expired
        sends(user.prove_again())  # password_held_by_portal
        user.begin()
        phone = user.scan()
        sends(user.confirm(phone.otp()), "EnrolmentConfirmed")
        code = brought_back(user.return_to_portal())["code"]
        sends(portal.redeem(code))
        sends(portal.redeem(code), "ReturnCodesUsedTwice")
        world.clock.advance_to_next_time_step()
        sends(portal.verify("u-1", phone.otp()), "Verified")
        sends(portal.verify("u-1", phone.otp()), "CodeAlreadyUsed")
        self.wizard.sign_in()
        sends(self.wizard.return_to_portal())  # not_handed_off
        world.stores.tenants.suspend("example", at=int(world.clock()))
        sends(portal.status("u-1"))  # tenant_suspended

    def _take_long(self, _: aws.Request, take_effect: Callable[[], Any]) -> Any:
        self.world.clock.advance(30)
        return take_effect()

    def _change_the_authenticators(self, **changes: Any) -> None:
        row = self.world.row("TOTP")
        assert row is not None
        self.world.aws.write(row | changes)


def _tampered(world: World) -> Row:
    row = world.row("TOTP")
    assert row is not None
    (entry,) = row["entries"]["M"].values()
    ciphertext = entry["M"]["ciphertext"]["B"]
    entry["M"]["ciphertext"]["B"] = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
    return {
        "consecutive_failures": {"N": "0"},
        "status": {"S": "ACTIVE"},
        "entries": row["entries"],
    }


@pytest.mark.requirement("A1")
def test_every_step_and_every_problem_sends_what_the_table_says(world: World) -> None:
    story = Story(world)
    phone = story.the_way_that_it_is_meant_to_go()
    story.wrong_turns_on_it(phone)
    story.enrolments_that_come_to_nothing(phone)
    story.recovery_codes_and_what_comes_of_them(phone)
    story.more_phones_than_one_may_have()
    story.guesses_and_what_we_stand_on_failing(phone)
    story.the_help_desk_and_its_code()
    story.portals_and_who_is_none()
    known = {problem.code for problem in (*PROBLEMS.values(), INTERNAL_ERROR)}
    assert known - set(story.watch.outcomes) == set()
    assert set(story.watch.outcomes) - known == {"ok", "repeated"}


def _bug(request: Any, take_effect: Any) -> Any:
    del request, take_effect
    message = "as only a fault of our own could"
    raise LookupError(message)


@pytest.mark.requirement("V8")
def test_the_drift_of_the_clock_is_read_off_the_answers_of_aws() -> None:
    """A clock that is an hour ahead is told, once in its minute, and decides nothing."""
    settings = replace(SETTINGS, stage="prod", origin_secrets=("the-secret",))
    fast_clock = ManualClock(time.time() + 3_600)
    with moto():
        session = Session()
        dynamodb, kms = (make_client(session, name, region=settings.region) for name in ("dynamodb", "kms"))
        stores = stores_on(settings, dynamodb=dynamodb, kms=kms, clock=fast_clock)
        world = World(stores, settings=settings)
        fast_clock.advance(60)  # what making this world has seen is past
        world.wizard_at_front_door().enrolled()
        fast_clock.advance(60)
        world.wizard_at_front_door().sign_in()
    seen = [sent_by(line).values.get("ClockDrift") for line in world.log_lines]
    first, *between, last = seen
    assert first is not None
    assert last is not None
    assert 3_595 <= first < last <= 3_900
    assert between == [None] * len(between)


def test_locally_nobody_collects_metrics() -> None:
    with moto_world() as world:
        world.wizard().sign_in()
        assert "_aws" not in world.last_line
        assert "stage" not in world.last_line
