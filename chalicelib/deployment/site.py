"""
The pages in their bucket: each release in a directory of its own, and every `index.html` leading there.

Files below `/v/{hash of the tree}/` never change, so browsers keep them for good.
Each `index.html` is asked for anew at each visit, that of a folder under the folder's own
name too: its links are absolute, so that it is the same page at `/help-desk`, at
`/help-desk/` and at `/help-desk/index.html`, with nothing that rewrites addresses.
A page that was opened before a deploy still finds its own files: a directory stays
for seven days after it was replaced.
What lies below `/tenants/` comes with tenants' profiles, and no release touches it.
"""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from chalicelib.deployment.account import AwsClient
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.joining import joined
from chalicelib.deployment.minify import minified
from chalicelib.web.content_types import CONTENT_TYPES

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"
KEPT_SECONDS = 7 * 24 * 60 * 60
RELEASES = "releases.json"

_INDEX = "index.html"
_AT_THE_ROOT = "openapi.json"
_LINK = re.compile(r'\b(href|src)="([^"#]+)"')
_ELSEWHERE = re.compile(r"[a-z]+:|/", re.IGNORECASE)
_DIRECTORIES = "v/"
_MOST_KEYS_IN_A_DELETION = 1_000


@dataclass(frozen=True, kw_only=True)
class SiteFile:
    """One object of the bucket."""

    key: str
    content: bytes
    cache_control: str
    kind: str
    """The ending of its name in `static/`."""

    @property
    def content_type(self) -> str:
        """What browsers are told it is."""
        return CONTENT_TYPES[self.kind]


@dataclass(frozen=True, kw_only=True)
class Release:
    """One state of `static/` as it is sent: files that never change, and those that lead to them."""

    name: str
    lasting: tuple[SiteFile, ...]
    entrance: tuple[SiteFile, ...]
    """In the order in which they are put in place: the wizard's page comes last."""

    @classmethod
    def of(cls, folder: Path) -> Release:
        """
        Return the release that the files in *folder* make.

        Raises:
            DeploymentError: A file is of an unknown kind or not there, leads out of *folder*,
                or is not what its name says.
        """
        paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*"))}
        shown = {name: path for name, path in paths.items() if not _is_hidden(name)}
        links = [name.as_posix() for name, path in shown.items() if path.is_symlink()]
        if links:
            # Whoever slips one in would publish a file of the operator's own.
            raise DeploymentError(f"Links are not published: {', '.join(links)} in static/.")
        contents = {name.as_posix(): path.read_bytes() for name, path in shown.items() if path.is_file()}
        missing = [name for name in (_INDEX, _AT_THE_ROOT) if name not in contents]
        if missing:
            raise DeploymentError(f"There is no static/{missing[0]}.")
        unknown = [name for name in contents if Path(name).suffix not in CONTENT_TYPES]
        if unknown:
            raise DeploymentError(f"No content type is known for: {', '.join(unknown)} (see site.py).")
        minified(contents)  # each by itself: of what is joined, a fault is told by another name and line
        contents = dict(sorted(minified(joined(contents)).items()))
        name = _hash_of(contents)
        directory = f"{_DIRECTORIES}{name}/"
        pages = [path for path in contents if Path(path).name == _INDEX]
        lasting = [
            SiteFile(
                key=f"{directory}{path}",
                content=content,
                cache_control=FOR_GOOD,
                kind=Path(path).suffix,
            )
            for path, content in contents.items()
            if path not in pages
        ]
        entrance = {_AT_THE_ROOT: contents[_AT_THE_ROOT]}
        for path in sorted(pages, key=lambda path: path == _INDEX):
            page = _leading_to(directory, path, contents).encode()
            entrance |= dict.fromkeys(_addresses_of(path), page)
        return cls(
            name=name,
            lasting=tuple(lasting),
            entrance=tuple(
                SiteFile(
                    key=key,
                    content=content,
                    cache_control=ASK_EACH_TIME,
                    kind=Path(_AT_THE_ROOT if key == _AT_THE_ROOT else _INDEX).suffix,
                )
                for key, content in entrance.items()
            ),
        )


class Site:
    """The bucket behind CloudFront, and the note of what was replaced when in the artifacts bucket."""

    def __init__(self, s3: AwsClient, *, bucket: str, artifacts_bucket: str) -> None:
        self._s3 = s3
        self._place = {"Bucket": bucket}
        self._artifacts_bucket = artifacts_bucket

    def publish(self, release: Release, *, now: float | None = None) -> int:
        """
        Make *release* the one that new visitors get; return how many files had to be sent.

        Broken off at any point it leaves a whole page: the old one, or the new one.
        """
        now = time.time() if now is None else now
        present = set(keys_below(self._s3, self._place, _DIRECTORIES))
        missing = [file for file in release.lasting if file.key not in present]
        for file in (*missing, *release.entrance):
            self._s3.put_object(
                **self._place,
                Key=file.key,
                Body=file.content,
                ContentType=file.content_type,
                CacheControl=file.cache_control,
            )
        self._remove_old(release, directories={key.split("/")[1] for key in present}, now=now)
        return len(missing)

    def empty(self) -> None:
        """Remove every file, and the note with them."""
        remove_keys(self._s3, self._place, keys_below(self._s3, self._place, ""))
        self._s3.delete_object(Bucket=self._artifacts_bucket, Key=RELEASES)

    def _remove_old(self, release: Release, *, directories: set[str], now: float) -> None:
        """Note which directories are replaced by now, and remove those that were long enough ago."""
        known = self._replaced_at()
        # A directory nobody noted was left by an attempt that broke off: it counts from now.
        replaced = {name: known.get(name, now) for name in directories - {release.name}}
        old = {name for name, since in replaced.items() if now - since >= KEPT_SECONDS}
        for name in old:
            keys = keys_below(self._s3, self._place, f"{_DIRECTORIES}{name}/")
            remove_keys(self._s3, self._place, keys)
        note = {
            "current": release.name,
            "replaced_at": {name: since for name, since in replaced.items() if name not in old},
        }
        self._s3.put_object(
            Bucket=self._artifacts_bucket,
            Key=RELEASES,
            Body=json.dumps(note, indent=2, sort_keys=True).encode(),
            ContentType=CONTENT_TYPES[".json"],
        )

    def _replaced_at(self) -> dict[str, float]:
        try:
            note = self._s3.get_object(Bucket=self._artifacts_bucket, Key=RELEASES)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return {}
            raise
        replaced_at: dict[str, float] = json.loads(note)["replaced_at"]
        return replaced_at


def keys_below(
    s3: AwsClient, place: Mapping[str, str], prefix: str, *, until: float = math.inf
) -> Iterator[str]:
    """
    Yield the key of every object that begins with *prefix* and was written *until* then (epoch seconds).

    *place* is the bucket as each request names it: `Bucket`, and perhaps `ExpectedBucketOwner`.
    """
    for page in s3.get_paginator("list_objects_v2").paginate(**place, Prefix=prefix):
        for entry in page.get("Contents", []):
            if entry["LastModified"].timestamp() <= until:
                yield entry["Key"]


def remove_keys(s3: AwsClient, place: Mapping[str, str], keys: Iterable[str]) -> None:
    """
    Remove the objects of *keys* from *place*, which is as `keys_below` takes it.

    Raises:
        DeploymentError: One of them could not be removed.
    """
    waiting = list(keys)
    while waiting:
        batch, waiting = waiting[:_MOST_KEYS_IN_A_DELETION], waiting[_MOST_KEYS_IN_A_DELETION:]
        answer = s3.delete_objects(
            **place, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
        )
        for error in answer.get("Errors", []):
            raise DeploymentError(f"{error['Key']} could not be removed: {error['Message']}")


def _is_hidden(name: Path) -> bool:
    return any(part.startswith(".") for part in name.parts)


def _hash_of(contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _addresses_of(page: str) -> tuple[str, ...]:
    """Return the keys under which people ask for *page*: the root's is CloudFront's own to find."""
    if page == _INDEX:
        return (_INDEX,)
    folder = page.removesuffix(f"/{_INDEX}")
    return (folder, f"{folder}/", page)


def _leading_to(directory: str, page: str, contents: Mapping[str, bytes]) -> str:
    """Return the markup of *page* with each link to a file of ours leading into *directory*."""

    def absolute(link: re.Match[str]) -> str:
        attribute, target = link.groups()
        if _ELSEWHERE.match(target):
            return link[0]
        named = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if named not in contents:
            raise DeploymentError(f"{page} names {target}, and static/ has no such file.")
        return f'{attribute}="/{directory}{named}"'

    return _LINK.sub(absolute, contents[page].decode())
