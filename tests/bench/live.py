"""MiniStack with our tables in it: the backend that keeps what it is told."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chalicelib.accounts.passwords import hash_password
from chalicelib.local import demo
from chalicelib.local.resources import create_missing
from chalicelib.tenants.profile import Profile
from tests.bench.canned import NOW, yardstick_row
from tests.bench.journey import PASSWORD, Ticket
from tests.support.aws import Row
from tests.support.live_server import SETTINGS, Backend
from tests.support.ministack import ministack
from tests.support.seeding import Seeding

_WRITERS = 2
_USERS_A_WRITE = 8  # of three rows each: DynamoDB takes 25 at once


@dataclass(frozen=True, kw_only=True)
class Live:
    """A fresh MiniStack with one tenant."""

    backend: Backend
    seeding: Seeding
    password_hash: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.backend.url

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Live]:
        """Yield one; it ends with the block."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            backend = stack.enter_context(Backend.at(stack.enter_context(ministack(folder))))
            # Nobody reads the streams here, and they would hold every row of the bench twice.
            backend.dynamodb.meta.events.register(
                "provide-client-params.dynamodb.CreateTable",
                lambda params, **_: {n: v for n, v in params.items() if n != "StreamSpecification"},
            )
            create_missing(SETTINGS, dynamodb=backend.dynamodb, kms=backend.kms)
            # By this machine's own clock every row here may have long expired: nothing may sweep them.
            backend.dynamodb.update_time_to_live(
                TableName=SETTINGS.state_table,
                TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
            )
            stores = backend.stores()
            profile = Profile.from_json(json.loads(demo.PROFILE.read_text(encoding="utf-8")))
            seeding = Seeding(stores=stores, tenant=stores.tenants.apply(profile))
            live = cls(backend=backend, seeding=seeding, password_hash=hash_password(PASSWORD))
            (ticket,) = live.enrolled(1)
            backend.dynamodb.put_item(
                TableName=SETTINGS.state_table, Item=yardstick_row(live.rows(), ticket)
            )
            yield live

    def rows(self) -> list[Row]:
        """Return all rows."""
        pages = self.backend.dynamodb.get_paginator("scan").paginate(TableName=SETTINGS.state_table)
        return [row for page in pages for row in page["Items"]]

    def newcomers(self, count: int) -> list[Ticket]:
        """Return *count* new users, whose password is the journey's."""
        return [
            Ticket(username=self.seeding.user(now=NOW, password_hash=self.password_hash).username)
            for _ in range(count)
        ]

    def enrolled(self, count: int) -> list[Ticket]:
        """Return *count* new users who have an authenticator."""
        made = [self.seeding.enrolled_user(now=NOW, password_hash=self.password_hash) for _ in range(count)]
        return [
            Ticket(username=one.user.username, user_id=one.user.user_id, key=one.secret.base32)
            for one in made
        ]

    def copy(self, ticket: Ticket, count: int) -> None:
        """Put *count* users in place who have what *ticket*'s has but for its sessions, under other ids."""
        rows = [
            row
            for row in self.rows()
            if ticket.user_id in repr(row) and not row["pk"]["S"].startswith("S#")
        ]
        sizes = [min(_USERS_A_WRITE, count - done) for done in range(0, count, _USERS_A_WRITE)]
        with ThreadPoolExecutor(_WRITERS) as pool:
            for written in [pool.submit(self._write, rows, ticket.user_id, size) for size in sizes]:
                written.result()

    def _write(self, rows: list[Row], user_id: str, count: int) -> None:
        others = [secrets.token_hex(16) for _ in range(count)]
        puts = [{"PutRequest": {"Item": _renamed(row, user_id, other)}} for other in others for row in rows]
        self.backend.dynamodb.batch_write_item(RequestItems={SETTINGS.state_table: puts})


def _renamed(row: Row, user_id: str, other_id: str) -> Row:
    """Return *row* as another user's: with the other id in every text, found under another hash."""
    copy = {
        name: {"S": value["S"].replace(user_id, other_id)} if "S" in value else value
        for name, value in row.items()
    }
    if copy["pk"]["S"].startswith("LOOKUP#"):
        copy["pk"] = {"S": f"LOOKUP#{other_id * 2}"}
    return copy
