"""Where requests race: pages spread over two servers, and what is stored when they are done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.accounts.record import User
from chalicelib.local import demo
from chalicelib.local.resources import create_missing
from chalicelib.sessions.session import OpenSession
from chalicelib.tenants.profile import Profile
from tests.support.live_server import (
    SETTINGS,
    Answer,
    Backend,
    HeldClock,
    Page,
    Server,
    all_at_once,
    serving,
)
from tests.support.ministack import ministack
from tests.support.seeding import Seeding

NOON = 1_795_435_200  # 2026-11-23T12:00:00Z
# What a test's report calls the number of times it sent one code twelve times at once.
TRIALS = "trials of one code, twelve times at once"
_OUTCOMES_OF_A_REPLAY = {"ok", "otp_already_used", "too_many_attempts"}


@dataclass(frozen=True, kw_only=True)
class Arena:
    """Two servers over one backend, and threads enough for two hundred pages."""

    backend: Backend
    seeding: Seeding
    servers: Sequence[Server]
    clock: HeldClock
    pool: ThreadPoolExecutor
    folder: Path

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Arena]:
        """Yield an arena at noon, with the demo tenant and nobody in it; it keeps its files in *folder*."""
        clock = HeldClock(folder / "clock")
        clock.set(NOON)
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(200))
            backend = stack.enter_context(Backend.at(stack.enter_context(ministack(folder))))
            create_missing(SETTINGS, dynamodb=backend.dynamodb, kms=backend.kms)
            # By this machine's own clock every row here has long expired: nothing may sweep them.
            backend.dynamodb.update_time_to_live(
                TableName=SETTINGS.state_table,
                TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
            )
            stores = backend.stores()
            profile = Profile.from_json(json.loads(demo.PROFILE.read_text(encoding="utf-8")))
            seeding = Seeding(stores=stores, tenant=stores.tenants.apply(profile))
            servers = [stack.enter_context(serving(backend, clock, folder)) for _ in range(2)]
            yield cls(
                backend=backend, seeding=seeding, servers=servers, clock=clock, pool=pool, folder=folder
            )

    def pages(self, sessions: Sequence[OpenSession]) -> list[Page]:
        """Return a page for each of *sessions*, every other one on the second server."""
        return [
            Page(self.servers[number % len(self.servers)].port, opened.session_id)
            for number, opened in enumerate(sessions)
        ]

    def race(self, sessions: Sequence[OpenSession], request: Callable[[Page, int], Answer]) -> list[Answer]:
        """Return what *request* is answered when all *sessions* send theirs at the same moment."""
        return all_at_once(self.pages(sessions), request, pool=self.pool)

    def times_accepted_of_twelve_at_once(self) -> int:
        """Return how often a new user's code is accepted when twelve sign-ins send it at once."""
        enrolled = self.seeding.enrolled_user(now=NOON)
        sessions = self.seeding.sessions(enrolled.user, 12, now=NOON)
        code = enrolled.code(NOON)
        answers = self.race(sessions, lambda page, _: page.post("/api/verification", otp=code))
        unexpected = {answer.outcome for answer in answers} - _OUTCOMES_OF_A_REPLAY
        assert not unexpected, unexpected
        return sum(answer.outcome == "ok" for answer in answers)

    def request_lines(self, sessions: Sequence[OpenSession]) -> list[dict[str, Any]]:
        """Return what the servers logged of these sign-ins."""
        references = {opened.session.reference for opened in sessions}
        return [
            line
            for server in self.servers
            for line in server.request_lines()
            if line["reference"] in references
        ]

    def authenticator_row(self, user: User) -> dict[str, Any]:
        """Return the row that holds *user*'s authenticators, in DynamoDB's own notation."""
        return self.row(user, "TOTP")

    def row(self, user: User, sort_key: str) -> dict[str, Any]:
        """Return *user*'s row of that sort key, in DynamoDB's own notation."""
        key = {"pk": {"S": f"T#{user.tenant_id}#U#{user.user_id}"}, "sk": {"S": sort_key}}
        answer = self.backend.dynamodb.get_item(
            TableName=SETTINGS.state_table, Key=key, ConsistentRead=True
        )
        row: dict[str, Any] = answer["Item"]
        return row

    def events(self, user: User, kind: str) -> list[dict[str, Any]]:
        """Return *user*'s events of that kind."""
        return self._scan(
            SETTINGS.events_table,
            "#user = :user AND kind = :kind",
            {":user": {"S": user.user_id}, ":kind": {"S": kind}},
        )

    def live_sessions(self, user: User) -> list[dict[str, Any]]:
        """Return *user*'s sessions that nothing has replaced and no newer epoch has ended."""
        rows = self._scan(
            SETTINGS.state_table,
            "sk = :session AND #user = :user AND attribute_not_exists(replaced_at)",
            {":session": {"S": "SESSION"}, ":user": {"S": user.user_id}},
        )
        newest = max((int(row["epoch"]["N"]) for row in rows), default=0)
        return [row for row in rows if int(row["epoch"]["N"]) == newest]

    def _scan(self, table: str, condition: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        pages = self.backend.dynamodb.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression=condition,
            ExpressionAttributeNames={"#user": "user"},
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return [row for page in pages for row in page["Items"]]
