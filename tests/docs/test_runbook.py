"""Whatever docs/runbook.md names exists, and by that name: nobody at night has time for a wrong command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session

from chalicelib.web.function_log import UNITS as UNITS_OF_FUNCTIONS
from chalicelib.web.metrics import ALARMS, DIMENSION, NAMESPACE, OUTCOMES, STEPS, UNITS, embedded_metrics
from chalicelib.web.request_log import RequestLog
from tests.docs.pages import DOCS, PROJECT, code_in, fenced_blocks, section, table, tables
from tests.support.cloud_formation import app_template, data_template, of_type

RUNBOOK = DOCS / "runbook.md"
TEXT = RUNBOOK.read_text(encoding="utf-8")
APP = app_template("prod")
SPANS = code_in(re.sub(r"^ *```.*?^ *```$", "", TEXT, flags=re.MULTILINE | re.DOTALL))
SHELL = [
    block
    for language, block in fenced_blocks(re.sub(r"^   ", "", TEXT, flags=re.MULTILINE))
    if language == "sh"
]
QUERIES = [block for language, block in fenced_blocks(TEXT) if language == "insights"]

# Commands that the AWS command line has beside the operations of the services.
_OF_THE_COMMAND_LINE = {("logs", "tail")}
_FOR_EVERY_COMMAND = {"query", "output", "region"}
_TAIL_OPTIONS = {"since", "follow", "filter-pattern"}
_WORDS_OF_INSIGHTS = {
    *("fields", "filter", "stats", "sort", "limit", "by", "as", "asc", "desc", "and", "or", "in"),
    *("bin", "count", "sum", "avg", "max", "pct", "ispresent", "d", "h", "m"),
}
_FIELDS_OF_LAMBDA = {"@timestamp", "@type", "@initDuration", "@maxMemoryUsed"}
# CamelCase that stands for something of AWS.
_OF_AWS = {
    "PendingDeletion",
    "DisableKey",
    "PutRolePolicy",
    "PutKeyPolicy",
    "CloudFront",
    "ServiceUnavailableError",
    "EvidenceConflictError",
}


def _line() -> dict[str, Any]:
    """Return a deployed stage's line with everything in it that a line can hold."""
    log = RequestLog(request_id="r", method="GET", route="/", alarm="newer_row", fault=["Error", "a place"])
    line: dict[str, Any] = json.loads(
        log.as_line(**embedded_metrics(log, stage="prod", at_epoch_seconds=1_795_424_400))
    )
    return line


def test_every_make_command_exists_with_its_variables() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    commands = re.findall(r"(?:^|`)\s*make ([a-z-]+)((?: [A-Z_]+=[^\s`]+)*)", TEXT, re.MULTILINE)
    assert {target for target, _ in commands} == {
        *("deploy", "destroy", "rotate", "rotate-signing-key", "verify-events"),
        *("tenant", "suspend", "resume", "erase", "user"),
        *("staff", "import-users", "import-secrets", "export-users", "export-user", "erase-user"),
    }
    for target, variables in commands:
        assert target in targets
        assert "STAGE=" in variables
        for name in re.findall(r"([A-Z_]+)=", variables):
            assert f"$({name})" in makefile or f"$(call option,{name}," in makefile, name


def test_every_output_exists() -> None:
    stacks = {"app": APP, "data": data_template()}
    asked = re.findall(r"\boutput (app|data) \$?(\w+)", TEXT)
    assert {name for _, name in asked} >= {"Url", "StateTableName", "EventsTableName", "FailureQueueUrl"}
    for stack, name in asked:
        for output in re.findall(rf"for {name} in ([\w ]+);", TEXT)[0].split() if name == "key" else [name]:
            assert output in stacks[stack]["Outputs"], output


def _aws_commands() -> Iterator[list[str]]:
    lines = [line for block in SHELL for line in block.replace("\\\n", " ").splitlines()]
    for line in lines + [span for span in SPANS if span.startswith("aws ")]:
        text = re.sub(r'"?\$\(output \w+ \$?\w+\)"?', "that", line)
        found = re.search(r"(?:^|\s|\$\()(aws .*)", text)
        if found is not None:
            # A command within $(…) ends before its parenthesis.
            yield shlex.split(found[1].removesuffix(")") if "$(aws" in text else found[1])


COMMANDS = list({tuple(command): command for command in _aws_commands()}.values())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_aws_command_exists_with_its_options(command: list[str]) -> None:
    _, service, operation, *rest = command
    options = {word.removeprefix("--") for word in rest if word.startswith("--")}
    if (service, operation) in _OF_THE_COMMAND_LINE:
        assert options <= _TAIL_OPTIONS
        return
    try:
        model = Session().get_service_model(service)
    except UnknownServiceError:
        pytest.fail(f"there is no service {service}")
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names
    shape = model.operation_model(names[operation]).input_shape
    known = {xform_name(member, "-") for member in shape.members} if shape else set()
    assert options <= known | _FOR_EVERY_COMMAND
    required = {xform_name(member, "-") for member in shape.required_members} if shape else set()
    assert required <= options


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) > 15
    assert ["aws", "kms", "enable-key", "--key-id", "that"] in COMMANDS


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_asks_for_fields_that_are_logged(query: str) -> None:
    known = {*_line(), *UNITS, *_FIELDS_OF_LAMBDA}
    without_text = re.sub(r'"[^"]*"', "", query)
    own_names = set(re.findall(r"\bas (\w+)", without_text))
    for name in re.findall(r"@?[A-Za-z_][\w.]*", without_text):
        if name not in _WORDS_OF_INSIGHTS | own_names:
            assert name.partition(".")[0] in known, name
    assert set(re.findall(r"[a-z_]+_[a-z_]+", " ".join(re.findall(r'"([a-z_]+)"', query)))) <= set(
        OUTCOMES
    ) | {"password_mismatch"}


def test_the_fields_of_a_line_are_those_listed() -> None:
    listed = {
        name
        for row in tables(section("## Reading logs and metrics", RUNBOOK))[0]
        for name in code_in(row["field"])
    }
    assert listed == set(_line()) - set(UNITS)


def test_the_metrics_are_those_sent() -> None:
    rows = table("### Metrics", RUNBOOK)
    assert {code_in(row["metric"])[0]: row["unit"] for row in rows} == UNITS | UNITS_OF_FUNCTIONS
    causes = {cause: code_in(row["metric"])[0] for row in rows for cause in code_in(row["sent for"])}
    assert causes == STEPS | OUTCOMES | ALARMS | {"Verified": "VerificationTime"}
    assert f"Namespace `{NAMESPACE}`, dimension `{DIMENSION}`" in TEXT


def test_every_alarm_has_its_section_and_no_other_is_told() -> None:
    alarms = set(of_type(APP, "AWS::CloudWatch::Alarm")) | set(of_type(APP, "AWS::Events::Rule"))
    assert set(re.findall(r"^### (\w+)$", section("## Alarms", RUNBOOK), re.MULTILINE)) == alarms
    assert len(alarms) == 24 + 1
    assert "Twenty-four alarms and one rule." in TEXT


def test_every_name_in_capitals_stands_for_something() -> None:
    known = {
        *UNITS,
        *UNITS_OF_FUNCTIONS,
        *_OF_AWS,
        *APP["Parameters"],
        *APP["Resources"],
        *APP["Outputs"],
        *data_template()["Outputs"],
    }
    named = {span for span in SPANS if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", span)}
    assert len(named) > 20
    assert named <= known


def test_every_log_group_and_stack_is_called_so() -> None:
    groups = {group["LogGroupName"]["Fn::Sub"] for group in of_type(APP, "AWS::Logs::LogGroup").values()}
    named = re.findall(r"/tvasteg/(?:prod|\$STAGE)/\w+", TEXT)
    assert {re.sub("prod|\\$STAGE", "${Stage}", name) for name in named} == groups
    assert set(re.findall(r"tvasteg-prod-(\w+)|tvasteg-\$STAGE-(\w+)", TEXT)) >= {("data", ""), ("", "app")}


def test_what_must_be_in_it_is() -> None:
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert headings[:3] == ["First deploy", "Custom domain", "Rotate the origin secret"]
    assert set(headings) >= {
        "Tenants",
        "People",
        "Rotate the signing key",
        "KMS key disabled",
        "Table throttled",
        "Roll back a release",
        "Restore from a backup",
        "Verify the events",
        "Upgrade and row formats",
        "Remove everything for good",
        "Reading logs and metrics",
    }
