"""`make rotate-signing-key`: the next key is known a day early, and none is told to go too soon."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any, cast

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, KeySetSerialization

from chalicelib.assertions.assertion import Assertion
from chalicelib.assertions.signing_keys import NOTICE_SECONDS, OVERLAP_SECONDS
from chalicelib.assertions.store import RingChangedError
from chalicelib.bootstrap import assemble
from chalicelib.deployment import signing_key
from chalicelib.errors import ServiceUnavailableError
from chalicelib.hand_offs.record import ReturnCode
from tests.deployment.operating import Operator, Said
from tests.support.aws import SETTINGS

CODE = ReturnCode(
    key="0" * 64,
    tenant_id="example",
    client_name="web",
    user_id="0" * 32,
    portal_user="4711",
    nonce="nonce-of-the-portal",
    verified_at=0,
    verified_by="code",
    reference="00000000",
    issued_at=0,
)


def rotate(operator: Operator) -> Said:
    return operator.does("rotate-signing-key")


def published(operator: Operator, *, now: float) -> list[str]:
    """Return the kids that portals are told at *now*; the first is the one that signs."""
    signer = operator.stage.services.portals.signer
    return [key["kid"] for key in signer.published(now=int(now))["keys"]]


class At:
    """A clock that stands where a test puts it."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> At:
    at = At()
    monkeypatch.setattr(signing_key, "time", at)
    return at


@pytest.mark.requirement("M5")
def test_the_next_key_is_known_now_and_signs_tomorrow(operator: Operator) -> None:
    (first,) = published(operator, now=time.time())

    said = rotate(operator)

    assert said.status == 0
    now = time.time()
    signing, waiting = published(operator, now=now)
    assert signing == first
    assert f"whose kid is {waiting}. It costs 1 dollar a month." in said.out
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(now + NOTICE_SECONDS))
    assert f"It signs from {tomorrow} " in said.out
    assert published(operator, now=now + NOTICE_SECONDS + 60) == [waiting, first]
    assert published(operator, now=now + NOTICE_SECONDS + OVERLAP_SECONDS + 120) == [waiting]


@pytest.mark.requirement("M5", "K4")
def test_the_next_key_is_like_the_first(operator: Operator) -> None:
    """Its policy above all, which says who signs."""
    rotate(operator)
    ring = operator.stage.stores.signing_keys.ring()
    assert ring is not None
    described, policies = [], []
    for key in ring.keys:
        metadata = operator.kms.describe_key(KeyId=key.key_id)["KeyMetadata"]
        described.append([metadata[name] for name in ("KeySpec", "KeyUsage", "Description")])
        policy = operator.kms.get_key_policy(KeyId=key.key_id, PolicyName="default")["Policy"]
        policies.append(json.loads(policy))
    assert described[0] == described[1]
    assert policies[0] == policies[1]
    tags = operator.kms.list_resource_tags(KeyId=ring.keys[1].key_id)["Tags"]
    assert {tag["TagKey"]: tag["TagValue"] for tag in tags} == {"application": "tvasteg", "stage": "dev"}


@pytest.mark.requirement("M5")
def test_no_second_key_is_made_while_one_waits(operator: Operator) -> None:
    rotate(operator)
    before = operator.keys()

    said = rotate(operator)

    assert said.status == 1
    assert said.err.startswith("Nothing was changed: a key waits already. ")
    assert operator.keys() == before


@pytest.mark.requirement("M5")
def test_a_key_may_go_when_no_portal_needs_it_any_more(operator: Operator, clock: At) -> None:
    """The stack's own never: a later deploy looks for it."""
    first_said = rotate(operator).out
    stage = operator.stage
    first = stage.data["SigningKeyArn"]
    assert f"{first} belongs to the stack tvasteg-dev-data and stays.\n" in first_said
    assert "schedule-key-deletion" not in first_said

    second_made_at = clock.now
    clock.now += NOTICE_SECONDS + 60
    ring = stage.stores.signing_keys.ring()
    assert ring is not None
    second = ring.keys[1].key_id
    said = rotate(operator).out

    may_go_at = time.gmtime(int(clock.now) + NOTICE_SECONDS + OVERLAP_SECONDS + 2 * 60)
    told = f"{second} may go after {time.strftime('%Y-%m-%d %H:%M UTC', may_go_at)}, and not before:\n"
    assert told in said
    assert f"  aws kms schedule-key-deletion --pending-window-in-days 30 --key-id {second} --region" in said
    # The first is still published then: its last signature is of a moment ago.
    until = time.gmtime(int(second_made_at) + NOTICE_SECONDS + OVERLAP_SECONDS + 2 * 60)
    assert f"Nothing needs it after {time.strftime('%Y-%m-%d %H:%M UTC', until)}.\n" in said


@pytest.mark.requirement("M5")
def test_no_portal_that_asks_once_a_day_refuses_anything(operator: Operator, clock: At) -> None:
    """
    A drill over five days with two rotations and an assertion every half hour.

    24 portals ask for the keys once a day each, every one at another hour.
    """
    stage = operator.stage
    settings = replace(SETTINGS, signing_key_id=stage.data["SigningKeyArn"])
    signer = assemble(settings, stage.stores, clock=clock.time, write_line=print).portals.signer
    begun_at = clock.now
    known: dict[int, KeySet] = {}
    kids = set()
    for half_hour in range(2 * 24 * 5):
        clock.now = begun_at + half_hour * 30 * 60
        if half_hour in (60, 130):
            assert rotate(operator).status == 0
        assertion = signer.signed(
            Assertion(
                assertion_id=f"{half_hour:032x}", issuer="https://tva", code=CODE, issued_at=int(clock.now)
            )
        )
        for portal in range(24):
            if portal not in known or (half_hour % 48) == 2 * portal:
                known[portal] = KeySet.import_key_set(
                    cast("KeySetSerialization", signer.published(now=int(clock.now)))
                )
            header = jwt.decode(assertion, known[portal], algorithms=["ES256"]).header
        kids.add(header["kid"])
    assert len(kids) == 3


def test_whoever_is_second_makes_no_key_that_is_paid_for_nothing(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(*_: object) -> None:
        raise RingChangedError

    monkeypatch.setattr("chalicelib.assertions.dynamodb.DynamoSigningKeys.replace", replace)
    said = rotate(operator)

    assert said.err.startswith("Nothing was changed: somebody else has just rotated the key too. ")
    assert sorted(operator.keys().values()) == ["Enabled"] * 4 + ["PendingDeletion"]


def test_a_key_of_which_nothing_is_known_is_not_deleted(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be published: then it signs tomorrow, and must be there."""
    keep: Any = operator.stage.stores.signing_keys.__class__.replace

    def replace(*arguments: Any) -> None:
        keep(*arguments)
        raise ServiceUnavailableError

    with monkeypatch.context() as patching:
        patching.setattr("chalicelib.assertions.dynamodb.DynamoSigningKeys.replace", replace)
        said = rotate(operator)
    states = operator.keys()
    (made,) = {key for key in states if f"{key} was made, and it is not known" in said.err}
    assert states[made] == "Enabled"
    assert f"a key waits already. {made} signs from " in rotate(operator).err
