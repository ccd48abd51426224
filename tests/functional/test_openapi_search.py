"""
Whatever is sent, allowed by the document or not: every answer is one that it promises, and none is a fault.

schemathesis makes the requests out of the document: some as it says, some wrong in
every way it can think of. They are sent by nobody, by users and by portals.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core import NotSet

from tests.support.openapi import DOCUMENT, OPERATIONS, Held
from tests.support.portal import Portal
from tests.support.seeding import Seeding
from tests.support.wizard import Wizard, chalice_transport
from tests.support.world import World, memory_world

EXAMPLES = 25
_SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SEARCHES = [
    (method, path, mode)
    for method, path in sorted(OPERATIONS)
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Nothing about the keys can be asked for wrongly.
    if (path, mode) != ("/api/jwks", GenerationMode.NEGATIVE)
]
# What a client's own library puts there, whatever the document would let it invent.
_NOT_INVENTED = {"host", "cookie", "content-length", "origin"}


class Callers:
    """Nobody, a user of our directory, a portal's user and a portal, all at one service."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held = Held(chalice_transport(world.app))
        self._portal: Portal = world.add_portal()
        self._portal.transport = self._held
        self._seeding = Seeding(stores=world.stores, tenant=world.tenant)
        self._enrolled = self._seeding.enrolled_user(now=int(world.clock())).user

    def send(self, method: str, path: str, *, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Send the request as each of them, and hold the answers against the document."""
        if path.startswith("/api/portal/"):
            self._send_as_portal(path, body or b"", headers)
            return
        for wizard in self._browsers():
            answer = wizard.call(method, path, raw=body, headers={**headers})
            assert answer.status < 500, answer.text

    def _send_as_portal(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        signed = self._portal.call(path, None, raw=body, headers={"content-type": "application/json"})
        assert signed.status < 500, signed.text
        invented = {"authorization": headers.get("authorization", "Bearer of-nothing")}
        assert self._portal.call(path, None, raw=body, headers=invented).status < 500

    def _browsers(self) -> Iterator[Wizard]:
        nobody = self._world.wizard_over(self._held)
        yield nobody
        now = int(self._world.clock())
        for proofs in ({}, {"verified_at": now, "reauthenticated_at": now}):
            (opened,) = self._seeding.sessions(self._enrolled, 1, now=now, **proofs)
            signed_in = self._world.wizard_over(self._held)
            signed_in.session_id = opened.session_id
            yield signed_in
        handed_over = self._world.wizard_over(self._held)
        handed_over.arrive(self._portal.token_for("u-1"))
        yield handed_over


@pytest.fixture(scope="module")
def callers() -> Callers:
    """One service for all requests, however they change it."""
    return Callers(memory_world())


@pytest.mark.requirement("B57", "B62")
@pytest.mark.parametrize(("method", "path", "mode"), SEARCHES, ids=str)
def test_no_request_gets_an_answer_that_is_not_promised(
    callers: Callers, method: str, path: str, mode: GenerationMode
) -> None:
    strategy = _SCHEMA[path][method].as_strategy(generation_mode=mode)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def search(case: Any) -> None:
        query = urlencode(case.query or {}, doseq=True, errors="replace")
        headers = {
            name.lower(): value
            for name, value in (case.headers or {}).items()
            if name.lower() not in _NOT_INVENTED and isinstance(value, str)
        }
        callers.send(method, f"{path}?{query}" if query else path, body=_octets(case.body), headers=headers)

    search()


def _octets(body: Any) -> bytes | None:
    if isinstance(body, NotSet):
        return None
    return body if isinstance(body, bytes) else json.dumps(body).encode()
