"""What holds of each template from end to end: CloudFormation takes it, and nobody has to click for it."""

from __future__ import annotations

import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.cloud_formation import (
    STACKS,
    Template,
    app_template,
    certificate_template,
    data_template,
    expanded_app_template,
    of_type,
    references,
)

# What the call itself takes; a larger template goes by way of a bucket, and may have a million.
LARGEST_IN_A_CALL = 51_200
LARGEST_IN_A_BUCKET = 1_000_000


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    finished = tmp_path / "app.json"
    finished.write_text(json.dumps(app_template()))

    done = subprocess.run(
        [
            Path(sys.executable).with_name("cfn-lint"),
            *(finished, STACKS / "data.yaml", STACKS / "certificate.yaml"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("template", [data_template(), certificate_template()], ids=["data", "certificate"])
def test_nothing_waits_for_itself(template: Template) -> None:
    list(TopologicalSorter(waits(template)).static_order())


def test_nothing_waits_for_itself_once_everything_is_written_out() -> None:
    """cfn-lint does not see circles that run through what SAM adds."""
    graph = waits(expanded_app_template())

    list(TopologicalSorter(graph).static_order())
    assert "RestAPI" in graph["Distribution"]
    assert "APIHandler" in graph["RestAPI"]


def test_the_api_has_one_stage_and_its_throttle_stands_there() -> None:
    """SAM is known to add another one, named Stage, unless it is told not to."""
    stages = of_type(expanded_app_template(), "AWS::ApiGateway::Stage")
    deployments = of_type(expanded_app_template(), "AWS::ApiGateway::Deployment")

    (stage,) = stages.values()
    assert stage["StageName"] == "live"
    assert stage["MethodSettings"][0]["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    assert not any("StageName" in deployment for deployment in deployments.values())


def test_what_the_gateway_answers_by_itself_is_part_of_its_deployment() -> None:
    """As resources of their own they would wait for the next deployment."""
    (api,) = of_type(expanded_app_template(), "AWS::ApiGateway::RestApi").values()

    assert "DEFAULT_4XX" in api["Body"]["x-amazon-apigateway-gateway-responses"]
    assert not of_type(expanded_app_template(), "AWS::ApiGateway::GatewayResponse")


def test_nothing_depends_on_a_setting_of_the_whole_account() -> None:
    kinds = {resource["Type"] for resource in expanded_app_template()["Resources"].values()}

    assert "AWS::ApiGateway::Account" not in kinds
    assert not {kind for kind in kinds if kind.startswith(("Custom::", "AWS::CloudFormation::"))}


@pytest.mark.parametrize("template", [data_template, certificate_template, app_template])
def test_every_letter_survives(template: object) -> None:
    """CloudFormation turns letters that are not ASCII into question marks."""
    assert callable(template)
    assert json.dumps(template(), ensure_ascii=False).isascii()


def test_the_templates_are_not_too_large() -> None:
    """The data stack makes the bucket, so nothing of what comes before can lie in it."""
    for name in ("data.yaml", "certificate.yaml"):
        assert len((STACKS / name).read_bytes()) <= LARGEST_IN_A_CALL
    assert len(json.dumps(app_template(), indent=2)) <= LARGEST_IN_A_BUCKET


def waits(template: Template) -> dict[str, set[str]]:
    """Return for each resource which others CloudFormation makes before it."""
    resources = template["Resources"]
    return {
        name: (
            {other for other in references(resource.get("Properties", {})) if other in resources}
            | ({after} if isinstance(after := resource.get("DependsOn", []), str) else set(after))
        )
        for name, resource in resources.items()
    }
