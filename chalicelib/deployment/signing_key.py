"""`make rotate-signing-key`: portals learn the next key before it signs, and lose none too early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

from chalicelib.assertions.assertion import ASSERTION_SECONDS
from chalicelib.assertions.signing_keys import OVERLAP_SECONDS, KeyRing, SigningKey
from chalicelib.assertions.store import RingChangedError
from chalicelib.deployment.administration import (
    Administration,
    open_administration,
    told_in_sentences,
    told_time,
)
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.keys import WAITING_DAYS, make_signing_key, schedule_deletion
from chalicelib.errors import ServiceUnavailableError
from chalicelib.tenants.cache import REMEMBERED_SECONDS


def rotate_signing_key(stage: str) -> None:
    """
    Make the next key, publish it from now on and let it sign from tomorrow. Says which keys may go.

    Raises:
        DeploymentError: A key waits already, somebody else rotates too, or AWS refuses.
    """
    administration = open_administration(stage)
    now = int(time.time())
    with told_in_sentences():
        kept = administration.stores.signing_keys.ring()
        before = kept or _ring_of_the_first(administration)
        _require_that_none_waits(before, now=now)
        key_arn = make_signing_key(administration.account, like=before.keys[-1].key_id)
        after = _published(administration, kept, before, key_arn, now=now)
    new = after.keys[-1]
    print(f"Made: {key_arn}, whose kid is {new.kid}. It costs 1 dollar a month.")
    print("Portals find it at /api/jwks within a minute.")
    print(f"It signs from {told_time(new.signs_from)}; until then nothing changes.")
    print("\n".join(_what_may_go(administration, before, after)))


def _ring_of_the_first(administration: Administration) -> KeyRing:
    first = administration.data["SigningKeyArn"]
    jwk = administration.stores.signer.public_jwk(first)
    return KeyRing(keys=(SigningKey(key_id=first, jwk=jwk, signs_from=0),))


def _require_that_none_waits(ring: KeyRing, *, now: int) -> None:
    newest = ring.keys[-1]
    if newest.signs_from > now:
        raise DeploymentError(
            f"Nothing was changed: a key waits already. {newest.key_id} signs from "
            f"{told_time(newest.signs_from)}; the next one can be made after that."
        )


def _published(
    administration: Administration, kept: KeyRing | None, before: KeyRing, key_arn: str, *, now: int
) -> KeyRing:
    """Put the new key into the ring; one that nobody will ever know is set up for deletion again."""
    try:
        jwk = administration.stores.signer.public_jwk(key_arn)
        after = before.with_next(key_arn, jwk, now=now)
        administration.stores.signing_keys.replace(kept, after)
    except RingChangedError as error:
        schedule_deletion(administration.account, key_arn)
        raise DeploymentError(
            "Nothing was changed: somebody else has just rotated the key too. The one that was made "
            f"here, {key_arn}, is set up for deletion."
        ) from error
    except ServiceUnavailableError as error:
        raise DeploymentError(
            f"{key_arn} was made, and it is not known whether it is published: {error.__cause__ or error}\n"
            "Repeat the command. If it says that this key waits, all is well; else delete this one:\n"
            f"  {_deletion_of(administration, key_arn)}"
        ) from error
    return after


def _what_may_go(administration: Administration, before: KeyRing, after: KeyRing) -> Iterator[str]:
    data_stack, first = administration.account.data_stack, administration.data["SigningKeyArn"]
    for key, successor in pairwise((*before.keys, after.keys[-1])):
        # Its last assertion may be checked for as long as that lasts, and its turn ends within a minute.
        unknown_from = told_time(
            successor.signs_from + OVERLAP_SECONDS + ASSERTION_SECONDS + REMEMBERED_SECONDS
        )
        if key.key_id == first:
            yield f"{first} belongs to the stack {data_stack} and stays."
            yield f"Nothing needs it after {unknown_from}."
        else:
            yield f"{key.key_id} may go after {unknown_from}, and not before:"
            yield f"  {_deletion_of(administration, key.key_id)}"


def _deletion_of(administration: Administration, key_arn: str) -> str:
    region = administration.account.region
    return (
        f"aws kms schedule-key-deletion --pending-window-in-days {WAITING_DAYS} --key-id {key_arn} "
        f"--region {region}"
    )
