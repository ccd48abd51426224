"""The two functions of the archive as Lambda starts and calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.archive.digest import digest_in, digest_name, signature_name, signed_message
from chalicelib.archive.hours import HOUR_SECONDS, hour_of
from chalicelib.deployment.evidence import public_key, verifier_of
from chalicelib.errors import ServiceUnavailableError
from chalicelib.settings import SettingsError
from tests.support.handlers import (
    ENVIRONMENT_TO_IMPORT_THE_APP,
    an_invocation,
    fresh_handler,
    loaded_by,
)
from tests.unit.archive.history import BEGIN, a_record, an_event

BUCKET = "an-archive"


class Cloud:
    """A bucket and a key."""

    def __init__(self) -> None:
        self.s3: Any = boto3.client("s3")
        self.s3.create_bucket(
            Bucket=BUCKET,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": "eu-north-1"},
        )
        self.kms: Any = boto3.client("kms")
        key = self.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.key_id: str = key["KeyMetadata"]["Arn"]
        self.environment = {
            "STAGE": "dev",
            "ARCHIVE_BUCKET": BUCKET,
            "DIGEST_KEY_ID": self.key_id,
            "AWS_DEFAULT_REGION": "eu-north-1",
        }

    def content(self, name: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return content

    def names(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud()


@pytest.mark.requirement("A4")
def test_a_batch_is_written_down_and_the_hour_is_signed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    times = {"now": float(BEGIN)}
    monkeypatch.setattr("time.time", lambda: times["now"])
    archive = fresh_handler("archive.handler", **cloud.environment)
    digest = fresh_handler("archive.digest_handler", **cloud.environment)
    batch = {"Records": [a_record(an_event(n, at=BEGIN), number=n) for n in range(3)]}

    assert archive(batch, an_invocation()) == archive(batch, an_invocation()) == {"batchItemFailures": []}
    times["now"] += HOUR_SECONDS + 600
    assert digest({}, an_invocation()) == {"made": 1}
    assert digest({}, an_invocation()) == {"made": 0}

    hour = hour_of(BEGIN)
    assert len(cloud.names()) == 3
    stored, signature = (cloud.content(name(hour)) for name in (digest_name, signature_name))
    key = public_key(cloud.kms.get_public_key(KeyId=cloud.key_id)["PublicKey"])
    assert verifier_of([key])(signed_message(hour, stored), signature)
    (entry,) = digest_in(stored).manifests
    assert entry.lines == 3
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["function"] for line in lines] == ["archive", "archive", "digest", "digest"]
    assert [line.get("DigestsMade") for line in lines] == [None, None, 1, None]


def test_with_little_time_left_no_hour_is_begun(cloud: Cloud) -> None:
    digest = fresh_handler("archive.digest_handler", **cloud.environment)

    assert digest({}, an_invocation(left_ms=45_000)) == {"made": 0}
    assert cloud.names() == []


def test_what_fails_is_an_error_of_the_function(cloud: Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    """So that Lambda tries again, and counts it."""
    digest = fresh_handler("archive.digest_handler", **cloud.environment | {"ARCHIVE_BUCKET": "none"})

    with pytest.raises(ServiceUnavailableError):
        digest({}, an_invocation())
    fault, told = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert fault["fault"][0] == "ServiceUnavailableError"
    assert (told["level"], told["made"]) == ("ERROR", 0)


@pytest.mark.parametrize("module", ["handler", "digest_handler"])
@pytest.mark.requirement("K4")
def test_they_start_without_what_they_do_not_need(module: str) -> None:
    """No HTTP, no codes, no passwords, no tables; the API's settings are not even there to be read."""
    loaded = loaded_by(f"chalicelib.archive.{module}", ARCHIVE_BUCKET="archive", DIGEST_KEY_ID="key")
    needless = {"chalice", "boto3", "pynamodb", "pyotp", "segno", "argon2", "chalicelib.bootstrap"}
    assert not loaded & needless


@pytest.mark.parametrize("module", ["handler", "digest_handler"])
def test_without_their_settings_they_do_not_start(module: str) -> None:
    with pytest.raises(SettingsError, match="ARCHIVE_BUCKET is not set"):
        fresh_handler(f"archive.{module}", ARCHIVE_BUCKET="", DIGEST_KEY_ID="key")


def test_the_api_starts_without_the_archive() -> None:
    """What it proves is nobody's wait: a cold start loads none of it."""
    loaded = loaded_by("app", **ENVIRONMENT_TO_IMPORT_THE_APP)
    assert not {name for name in loaded if "chalicelib.archive" in name}
