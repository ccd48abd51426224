"""Every alarm looks at a metric that exists, knows its section in the runbook and wakes somebody."""

from __future__ import annotations

import re

import pytest

from chalicelib.web.function_log import UNITS as UNITS_OF_FUNCTIONS
from chalicelib.web.metrics import DIMENSION, NAMESPACE, UNITS
from tests.docs.pages import DOCS
from tests.support.cloud_formation import Properties, app_template, of_type, resolved

APP = app_template()
ALARMS = of_type(APP, "AWS::CloudWatch::Alarm")
RUNBOOK = (DOCS / "runbook.md").read_text(encoding="utf-8")

# What AWS sends, by namespace, with the dimensions under which it does.
METRICS_OF_AWS = {
    ("AWS/ApiGateway", "5XXError"): {"ApiName", "Stage"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "IteratorAge"): {"FunctionName"},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "SystemErrors"): {"TableName", "Operation"},
    ("AWS/Usage", "CallCount"): {"Service", "Type", "Resource", "Class"},
}
SYMMETRIC_KMS_REQUESTS_A_SECOND = 10_000
# What must happen every hour: there is no data of what did not.
WOKEN_BY_SILENCE = {"DigestMissingAlarm"}


def dimensions(alarm: Properties) -> dict[str, object]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


@pytest.mark.parametrize("name", ALARMS)
class TestEveryAlarm:
    """What holds for each of them."""

    def test_its_metric_exists(self, name: str) -> None:
        alarm = ALARMS[name]
        if alarm["Namespace"] == NAMESPACE:
            assert alarm["MetricName"] in UNITS | UNITS_OF_FUNCTIONS
            assert dimensions(alarm) == {DIMENSION: {"Ref": "Stage"}}
        else:
            known = METRICS_OF_AWS[alarm["Namespace"], alarm["MetricName"]]
            assert set(dimensions(alarm)) == known

    def test_it_leads_to_its_section(self, name: str) -> None:
        description = ALARMS[name]["AlarmDescription"]
        assert re.fullmatch(rf"[A-Z][^\n]+\. docs/runbook\.md, {name}", description)
        assert f"\n### {name}\n" in RUNBOOK

    def test_it_wakes_somebody_and_is_quiet_without_data(self, name: str) -> None:
        alarm = ALARMS[name]
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert alarm["TreatMissingData"] == ("breaching" if name in WOKEN_BY_SILENCE else "notBreaching")
        assert alarm.get("ActionsEnabled", True)

    def test_its_threshold_can_be_met_and_is_not_always(self, name: str) -> None:
        alarm = ALARMS[name]
        if name in WOKEN_BY_SILENCE:
            return
        assert alarm["Threshold"] > 0
        assert alarm["ComparisonOperator"] in {
            "GreaterThanThreshold",
            "GreaterThanOrEqualToThreshold",
        }
        assert alarm["Period"] in {60, 300}
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 15 * 60
        assert ("Statistic" in alarm) != ("ExtendedStatistic" in alarm)
        assert "Metrics" not in alarm  # no metric math

    def test_what_is_counted_is_summed(self, name: str) -> None:
        alarm = ALARMS[name]
        if (UNITS | UNITS_OF_FUNCTIONS).get(alarm["MetricName"]) == "Count":
            assert alarm["Statistic"] == "Sum"


@pytest.mark.requirement("B48", "V8")
@pytest.mark.parametrize(
    "name",
    [
        "SecretIntegrityAlarm",
        "NewerRowsAlarm",
        "InternalErrorsAlarm",
        "ReturnCodesUsedTwiceAlarm",
        "EventsTamperedAlarm",
    ],
)
def test_what_must_never_happen_alarms_at_once(name: str) -> None:
    alarm = ALARMS[name]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert alarm["EvaluationPeriods"] == 1


@pytest.mark.requirement("M3")
def test_a_few_refused_clients_wake_nobody_and_many_do() -> None:
    """A portal whose key was exchanged on one side only: every request of it, for a quarter of an hour."""
    alarm = ALARMS["ClientsRefusedAlarm"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 15 * 60
    assert 10 <= alarm["Threshold"] <= 50


@pytest.mark.requirement("V8")
def test_the_clock_alarms_long_before_codes_are_refused() -> None:
    alarm = ALARMS["ClockDriftAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("ClockDrift", "Maximum")
    assert 1 < alarm["Threshold"] <= 10


def test_kms_alarms_at_half_of_the_quota() -> None:
    alarm = ALARMS["KmsRequestsAlarm"]
    assert alarm["Threshold"] / alarm["Period"] == SYMMETRIC_KMS_REQUESTS_A_SECOND / 2
    assert dimensions(alarm) == {
        "Service": "KMS",
        "Type": "API",
        "Resource": "CryptographicOperationsSymmetric",
        "Class": "None",
    }


def test_the_outbox_alarms_long_before_the_stream_forgets() -> None:
    age = APP["Resources"]["Outbox"]["Properties"]["Events"]["Attempts"]["Properties"][
        "MaximumRecordAgeInSeconds"
    ]
    assert ALARMS["OutboxBehindAlarm"]["Threshold"] / 1000 <= age / 10


@pytest.mark.requirement("A4")
def test_the_archive_alarms_long_before_the_stream_forgets() -> None:
    age = APP["Resources"]["Archive"]["Properties"]["Events"]["Written"]["Properties"][
        "MaximumRecordAgeInSeconds"
    ]
    assert ALARMS["ArchiveBehindAlarm"]["Threshold"] / 1000 <= age / 10


@pytest.mark.requirement("A4")
def test_two_hours_without_a_digest_wake_somebody_whatever_the_reason() -> None:
    """Also the best one to wish for in silence: that somebody has stopped the clock."""
    alarm = ALARMS["DigestMissingAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("DigestsMade", "Sum")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 2 * 3_600


def test_both_tables_are_looked_at() -> None:
    watched = {
        (alarm["MetricName"], resolved(dimensions(alarm)["TableName"], APP))
        for alarm in ALARMS.values()
        if alarm["Namespace"] == "AWS/DynamoDB"
    }
    tables = ("StateTable", "EventsTable")
    assert watched == {(metric, t) for metric in ("WriteThrottleEvents", "SystemErrors") for t in tables}


def test_the_api_is_looked_at_by_the_name_it_has() -> None:
    api = APP["Resources"]["RestAPI"]["Properties"]
    assert dimensions(ALARMS["ApiFailsAlarm"]) == {"ApiName": api["Name"], "Stage": "live"}


@pytest.mark.requirement("K6")
def test_a_key_that_is_shut_is_told_whichever_it_is() -> None:
    """Also the one that signs after a rotation, and a tenant's own: no template can name those."""
    (rule,) = of_type(APP, "AWS::Events::Rule").values()
    assert rule["EventPattern"] == {
        "source": ["aws.kms"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": ["kms.amazonaws.com"],
            "eventName": ["DisableKey", "ScheduleKeyDeletion"],
        },
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "AlarmTopic"}
    assert "docs/runbook.md, KeyShutRule" in target["InputTransformer"]["InputTemplate"]


def test_alarms_and_the_rule_may_tell_the_topic_and_nobody_else() -> None:
    (policy,) = of_type(APP, "AWS::SNS::TopicPolicy").values()
    statements = policy["PolicyDocument"]["Statement"]
    assert [statement["Principal"] for statement in statements] == [
        {"Service": "cloudwatch.amazonaws.com"},
        {"Service": "events.amazonaws.com"},
    ]
    for statement in statements:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sns:Publish")
        assert statement["Resource"] == {"Ref": "AlarmTopic"}
    # "You can't use Condition blocks in Amazon SNS topic policies for EventBridge" (its User Guide).
    assert "Condition" not in statements[1]


def test_mail_is_sent_only_where_an_address_is_given() -> None:
    subscription = APP["Resources"]["AlarmMailSubscription"]
    assert subscription["Condition"] == "HasAlarmMail"
    assert APP["Conditions"]["HasAlarmMail"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmMail"}, ""]}]}
    allowed = re.compile(APP["Parameters"]["AlarmMail"]["AllowedPattern"])
    assert allowed.fullmatch("operations@firma.se")
    assert allowed.fullmatch("")
    assert not allowed.fullmatch("operations")
