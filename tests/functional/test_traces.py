"""What each request leaves behind: one log line with its AWS calls, and one event for each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.support import aws
from tests.support.wizard import Answer, Phone, Wizard
from tests.support.world import World

GET, UPDATE, TRANSACT = "DynamoDB.GetItem", "DynamoDB.UpdateItem", "DynamoDB.TransactWriteItems"
SEAL, OPEN = "KMS.Encrypt", "KMS.Decrypt"


def _enrolled(world: World, wizard: Wizard) -> Phone:
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    return phone


@pytest.mark.doubles
@pytest.mark.requirement("A1")
def test_a_log_line_says_who_what_and_how_it_went(world: World, wizard: Wizard) -> None:
    reference = wizard.sign_in().body["reference"]
    line = world.last_line
    assert set(line) == {
        "level",
        "request_id",
        "reference",
        "tenant",
        "method",
        "route",
        "status",
        "outcome",
        "duration_ms",
        "aws_calls",
    }
    assert (line["level"], line["tenant"], line["reference"]) == ("INFO", "cozone", reference)
    assert (line["method"], line["route"]) == ("POST", "/api/session")
    assert (line["status"], line["outcome"]) == (200, "ok")
    assert line["duration_ms"] > 0
    wizard.verify("123456")
    assert (world.last_line["status"], world.last_line["outcome"]) == (409, "not_enrolled")
    assert world.last_line["request_id"] != line["request_id"]


@pytest.mark.doubles
@pytest.mark.requirement("A1")
def test_every_request_writes_exactly_one_line(world: World, wizard: Wizard) -> None:
    steps: list[Callable[[], Answer]] = [
        wizard.session,
        wizard.sign_in,
        lambda: wizard.sign_in(password="wrong-password-here"),
        wizard.begin,
        wizard.prove_again,
        wizard.begin,
        lambda: wizard.confirm("1"),
        lambda: wizard.confirm("123456", headers={"origin": None}),
        wizard.cancel,
        wizard.sign_out,
    ]
    for number, step in enumerate(steps, start=1):
        step()
        assert len(world.log_lines) == number


class TestAwsCalls:
    """Each route costs what the design says, beside the session's two reads."""

    def test_reading(self, world: World, wizard: Wizard) -> None:
        wizard.call("GET", "/api/tenant")
        assert world.aws_calls() == {GET: 2}  # whose host this is, and the tenant
        wizard.call("GET", "/api/tenant")
        assert world.aws_calls() == {}
        wizard.begun()
        wizard.session()
        assert world.aws_calls() == {GET: 4}
        wizard.offer()
        assert world.aws_calls() == {GET: 3, OPEN: 1}

    def test_sign_in_and_its_end(self, world: World, wizard: Wizard) -> None:
        wizard.call("GET", "/api/tenant")
        wizard.sign_in()
        assert world.aws_calls() == {GET: 4, UPDATE: 1, TRANSACT: 1}
        wizard.prove_again()
        assert world.aws_calls() == {GET: 4, UPDATE: 1, TRANSACT: 1}
        wizard.sign_out()
        assert world.aws_calls() == {GET: 1, TRANSACT: 1}

    def test_begin_and_confirm_take_at_most_three_calls_and_one_to_kms(
        self, world: World, wizard: Wizard
    ) -> None:
        wizard.call("GET", "/api/tenant")
        phone = wizard.begun()
        assert world.aws_calls() == {GET: 2 + 1, UPDATE: 1, TRANSACT: 1, SEAL: 1}
        wizard.begin()
        assert world.aws_calls() == {GET: 2 + 1, UPDATE: 1, OPEN: 1}
        wizard.confirm(phone.otp())
        assert world.aws_calls() == {GET: 2, UPDATE: 1, TRANSACT: 1, OPEN: 1}

    def test_cancel(self, world: World, wizard: Wizard) -> None:
        wizard.begun()
        wizard.cancel()
        assert world.aws_calls() == {GET: 2, TRANSACT: 1}

    def test_a_code_at_sign_in_takes_two_writes_one_opening_and_the_sessions_write(
        self, world: World, wizard: Wizard
    ) -> None:
        phone = _enrolled(world, wizard)
        wizard.verify(phone.otp())
        assert world.aws_calls() == {GET: 2, UPDATE: 2, OPEN: 1, TRANSACT: 1}

    @pytest.mark.requirement("L1", "T9")
    def test_what_is_refused_unread_never_reaches_kms(self, world: World, wizard: Wizard) -> None:
        phone = _enrolled(world, wizard)
        for _ in range(5):
            wizard.verify(phone.wrong_otp())
        assert world.aws_calls() == {GET: 2, UPDATE: 1, OPEN: 1}
        wizard.verify(phone.otp())
        assert world.aws_calls() == {GET: 2, UPDATE: 1}
        wizard.verify("12345")
        assert world.aws_calls() == {GET: 2}
        wizard.call("POST", "/api/verification", raw=b"{")
        assert world.aws_calls() == {}

    def test_what_the_log_counts_is_what_was_sent(self, world: World, wizard: Wizard) -> None:
        phone = _enrolled(world, wizard)
        world.aws.interfere(aws.broken)  # which is asked once more
        wizard.verify(phone.otp())
        counted = Counter({name.rpartition(".")[2]: count for name, count in world.aws_calls().items()})
        assert counted == Counter(world.aws.calls)
        assert counted["GetItem"] == 3


class TestEvents:
    """Each change of a user's life with a second factor is told by exactly one event."""

    @pytest.mark.requirement("A1", "A6")
    def test_the_whole_life(self, world: World, wizard: Wizard) -> None:
        told: Counter[str] = Counter()

        def brings(*kinds: str) -> None:
            nonlocal told
            now = Counter(world.event_kinds())
            assert now - told == Counter(kinds)
            told = now

        wizard.sign_in(password="wrong-password-here")
        brings()
        wizard.sign_in()
        brings("session.started")
        wizard.prove_again(password="wrong-password-here")
        brings()
        wizard.prove_again()
        brings("session.reauthenticated")
        wizard.begin()
        brings("enrolment.begun")
        wizard.begin()
        wizard.offer()
        brings()
        wizard.cancel()
        brings("enrolment.cancelled")
        wizard.cancel()
        brings()
        phone = Phone(wizard.begin().body["key"], world.clock)
        brings("enrolment.begun")
        wizard.confirm(phone.wrong_otp())
        wizard.confirm("1")
        brings()
        wizard.confirm(phone.otp())
        brings("authenticator.bound")
        wizard.confirm(phone.otp())
        brings()
        wizard.prove_again()
        phone = Phone(wizard.begin_replacement().body["key"], world.clock)
        brings("session.reauthenticated", "enrolment.begun")
        wizard.confirm(phone.otp())
        brings("authenticator.bound", "authenticator.revoked")
        world.clock.advance_to_next_time_step()
        wizard.verify(phone.otp())
        wizard.verify(phone.otp())
        brings()  # attempts are told by the stream of `state`
        wizard.sign_out()
        brings("session.ended")
        wizard.sign_out()
        brings()

    @pytest.mark.requirement("A1", "E9")
    def test_an_event_says_when_who_where_and_what(self, world: World, wizard: Wizard) -> None:
        wizard.begun()
        request_id = None
        wizard.confirm(wizard.scan().otp())
        request_id = world.last_line["request_id"]
        bound = next(event for event in world.aws.events() if event["kind"]["S"] == "authenticator.bound")
        row = world.row("TOTP")
        assert row is not None
        (authenticator_id,) = row["entries"]["M"]
        assert {
            name: next(iter(value.values())) for name, value in bound.items() if name not in {"pk", "sk"}
        } == {
            "format_version": "1",
            "kind": "authenticator.bound",
            "tenant": "cozone",
            "user": world.user.user_id,
            "occurred_at": str(int(world.clock())),
            "actor": world.user.user_id,
            "request_id": request_id,
            "reference": wizard.session().body["reference"],
            "subject": authenticator_id,
            "expires_at": str(int(world.clock()) + 1_827 * 24 * 60 * 60),
            "user_key": f"T#cozone#U#{world.user.user_id}",
        }
