"""The functions and the API: one stage, a throttle, and refusal of whoever goes around the front door."""

from __future__ import annotations

import json
import re
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest

from chalicelib.archive.canonical import row_hash
from chalicelib.archive.manifest import line_of
from chalicelib.audit.attempts import ATTEMPT_ROWS
from chalicelib.notices.told import told_event
from chalicelib.settings import OutboxSettings, Settings
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from tests.docs.pages import DOCS, code_in, section, tables
from tests.support.cloud_formation import Properties, app_template, of_type, properties, resolved
from tests.support.memory.notices import record_of
from tests.unit.notices.samples import an_event

RUNBOOK = DOCS / "runbook.md"


def of(name: str) -> Properties:
    return properties(app_template(), name)


def api_origin() -> Properties:
    origins = of("Distribution")["DistributionConfig"]["Origins"]
    (found,) = [origin for origin in origins if origin["Id"] == "api"]
    return dict(found)


class TestApi:
    """The gateway: one stage, one region, a throttle, no bodies in any log."""

    @pytest.mark.requirement("S11")
    def test_cloudfront_shows_the_secret_that_the_function_asks_for(self) -> None:
        (header,) = api_origin()["OriginCustomHeaders"]
        assert header == {"HeaderName": "X-Origin-Secret", "HeaderValue": {"Ref": "OriginSecret"}}
        assert of("APIHandler")["Environment"]["Variables"]["ORIGIN_SECRETS"] == {
            "Fn::If": [
                "SecretsOverlap",
                {"Fn::Sub": "${OriginSecret},${PreviousOriginSecret}"},
                {"Ref": "OriginSecret"},
            ]
        }

    @pytest.mark.requirement("S11")
    def test_the_secrets_are_shown_to_nobody(self) -> None:
        for name in ("OriginSecret", "PreviousOriginSecret"):
            parameter = app_template()["Parameters"][name]
            assert parameter["NoEcho"] is True
            # A comma would make two of it.
            assert "," not in parameter["AllowedPattern"]
        assert app_template()["Parameters"]["OriginSecret"]["MinLength"] == 32
        assert "Default" not in app_template()["Parameters"]["OriginSecret"]
        assert "OriginSecret" not in json.dumps(app_template()["Outputs"])

    def test_it_is_regional_and_its_stage_is_cloudfronts_origin_path(self) -> None:
        assert of("RestAPI")["EndpointConfiguration"] == "REGIONAL"
        assert of("RestAPI")["StageName"] == "live"
        assert api_origin()["OriginPath"] == "/live"

    @pytest.mark.requirement("A3")
    def test_the_gateway_keeps_no_bodies(self) -> None:
        """Nor any log at all: that would also need a setting of the whole account, made by hand."""
        (settings,) = of("RestAPI")["MethodSettings"]

        assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
        assert settings["DataTraceEnabled"] is False
        assert settings["LoggingLevel"] == "OFF"
        assert "AccessLogSetting" not in of("RestAPI")

    @pytest.mark.requirement("L10")
    def test_the_gateway_throttles(self) -> None:
        (settings,) = of("RestAPI")["MethodSettings"]

        assert settings["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
        assert settings["ThrottlingBurstLimit"] == {"Ref": "ThrottleBurst"}
        for name in ("ThrottleRate", "ThrottleBurst"):
            assert app_template()["Parameters"][name]["Default"] > 0

    @pytest.mark.requirement("S7")
    def test_what_the_gateway_answers_by_itself_is_a_problem_of_ours(self) -> None:
        known = {(problem.status, problem.code) for problem in [*PROBLEMS.values(), INTERNAL_ERROR]}
        responses = of("RestAPI")["GatewayResponses"]

        assert {"DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"} <= set(responses)
        for kind, response in responses.items():
            body = json.loads(response["ResponseTemplates"]["application/json"])
            headers = response["ResponseParameters"]["Headers"]
            assert (body["status"], body["code"]) in known, kind
            assert response["StatusCode"] == str(body["status"])
            assert headers["Content-Type"] == "'application/problem+json'"
            assert headers["Cache-Control"] == "'no-store'"
            assert headers["X-Content-Type-Options"] == "'nosniff'"
            assert ("Retry-After" in headers) == (body["status"] == 503)

    def test_an_unknown_path_is_not_found(self) -> None:
        response = of("RestAPI")["GatewayResponses"]["MISSING_AUTHENTICATION_TOKEN"]

        assert response["StatusCode"] == "404"


class TestFunctions:
    """Two functions from one zip."""

    def test_both_run_the_same_python_on_the_same_machine(self) -> None:
        api, outbox = of("APIHandler"), of("Outbox")

        assert outbox["Runtime"] == api["Runtime"]
        assert outbox["Architectures"] == api["Architectures"] == ["arm64"]
        assert outbox["CodeUri"] == api["CodeUri"] == "./deployment.zip"

    @pytest.mark.parametrize("stage", ["dev", "prod"])
    def test_the_api_finds_all_its_settings(self, stage: str) -> None:
        variables = properties(app_template(stage), "APIHandler")["Environment"]["Variables"]
        secret = {"ORIGIN_SECRETS": "a-secret", "DEFAULT_TENANT": "cozone"}
        environment = {name: str(resolved(value, app_template(stage))) for name, value in variables.items()}

        settings = Settings.from_env({**environment, **secret, "AWS_REGION": "eu-north-1"})

        assert settings.stage == stage
        assert settings.state_table == "StateTable"
        assert settings.events_table == "EventsTable"
        assert settings.secret_key_id == "arn:aws:kms:eu-north-1:111122223333:key/SecretKey"

    def test_the_outbox_knows_the_events_table_alone(self) -> None:
        variables = resolved(of("Outbox")["Environment"]["Variables"], app_template())

        settings = OutboxSettings.from_env({**variables, "AWS_REGION": "eu-north-1"})

        assert variables == {"STAGE": "dev", "EVENTS_TABLE": "EventsTable"}
        assert settings.events_table == "EventsTable"

    @pytest.mark.parametrize(
        ("function", "group"), [("APIHandler", "ApiLogGroup"), ("Outbox", "OutboxLogGroup")]
    )
    def test_logs_are_kept_for_a_while_and_then_forgotten(self, function: str, group: str) -> None:
        assert of(function)["LoggingConfig"] == {"LogGroup": {"Ref": group}}
        assert of(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert app_template()["Parameters"]["LogRetentionDays"]["Default"] == 90

    def test_the_function_ends_before_whoever_asked_it_gives_up(self) -> None:
        gateway_seconds = 29
        assert of("APIHandler")["Timeout"] < gateway_seconds
        assert gateway_seconds < api_origin()["CustomOriginConfig"]["OriginReadTimeout"]

    def test_the_outbox_is_called_for_what_counts_attempts_alone(self) -> None:
        (event,) = of("Outbox")["Events"].values()
        (rule,) = event["Properties"]["FilterCriteria"]["Filters"]

        assert json.loads(rule["Pattern"]) == {
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"Keys": {"sk": {"S": sorted(ATTEMPT_ROWS)}}},
        }

    def test_no_change_is_passed_over_in_silence(self) -> None:
        (event,) = of("Outbox")["Events"].values()
        source = event["Properties"]

        assert source["StartingPosition"] == "TRIM_HORIZON"
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["BisectBatchOnFunctionError"] is True
        assert source["MaximumRetryAttempts"] > 0
        # Given up while the stream, which keeps a day, still holds it.
        assert source["MaximumRecordAgeInSeconds"] < 24 * 3_600
        assert source["DestinationConfig"]["OnFailure"] == {
            "Type": "SQS",
            "Destination": {"Fn::GetAtt": ["FailureQueue", "Arn"]},
        }

    def test_what_failed_waits_encrypted_for_two_weeks(self) -> None:
        queue = of("FailureQueue")

        assert queue["SqsManagedSseEnabled"] is True
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3_600


class TestFailureQueue:
    """Whatever reads a stream tells it what it gave up; some of that is evidence."""

    @pytest.mark.requirement("A4")
    def test_its_alarm_and_the_runbook_tell_of_every_function_that_writes_to_it(self) -> None:
        readers = {
            name
            for name, function in of_type(app_template(), "AWS::Serverless::Function").items()
            for event in function.get("Events", {}).values()
            if event["Type"] == "DynamoDB"
        }
        (rows,) = tables(section("### FailureQueueAlarm", RUNBOOK))

        assert {name for row in rows for name in code_in(row["`functionArn` names"])} == readers
        for name in readers:
            assert name in of("FailureQueueAlarm")["AlarmDescription"]

    @pytest.mark.requirement("A4")
    def test_nobody_is_told_to_empty_it(self) -> None:
        """With the messages of the archive would go all that tells which events lack their proof."""
        assert "purge-queue" not in RUNBOOK.read_text(encoding="utf-8")

    @pytest.mark.requirement("A4", "E7")
    def test_what_is_handed_over_once_more_is_a_record_like_the_streams(self) -> None:
        query = re.search(r'--query "({Records: .*})" >', section("### Events", RUNBOOK))
        row: dict[str, Any] = record_of(an_event())["dynamodb"]["NewImage"]
        assert query is not None
        (record,) = jmespath.search(query[1], {"Item": row})["Records"]
        line = line_of(record)

        assert told_event(record) == an_event()
        assert line is not None
        assert (line.pk, line.sk, line.sha256) == (row["pk"]["S"], row["sk"]["S"], row_hash(row))
