"""README.md lists what each operation of the function ``Admin`` needs: all of it, and no more."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from chalicelib.settings import AdminSettings, SettingsError
from tests.docs.pages import code_in, section, table
from tests.docs.test_permissions import COLUMNS
from tests.support.admin import Desk, key_of_length, member, user_row
from tests.support.world import ANNA, moto_world


def test_the_function_needs_what_is_said_beside_the_table_of_settings() -> None:
    (sentence,) = re.findall(r"^The admin function needs (.*)\.$", section("## Settings"), re.MULTILINE)
    needed = set(code_in(sentence))
    whole = dict.fromkeys(needed, "x") | {"STAGE": "prod", "AWS_REGION": "eu-north-1"}
    assert AdminSettings.from_env(whole).stage == "prod"
    with pytest.raises(SettingsError) as caught:
        AdminSettings.from_env({})
    assert {f"{name} is not set" for name in needed | {"AWS_DEFAULT_REGION"}} == set(
        str(caught.value).split("; ")
    )


def test_permissions_are_those_that_the_operations_use() -> None:
    documented = {
        row["operation"].removeprefix("Admin: "): {
            (place, action) for place, column in COLUMNS.items() for action in code_in(row[column])
        }
        for row in table("## AWS permissions")
        if row["operation"].startswith("Admin: ")
    }
    used: dict[str, set[tuple[str, str]]] = defaultdict(set)
    doing = "nothing"

    with moto_world() as world:
        desk = Desk(world=world)
        places = {world.settings.state_table: "state", world.settings.events_table: "events"}

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            if model.service_model.service_name == "kms":
                used[doing].add(("key", model.name))
                return
            # A transaction is allowed by the actions of its parts.
            for part in params.get("TransactItems") or [{model.name.removesuffix("Item"): params}]:
                for kind, request in part.items():
                    action = "Query" if kind == "Query" else f"{kind}Item"
                    used[doing].add((places[request["TableName"]], action))

        clients = (world.aws.dynamodb, world.aws.kms)
        for client in clients:
            client.meta.events.register("provide-client-params", note, unique_id="permissions")
        doing = "import users"
        desk.adds(user_row("berit", portal_user="p-1"), user_row("cecilia"))
        doing = "import secrets"
        desk.imports({"username": ANNA, "secret": key_of_length(20)})
        doing = "add staff"
        desk.gets("add_staff", **member("eva"))
        doing = "list and export"
        desk.gets("list_staff")
        desk.gets("list_users")
        desk.gets("export_user", username=ANNA)
        desk.gets("events_of_day", username=ANNA, day="20261123")
        doing = "erase a user, remove staff"
        erased = desk.erases(username=ANNA)
        world.stores.accounts.grace_until("cozone", erased, due_at=1, now=1)
        used[doing].discard(("state", "UpdateItem"))  # the line above, which is a request on its way
        desk.gets("sweep_user", user=erased)
        desk.erases(username="eva", role="help_desk")
        for client in clients:
            client.meta.events.unregister("provide-client-params", unique_id="permissions")

    assert documented == used
