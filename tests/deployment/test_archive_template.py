"""The archive of events: locked, written by two functions alone, and removed by nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.archive.digester import SETTLE_SECONDS
from chalicelib.audit.retention import DAYS_KEPT
from chalicelib.settings import ArchiveSettings, DigestSettings
from tests.deployment.test_roles import (
    CHANGES_OF_EVENTS,
    EVERYTHING,
    caller,
    key_policy,
    operations,
    output,
    policy_of,
)
from tests.support.cloud_formation import (
    Properties,
    app_template,
    data_template,
    properties,
    resolved,
)
from tests.support.iam import Call, Statement, allowed

FUNCTIONS = ("Archive", "Digest")
ROLES = ("ArchiveRole", "DigestRole")
MANIFEST, DIGEST, ELSEWHERE = "manifests/2026/11/23/12/1.ndjson", "digests/2026/11/23/12.json", "x"
REMOVALS = ("DeleteObject", "DeleteObjectVersion")
ADMINISTRATOR = caller("role/administrator")


def of(name: str) -> Properties:
    return properties(app_template(), name)


def bucket_policy() -> list[Statement]:
    """Return what the bucket's policy says, but for TLS: these tests make no connections."""
    document = properties(data_template(), "ArchiveBucketPolicy")["PolicyDocument"]
    statements: list[Statement] = resolved(document["Statement"], data_template())
    return [statement for statement in statements if "Tls" not in statement["Sid"]]


def may(who: str, action: str, name: str) -> bool:
    """Return whether a role of ours may do *action* at an object of the bucket, or at the bucket."""
    arn = output("ArchiveBucketArn") + (f"/{name}" if name else "")
    call = Call(f"s3:{action}", arn, caller(f"role/tvasteg-dev-app-{who}-1A2B3C"))
    return allowed(call, identity=policy_of(who), resource=bucket_policy())


class TestBucket:
    """Where the evidence lies."""

    @pytest.mark.requirement("A4")
    def test_what_is_written_is_locked_for_longer_than_any_event_is_kept(self) -> None:
        """In compliance mode, which nobody ends early; in dev a day, so that trials can be cleared away."""
        bucket = properties(data_template(), "ArchiveBucket")
        rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]

        assert bucket["ObjectLockEnabled"] is True
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert rule["Mode"] == "COMPLIANCE"
        chosen, (is_prod, prod, dev) = rule["Days"]["Fn::If"][1], rule["Days"]["Fn::If"][2]["Fn::If"]
        assert (chosen, is_prod, dev) == ({"Ref": "ArchiveLockDays"}, "IsProd", 1)
        # A sweep may be late by some days, and a backup be restored for 35.
        assert prod >= max(DAYS_KEPT.values()) + 35 + 7

    @pytest.mark.parametrize("name", ["ArtifactsBucket", "ArchiveBucket"])
    def test_a_bucket_is_private_and_encrypted(self, name: str) -> None:
        bucket = properties(data_template(), name)

        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert "BucketEncryption" in bucket
        policy = json.dumps(properties(data_template(), f"{name}Policy"))
        assert "aws:SecureTransport" in policy
        assert "s3:TlsVersion" in policy

    @pytest.mark.requirement("A4")
    @pytest.mark.parametrize("action", REMOVALS)
    def test_not_even_an_administrator_removes_or_hides_an_object(self, action: str) -> None:
        for name in (MANIFEST, DIGEST, ELSEWHERE):
            call = Call(f"s3:{action}", f"{output('ArchiveBucketArn')}/{name}", ADMINISTRATOR)
            assert not allowed(call, identity=EVERYTHING, resource=bucket_policy())

    @pytest.mark.requirement("A4")
    @pytest.mark.parametrize("name", [MANIFEST, DIGEST, ELSEWHERE])
    def test_nobody_else_writes_and_everybody_allowed_to_reads(self, name: str) -> None:
        def may_do(action: str, whose: dict[str, str]) -> bool:
            call = Call(f"s3:{action}", f"{output('ArchiveBucketArn')}/{name}", whose)
            return allowed(call, identity=EVERYTHING, resource=bucket_policy())

        assert not may_do("PutObject", ADMINISTRATOR)
        assert not may_do("PutObject", caller("role/tvasteg-prod-app-DigestRole-1A2B3C"))
        assert not may_do("PutObject", caller("role/tvasteg-dev-app-DigestRole-1", account="999988887777"))
        assert may_do("GetObjectVersion", ADMINISTRATOR)


class TestRoles:
    """What the two functions may do."""

    @pytest.mark.requirement("A4", "K4")
    def test_the_one_writes_manifests_and_the_other_digests(self) -> None:
        granted = {
            (role, action, name)
            for role in ROLES
            for name in (MANIFEST, DIGEST, ELSEWHERE, "")
            for action in operations("s3") | {"ListBucket"}
            if may(role, action, name)
        }

        assert granted == {
            ("ArchiveRole", "PutObject", MANIFEST),
            ("DigestRole", "PutObject", DIGEST),
            ("DigestRole", "GetObject", MANIFEST),
            ("DigestRole", "GetObject", DIGEST),
            ("DigestRole", "GetObject", ELSEWHERE),
            ("DigestRole", "ListBucket", ""),
        }

    @pytest.mark.requirement("A4")
    @pytest.mark.parametrize("role", ROLES)
    def test_neither_writes_events_or_removes_evidence_even_if_it_were_given_more(self, role: str) -> None:
        identity = [*policy_of(role), *EVERYTHING]

        for action in ("PutItem", *CHANGES_OF_EVENTS):
            assert not allowed(Call(f"dynamodb:{action}", output("EventsTableArn")), identity=identity)
        for action in (*REMOVALS, "PutObjectRetention", "BypassGovernanceRetention"):
            evidence = Call(f"s3:{action}", f"{output('ArchiveBucketArn')}/{DIGEST}")
            assert not allowed(evidence, identity=identity)

    @pytest.mark.requirement("K4")
    @pytest.mark.parametrize("role", ROLES)
    def test_neither_reads_a_table(self, role: str) -> None:
        for action in operations("dynamodb"):
            for table in ("StateTableArn", "EventsTableArn"):
                assert not allowed(Call(f"dynamodb:{action}", output(table)), identity=policy_of(role))

    @pytest.mark.requirement("K4")
    def test_the_archive_reads_the_stream_of_events(self) -> None:
        for action in operations("dynamodbstreams"):
            call = Call(f"dynamodb:{action}", output("EventsStreamArn"))
            assert allowed(call, identity=policy_of("ArchiveRole"))
            assert not allowed(call, identity=policy_of("DigestRole"))

    @pytest.mark.parametrize(("role", "group"), [("ArchiveRole", "archive"), ("DigestRole", "digest")])
    def test_each_reaches_nothing_but_what_is_named_here(self, role: str, group: str) -> None:
        reach = {
            arn.split(":", 5)[5]
            for statement in policy_of(role)
            if statement["Effect"] == "Allow"
            for arn in [statement["Resource"]]
        }
        bucket = "ArchiveBucket"
        own = {
            "ArchiveRole": {"table/EventsTable/stream/2026-11-23T00:00:00.000", "FailureQueue"}
            | {f"{bucket}/manifests/*"},
            "DigestRole": {bucket, f"{bucket}/*", f"{bucket}/digests/*"},
        }

        assert reach == own[role] | {f"log-group:/tvasteg/dev/{group}:*"}


class TestKey:
    """What signs the digests."""

    def test_it_signs_as_auditors_can_check_and_is_never_exchanged(self) -> None:
        key = properties(data_template(), "DigestKey")

        assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
        assert "EnableKeyRotation" not in key

    @pytest.mark.requirement("A4")
    @pytest.mark.parametrize(
        "who", ["role/administrator", "role/tvasteg-dev-app-ApiHandlerRole-1", "user/anna"]
    )
    def test_only_the_digest_signs_and_all_of_the_account_verify(self, who: str) -> None:
        def may_do(action: str, whose: dict[str, str], identity: list[Any]) -> bool:
            call = Call(f"kms:{action}", output("DigestKeyArn"), whose)
            return allowed(call, identity=identity, resource=key_policy("DigestKey"))

        assert may_do("Sign", caller("role/tvasteg-dev-app-DigestRole-1A2B3C"), [])
        for action in ("Sign", "CreateGrant"):
            assert not may_do(action, caller(who), EVERYTHING)
        for action in ("Verify", "GetPublicKey"):
            assert may_do(action, caller(who), [])
            assert not may_do(action, caller(who, account="999988887777"), [])


class TestFunctions:
    """How they run."""

    def test_they_find_their_settings(self) -> None:
        environments = {
            name: {
                **resolved(of(name)["Environment"]["Variables"], app_template()),
                "AWS_REGION": "eu-north-1",
            }
            for name in FUNCTIONS
        }

        assert ArchiveSettings.from_env(environments["Archive"]).archive_bucket == "ArchiveBucket"
        digest = DigestSettings.from_env(environments["Digest"])
        assert digest.archive_bucket == "ArchiveBucket"
        assert digest.digest_key_id == output("DigestKeyArn")

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_they_run_the_same_python_on_the_same_machine_as_the_api(self, name: str) -> None:
        for part in ("Runtime", "Architectures", "CodeUri"):
            assert of(name)[part] == of("APIHandler")[part]
        assert of(name)["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}LogGroup"}}
        assert of(f"{name}LogGroup")["RetentionInDays"] == {"Ref": "LogRetentionDays"}

    @pytest.mark.requirement("A4")
    def test_no_record_is_passed_over_in_silence(self) -> None:
        source = of("Archive")["Events"]["Written"]["Properties"]

        assert "FilterCriteria" not in source  # what was changed or removed is told, too
        assert source["StartingPosition"] == "TRIM_HORIZON"
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["BisectBatchOnFunctionError"] is True
        assert source["MaximumRecordAgeInSeconds"] < 24 * 3_600
        assert source["DestinationConfig"]["OnFailure"] == {
            "Type": "SQS",
            "Destination": {"Fn::GetAtt": ["FailureQueue", "Arn"]},
        }

    @pytest.mark.requirement("A4")
    def test_the_clock_calls_when_the_hour_is_certainly_closed(self) -> None:
        """Whatever was begun within it has been written, or its function is over."""
        schedule = of("Digest")["Events"]["Hourly"]["Properties"]["Schedule"]

        assert schedule == "cron(10 * * * ? *)"
        assert of("Archive")["Timeout"] < SETTLE_SECONDS < 10 * 60
        assert of("Digest")["Timeout"] > 60
