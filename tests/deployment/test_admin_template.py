"""The operators' function: nobody reaches it unsigned, it may seal and never open, and change no tenant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.settings import AdminSettings
from tests.deployment.test_roles import (
    EVERYTHING,
    FOR_CODES,
    KEYS,
    PARTITION_KEY,
    PLACES,
    SERVICES,
    caller,
    key_policy,
    may,
    operations,
    output,
    policy_of,
)
from tests.docs.pages import DOCS, code_in, table
from tests.docs.test_permissions import COLUMNS
from tests.support.cloud_formation import (
    Properties,
    app_template,
    expanded_app_template,
    of_type,
    properties,
    resolved,
)
from tests.support.iam import Call, allowed

OURS = caller("role/tvasteg-dev-app-AdminRole-1A2B3C")
FUNCTION = "arn:aws:lambda:eu-north-1:111122223333:function:tvasteg-dev-app-Admin-1A2B3C"


def function() -> Properties:
    return properties(app_template(), "Admin")


class TestUrl:
    """Its URL takes signed requests of this account and of nobody else."""

    @pytest.mark.requirement("K4")
    def test_it_takes_signed_requests_alone(self) -> None:
        assert function()["FunctionUrlConfig"] == {"AuthType": "AWS_IAM"}
        (url,) = of_type(expanded_app_template(), "AWS::Lambda::Url").values()
        assert url["AuthType"] == "AWS_IAM"
        assert "Cors" not in url

    @pytest.mark.requirement("K4")
    def test_the_function_itself_lets_nobody_in(self) -> None:
        """So a caller needs a policy of their own, which only this account can give."""
        permissions = of_type(expanded_app_template(), "AWS::Lambda::Permission")
        named = json.dumps([p for p in permissions.values() if "Admin" in json.dumps(p["FunctionName"])])
        assert named == "[]"

    def test_the_command_finds_it(self) -> None:
        outputs = app_template()["Outputs"]
        assert outputs["AdminUrl"]["Value"] == {"Fn::GetAtt": ["AdminUrl", "FunctionUrl"]}

    @pytest.mark.requirement("K4")
    @pytest.mark.parametrize(
        ("action", "context", "is_allowed"),
        [
            ("InvokeFunctionUrl", {"lambda:FunctionUrlAuthType": "AWS_IAM"}, True),
            ("InvokeFunction", {"lambda:InvokedViaFunctionUrl": "true"}, True),
            # Whoever calls the function itself could say in the event that they are somebody else.
            ("InvokeFunction", {"lambda:InvokedViaFunctionUrl": "false"}, False),
            ("InvokeFunction", {}, False),
            ("UpdateFunctionCode", {"lambda:InvokedViaFunctionUrl": "true"}, False),
        ],
    )
    def test_the_operators_policy_reaches_it_by_its_url_alone(
        self,
        action: str,
        context: dict[str, str],
        is_allowed: bool,  # noqa: FBT001 - a table
    ) -> None:
        document = json.loads((DOCS / "operator-policy.json").read_text("utf-8"))
        call = Call(f"lambda:{action}", FUNCTION, context)
        assert allowed(call, identity=document["Statement"]) is is_allowed
        api = Call(f"lambda:{action}", FUNCTION.replace("Admin", "APIHandler"), context)
        assert not allowed(api, identity=document["Statement"])


class TestFunction:
    """One function more of the same zip."""

    def test_it_finds_all_its_settings(self) -> None:
        variables = resolved(function()["Environment"]["Variables"], app_template())
        settings = AdminSettings.from_env({**variables, "AWS_REGION": "eu-north-1"})
        assert (settings.state_table, settings.events_table) == ("StateTable", "EventsTable")
        assert "ORIGIN_SECRETS" not in variables

    def test_it_is_of_the_same_package_and_its_log_is_forgotten_in_time(self) -> None:
        api = properties(app_template(), "APIHandler")
        assert [function()[name] for name in ("Runtime", "Architectures", "CodeUri")] == [
            api[name] for name in ("Runtime", "Architectures", "CodeUri")
        ]
        assert function()["LoggingConfig"] == {"LogGroup": {"Ref": "AdminLogGroup"}}
        group = properties(app_template(), "AdminLogGroup")
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


class TestRole:
    """What the function may do."""

    @pytest.mark.requirement("K4")
    def test_it_may_do_what_the_readme_says_and_nothing_else(self) -> None:
        needed = {
            (place, action)
            for row in table("## AWS permissions")
            if row["operation"].startswith("Admin: ")
            for place, column in COLUMNS.items()
            for action in code_in(row[column])
        }
        granted = {
            (place, action)
            for place, service in SERVICES.items()
            for action in operations(service)
            if may("AdminRole", place, action, FOR_CODES)
        }
        assert granted == needed

    @pytest.mark.requirement("K4")
    @pytest.mark.parametrize("action", ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"])
    def test_it_changes_users_and_names_and_neither_tenants_nor_sessions(self, action: str) -> None:
        def may_change(partition: str) -> bool:
            return may("AdminRole", "state", action, {PARTITION_KEY: partition})

        assert may_change("T#cozone#U#0123")
        assert may_change("LOOKUP#0123")
        for partition in ("T#cozone", "HOST#tva.firma.se", "S#0123", "SIGNING", "RETURN#0123"):
            assert not may_change(partition), partition

    @pytest.mark.requirement("K4")
    def test_it_queries_one_user_or_the_list_and_scans_nothing(self) -> None:
        assert may("AdminRole", "state", "Query", {PARTITION_KEY: "T#cozone#U#0123"})
        assert not may("AdminRole", "state", "Query", {PARTITION_KEY: "S#0123"})
        assert not may("AdminRole", "state", "GetItem", {PARTITION_KEY: "S#0123"})
        index = Call("dynamodb:Query", output(PLACES["state"]) + "/index/users-by-status")
        assert allowed(index, identity=policy_of("AdminRole"))
        for place in ("state", "events"):
            assert not may("AdminRole", place, "Scan")

    @pytest.mark.requirement("K4")
    def test_it_seals_for_codes_and_opens_nothing_whatever_else_it_were_given(self) -> None:
        def may_use(action: str, context: dict[str, str], *, place: str = "key") -> bool:
            call = Call(f"kms:{action}", output(PLACES[place]), OURS | context)
            generous = [*policy_of("AdminRole"), *EVERYTHING]
            return allowed(call, identity=generous, resource=key_policy(KEYS[place]))

        assert may_use("Encrypt", FOR_CODES)
        assert not may_use("Encrypt", {})
        for action in ("Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "CreateGrant"):
            assert not may_use(action, FOR_CODES), action
        assert not may_use("Sign", {}, place="signing key")

    @pytest.mark.requirement("K4")
    def test_the_role_denies_itself_to_open_whatever_a_key_says(self) -> None:
        """Also under a tenant's own key that somebody gave another policy."""
        lenient: list[dict[str, Any]] = [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
        ]
        call = Call("kms:Decrypt", output("SecretKeyArn"), OURS | FOR_CODES)
        assert not allowed(call, identity=policy_of("AdminRole"), resource=lenient)

    @pytest.mark.requirement("K4")
    @pytest.mark.parametrize(
        "principal", ["role/tvasteg-prod-app-AdminRole-1", "user/tvasteg-dev-app-AdminRole-1", "role/x"]
    )
    def test_nobody_else_seals(self, principal: str) -> None:
        call = Call("kms:Encrypt", output("SecretKeyArn"), FOR_CODES | caller(principal))
        assert not allowed(call, identity=EVERYTHING, resource=key_policy("SecretKey"))

    @pytest.mark.requirement("K4")
    def test_it_reaches_nothing_but_what_is_named_here(self) -> None:
        reached = {
            arn.split(":", 5)[5]
            for statement in policy_of("AdminRole")
            if statement["Effect"] == "Allow"
            for arn in (
                statement["Resource"]
                if isinstance(statement["Resource"], list)
                else [statement["Resource"]]
            )
        }
        assert reached == {
            "table/StateTable",
            "table/StateTable/index/users-by-status",
            "table/EventsTable",
            "log-group:/tvasteg/dev/admin:*",
        }
