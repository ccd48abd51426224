"""The operators' function as Lambda starts and calls it, and the same by `make run`."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.admin.front import LOCAL_PATH
from chalicelib.local import admin as local_admin
from chalicelib.settings import AdminSettings, SettingsError
from tests.support.admin import ARN, member
from tests.support.aws import SETTINGS
from tests.support.function_url import answered, request_event
from tests.support.handlers import ENVIRONMENT_TO_IMPORT_THE_APP, fresh_handler, loaded_by
from tests.support.world import World, moto_world

CONTEXT = SimpleNamespace(aws_request_id="r-1")
ADD_EVA = json.dumps({"operation": "add_staff", "arguments": {"tenant": "cozone"} | member("eva")}).encode()


def handler() -> Any:
    return fresh_handler(
        "admin.handler",
        STATE_TABLE=SETTINGS.state_table,
        EVENTS_TABLE=SETTINGS.events_table,
        SECRET_KEY_ID=SETTINGS.secret_key_id,
    )


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("encoded", [False, True])
def test_the_actor_is_whom_iam_names(encoded: bool) -> None:  # noqa: FBT001 - a table
    with moto_world() as world:
        reply = handler()(request_event(ADD_EVA, arn=ARN, encoded=encoded), CONTEXT)
        (event,) = world.aws.events()
    assert (reply["statusCode"], answered(reply)) == (200, {"username": "eva"})
    assert reply["headers"]["Cache-Control"] == "no-store"
    assert event["actor"]["S"] == f"operator:{ARN}"


@pytest.mark.requirement("K4")
@pytest.mark.parametrize(
    "change",
    [
        {"requestContext": {}},
        {"requestContext": {"authorizer": None, "http": {"method": "POST"}}},
        {"requestContext": {"authorizer": {"iam": None}, "http": {"method": "POST"}}},
        {"requestContext": {"authorizer": {"iam": {"userArn": None}}, "http": {"method": "POST"}}},
        {"requestContext": {"authorizer": {"iam": {"userArn": ""}}, "http": {"method": "POST"}}},
        {"requestContext": {"authorizer": {"lambda": {"userArn": ARN}}, "http": {"method": "POST"}}},
        {"requestContext": {"identity": {"userArn": ARN}, "http": {"method": "POST"}}},
    ],
)
def test_nothing_else_names_an_actor(change: dict[str, Any]) -> None:
    """Neither headers nor any other part of an event, whatever it says."""
    event = request_event(ADD_EVA, arn=ARN, headers={"X-Amzn-Iam-User-Arn": ARN}) | change
    with moto_world() as world:
        before = world.aws.state()
        reply = handler()(event, CONTEXT)
        assert (reply["statusCode"], world.aws.state()) == (403, before)


def test_another_method_is_no_command() -> None:
    event = request_event(ADD_EVA, arn=ARN)
    event["requestContext"]["http"]["method"] = "GET"
    with moto_world():
        assert handler()(event, CONTEXT)["statusCode"] == 400


def test_a_fault_is_told_by_its_place_alone(capfd: pytest.CaptureFixture[str]) -> None:
    body = json.dumps(
        {"operation": "export_user", "arguments": {"tenant": "cozone", "username": "canary\ud800"}}
    ).encode()
    with moto_world():
        reply = handler()(request_event(body, arn=ARN), CONTEXT)
    line = capfd.readouterr().out.splitlines()[-1]
    assert reply["statusCode"] == 500
    assert "canary" not in line + reply["body"]
    assert json.loads(line)["fault"][0] == "UnicodeEncodeError"
    assert json.loads(line)["level"] == "ERROR"


@pytest.mark.requirement("K4")
def test_it_starts_without_the_api_and_the_api_without_it() -> None:
    """So neither's cold start pays for the other."""
    needed = ENVIRONMENT_TO_IMPORT_THE_APP
    of_the_function = loaded_by("chalicelib.admin.handler", **needed)
    assert not of_the_function & {"app", "chalice", "boto3", "segno", "chalicelib.bootstrap"}
    assert not {name for name in loaded_by("app", **needed) if name.startswith("chalicelib.admin.")}


SETTINGS_OF_ITS_OWN = {
    "STAGE": "prod",
    "STATE_TABLE": "state",
    "EVENTS_TABLE": "events",
    "SECRET_KEY_ID": "key",
    "AWS_REGION": "eu-north-1",
}


@pytest.mark.parametrize("name", sorted(SETTINGS_OF_ITS_OWN))
def test_it_needs_each_of_its_settings(name: str) -> None:
    assert AdminSettings.from_env(SETTINGS_OF_ITS_OWN).secret_key_id == "key"
    with pytest.raises(SettingsError, match=name.replace("AWS_REGION", "AWS_DEFAULT_REGION")):
        AdminSettings.from_env({**SETTINGS_OF_ITS_OWN, name: ""})


def local_client(world: World) -> Client:
    app = Chalice("local", configure_logs=False)
    local_admin.serve(app, world.stores.transactions, world.stores.cipher, write_line=lambda _: None)
    return Client(app)


JSON = {"Content-Type": "application/json", "Host": "127.0.0.1:8000"}


def test_make_run_answers_programs_of_this_machine() -> None:
    with moto_world() as world:
        response = local_client(world).http.post(LOCAL_PATH, headers=JSON, body=ADD_EVA)
        (event,) = world.aws.events()
    assert (response.status_code, response.json_body) == (200, {"username": "eva"})
    assert event["actor"]["S"] == "operator:local"


@pytest.mark.requirement("K4", "S5")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8000"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_page_in_this_machines_browser_gives_no_command(headers: dict[str, str]) -> None:
    with moto_world() as world:
        before = world.aws.state()
        response = local_client(world).http.post(LOCAL_PATH, headers=JSON | headers, body=ADD_EVA)
        assert response.status_code in {403, 415}
        assert world.aws.state() == before
