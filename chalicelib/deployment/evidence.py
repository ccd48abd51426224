"""Where `make verify-events` reads: the bucket's first versions, the table and the key."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from chalicelib.archive.chain import StoredObject
from chalicelib.archive.manifest import Line
from chalicelib.archive.verification import Noted
from chalicelib.deployment.account import AwsClient
from chalicelib.deployment.errors import DeploymentError
from chalicelib.storage.rows import key_of

Row = Mapping[str, Any]  # in DynamoDB's own notation

_DER = b"\x30"  # how a sequence begins
_MOST_IN_A_BATCH = 100  # as DynamoDB takes them


class S3Versions:
    """
    The `Evidence` of a deployed stage.

    What is locked cannot be removed, but something can be put over it, or a mark that it
    is deleted. So the oldest version counts, and that there is another is told.
    """

    def __init__(self, s3: AwsClient, *, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        for name, versions in groupby(self._versions(prefix), key=lambda version: str(version["Key"])):
            written = marks = 0
            oldest: Mapping[str, Any] = {}
            for version in versions:  # newest first
                if "ETag" in version:
                    written, oldest = written + 1, version
                else:
                    marks += 1
            if written:
                yield StoredObject(
                    name=name, version=str(oldest["VersionId"]), was_touched=written + marks > 1
                )

    def read(self, stored: StoredObject) -> bytes | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=stored.name, VersionId=stored.version)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchVersion", "404"}:
                return None
            raise
        content: bytes = answer["Body"].read()
        return content

    def _versions(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        """Yield versions and marks of deletion, by name; of one name the newest first."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            both = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            # Each list is in order by itself, newest first within a name: sorting keeps that.
            yield from sorted(both, key=lambda version: str(version["Key"]))


class EventsTable:
    """The `Events` of a deployed stage."""

    def __init__(self, dynamodb: AwsClient, *, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def between(self, start: int, end: int | None) -> Iterator[Row]:
        # All of the table is looked through: what nobody should have put there stands anywhere.
        latest = "~" if end is None else f"{end:012d}"  # behind every digit
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="sk BETWEEN :start AND :end OR NOT begins_with(pk, :tenant)",
            ExpressionAttributeValues={
                ":start": {"S": f"{start:012d}"},
                ":end": {"S": latest},
                ":tenant": {"S": "T#"},
            },
        )
        for page in pages:
            yield from page["Items"]

    def of(self, keys: list[tuple[str, str]]) -> Iterator[Row]:
        for start in range(0, len(keys), _MOST_IN_A_BATCH):
            some = [key_of(pk, sk) for pk, sk in keys[start : start + _MOST_IN_A_BATCH]]
            left: dict[str, Any] = {self._table: {"Keys": some, "ConsistentRead": True}}
            while left:
                answer = self._dynamodb.batch_get_item(RequestItems=left)
                yield from answer["Responses"].get(self._table, [])
                left = answer.get("UnprocessedKeys", {})


class DiskIndex:
    """The `LineIndex` in a file of its own, which goes with the process."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # on disk, private and without a name
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE lines (pk TEXT, sk TEXT, sha256 TEXT, expires_at INTEGER, is_due INTEGER,"
            " is_seen INTEGER DEFAULT 0, PRIMARY KEY (pk, sk)) WITHOUT ROWID;"
        )

    def note(self, line: Line, *, is_due: bool) -> str | None:
        self._database.execute(
            # Told in two manifests, it is due if it is due by one of them.
            "INSERT INTO lines (pk, sk, sha256, expires_at, is_due) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET is_due = max(is_due, excluded.is_due)",
            (line.pk, line.sk, line.sha256, line.expires_at, is_due),
        )
        kept: str | None = self._row(line.pk, line.sk)[2]
        return kept

    def seen(self, pk: str, sk: str) -> Noted | None:
        found = self._row(pk, sk)
        if not found:
            return None
        self._database.execute("UPDATE lines SET is_seen = 1 WHERE pk = ? AND sk = ?", (pk, sk))
        return _noted(found)

    def unseen(self) -> Iterator[list[Noted]]:
        cursor = self._database.execute(
            "SELECT pk, sk, sha256, expires_at, is_due FROM lines WHERE is_due AND NOT is_seen"
        )
        while some := cursor.fetchmany(_MOST_IN_A_BATCH):
            yield [_noted(row) for row in some]

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _row(self, pk: str, sk: str) -> Any:  # noqa: ANN401 - a row of SQLite's
        return self._database.execute(
            "SELECT pk, sk, sha256, expires_at, is_due FROM lines WHERE pk = ? AND sk = ?", (pk, sk)
        ).fetchone()


def _noted(row: tuple[Any, ...]) -> Noted:
    pk, sk, sha256, expires_at, is_due = row
    return Noted(pk=pk, sk=sk, sha256=sha256, expires_at=expires_at, is_due=bool(is_due))


def key_in(path: Path) -> EllipticCurvePublicKey:
    """
    Return the public key in a file, in any form in which it may be kept.

    Raises:
        DeploymentError: The file cannot be read, or holds no key on an elliptic curve.
    """
    try:
        return public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DeploymentError(f"There is no public key in {path}: {error}") from error


def public_key(octets: bytes) -> EllipticCurvePublicKey:
    """
    Return the public key in *octets*: in PEM, in DER, or that in base64 as AWS's command line writes it.

    Raises:
        ValueError: It is none on an elliptic curve.
    """
    if octets.lstrip().startswith(b"-----"):
        key = load_pem_public_key(octets)
    else:
        key = load_der_public_key(octets if octets.startswith(_DER) else base64.b64decode(octets))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("not a key on an elliptic curve")  # noqa: TRY004 - a value like another
    return key


def verifier_of(keys: Iterable[EllipticCurvePublicKey]) -> Callable[[bytes, bytes], bool]:
    """Return what says whether a signature, in DER, is of a message by one of *keys*."""
    known = list(keys)

    def verifies(message: bytes, signature: bytes) -> bool:
        return any(_is_by(key, message, signature) for key in known)

    return verifies


def _is_by(key: EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
