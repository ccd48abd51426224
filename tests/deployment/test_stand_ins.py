"""What stands in for modules of botocore, dateutil and urllib3 fits where those were."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore
import pytest
import urllib3

from chalicelib.deployment.stand_ins import put_stand_ins
from tests.support.packages import NATIVE, Packaged

PACKAGES = Path(botocore.__file__).parents[1]
assert Path(urllib3.__file__).parents[1] == PACKAGES


def imported_from(module: str) -> Iterator[str]:
    """Yield every name that botocore and urllib3 import from *module*, what it is part of aside."""
    for path in [*PACKAGES.glob("botocore/**/*.py"), *PACKAGES.glob("urllib3/**/*.py")]:
        if ".".join(path.relative_to(PACKAGES).parts).startswith(("botocore.docs", "urllib3.http2")):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module == module:
                yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("botocore.docs.docstring", {"ClientMethodDocstring", "PaginatorDocstring", "WaiterDocstring"}),
        ("botocore.docs", set()),
        ("dateutil.parser", {"parse"}),
        ("dateutil.tz", {"tzlocal", "tzutc", "tzwinlocal"}),  # the last within a function, for Windows
        ("dateutil", set()),
        ("http2", {"probe"}),  # a module beside the one exchanged, as urllib3 names it
    ],
)
def test_no_more_is_imported_than_a_stand_in_gives(module: str, names: set[str]) -> None:
    """A release of botocore or urllib3 that takes more of them needs another stand-in."""
    assert set(imported_from(module)) == names


def test_a_package_that_has_moved_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put_stand_ins(tmp_path)


def test_a_start_from_the_zip_loads_none_of_what_was_exchanged(packaged: Packaged) -> None:
    script = """
import sys
from botocore.session import Session
for service in ("dynamodb", "kms"):
    client = Session().create_client(service, region_name="eu-north-1")
assert client.decrypt.__doc__ == ""
print(" ".join(sys.modules))
"""
    loaded = set(run_from(packaged(NATIVE).folder, script).split())
    large = {"botocore.docs.service", "html.parser", "importlib.metadata", "dateutil.rrule", "six"}

    assert {"botocore.docs.docstring", "dateutil.parser", "dateutil.tz", "urllib3.http2"} <= loaded
    assert not loaded & large


def test_times_are_read_as_aws_writes_them(packaged: Packaged) -> None:
    script = """
from datetime import UTC, datetime, timedelta
from botocore.credentials import _local_now
from botocore.utils import parse_timestamp
noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
for written in (1795435200, "1795435200", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000Z",
                "Mon, 23 Nov 2026 12:00:00 GMT"):
    assert parse_timestamp(written) == noon, written
assert abs(_local_now() - datetime.now(UTC)) < timedelta(hours=1)
"""
    run_from(packaged(NATIVE).folder, script)


def run_from(folder: Path, script: str) -> str:
    """Return what *script* prints where nothing but *folder* and Python's own library is to be had."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=folder,
        env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
