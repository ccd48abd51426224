"""README.md lists the AWS permissions that each route needs: all of them, and no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.docs.pages import code_in, table
from tests.support.portal import brought_back
from tests.support.wizard import Answer, Phone, wrong_recovery_code
from tests.support.world import World, moto_world

COLUMNS = {"state": "`state`", "events": "`events`", "key": "key", "signing key": "signing key"}
SIGNING = {"Sign", "GetPublicKey"}
LONGEST_WAIT_SECONDS = 3_600
_NO_ROUTE = ""  # what a test does itself


class _Watch:
    """Asks routes of *world* and notes which permissions AWS would want for it."""

    def __init__(self, world: World) -> None:
        self.used: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._world = world
        self._wizard = world.wizard()
        self._route = _NO_ROUTE
        self._places = {world.settings.state_table: "state", world.settings.events_table: "events"}

    def ask(self, route: str, **body: Any) -> Answer:
        """Call *route*, and let so much time pass that each call also marks the session as used."""
        method, path = route.split()
        return self.ask_by(route, lambda: self._wizard.call(method, path, body or None))

    def ask_by(self, route: str, ask: Callable[[], Answer]) -> Answer:
        """Let *ask* call *route*, and time pass as above."""
        self._route = route
        answer = ask()
        self._route = _NO_ROUTE
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
        if self._route == _NO_ROUTE:
            return
        if model.service_model.service_name == "kms":
            place = "signing key" if model.name in SIGNING else "key"
            self.used[self._route].add((place, model.name))
            return
        # A transaction is allowed by the actions of its parts.
        parts = params.get("TransactItems") or [{model.name.removesuffix("Item"): params}]
        for part in parts:
            for kind, request in part.items():
                action = kind if kind == "Query" else f"{kind}Item"
                self.used[self._route].add((self._places[request["TableName"]], action))


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
    made = watch.ask("POST /api/recovery-codes").body
    assert watch.ask("POST /api/recovery-codes/acknowledgement", set=made["set"]).status == 200
    first, second, *_ = made["codes"]
    assert watch.ask("POST /api/verification/recovery-code", recovery_code=first).status == 200
    watch.ask("POST /api/verification/recovery-code", recovery_code=wrong_recovery_code(second))
    assert watch.ask("POST /api/verification", otp=phone.otp()).status == 200
    _change_what_there_is(world, watch, which_phone, credentials)
    assert watch.ask("DELETE /api/session").status == 204
    _ask_as_a_portal(world, watch)
    _ask_as_the_help_desk(world, watch)
    for _ in range(20):
        world.clock.advance(LONGEST_WAIT_SECONDS)
        watch.ask("POST /api/session", **credentials)
        last = watch.ask("POST /api/verification", otp=phone.wrong_otp())
    assert last.problem == "authenticator_disabled"


def _change_what_there_is(
    world: World, watch: _Watch, which_phone: dict[str, Any], credentials: dict[str, Any]
) -> None:
    """Have a second authenticator and a remembered browser for a while."""
    password = {"password": credentials["password"]}
    world.add_tenant(policy=world.tenant.profile.source["policy"] | {"remember_days": 30})
    watch.ask("POST /api/session/password", **password)
    key = watch.ask("POST /api/enrolment", **which_phone).body["key"]
    watch.ask("POST /api/enrolment/confirmation", otp=Phone(key, world.clock).otp())
    phone, verify = Phone(key, world.clock), "POST /api/verification"
    assert watch.ask(verify, otp=phone.otp(), remember=True).status == 200
    assert watch.ask("POST /api/session", **credentials).body["verified_by"] == "remembered_browser"
    told = watch.ask("GET /api/second-factor").body
    (browser,), (_, second) = told["remembered_browsers"], told["authenticators"]
    for named in (browser["id"], "all"):
        assert watch.ask("POST /api/remembered-browsers/removal", browser=named).status == 204
    assert watch.ask(verify, otp=phone.otp(), remember=True).status == 200
    assert watch.ask("POST /api/remembered-browsers/removal", browser="all").status == 204
    watch.ask("POST /api/session/password", **password)
    assert watch.ask("POST /api/authenticators/name", authenticator=second["id"], name="x").status == 200
    watch.ask("POST /api/session/password", **password)
    assert watch.ask("POST /api/authenticators/removal", authenticator=second["id"]).status == 200
    world.add_tenant()


def _ask_as_a_portal(world: World, watch: _Watch) -> None:
    """Come from a portal, for the first time and under another name; go back; fail to the end."""
    fresh = world.restarted()  # which has not asked for its key yet
    watch.ask_by("GET /api/jwks", lambda: fresh.wizard().call("GET", "/api/jwks"))
    portal = world.add_portal(policy={"second_factor": "required", "deadline": None, "grace_days": 1})
    watch.ask_by("POST /api/portal/status", lambda: portal.status("u-1"))
    watch.ask_by("POST /api/portal/hand-off", lambda: portal.hand_off("u-1"))
    renamed = watch.ask_by("POST /api/portal/hand-off", lambda: portal.hand_off("u-1", username="anna"))
    token = renamed.body["url"].partition("#hand-off=")[2]
    world.clock.advance(-61)  # which each question takes, and the link has not
    user = world.wizard()
    user.sign_in()  # at a browser that somebody else has used
    watch.ask_by("POST /api/session/hand-off", lambda: user.arrive(token))
    world.clock.advance(-61)
    user.begin()
    phone = user.scan()
    user.confirm(phone.otp())
    world.clock.advance(61)  # so that the session is marked as used
    back = watch.ask_by("POST /api/session/return", user.return_to_portal)
    world.clock.advance(-61)
    code = brought_back(back)["code"]
    watch.ask_by("POST /api/portal/assertion", lambda: portal.redeem(code))
    assert watch.ask_by("POST /api/portal/verification", lambda: portal.verify("u-1", phone.otp())).body
    for _ in range(20):
        world.clock.advance(LONGEST_WAIT_SECONDS)
        last = watch.ask_by(
            "POST /api/portal/verification", lambda: portal.verify("u-1", phone.wrong_otp())
        )
    assert last.problem == "authenticator_disabled"


def _ask_as_the_help_desk(world: World, watch: _Watch) -> None:
    """See, unlock and reset somebody, who then gives the code; each a minute after the one before."""
    user = world.add_user(username="bo@firma.se")
    wizard = world.wizard(username=user.username)
    wizard.enrolled()
    world.add_staff()
    desk = world.help_desk()
    watch.ask_by("POST /api/help-desk/session", desk.sign_in)
    desk.begins_work()
    world.clock.advance(61)
    watch.ask_by("POST /api/help-desk/unlock", lambda: desk.unlock(user.user_id))
    answer = watch.ask_by("POST /api/help-desk/reset", lambda: desk.reset(user.user_id))
    watch.ask_by("GET /api/help-desk/users", desk.users)
    watch.ask_by("GET /api/help-desk/counts", desk.counts)
    watch.ask_by("GET /api/help-desk/user", lambda: desk.user(user.user_id))
    wizard.sign_in()
    world.clock.advance(61)
    code = answer.body["reset_code"]
    taken = watch.ask_by("POST /api/session/reset-code", lambda: wizard.give_reset_code(code))
    assert taken.status == 200, taken.text


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
