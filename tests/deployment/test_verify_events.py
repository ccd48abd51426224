"""`make verify-events` over an account as moto emulates it: it names what is not as it was written."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.archive.archive import Archive
from chalicelib.archive.digest import digest_name, signature_name
from chalicelib.archive.digester import SETTLE_SECONDS, Digester
from chalicelib.archive.hours import HOUR_SECONDS, hour_of, told
from chalicelib.archive.s3 import S3Evidence
from chalicelib.audit.dynamodb import DynamoEventLog
from chalicelib.audit.event import AUTHENTICATOR_BOUND, Event
from chalicelib.deployment.evidence import public_key
from chalicelib.keys.digest_signer import KmsDigestSigner
from tests.deployment.operating import Operator, Said
from tests.support.clock import ManualClock
from tests.support.stream import as_lambda_hands_it

Row = dict[str, Any]
_HOURS = 3


class Stage:
    """The stage dev with some hours of events, their archive and digests, until the last closed hour."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        administration = operator.stage
        outputs, self.transactions = administration.data, administration.stores.transactions
        self.bucket, self.table = outputs["ArchiveBucketName"], outputs["EventsTableName"]
        self.key_arn = outputs["DigestKeyArn"]
        self.s3, self.dynamodb = boto3.client("s3"), boto3.client("dynamodb")
        # moto's CloudFormation makes the bucket without it.
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.clock = ManualClock(hour_of(time.time()) - _HOURS * HOUR_SECONDS)
        self.begin = int(self.clock())
        self._number = 0
        store = S3Evidence(self.s3, bucket=self.bucket)
        self.archive = Archive(store=store, stage="dev", clock=self.clock, write_line=lambda _: None)
        signer = KmsDigestSigner(operator.kms, key_id=self.key_arn)
        self.digester = Digester(archive=self.bucket, store=store, signer=signer)
        for _ in range(_HOURS):
            self.clock.advance(60)
            self.happens(3)
            self.clock.advance(HOUR_SECONDS - 60 + SETTLE_SECONDS)
            list(self.digester.catch_up(now=self.clock(), may_go_on=lambda: True))
            self.clock.advance(-SETTLE_SECONDS)

    def happens(self, count: int) -> None:
        """Let events be written by the product's own log, and come by the stream."""
        before = {(row["pk"]["S"], row["sk"]["S"]) for row in self.rows()}
        for _ in range(count):
            self._number += 1
            event = Event(
                kind=AUTHENTICATOR_BOUND,
                tenant_id="cozone",
                user_id="0" * 32,
                occurred_at=int(self.clock()),
                actor="0" * 32,
                request_id=f"request-{self._number}",
                reference="12345678",
                details={"why": "å, ä and ö"},
            )
            self.transactions.commit(DynamoEventLog().recorded(event))
        new = [row for row in self.rows() if (row["pk"]["S"], row["sk"]["S"]) not in before]
        records = [
            as_lambda_hands_it(
                {
                    "eventName": "INSERT",
                    "dynamodb": {
                        "Keys": {name: row[name] for name in ("pk", "sk")},
                        "NewImage": row,
                        "SequenceNumber": str(self._number + n),
                    },
                }
            )
            for n, row in enumerate(new)
        ]
        assert self.archive.deliver(records, request_id="an invocation") == []

    def rows(self) -> list[Row]:
        """Return all events."""
        items: list[Row] = self.dynamodb.scan(TableName=self.table)["Items"]
        return items

    def verifies(self, *options: str) -> Said:
        """Give the command."""
        return self.operator.does("verify-events", *options)


@pytest.fixture
def stage(operator: Operator) -> Stage:
    return Stage(operator)


@pytest.mark.requirement("A4")
def test_an_archive_nobody_touched_is_called_sound(stage: Stage) -> None:
    said = stage.verifies()

    assert (said.status, said.err) == (0, "")
    assert "3 digests, 3 manifests with 9 lines, 9 events in the table" in said.out
    assert "Every event is as it was written, and none is missing." in said.out


@pytest.mark.requirement("A4")
def test_each_row_that_was_removed_changed_or_added_is_named(stage: Stage) -> None:
    removed, changed, *_ = stage.rows()
    added = changed | {"sk": {"S": f"{stage.begin + 7_200:012d}#forged"}}
    stage.dynamodb.delete_item(TableName=stage.table, Key={name: removed[name] for name in ("pk", "sk")})
    stage.dynamodb.put_item(TableName=stage.table, Item=changed | {"details": {"S": "{}"}})
    stage.dynamodb.put_item(TableName=stage.table, Item=added)

    said = stage.verifies()

    assert said.status == 1
    for kind, row in (("row.missing", removed), ("row.changed", changed), ("row.unknown", added)):
        assert f"{kind}  {row['pk']['S']} / {row['sk']['S']}: " in said.out
    assert said.err.startswith("3 findings: not all is as it was written. docs/runbook.md")


@pytest.mark.requirement("A4")
def test_what_was_done_to_the_archive_is_named(stage: Stage) -> None:
    """Removed for good, and put over."""
    first, second = (stage.begin + n * HOUR_SECONDS for n in range(2))
    stage.s3.put_object(Bucket=stage.bucket, Key=digest_name(first), Body=b"{}")
    (manifest,) = stage.s3.list_objects_v2(Bucket=stage.bucket, Prefix=_hour_of_manifests(second))[
        "Contents"
    ]
    _remove(stage, manifest["Key"])
    _remove(stage, signature_name(second))

    said = stage.verifies()

    assert f"object.overwritten  {digest_name(first)}" in said.out
    assert f"manifest.missing  {manifest['Key']}" in said.out
    assert f"digest.unsigned  {digest_name(second)}" in said.out
    assert said.out.count("row.unknown") == 3  # of the manifest that is gone


def _hour_of_manifests(hour: int) -> str:
    return digest_name(hour).replace("digests/", "manifests/").removesuffix(".json")


def _remove(stage: Stage, name: str) -> None:
    """Remove every version, as nobody can while it is locked."""
    versions = stage.s3.list_object_versions(Bucket=stage.bucket, Prefix=name)["Versions"]
    for version in versions:
        stage.s3.delete_object(Bucket=stage.bucket, Key=name, VersionId=version["VersionId"])


def test_a_report_for_programs_says_the_same(stage: Stage) -> None:
    sound = json.loads(stage.verifies("--json").out)
    assert sound["is_sound"] is True
    assert sound["findings"] == []
    assert sound["looked_at"]["rows"] == 9
    assert sound["from"] == told(stage.begin)

    row, *_ = stage.rows()
    stage.dynamodb.delete_item(TableName=stage.table, Key={name: row[name] for name in ("pk", "sk")})
    said = stage.verifies("--json")
    report = json.loads(said.out)
    assert said.status == 1
    assert (report["is_sound"], report["by_kind"]) == (False, {"row.missing": 1})
    assert report["findings"][0]["what"] == f"{row['pk']['S']} / {row['sk']['S']}"


@pytest.mark.requirement("A4")
def test_an_auditor_brings_the_key_along(stage: Stage, tmp_path: Path) -> None:
    """Kept since the first day, it says whether somebody has exchanged the key since."""
    der = stage.operator.kms.get_public_key(KeyId=stage.key_arn)["PublicKey"]
    pem = public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = stage.operator.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    files = {
        "kept.der": der,
        "kept.txt": base64.b64encode(der) + b"\n",
        "kept.pem": pem,
        "other.der": stage.operator.kms.get_public_key(KeyId=other["KeyMetadata"]["Arn"])["PublicKey"],
        "none.pem": b"no key",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    for name in ("kept.der", "kept.txt", "kept.pem"):
        assert stage.verifies("--public-key", str(tmp_path / name)).status == 0
    forged = stage.verifies("--public-key", str(tmp_path / "other.der"))
    assert forged.out.count("digest.forged") == _HOURS
    assert "There is no public key in" in stage.verifies("--public-key", str(tmp_path / "none.pem")).err


def test_a_period_is_days_or_hours(stage: Stage) -> None:
    hour = told(stage.begin + HOUR_SECONDS)[:13]
    said = stage.verifies("--from", hour, "--to", hour)
    assert (said.status, "1 digests, 1 manifests with 3 lines, 3 events" in said.out) == (0, True)
    today = told(int(time.time()))[:10]
    assert stage.verifies("--from", "2026-01-01", "--to", today).status == 0

    assert "is not before" in stage.verifies("--from", "2026-11-02", "--to", "2026-11-01").err
    assert "'yesterday' is neither a day" in stage.verifies("--from", "yesterday").err


def test_a_bar_shows_at_a_terminal_how_far_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nowhere else: the tests above find nothing beside the report."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    assert "] 1 of " in stage.verifies().err
