"""The row that every verification writes: small enough for the cheapest write, and it says who asked."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.authenticators.record import Attempt, Authenticator, Owner, PendingAuthenticator
from chalicelib.keys.cipher import SealedSecret
from chalicelib.throttle import end_of_month_epoch_seconds
from tests.support.aws import Moto, Row, moto
from tests.support.clock import A_MONDAY_MORNING
from tests.support.wizard import Phone, Wizard
from tests.support.world import World

ONE_WRITE_UNIT_BYTES = 1_024


def size_bytes(value: dict[str, Any]) -> int:
    """Return how large DynamoDB says an attribute's value is, by "Item sizes and formats"."""
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + size_bytes(part) for name, part in content.items())
    if kind == "N":
        return 2 + len(content) // 2
    return len(content.encode() if kind == "S" else content)


def row_size_bytes(row: Row) -> int:
    """Return how large DynamoDB says *row* is."""
    return sum(len(name.encode()) + size_bytes(value) for name, value in row.items())


def test_it_stays_below_one_write_unit_with_everything_at_its_longest() -> None:
    """A kilobyte more would double the price of every sign-in."""
    with moto() as aws:
        row = _longest_row(aws)
    assert {"accepted_attempt", "last_attempt_request_id", "last_attempt_reference"} <= set(row)
    assert sum(name.startswith("failures_") for name in row) == 2
    assert row_size_bytes(row) < ONE_WRITE_UNIT_BYTES


def _longest_row(aws: Moto) -> Row:
    owner = Owner(tenant_id="t" * 32, user_id="f" * 32)
    authenticator_id = "a" * 32
    sealed = SealedSecret(
        ciphertext=bytes(200),  # KMS makes about 172 bytes of 20
        key_arn=f"arn:aws-us-gov:kms:us-gov-west-1:{'1' * 12}:key/mrk-{'f' * 32}",
        version=99,
    )
    pending = PendingAuthenticator(
        authenticator_id=authenticator_id,
        method="totp",
        name="Google Authenticator",
        sign_in_id="s",
        sealed=sealed,
        phone="android",
        same_phone=False,
        begun_at=A_MONDAY_MORNING,
        expires_at=A_MONDAY_MORNING,
        epoch=0,
        replaces=None,
    )
    entry = Authenticator(
        authenticator_id=authenticator_id,
        name=pending.name,
        sealed=sealed,
        last_accepted_time_step=0,
        bound_at=A_MONDAY_MORNING,
        last_used_at=None,
    )
    authenticators, commit = aws.stores.authenticators, aws.stores.transactions.commit

    def attempt(made_at: int) -> Attempt:
        return Attempt(
            caller="c",
            attempt_id=f"at {made_at}",
            made_at=made_at,
            request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            reference="f" * 8,
        )

    commit(authenticators.begun(owner, pending))
    commit(*authenticators.confirmed(owner, pending, entry, now=A_MONDAY_MORNING))
    accepted = authenticators.reserve_attempt(owner, "totp", attempt(A_MONDAY_MORNING))
    step = A_MONDAY_MORNING // 30
    authenticators.accept_attempt(owner, accepted, authenticator_id, time_step=step)
    authenticators.reserve_attempt(owner, "totp", attempt(end_of_month_epoch_seconds(A_MONDAY_MORNING)))
    (row,) = [row for row in aws.state() if row["sk"]["S"] == "TOTP"]
    return row


def _enrolled(world: World, wizard: Wizard) -> Phone:
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    return phone


def _who_asked_last(world: World) -> tuple[str, str]:
    row = world.row("TOTP")
    assert row is not None
    return row["last_attempt_request_id"]["S"], row["last_attempt_reference"]["S"]


@pytest.mark.requirement("A1")
def test_it_says_which_request_of_which_sign_in_asked_last(world: World, wizard: Wizard) -> None:
    phone = _enrolled(world, wizard)
    row = world.row("TOTP")
    assert row is not None
    assert "last_attempt_request_id" not in row, "a confirmation is no attempt at a sign-in"
    for otp, status in ((phone.wrong_otp(), 422), (phone.otp(), 200), (phone.otp(), 409)):
        assert wizard.verify(otp).status == status
        line = world.last_line
        assert _who_asked_last(world) == (line["request_id"], line["reference"])


@pytest.mark.requirement("A1", "L1")
def test_what_is_refused_uncounted_leaves_no_trace_in_it(world: World, wizard: Wizard) -> None:
    phone = _enrolled(world, wizard)
    for _ in range(5):
        wizard.verify(phone.wrong_otp())
    before = world.row("TOTP")
    assert wizard.verify(phone.otp()).status == 429
    assert world.row("TOTP") == before


def test_a_row_from_before_it_said_so_works_on(world: World, wizard: Wizard) -> None:
    phone = _enrolled(world, wizard)
    wizard.verify(phone.wrong_otp())
    row = world.row("TOTP")
    assert row is not None
    world.aws.write({name: value for name, value in row.items() if not name.startswith("last_attempt_r")})
    assert wizard.verify(phone.otp()).status == 200
    assert _who_asked_last(world)[0] == world.last_line["request_id"]
