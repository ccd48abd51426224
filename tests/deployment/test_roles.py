"""Each role may do what its function needs, and nothing else; no role may change an event."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from tests.docs.pages import code_in, table
from tests.docs.test_permissions import COLUMNS
from tests.support.cloud_formation import (
    REGION,
    Template,
    app_template,
    data_template,
    of_type,
    properties,
    resolved,
)
from tests.support.iam import Call, Statement, allowed

PURPOSE = "kms:EncryptionContext:purpose"
PRINCIPAL = "aws:PrincipalArn"
CALLER_ACCOUNT = "kms:CallerAccount"
PARTITION_KEY = "dynamodb:LeadingKeys"
FOR_CODES = {PURPOSE: "otp"}
CHANGES_OF_EVENTS = (
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "PartiQLInsert",
    "PartiQLUpdate",
    "PartiQLDelete",
)
PLACES = {
    "state": "StateTableArn",
    "events": "EventsTableArn",
    "key": "SecretKeyArn",
    "signing key": "SigningKeyArn",
}
ROLES = ("ApiHandlerRole", "OutboxRole", "NoticesRole", "ArchiveRole", "DigestRole", "AdminRole")
SERVICES = {"state": "dynamodb", "events": "dynamodb", "key": "kms", "signing key": "kms"}
KEYS = {"key": "SecretKey", "signing key": "SigningKey"}
INDEXES = {"state": "/index/users-by-status", "events": "/index/events-by-user"}
# Where whoever may read several rows at once may do so, and by Query alone.
QUERIED = {
    ("ApiHandlerRole", "state", INDEXES["state"]),
    ("ApiHandlerRole", "events", INDEXES["events"]),
    ("ApiHandlerRole", "events", ""),
    ("AdminRole", "state", INDEXES["state"]),
    ("AdminRole", "state", ""),  # one user's partition: its own test says so
    ("AdminRole", "events", ""),
}
EVERYTHING: list[Statement] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def output(name: str) -> str:
    """Return what the data stack tells the other one."""
    value: str = resolved(data_template()["Outputs"][name]["Value"], data_template())
    return value


def policy_of(role: str) -> list[Statement]:
    """Return all that *role* is told, its references resolved."""
    policies = properties(app_template(), role)["Policies"]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    found: list[Statement] = resolved(statements, app_template())
    return found


def key_policy(name: str) -> list[Statement]:
    found: list[Statement] = resolved(
        properties(data_template(), name)["KeyPolicy"]["Statement"], data_template()
    )
    return found


def events_policy() -> list[Statement]:
    document = properties(data_template(), "EventsTable")["ResourcePolicy"]["PolicyDocument"]
    found: list[Statement] = document["Statement"]
    return found


def resource_policy(place: str) -> list[Statement]:
    if place in KEYS:
        return key_policy(KEYS[place])
    return events_policy() if place == "events" else []


def caller(principal: str, account: str = "111122223333") -> dict[str, str]:
    """Return what comes with every call of *principal*, such as `role/its-name`."""
    return {PRINCIPAL: f"arn:aws:iam::{account}:{principal}", CALLER_ACCOUNT: account}


def may(
    role: str, place: str, action: str, context: dict[str, str] | None = None, *, index: str = ""
) -> bool:
    """
    Return whether *role* may do *action* at *place*: `state`, `events`, `key` or `signing key`.

    *index* is the end of the ARN of one of a table's indexes.
    """
    known = caller(f"role/tvasteg-dev-app-{role}-1A2B3C") | (context or {})
    call = Call(f"{SERVICES[place]}:{action}", output(PLACES[place]) + index, known)
    return allowed(call, identity=policy_of(role), resource=resource_policy(place))


def operations(service: str) -> set[str]:
    """Return all that a service can be asked for, and what else our policies name of it."""
    model = Session().create_client(service, region_name=REGION).meta.service_model
    named = {
        action.partition(":")[2]
        for role in ROLES
        for statement in policy_of(role)
        for action in _several(statement["Action"])
        if action.startswith(f"{service}:")
    }
    return {*model.operation_names, *named}


def test_each_function_has_a_role_of_its_own_that_only_lambda_takes_on() -> None:
    roles = of_type(app_template(), "AWS::IAM::Role")
    functions = of_type(app_template(), "AWS::Serverless::Function")

    assert set(roles) == set(ROLES)
    assert {name: function["Role"] for name, function in functions.items()} == {
        "APIHandler": {"Fn::GetAtt": ["ApiHandlerRole", "Arn"]},
        "Outbox": {"Fn::GetAtt": ["OutboxRole", "Arn"]},
        "Admin": {"Fn::GetAtt": ["AdminRole", "Arn"]},
        "Archive": {"Fn::GetAtt": ["ArchiveRole", "Arn"]},
        "Digest": {"Fn::GetAtt": ["DigestRole", "Arn"]},
        "Notices": {"Fn::GetAtt": ["NoticesRole", "Arn"]},
    }
    for role in roles.values():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert "ManagedPolicyArns" not in role


@pytest.mark.requirement("K4")
def test_the_api_may_do_what_its_routes_need_and_nothing_else() -> None:
    """README's table is held equal to what the routes really call."""
    needed = {
        (place, action)
        for row in table("## AWS permissions")
        if row["operation"].startswith("`")
        for place, column in COLUMNS.items()
        for action in code_in(row[column])
    }

    granted = {
        (place, action)
        for place, service in SERVICES.items()
        for action in operations(service)
        if may("ApiHandlerRole", place, action, FOR_CODES)
        or may("ApiHandlerRole", place, action, index=INDEXES.get(place, ""))
    }

    assert granted == needed


@pytest.mark.requirement("K4")
def test_the_outbox_may_add_events_and_nothing_else() -> None:
    granted = {
        (place, action)
        for place, service in SERVICES.items()
        for action in operations(service)
        if may("OutboxRole", place, action, FOR_CODES)
    }

    assert granted == {("events", "PutItem")}


@pytest.mark.requirement("K4")
@pytest.mark.parametrize(
    ("role", "reach"),
    [
        (
            "ApiHandlerRole",
            {
                "table/StateTable",
                "table/StateTable/index/users-by-status",
                "table/EventsTable",
                "table/EventsTable/index/events-by-user",
                "log-group:/tvasteg/dev/api:*",
            },
        ),
        ("OutboxRole", {"stream", "table/EventsTable", "FailureQueue", "log-group:/tvasteg/dev/outbox:*"}),
    ],
)
def test_a_role_reaches_nothing_but_what_is_named_here(role: str, reach: set[str]) -> None:
    """Keys say themselves whom they serve, for the next one may be in no template."""
    allow = [statement for statement in policy_of(role) if statement["Effect"] == "Allow"]
    ends = {
        "stream" if "/stream/" in arn else arn.split(":", 5)[5]
        for statement in allow
        for arn in _several(statement["Resource"])
    }

    assert ends == reach


@pytest.mark.requirement("K4")
def test_the_outbox_reads_the_stream_of_state() -> None:
    def may_read(action: str, stream: str) -> bool:
        return allowed(Call(f"dynamodb:{action}", stream), identity=policy_of("OutboxRole"))

    for action in operations("dynamodbstreams"):
        assert may_read(action, output("StateStreamArn")), action
        assert not may_read(action, output("EventsTableArn") + "/stream/1"), action


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ["Encrypt", "Decrypt"])
@pytest.mark.parametrize("context", [{}, {PURPOSE: "session"}, {PURPOSE: "OTP"}, {"purpose": "otp"}])
def test_the_key_serves_no_other_purpose(role: str, action: str, context: dict[str, str]) -> None:
    assert not may(role, "key", action, context)


@pytest.mark.requirement("K4")
@pytest.mark.parametrize(
    "action", ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey"]
)
def test_the_key_serves_no_other_purpose_even_to_an_administrator(action: str) -> None:
    our_function = caller("role/tvasteg-dev-app-ApiHandlerRole-1A2B3C")

    def may_use(context: dict[str, str]) -> bool:
        call = Call(f"kms:{action}", output("SecretKeyArn"), context)
        return allowed(call, identity=EVERYTHING, resource=key_policy("SecretKey"))

    assert may_use(FOR_CODES | our_function)
    assert not may_use(our_function)
    assert not may_use({PURPOSE: "backup"} | our_function)


STRANGERS = [
    "user/tvasteg-dev-app-ApiHandlerRole",
    "role/another-function",
    "role/administrator",
    "role/tvasteg-dev-app-OutboxRole-1A2B3C",
    "role/tvasteg-prod-app-ApiHandlerRole-1A2B3C",
    "role/tvasteg-dev-data",
]


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("principal", STRANGERS)
@pytest.mark.parametrize(
    ("place", "action"),
    [("key", "Encrypt"), ("key", "Decrypt"), ("signing key", "Sign")],
)
def test_a_key_serves_the_api_of_its_stage_alone(place: str, action: str, principal: str) -> None:
    """
    Whatever another role's own policy allows, and be it everything.

    So of keys that no template names, too: a tenant's own has the policy of the one
    that seals, and the next one that signs has the policy of the first.
    """

    def may_use(whose: dict[str, str]) -> bool:
        call = Call(f"kms:{action}", output(PLACES[place]), FOR_CODES | whose)
        return allowed(call, identity=EVERYTHING, resource=key_policy(KEYS[place]))

    assert may_use(caller("role/tvasteg-dev-app-ApiHandlerRole-1A2B3C"))
    assert not may_use(caller(principal))
    assert not may_use({})


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("place", KEYS)
def test_no_key_is_lent_to_others(place: str) -> None:
    """A grant would be a way around the key's policy."""
    call = Call("kms:CreateGrant", output(PLACES[place]), caller("role/administrator"))

    assert not allowed(call, identity=EVERYTHING, resource=key_policy(KEYS[place]))


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("place", KEYS)
def test_a_role_of_the_same_name_in_another_account_gets_no_key(place: str) -> None:
    theirs = caller("role/tvasteg-dev-app-ApiHandlerRole-1A2B3C", account="999988887777")

    for action in operations("kms"):
        call = Call(f"kms:{action}", output(PLACES[place]), FOR_CODES | theirs)
        assert not allowed(call, identity=[], resource=key_policy(KEYS[place])), action


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("action", ["PutItem", "UpdateItem", "DeleteItem"])
def test_the_api_changes_no_tenant(action: str) -> None:
    """Whoever takes it over cannot send users to other addresses."""

    def may_change(partition: str) -> bool:
        return may("ApiHandlerRole", "state", action, {PARTITION_KEY: partition})

    assert may_change("T#cozone#U#0123")
    assert may_change("S#0123")
    assert may_change("LOOKUP#0123")
    assert may_change("HANDOFF#0123")
    assert may_change("JWT#0123")
    assert may_change("RETURN#0123")
    assert not may_change("T#cozone")
    assert not may_change("HOST#tva.firma.se")
    assert not may_change("SIGNING")
    assert may("ApiHandlerRole", "state", "GetItem", {PARTITION_KEY: "T#cozone"})


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("role", ROLES)
def test_nobody_reads_a_table_as_a_whole(role: str) -> None:
    for place in ("state", "events"):
        for index in ("", *INDEXES.values()):
            for action in ("Scan", "Query", "BatchGetItem", "PartiQLSelect", "ExportTableToPointInTime"):
                is_wanted = action == "Query" and (role, place, index) in QUERIED
                assert may(role, place, action, index=index) == is_wanted, (place, index, action)


@pytest.mark.requirement("A4")
@pytest.mark.parametrize("action", CHANGES_OF_EVENTS)
@pytest.mark.parametrize("role", ROLES)
def test_no_role_changes_an_event(role: str, action: str) -> None:
    """Denied by the role itself, so even if the table's policy were lost or the role were given more."""
    call = Call(f"dynamodb:{action}", output("EventsTableArn"))
    generous: Statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}

    assert not allowed(call, identity=[*policy_of(role), generous])


@pytest.mark.requirement("A4")
@pytest.mark.parametrize("action", CHANGES_OF_EVENTS)
def test_the_table_lets_not_even_an_administrator_change_an_event(action: str) -> None:
    administrator: list[Statement] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]

    def may_do(action: str) -> bool:
        call = Call(f"dynamodb:{action}", output("EventsTableArn"))
        return allowed(call, identity=administrator, resource=events_policy())

    assert not may_do(action)
    assert may_do("PutItem")
    assert may_do("GetItem")


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("template", [app_template, data_template])
def test_no_policy_allows_a_wildcard(template: Any) -> None:
    """Neither an action nor a resource, but in policies of keys, where `*` is the key itself."""
    for owner, statement in _statements(template()):
        if statement["Effect"] == "Deny":
            continue
        kind = template()["Resources"][owner]["Type"]
        if kind != "AWS::KMS::Key":
            assert not any("*" in action for action in _several(statement["Action"])), owner
            assert not any(_is_wild(resource) for resource in _several(statement["Resource"])), owner


@pytest.mark.requirement("K4")
def test_only_the_account_the_api_and_dynamodb_stand_in_the_keys_policies() -> None:
    administrators = {"AWS": "arn:aws:iam::111122223333:root"}
    for name in ("SecretKey", "SigningKey", "DigestKey", "TableKey"):
        first, *others = [s for s in key_policy(name) if s["Effect"] == "Allow"]
        assert first["Principal"] == administrators
        for statement in others:
            if statement["Principal"] == {"AWS": "*"}:
                assert statement["Condition"]["StringEquals"][CALLER_ACCOUNT] == "111122223333"
                assert "kms:*" not in _several(statement["Action"])
    by_way_of_dynamodb, looking = key_policy("TableKey")[1:]
    assert by_way_of_dynamodb["Condition"]["StringEquals"] == {
        CALLER_ACCOUNT: "111122223333",
        "kms:ViaService": f"dynamodb.{REGION}.amazonaws.com",
    }
    assert looking["Principal"] == {"Service": "dynamodb.amazonaws.com"}
    # The account, the API, the operators' function that seals; then three denials.
    assert [s["Effect"] for s in key_policy("SecretKey")] == [*["Allow"] * 3, *["Deny"] * 3]
    assert [s["Effect"] for s in key_policy("SigningKey")] == ["Allow", "Allow", "Deny"]
    assert [s["Effect"] for s in key_policy("DigestKey")] == ["Allow", "Allow", "Allow", "Deny"]


@pytest.mark.parametrize(
    ("role", "group"), [("ApiHandlerRole", "ApiLogGroup"), ("OutboxRole", "OutboxLogGroup")]
)
def test_each_function_writes_its_own_log_only(role: str, group: str) -> None:
    logs = {
        name: resolved({"Fn::GetAtt": [name, "Arn"]}, app_template()).removesuffix("*")
        for name in of_type(app_template(), "AWS::Logs::LogGroup")
    }

    granted = {
        (name, action)
        for name, arn in logs.items()
        for action in operations("logs")
        if allowed(Call(f"logs:{action}", f"{arn}log-stream:1"), identity=policy_of(role))
    }

    assert granted == {(group, "CreateLogStream"), (group, "PutLogEvents")}


def test_the_outbox_tells_its_own_queue_only_what_failed() -> None:
    queue = resolved({"Fn::GetAtt": ["FailureQueue", "Arn"]}, app_template())

    granted = {
        action
        for action in operations("sqs")
        if allowed(Call(f"sqs:{action}", queue), identity=policy_of("OutboxRole"))
    }

    assert granted == {"SendMessage"}


def _statements(template: Template) -> list[tuple[str, Statement]]:
    """Return every statement of every policy in *template*, with the resource it belongs to."""
    found = []

    def look(owner: str, value: Any) -> None:
        if isinstance(value, list):
            for part in value:
                look(owner, part)
        elif isinstance(value, dict):
            if "Effect" in value and "Action" in value:
                found.append((owner, value))
            for part in value.values():
                look(owner, part)

    for owner, resource in template["Resources"].items():
        look(owner, resource.get("Properties", {}))
    # Who may take on a role stands in a policy without a resource.
    return [(owner, statement) for owner, statement in found if "Resource" in statement]


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_wild(resource: Any) -> bool:
    """Return whether *resource* means more than one thing of ours; a bucket's objects are one thing."""
    if not isinstance(resource, str):
        named = resource.get("Fn::Sub", "")
        pattern = named[0] if isinstance(named, list) else named
        return "*" in pattern and pattern.partition("/")[0] not in {"${SiteBucket.Arn}", "${Bucket}"}
    return "*" in resource
