"""
Rows as a release writes them, kept for all later ones to live with.

    python -m tests.upgrade.keep_rows 0.2.0 $(git rev-parse --short HEAD) > tests/upgrade/rows-0.2.0.json

To be run once for every release, in a checkout of that release (with this file
put into it where it is missing). A few users of one tenant go different lengths
of the way; the tables are then written down as they are, with what the users
and their browsers know. Everything in them is made up here.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import sys
from dataclasses import replace
from typing import Any

from chalicelib.errors import SecretIntegrityError
from chalicelib.keys.cipher import SealContext, SealedSecret
from chalicelib.totp import SharedSecret
from tests.support.aws import Row, moto
from tests.support.wizard import Phone, Wizard, new_idempotency_key
from tests.support.world import World

PASSWORD = "fyra-blanka-tallkottar"
_KEY_ARN = "arn:aws:kms:eu-north-1:111122223333:key/00000000-0000-0000-0000-000000000000"
_NONCE_BYTES = 16


class LastingCipher:
    """A double of KMS whose ciphertexts open in any later process, each in its own context only."""

    def seal(
        self, secret: SharedSecret, context: SealContext, *, key_arn: str | None = None
    ) -> SealedSecret:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = nonce + _combined(secret.octets, nonce, context)
        return SealedSecret(ciphertext=ciphertext, key_arn=key_arn or _KEY_ARN, version=context.version)

    def open(self, sealed: SealedSecret, context: SealContext) -> SharedSecret:
        nonce, hidden = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        octets = _combined(hidden[:-_NONCE_BYTES], nonce, context)[:-_NONCE_BYTES]
        if sealed.key_arn != _KEY_ARN or _combined(octets, nonce, context) != hidden:
            raise SecretIntegrityError
        return SharedSecret(octets)


def _combined(octets: bytes, nonce: bytes, context: SealContext) -> bytes:
    where = json.dumps(context.as_encryption_context(), sort_keys=True).encode()
    stream = hmac.digest(nonce, where, "sha256")
    hidden = bytes(left ^ right for left, right in zip(octets, stream, strict=False))
    return hidden + hmac.digest(nonce, where + octets, "sha256")[:_NONCE_BYTES]


def kept(release: str, commit: str) -> dict[str, Any]:
    """Return what a file of this folder holds, as today's code makes it."""
    with moto() as aws:
        world = World(replace(aws.stores, cipher=LastingCipher()), aws=aws)
        people = _lived(world)
        return {
            "about": "Rows in DynamoDB's own notation, as this release wrote them; see keep_rows.py",
            "release": release,
            "commit": commit,
            "now": world.clock.now,
            "people": people,
            "state": [_as_json(row) for row in aws.state() if _is_to_keep(row, world)],
            "events": [_as_json(row) for row in aws.events()],
        }


def _lived(world: World) -> dict[str, Any]:
    """Let users go their ways; return what each of them and their browser knows."""
    people: dict[str, Any] = {}

    def person(name: str) -> Wizard:
        world.add_user(username=f"{name}@portal.se", password=PASSWORD)
        people[name] = {}
        return world.wizard(username=f"{name}@portal.se", password=PASSWORD)

    def later(minutes: int = 1) -> None:
        world.clock.advance(60 * minutes)

    # Disa has typed twenty wrong codes in a row.
    disa = person("disa")
    phone = disa.enrolled()
    for _ in range(20):
        later(61)
        disa.sign_in()
        disa.verify(phone.wrong_otp())
    assert disa.verify(phone.otp()).problem == "authenticator_disabled"
    people["disa"] |= {"key": phone.key}
    # Anna has two-step verification, has used it, and is changing to a new phone.
    anna = person("anna")
    old_phone = anna.enrolled()
    later()
    anna.sign_in()
    anna.verify(old_phone.wrong_otp())
    assert anna.verify(old_phone.otp()).status == 200
    later()
    anna.prove_again()
    new_phone = Phone(anna.begin(phone="iphone", same_phone=True).body["key"], world.clock)
    people["anna"] |= {"key": old_phone.key, "new_key": new_phone.key, "session_id": anna.session_id}
    # Berit is about to confirm her first one and has mistyped once.
    berit = person("berit")
    phone = berit.begun()
    berit.confirm(phone.wrong_otp())
    people["berit"] |= {"new_key": phone.key, "session_id": berit.session_id}
    # Cecilia has to wait after five wrong codes.
    cecilia, erik = person("cecilia"), person("erik")
    cecilias_phone, eriks_phone = cecilia.enrolled(), erik.enrolled()
    later()
    cecilia.sign_in()
    for _ in range(5):
        cecilia.verify(cecilias_phone.wrong_otp())
    assert cecilia.verify(cecilias_phone.otp()).problem == "too_many_attempts"
    people["cecilia"] |= {"key": cecilias_phone.key, "session_id": cecilia.session_id}
    # Erik's code was accepted just now, and the answer never reached him.
    erik.sign_in()
    before, key, otp = erik.session_id, new_idempotency_key(), eriks_phone.otp()
    answer = erik.verify(otp, idempotency_key=key, keep_cookie=False)
    people["erik"] |= {
        "key": eriks_phone.key,
        "session_id": before,
        "next_session_id": answer.cookie,
        "idempotency_key": key,
        "otp": otp,
        "answer": answer.body,
    }
    # Frida's password was guessed at, at sign-in and within her session.
    frida = person("frida")
    frida.sign_in()
    for _ in range(6):
        frida.prove_again(password="a guess")
        world.wizard(username="frida@portal.se").sign_in(password="a guess")
    people["frida"] |= {"session_id": frida.session_id}
    # Gustav has done nothing yet.
    person("gustav")
    return people


def _is_to_keep(row: Row, world: World) -> bool:
    # The world comes with a user of its own, whom nobody here is. TTL sweeps what has expired.
    is_of_the_world = world.user.user_id in row["pk"]["S"] or row.get("user_id") == {
        "S": world.user.user_id
    }
    has_expired = int(row.get("expires_at", {"N": "9999999999"})["N"]) < world.clock.now
    return not is_of_the_world and not has_expired


def _as_json(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _as_json(part) for name, part in value.items()}
    return value


def _written(kept_rows: dict[str, Any]) -> str:
    """Return *kept_rows* as JSON with a line for each row, so that a difference can be read."""
    parts = []
    for name, value in kept_rows.items():
        text = json.dumps(value)
        if isinstance(value, list):
            text = "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
        parts.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.stdout.write(_written(kept(*sys.argv[1:])))
