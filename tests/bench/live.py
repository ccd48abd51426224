"""MiniStack with our tables in it: the backend that keeps what it is told."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from chalicelib.accounts.passwords import hash_password
from chalicelib.local import demo
from chalicelib.local.resources import create_missing
from chalicelib.tenants.profile import Profile
from tests.bench.canned import NOW
from tests.bench.journey import PASSWORD
from tests.support.live_server import SETTINGS, Backend
from tests.support.ministack import ministack
from tests.support.seeding import Seeding


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
            yield cls(backend=backend, seeding=seeding, password_hash=hash_password(PASSWORD))

    def usernames(self, count: int) -> list[str]:
        """Return the names of *count* new users, whose password is the journey's."""
        return [self.seeding.user(now=NOW, password_hash=self.password_hash).username for _ in range(count)]
