"""The archive's store: the same promises in memory and in S3, as moto emulates it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from chalicelib.archive.chain import StoredObject
from chalicelib.archive.manifest import Line
from chalicelib.archive.s3 import S3Evidence
from chalicelib.archive.store import EvidenceStore
from chalicelib.archive.verification import Evidence, LineIndex
from chalicelib.deployment.evidence import DiskIndex, S3Versions
from chalicelib.errors import ServiceUnavailableError
from tests.support.memory.archive import MemoryEvidence, MemoryIndex

BUCKET = "an-archive"
LOCKED = {
    "ObjectLockEnabled": "Enabled",
    "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
}


class Archives:
    """One archive, by its two ports, and a hand that puts things over others."""

    def __init__(self, kind: str) -> None:
        self.s3: Any = None
        if kind == "memory":
            self.memory = MemoryEvidence()
            self.store: EvidenceStore = self.memory
            self.evidence: Evidence = self.memory
            return
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(
            Bucket=BUCKET,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": "eu-north-1"},
        )
        self.s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=LOCKED)
        self.store = S3Evidence(self.s3, bucket=BUCKET)
        self.evidence = S3Versions(self.s3, bucket=BUCKET)

    def overwrite(self, name: str, content: bytes | None) -> None:
        if self.s3 is None:
            self.memory.versions[name].append(content)
        elif content is None:
            self.s3.delete_object(Bucket=BUCKET, Key=name)
        else:
            self.s3.put_object(Bucket=BUCKET, Key=name, Body=content)


@pytest.fixture(params=["memory", "aws"])
def archives(request: pytest.FixtureRequest) -> Iterator[Archives]:
    with mock_aws():
        yield Archives(request.param)


def test_what_is_written_can_be_read_and_is_written_once(archives: Archives) -> None:
    assert archives.store.get("a/1") is None
    assert archives.store.put_once("a/1", b"first") is True
    assert archives.store.put_once("a/1", b"second") is False
    assert archives.store.get("a/1") == b"first"


def test_names_come_in_order_and_folders_once(archives: Archives) -> None:
    for name in ("d/2026/12/1", "d/2026/02/2", "d/2026/02/1", "d/2027/01/1", "e/1"):
        archives.store.put_once(name, b"x")

    assert list(archives.store.names("d/2026/")) == ["d/2026/02/1", "d/2026/02/2", "d/2026/12/1"]
    assert archives.store.folders("d/") == ["d/2026/", "d/2027/"]
    assert archives.store.folders("d/2026/") == ["d/2026/02/", "d/2026/12/"]
    assert archives.store.folders("none/") == []


@pytest.mark.requirement("A4")
@pytest.mark.parametrize("by", [b"forged", None], ids=["written over", "marked as deleted"])
def test_the_first_version_is_read_whatever_lies_over_it(archives: Archives, by: bytes | None) -> None:
    archives.store.put_once("a/1", b"first")
    archives.store.put_once("a/2", b"untouched")
    archives.overwrite("a/1", by)

    first, second = archives.evidence.objects("a/")
    assert (first.name, first.was_touched) == ("a/1", True)
    assert (second.name, second.was_touched) == ("a/2", False)
    assert archives.evidence.read(first) == b"first"


def test_long_lists_come_page_by_page() -> None:
    class Paging:
        def list_objects_v2(self, *, ContinuationToken: str = "0", **_: Any) -> Any:  # noqa: N803 - boto3's name
            page = int(ContinuationToken)
            more = {"IsTruncated": True, "NextContinuationToken": str(page + 1)} if page < 2 else {}
            return {"Contents": [{"Key": f"a/{page}"}], **more}

    assert list(S3Evidence(Paging(), bucket=BUCKET).names("a/")) == ["a/0", "a/1", "a/2"]


def test_an_s3_that_fails_is_not_an_empty_one() -> None:
    class Unreachable:
        def __getattr__(self, _: str) -> Any:
            def fail(**_: Any) -> None:
                raise EndpointConnectionError(endpoint_url="https://s3")

            return fail

    store = S3Evidence(Unreachable(), bucket=BUCKET)
    with pytest.raises(ServiceUnavailableError):
        store.get("a")
    with pytest.raises(ServiceUnavailableError):
        store.put_once("a", b"")
    with pytest.raises(ServiceUnavailableError):
        list(store.names("a"))
    with mock_aws(), pytest.raises(ServiceUnavailableError):
        S3Evidence(boto3.client("s3"), bucket="none").put_once("a", b"")


def test_a_version_that_is_gone_is_none() -> None:
    with mock_aws():
        archives = Archives("aws")
        archives.store.put_once("a", b"x")
        assert archives.evidence.read(StoredObject(name="b", version="x")) is None


# -- The index of lines


@pytest.fixture(params=["memory", "disk"])
def index(request: pytest.FixtureRequest) -> LineIndex:
    return MemoryIndex() if request.param == "memory" else DiskIndex()


def a_line(number: int, sha256: str = "a") -> Line:
    return Line(pk="p", sk=str(number), sha256=sha256, expires_at=number or None)


def test_the_first_hash_of_a_row_is_kept(index: LineIndex) -> None:
    assert index.note(a_line(1, "a"), is_due=False) == "a"
    assert index.note(a_line(1, "b"), is_due=False) == "a"


def test_what_is_due_and_not_seen_is_told(index: LineIndex) -> None:
    for number in range(250):
        index.note(a_line(number), is_due=number % 2 == 0)
        index.seen("p", str(number - 100))
    index.note(a_line(249), is_due=True)  # once more, in a manifest of the period

    left = [noted for some in index.unseen() for noted in some]
    wanted = {str(number) for number in range(150, 250, 2)} | {"249"}
    assert {noted.sk for noted in left} == wanted
    assert {noted.expires_at for noted in left} == {int(sk) for sk in wanted}


def test_an_unknown_row_is_none(index: LineIndex) -> None:
    index.note(a_line(1), is_due=True)
    assert index.seen("p", "2") is None
    noted = index.seen("p", "1")
    assert noted is not None
    assert (noted.sha256, noted.expires_at, noted.is_due) == ("a", 1, True)
