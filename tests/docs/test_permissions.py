"""README.md lists the AWS permissions that each route needs: all of them, and no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.docs.pages import code_in, table
from tests.support.wizard import Answer, Phone
from tests.support.world import World, moto_world

COLUMNS = {"state": "`state`", "events": "`events`", "key": "key"}
LONGEST_WAIT_SECONDS = 3_600


class _Watch:
    """Asks routes of *world* and notes which permissions AWS would want for it."""

    def __init__(self, world: World) -> None:
        self.used: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._world = world
        self._wizard = world.wizard()
        self._route = ""
        self._places = {world.settings.state_table: "state", world.settings.events_table: "events"}

    def ask(self, route: str, **body: Any) -> Answer:
        """Call *route*, and let so much time pass that each call also marks the session as used."""
        self._route = route
        method, path = route.split()
        answer = self._wizard.call(method, path, body or None)
        self._world.clock.advance(61)
        return answer

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note every call to AWS."""
        clients = (self._world.aws.dynamodb, self._world.aws.kms)
        for client in clients:
            client.meta.events.register("provide-client-params", self._note, unique_id="permissions")
        try:
            yield
        finally:
            for client in clients:
                client.meta.events.unregister("provide-client-params", unique_id="permissions")

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.service_model.service_name == "kms":
            self.used[self._route].add(("key", model.name))
            return
        # A transaction is allowed by the actions of its parts.
        parts = params.get("TransactItems") or [{model.name.removesuffix("Item"): params}]
        for part in parts:
            for kind, request in part.items():
                self.used[self._route].add((self._places[request["TableName"]], f"{kind}Item"))


def _go_everywhere(world: World, watch: _Watch) -> None:
    credentials = {"tenant": "cozone", "username": world.user.username, "password": world.wizard().password}
    password = {"password": credentials["password"]}
    which_phone = {"phone": "android", "same_phone": False}

    watch.ask("GET /api/tenant")
    watch.ask("POST /api/session", **credentials)
    watch.ask("GET /api/session")
    watch.ask("POST /api/session/password", **password)
    watch.ask("POST /api/enrolment", **which_phone)
    watch.ask("POST /api/enrolment", **which_phone)
    watch.ask("GET /api/enrolment")
    watch.ask("DELETE /api/enrolment")
    watch.ask("POST /api/session/password", **password)
    key = watch.ask("POST /api/enrolment", **which_phone).body["key"]
    phone = Phone(key, world.clock)
    assert watch.ask("POST /api/enrolment/confirmation", otp=phone.otp()).status == 200
    assert watch.ask("POST /api/verification", otp=phone.otp()).status == 200
    assert watch.ask("DELETE /api/session").status == 204
    for _ in range(20):
        world.clock.advance(LONGEST_WAIT_SECONDS)
        watch.ask("POST /api/session", **credentials)
        last = watch.ask("POST /api/verification", otp=phone.wrong_otp())
    assert last.problem == "authenticator_disabled"


def test_permissions_are_those_that_the_routes_use() -> None:
    documented = {
        code_in(row["operation"])[0]: {
            (place, action) for place, column in COLUMNS.items() for action in code_in(row[column])
        }
        for row in table("## AWS permissions")
        if row["operation"].startswith("`")
    }

    with moto_world() as world:
        watch = _Watch(world)
        with watch.watching():
            _go_everywhere(world, watch)

    assert documented == watch.used
