"""Operators' commands against a world: the function's own operations, without HTTP before them."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import argon2

from chalicelib.admin.assembly import admin_over
from chalicelib.admin.front import Front, Reply
from chalicelib.storage.dynamodb import Database
from tests.support.world import World

ARN = "arn:aws:sts::123456789012:assumed-role/Operations/eva"
PASSWORD = "fyra-varma-höstvindar"
# Cheaper than ours, as another directory may have made it.
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


def key_of_length(octets: int) -> str:
    """Return a new secret of so many bytes in base32."""
    return base64.b32encode(secrets.token_bytes(octets)).decode().rstrip("=")


def user_row(username: str, **more: str) -> dict[str, str]:
    """Return a row of somebody whose password is `PASSWORD`."""
    return {"username": username, "password_hash": HASH} | more


def member(username: str, **more: str) -> dict[str, str]:
    """Return what adds somebody to the help desk, whose password is `PASSWORD`."""
    return {"user": secrets.token_hex(16), "username": username, "password": PASSWORD} | more


@dataclass(kw_only=True)
class Desk:
    """An operator in front of *world*'s stores."""

    world: World
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        database = self.world.stores.transactions
        assert isinstance(database, Database)
        admin = admin_over(database, self.world.stores.cipher, clock=self.world.clock)
        self.front = Front(admin=admin, write_line=self.lines.append)

    def asks(self, operation: str, *, identity: str | None = ARN, **arguments: Any) -> Reply:
        """Ask for *operation* about cozone, unless another tenant is said; return status and content."""
        body = json.dumps({"operation": operation, "arguments": {"tenant": "cozone"} | arguments})
        return self.front.answer(identity=identity, body=body.encode(), request_id="r-1")

    def gets(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        """Ask, and return what came of it."""
        reply = self.asks(operation, **arguments)
        assert reply.status == 200, reply
        return reply.content

    def is_refused(self, operation: str, **arguments: Any) -> str:
        """Ask, and return why it was refused."""
        reply = self.asks(operation, **arguments)
        assert reply.status == 400, reply
        sentence: str = reply.content["refused"]
        return sentence

    def finds(self, **who: str) -> dict[str, Any]:
        """Find whoever is called so, and return what says that they and nobody else are to be erased."""
        kept = self.gets("export_user", **who)
        (user,) = (row for row in kept["rows"] if row["kind"] == "USER")
        return {"tenant": kept["tenant"], "user": kept["user"], "created_at": user["created_at"]}

    def erases(self, **who: str) -> str:
        """Erase whoever is called so, as the commands do, and return their id."""
        found = self.finds(**who)
        self.gets("erase_user", **found)
        return str(found["user"])

    def imports(self, *rows: Mapping[str, str], **arguments: Any) -> list[tuple[str, str | None]]:
        """Import *rows* of secrets; return outcome and reason of each."""
        return self._outcomes("import_secrets", rows, arguments)

    def adds(self, *rows: Mapping[str, str], **arguments: Any) -> list[tuple[str, str | None]]:
        """Import *rows* of users; return outcome and reason of each."""
        return self._outcomes("import_users", rows, arguments)

    def _outcomes(
        self, operation: str, rows: tuple[Mapping[str, str], ...], arguments: Mapping[str, Any]
    ) -> list[tuple[str, str | None]]:
        told = self.gets(operation, rows=list(rows), **arguments)["rows"]
        return [(row["outcome"], row.get("reason")) for row in told]
