"""What sends mail: there only if asked for, called for what is told alone, and able to do little else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.accounts.addresses import MOST_ADDRESSES, MOST_FORMER_ADDRESSES
from chalicelib.deployment.deploy import Options, _check_mail_from
from chalicelib.deployment.errors import DeploymentError
from chalicelib.notices.choice import TOLD
from chalicelib.notices.dynamodb import ATTRIBUTES_OF_TENANTS, ATTRIBUTES_OF_USERS
from chalicelib.notices.ses import SES_CONFIG
from chalicelib.settings import NoticesSettings
from tests.deployment.test_roles import (
    FOR_CODES,
    PARTITION_KEY,
    PLACES,
    SERVICES,
    may,
    operations,
    output,
    policy_of,
)
from tests.docs.pages import DOCS
from tests.support.cloud_formation import ACCOUNT, REGION, app_template, of_type, properties, resolved
from tests.support.iam import Call, allowed

APP = app_template()
ROLE = "NoticesRole"
ATTRIBUTES = "dynamodb:Attributes"
FROM = "notiser@firma.se"
OF_A_MAIL = ("pk", "sk", "format_version", *ATTRIBUTES_OF_TENANTS, *ATTRIBUTES_OF_USERS)


def of_notices() -> list[str]:
    return [name for name in APP["Resources"] if name.startswith(("Notices", "MailsGivenUp"))]


def test_it_is_there_only_where_an_address_is_given() -> None:
    assert APP["Conditions"]["HasMailFrom"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "MailFrom"}, ""]}]}
    assert APP["Parameters"]["MailFrom"]["Default"] == ""
    assert set(of_notices()) == {
        "Notices",
        "NoticesRole",
        "NoticesLogGroup",
        "NoticesBehindAlarm",
        "MailsGivenUpAlarm",
    }
    for name in of_notices():
        assert APP["Resources"][name]["Condition"] == "HasMailFrom", name
    for name, output_ in APP["Outputs"].items():
        if "Notices" in name:
            assert output_["Condition"] == "HasMailFrom"
    text = json.dumps({name: part for name, part in APP["Resources"].items() if name not in of_notices()})
    assert '"Notices' not in text


def test_it_finds_all_its_settings() -> None:
    variables = properties(APP, "Notices")["Environment"]["Variables"]
    given = {name: str(resolved(value, APP)) for name, value in variables.items()}
    settings = NoticesSettings.from_env(given | {"AWS_REGION": REGION, "MAIL_FROM": FROM})
    assert set(variables) == {"STAGE", "STATE_TABLE", "MAIL_FROM"}
    assert (settings.stage, settings.state_table, settings.mail_from) == ("dev", "StateTable", FROM)


@pytest.mark.requirement("E7")
def test_it_is_called_for_what_is_told_alone_and_for_a_day() -> None:
    (event,) = properties(APP, "Notices")["Events"].values()
    source = event["Properties"]
    (rule,) = source["FilterCriteria"]["Filters"]
    assert json.loads(rule["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"kind": {"S": sorted(TOLD)}}},
    }
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["MaximumRetryAttempts"] == -1
    assert 20 * 3_600 <= source["MaximumRecordAgeInSeconds"] < 24 * 3_600
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["FailureQueue", "Arn"]
    }


def test_one_event_ends_in_time_however_slow_ses_is_and_of_more_lambda_halves_the_batch() -> None:
    slow: Any = SES_CONFIG
    one_event = (MOST_ADDRESSES + MOST_FORMER_ADDRESSES) * (slow.connect_timeout + slow.read_timeout)
    assert one_event < properties(APP, "Notices")["Timeout"]
    (event,) = properties(APP, "Notices")["Events"].values()
    assert event["Properties"]["BisectBatchOnFunctionError"] is True


def reads(partition: str, *attributes: str) -> bool:
    context: dict[str, Any] = {PARTITION_KEY: partition}
    return may(ROLE, "state", "GetItem", context | ({ATTRIBUTES: attributes} if attributes else {}))


@pytest.mark.requirement("K4")
def test_of_users_it_reads_what_a_mail_needs_and_no_more() -> None:
    assert reads("T#cozone", *OF_A_MAIL)
    assert reads("T#cozone#U#anna", *OF_A_MAIL)
    assert not reads("T#cozone#U#anna")  # a read that names none asks for all
    for secret in ("password_hash", "entries", "ciphertext", "lookup_key", "codes", "code_hash"):
        assert not reads("T#cozone#U#anna", "pk", secret), secret
    assert not reads("S#0123", "pk")
    assert not reads("LOOKUP#0123", "pk")


@pytest.mark.requirement("K4")
def test_it_writes_marks_and_nothing_else() -> None:
    for partition in ("T#cozone", "T#cozone#U#anna", "S#1", "LOOKUP#1", "HANDOFF#1", "JWT#1", "SIGNING"):
        for action in ("PutItem", "UpdateItem", "DeleteItem"):
            assert not may(ROLE, "state", action, {PARTITION_KEY: partition}), (partition, action)
    marks = {PARTITION_KEY: "SENT#0123"}
    granted = {
        (place, action)
        for place, service in SERVICES.items()
        for action in operations(service)
        if may(ROLE, place, action, FOR_CODES | marks)
    }
    assert granted == {("state", "GetItem"), ("state", "PutItem"), ("state", "UpdateItem")}


@pytest.mark.requirement("K4")
@pytest.mark.parametrize("key", ["key", "signing key"])
def test_no_generosity_lets_it_use_a_key_that_guards_secrets(key: str) -> None:
    everything: list[Any] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    for action in ("Decrypt", "Encrypt", "Sign", "CreateGrant"):
        call = Call(f"kms:{action}", output(PLACES[key]), FOR_CODES)
        assert not allowed(call, identity=[*policy_of(ROLE), *everything]), action


@pytest.mark.requirement("K4")
def test_it_sends_from_its_own_address_alone() -> None:
    policy = json.loads(
        json.dumps(properties(APP, ROLE)["Policies"])
        .replace('{"Ref": "MailFrom"}', f'"{FROM}"')
        .replace("${MailFrom}", FROM)
        .replace("${MailDomain}", "firma.se")
    )
    statements = resolved(policy[0]["PolicyDocument"]["Statement"], APP)

    def may_send(identity: str, sender: str) -> bool:
        arn = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{identity}"
        return allowed(Call("ses:SendEmail", arn, {"ses:FromAddress": sender}), identity=statements)

    assert may_send("firma.se", FROM)
    assert may_send(FROM, FROM)
    assert not may_send("firma.se", "chefen@firma.se")
    assert not may_send("byra.se", FROM)


def test_an_address_that_is_said_reaches_the_stack_with_its_domain() -> None:
    assert Options(mail_from=FROM).parameters() == {"MailFrom": FROM, "MailDomain": "firma.se"}
    assert Options(mail_from="").parameters() == {"MailFrom": "", "MailDomain": ""}
    assert Options().parameters() == {}
    for name, value in Options(mail_from=FROM).parameters().items():
        assert re.fullmatch(APP["Parameters"][name]["AllowedPattern"], value)
        assert re.fullmatch(APP["Parameters"][name]["AllowedPattern"], "")


@pytest.mark.parametrize("address", ["firma.se", "notiser@", "Notiser <notiser@firma.se>", "x@Firma.se"])
def test_what_is_no_address_is_refused_before_anything_is_deployed(address: str) -> None:
    with pytest.raises(DeploymentError, match="MAIL_FROM="):
        _check_mail_from(address)


def test_it_alarms_long_before_the_stream_forgets() -> None:
    alarm = of_type(APP, "AWS::CloudWatch::Alarm")["NoticesBehindAlarm"]
    age = properties(APP, "Notices")["Events"]["Told"]["Properties"]["MaximumRecordAgeInSeconds"]
    assert alarm["Threshold"] / 1000 <= age / 10


def test_the_runbook_says_how_the_sender_is_verified() -> None:
    runbook = (DOCS / "runbook.md").read_text(encoding="utf-8")
    (mail,) = re.findall(r"^## Mail\n(.*?)^## ", runbook, re.MULTILINE | re.DOTALL)
    assert "sandbox" in mail
    assert "make deploy STAGE=$STAGE MAIL_FROM=" in mail
