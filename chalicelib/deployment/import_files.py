"""
Files to import, read row by row: however long one is, only a few rows are held at a time.

Which rows name somebody twice is remembered outside, in a temporary database that holds keyed
hashes alone: no name and no secret is written anywhere.
"""

from __future__ import annotations

import csv
import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from chalicelib.accounts.record import normalised_username
from chalicelib.deployment.errors import DeploymentError

_CHUNK_BYTES = 1024 * 1024
_KEY_BYTES = 32
_DIGEST_BYTES = 16
_CACHE_KIB = 2_000


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """One row: where it stands, what is in it, and why it cannot be taken at all, if so."""

    line: int
    values: Mapping[str, str]
    fault: str | None = None


def sha256_of(path: Path) -> tuple[str, int]:
    """
    Return the hash of the file, and how many lines it has.

    Raises:
        DeploymentError: It cannot be read.
    """
    digest, lines = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                lines += chunk.count(b"\n")
    except OSError as error:
        raise DeploymentError(f"The file {path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest(), lines


def users_in(path: Path, columns: Sequence[str], *, needed: Sequence[str] = ()) -> Iterator[FileRow]:
    """
    Yield the rows of a CSV file whose first line names some of *columns*, and all that are *needed*.

    Raises:
        DeploymentError: It cannot be read, or its first line is not that.
    """
    with _opened(path) as file:
        yield from _csv_rows(path, file, columns, needed=needed)


def secrets_in(path: Path, columns: Sequence[str]) -> Iterator[FileRow]:
    """
    Yield the rows of a file of secrets: CSV as above, or otpauth URIs, one on each line.

    Raises:
        DeploymentError: It cannot be read, or is neither.
    """
    with _opened(path) as file:
        first = file.readline()
        file.seek(0)
        if first.lower().startswith("otpauth"):
            yield from _uris(file)
        else:
            yield from _csv_rows(path, file, columns, needed=("secret",))


def batches(rows: Iterable[FileRow], size: int) -> Iterator[list[FileRow]]:
    """Yield *rows* in lists of *size*, the last one shorter."""
    batch: list[FileRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def without_twins(
    rows: Iterable[FileRow], names_of: Callable[[FileRow], Iterable[str]]
) -> Iterator[Iterator[FileRow]]:
    """Yield the rows, with a fault in each that names, by *names_of*, whom an earlier one named."""
    with closing(sqlite3.connect("")) as seen:  # a temporary file, which ends with the connection
        seen.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        seen.execute("CREATE TABLE seen (name BLOB PRIMARY KEY) WITHOUT ROWID")
        yield _marked(rows, names_of, seen)


def named_in(row: FileRow) -> Iterator[str]:
    """Yield by which names a row calls a user."""
    username = normalised_username(row.values.get("username", ""))
    portal_user = row.values.get("portal_user", "").strip()
    # A portal's names may be shared; its ids are not, nor is a name with which somebody signs in.
    signs_in_by_name = bool(row.values.get("password_hash", "").strip())
    if username and (signs_in_by_name or not portal_user):
        yield f"username|{username}"
    if portal_user:
        yield f"portal|{portal_user}"


def _marked(
    rows: Iterable[FileRow], names_of: Callable[[FileRow], Iterable[str]], seen: sqlite3.Connection
) -> Iterator[FileRow]:
    key = secrets.token_bytes(_KEY_BYTES)
    for row in rows:
        is_twin = False
        for name in names_of(row) if row.fault is None else ():
            digest = hashlib.blake2b(name.encode(), key=key, digest_size=_DIGEST_BYTES).digest()
            is_new = seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount
            is_twin = is_twin or not is_new
        fault = "an earlier row of this file names the same user"
        yield FileRow(line=row.line, values={}, fault=fault) if is_twin else row


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise DeploymentError(f"The file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DeploymentError(f"The file {path} is not UTF-8.") from error


def _csv_rows(
    path: Path, file: TextIO, columns: Sequence[str], *, needed: Sequence[str]
) -> Iterator[FileRow]:
    reader = csv.reader(file, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        unknown = [name for name in header if name not in columns]
        if unknown or len(set(header)) != len(header) or not set(needed) <= set(header):
            raise DeploymentError(
                f"The first line of {path} must name columns, each once, of {', '.join(columns)}"
                + (f"; {', '.join(needed)} must be there." if needed else ".")
            )
        for fields in reader:
            if not any(fields):
                continue
            if len(fields) != len(header):
                fault = f"the row has {len(fields)} fields instead of {len(header)}"
                yield FileRow(line=reader.line_num, values={}, fault=fault)
            else:
                yield FileRow(line=reader.line_num, values=dict(zip(header, fields, strict=True)))
    except csv.Error:  # it may hold a part of the row
        raise DeploymentError(f"Line {reader.line_num} of {path} is not CSV.") from None


def _uris(file: TextIO) -> Iterator[FileRow]:
    for line, text in enumerate(file, start=1):
        if text.strip():
            yield FileRow(line=line, values={"secret": text.strip()})
