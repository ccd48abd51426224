"""The templates as CloudFormation gets them, and what their references come to in an account of ours."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalice.package import YAMLTemplateSerializer

from chalicelib.deployment import package
from chalicelib.deployment.template import merge_template

PROJECT = Path(__file__).parents[2]
STACKS = PROJECT / ".chalice/stacks"
ACCOUNT = "111122223333"
REGION = "eu-north-1"

_EXPAND = """
import json, sys
from types import SimpleNamespace
from samtranslator.translator.transform import transform
no_managed_policies = SimpleNamespace(load=dict)
json.dump(transform(json.load(sys.stdin), {}, no_managed_policies), sys.stdout)
"""

Template = dict[str, Any]
Properties = dict[str, Any]

_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "tvasteg-dev-app",
    "AWS::URLSuffix": "amazonaws.com",
}
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
}


@cache
def data_template() -> Template:
    """Return the template of the data stack."""
    return _written("data.yaml")


@cache
def certificate_template() -> Template:
    """Return the template of the certificate's stack."""
    return _written("certificate.yaml")


@cache
def app_template(stage: str = "dev") -> Template:
    """Return the finished template of the app stack: Chalice's own with everything merged in."""
    with TemporaryDirectory() as folder:
        staging, made = Path(folder) / "project", Path(folder) / "made"
        package._copy_what_ships(PROJECT, staging)
        # No template depends on them, and fetching them takes longest.
        (staging / "requirements.txt").write_text("")
        package._run_chalice(staging, made, stage, merge_template(stage, architecture="arm64"))
        return _written(made / "sam.json")


@cache
def expanded_app_template() -> Template:
    """Return the app stack's template as AWS expands it: SAM's shorthand written out."""
    # SAM's translator lives with MiniStack: it would not get along with what else is here.
    python = PROJECT / ".venv-ministack/bin/python"
    assert python.exists(), "MiniStack is not installed: `make test` does it first."
    done = subprocess.run(
        [python, "-c", _EXPAND],
        input=json.dumps(app_template()).replace('"./deployment.zip"', '"s3://artifacts/deployment.zip"'),
        env={"AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=True,
    )
    template: Template = json.loads(done.stdout)
    return template


def of_type(template: Template, kind: str) -> dict[str, Properties]:
    """Return the properties of all resources of *kind*, by their names."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def properties(template: Template, name: str) -> Properties:
    """Return the properties of one resource."""
    found: Properties = template["Resources"][name]["Properties"]
    return found


def resolved(value: Any, template: Template) -> Any:  # noqa: PLR0911 - one for each kind of reference
    """Return *value* with its references replaced by what they would be in our account."""
    match value:
        case {"Ref": str(name)}:
            return _ref(name, template)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return _attribute(name, attribute, template)
        case {"Fn::Sub": str(text)}:
            return _substituted(text, lambda name: _named(name, template))
        case {"Fn::Sub": [str(text), dict(own)]}:
            known = {name: resolved(part, template) for name, part in own.items()}
            return _substituted(text, lambda name: known.get(name) or _named(name, template))
        case {"Fn::ImportValue": name}:
            output = resolved(name, template).rpartition("-")[2]
            return resolved(data_template()["Outputs"][output]["Value"], data_template())
        case dict():
            return {name: resolved(part, template) for name, part in value.items()}
        case list():
            return [resolved(part, template) for part in value]
    return value


def references(value: Any) -> Iterator[str]:
    """Yield every name that *value* refers to, be it a resource, a parameter or AWS's own."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(path)}:
            yield path.partition(".")[0]
        case {"Fn::Sub": str(text)}:
            yield from _names_in(text)
        case {"Fn::Sub": [str(text), dict(own)]}:
            yield from (name for name in _names_in(text) if name not in own)
            yield from references(own)
        case dict():
            for part in value.values():
                yield from references(part)
        case list():
            for part in value:
                yield from references(part)


def _written(path: str | Path) -> Template:
    # YAML takes JSON in, too.
    text = (STACKS / path).read_text(encoding="utf-8")
    template: Template = YAMLTemplateSerializer().load_template(text)
    return template


def _named(name: str, template: Template) -> Any:
    resource, dot, attribute = name.partition(".")
    return _attribute(resource, attribute, template) if dot else _ref(name, template)


def _ref(name: str, template: Template) -> Any:
    if name in _PSEUDO_PARAMETERS:
        return _PSEUDO_PARAMETERS[name]
    parameter = template.get("Parameters", {}).get(name)
    if parameter is not None:
        first_allowed, *_ = parameter.get("AllowedValues", [name])
        return parameter.get("Default", first_allowed)
    # Logs are named by us, everything else by AWS.
    return resolved(properties(template, name).get("LogGroupName", name), template)


def _attribute(name: str, attribute: str, template: Template) -> str:
    pattern = _ARNS.get(template["Resources"][name]["Type"])
    if pattern is None or attribute not in {"Arn", "StreamArn"}:
        return f"{name}.{attribute}"
    arn = pattern.format(region=REGION, account=ACCOUNT, name=_ref(name, template))
    return f"{arn}/stream/2026-11-23T00:00:00.000" if attribute == "StreamArn" else arn


def _substituted(text: str, value_of: Callable[[str], Any]) -> str:
    return re.sub(r"\$\{([^!}]+)\}", lambda match: str(value_of(match[1])), text)


def _names_in(text: str) -> list[str]:
    return [name.partition(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)]
