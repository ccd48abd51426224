"""The fragments become one template, and contradict each other nowhere."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from chalicelib.deployment.template import TemplateError, merge_template
from tests.support.cloud_formation import PROJECT, STACKS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of what the composer reads, with no fragments in it."""
    for path in (".chalice/viewer-request.js", "chalicelib/web/security_headers.json"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(PROJECT / path, tmp_path / path)
    (tmp_path / ".chalice/stacks/app").mkdir(parents=True)
    return tmp_path


def write_fragment(project: Path, name: str, text: str) -> None:
    (project / ".chalice/stacks/app" / name).write_text(text)


def test_fragments_are_laid_one_upon_the_other(project: Path) -> None:
    write_fragment(project, "one.yaml", "Resources: { Handler: { Properties: { Timeout: 15 } } }")
    write_fragment(
        project, "two.yaml", "Resources: { Handler: { Properties: { Role: !GetAtt Role.Arn } } }"
    )

    template = merge_template("dev", architecture="arm64", project=project)

    assert template["Resources"]["Handler"] == {
        "Properties": {"Timeout": 15, "Role": {"Fn::GetAtt": ["Role", "Arn"]}}
    }


@pytest.mark.parametrize("second", ["20", "15", "{ Seconds: 20 }"])
def test_two_fragments_that_set_the_same_are_refused(project: Path, second: str) -> None:
    """Even if they agree today: one of them would be changed alone tomorrow."""
    write_fragment(project, "one.yaml", "Resources: { Handler: { Properties: { Timeout: 15 } } }")
    write_fragment(
        project, "two.yaml", f"Resources: {{ Handler: {{ Properties: {{ Timeout: {second} }} }} }}"
    )

    with pytest.raises(TemplateError, match=r"two\.yaml sets Resources\.Handler\.Properties\.Timeout"):
        merge_template("dev", architecture="arm64", project=project)


def test_a_fragment_cannot_set_what_another_file_knows(project: Path) -> None:
    write_fragment(project, "one.yaml", "Resources: { Outbox: { Properties: { Runtime: python3.9 } } }")

    with pytest.raises(TemplateError, match="Runtime"):
        merge_template("dev", architecture="arm64", project=project)


def test_every_fragment_is_in_it() -> None:
    """A fragment needs to be named nowhere."""
    resources = merge_template("dev", architecture="arm64")["Resources"]
    fragments = {path.name for path in (STACKS / "app").iterdir()}

    assert fragments == {
        "admin.yaml",
        "alarms.yaml",
        "archive.yaml",
        "edge.yaml",
        "functions.yaml",
        "notices.yaml",
    }
    assert {"AlarmTopic", "Distribution", "FailureQueue"} <= set(resources)


def test_a_template_is_made_for_one_stage() -> None:
    parameters = merge_template("prod", architecture="arm64")["Parameters"]

    assert parameters["Stage"] == {"Type": "String", "Default": "prod", "AllowedValues": ["prod"]}
    assert parameters["DataStack"]["Default"] == "tvasteg-prod-data"


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_outbox_runs_where_and_on_what_it_is_packaged_for(architecture: str) -> None:
    outbox = merge_template("dev", architecture=architecture)["Resources"]["Outbox"]["Properties"]

    assert outbox["Architectures"] == [architecture]
    assert outbox["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"


def test_a_changed_header_reaches_the_template(project: Path) -> None:
    path = project / "chalicelib/web/security_headers.json"
    headers = json.loads(path.read_text())
    headers |= {
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
        "X-Permitted-Cross-Domain-Policies": "none",
    }
    path.write_text(json.dumps(headers))

    resource = merge_template("dev", architecture="arm64", project=project)["Resources"]["SecurityHeaders"]

    config = resource["Properties"]["ResponseHeadersPolicyConfig"]
    assert config["SecurityHeadersConfig"]["StrictTransportSecurity"] == {
        "AccessControlMaxAgeSec": 63_072_000,
        "IncludeSubdomains": True,
        "Preload": True,
        "Override": True,
    }
    assert {
        "Header": "X-Permitted-Cross-Domain-Policies",
        "Value": "none",
        "Override": True,
    } in config["CustomHeadersConfig"]["Items"]
