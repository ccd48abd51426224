"""`make verify-events`: proof that nobody changed or removed an event, or the names of those that were."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from chalicelib.archive.findings import MEANINGS, Finding
from chalicelib.archive.hours import hour_of, told
from chalicelib.archive.verification import Verification
from chalicelib.deployment.account import Account, open_account
from chalicelib.deployment.administration import stacks_of
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.evidence import (
    DiskIndex,
    EventsTable,
    S3Versions,
    key_in,
    public_key,
    verifier_of,
)

_BAR_CHARACTERS = 30
_REDRAWN_SECONDS = 0.2


def verify_events(
    stage: str,
    *,
    begin: str | None = None,
    end: str | None = None,
    key_files: Sequence[Path] = (),
    as_json: bool = False,
    clock: Callable[[], float] = time.time,
) -> None:
    """
    Look through the period and say what is not as it was written. Reads only.

    *begin* and *end* are days, both of them part of it, or hours as ``2026-11-25T21``;
    None for all there is. *key_files* hold the public key; without any, KMS is asked for it.

    Raises:
        DeploymentError: Something is not as it was written, or cannot be looked at.
    """
    start_hour = None if begin is None else _moment(begin)
    end_hour = None if end is None else _moment(end, is_end=True)
    if start_hour is not None and end_hour is not None and end_hour <= start_hour:
        raise DeploymentError(f"FROM={begin} is not before TO={end}.")
    account = open_account(stage)
    data = stacks_of(account).outputs(account.data_stack)
    if "ArchiveBucketName" not in data:
        raise DeploymentError(f"{stage} has no archive yet: make deploy STAGE={stage} first.")
    keys = [key_in(path) for path in key_files] or [_key_of(account, data["DigestKeyArn"])]
    report = _JsonReport() if as_json else _Report(account, data["ArchiveBucketName"])
    bar = _Bar()
    index = DiskIndex()
    verification = Verification(
        evidence=S3Versions(account.client("s3"), bucket=data["ArchiveBucketName"]),
        events=EventsTable(account.client("dynamodb"), table=data["EventsTableName"]),
        index=index,
        archive=data["ArchiveBucketName"],
        verifies=verifier_of(keys),
        now=clock(),
        start=start_hour,
        end=end_hour,
        progress=bar.show,
    )
    found: Counter[str] = Counter()
    try:
        report.begin()
        for finding in verification.findings():
            bar.clear()
            report.tell(finding)
            found[finding.kind] += 1
    finally:
        bar.clear()
        index.close()
    report.end(verification, found)
    if found:
        raise DeploymentError(
            f"{found.total():,} findings: not all is as it was written. "
            "docs/runbook.md, Verify the events, says what each means."
        )


def _key_of(account: Account, key_arn: str) -> EllipticCurvePublicKey:
    return public_key(account.client("kms").get_public_key(KeyId=key_arn)["PublicKey"])


def _moment(said: str, *, is_end: bool = False) -> int:
    """Return the first second of a day or an hour, or the one behind it; UTC."""
    for form, length in (("%Y-%m-%d", timedelta(days=1)), ("%Y-%m-%dT%H", timedelta(hours=1))):
        try:
            begin = datetime.strptime(said, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return hour_of((begin + length if is_end else begin).timestamp())
    raise DeploymentError(f"'{said}' is neither a day as 2026-11-25 nor an hour as 2026-11-25T21, in UTC.")


@dataclass(kw_only=True)
class _Bar:
    """How far it is, for whoever waits at a terminal."""

    _drawn_at: float = 0.0

    def show(self, doing: str, done: int, whole: int) -> None:
        """Draw it anew, at most some times a second."""
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._drawn_at < _REDRAWN_SECONDS:
            return
        self._drawn_at = now
        share = min(1.0, done / whole) if whole else 0.0
        bar = ("#" * round(share * _BAR_CHARACTERS)).ljust(_BAR_CHARACTERS, "-")
        print(
            f"\r\033[K  [{bar}] {done:,} of {max(whole, done):,} {doing}",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def clear(self) -> None:
        """Take it away."""
        if self._drawn_at:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class _Report:
    """For people: a line for each finding, then what was looked at."""

    account: Account
    bucket: str

    def begin(self) -> None:
        """Say what is looked at."""
        print(
            f"Account {self.account.number}, {self.account.region}: "
            f"the events of {self.account.stage} against the archive {self.bucket}."
        )

    def tell(self, finding: Finding) -> None:
        """Name one thing that is not as it was written."""
        why = f" ({finding.why})" if finding.why else ""
        print(f"{finding.kind}  {finding.what}: {MEANINGS[finding.kind]}{why}")

    def end(self, verification: Verification, found: Counter[str]) -> None:
        """Say how much was looked at, and what that comes to."""
        counts = verification.counts
        if verification.start is not None:
            print(f"Looked at, from {told(verification.start)} on:")
        print(
            f"  {counts.hours:,} digests, {counts.manifests:,} manifests with {counts.lines:,} lines, "
            f"{counts.rows:,} events in the table"
        )
        print(f"  {counts.expired:,} events swept in their time; {counts.open:,} too new for a manifest")
        if not found:
            print("Every event is as it was written, and none is missing.")


@dataclass(kw_only=True)
class _JsonReport:
    """For programs: one JSON object, written as it is found."""

    _told: int = field(default=0)

    def begin(self) -> None:
        """Open the object."""
        print('{"findings": [', end="")

    def tell(self, finding: Finding) -> None:
        """Add one finding."""
        print(("," if self._told else "") + "\n  " + json.dumps(vars(finding)), end="")
        self._told += 1

    def end(self, verification: Verification, found: Counter[str]) -> None:
        """Close it with the counts."""
        more = {
            "is_sound": not found,
            "by_kind": dict(found),
            "from": None if verification.start is None else told(verification.start),
            "to": None if verification.end is None else told(verification.end),
            "looked_at": vars(verification.counts),
        }
        print("\n], " + json.dumps(more)[1:])
