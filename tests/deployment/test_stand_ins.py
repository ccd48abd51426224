"""What stands in for botocore's and urllib3's own modules fits where those were."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore
import pytest
import urllib3

from chalicelib.deployment.stand_ins import STAND_INS, put_stand_ins
from tests.support.packages import NATIVE, Packaged

PACKAGES = Path(botocore.__file__).parents[1]
assert Path(urllib3.__file__).parents[1] == PACKAGES


def imported_from(module: str) -> Iterator[str]:
    """Yield every name that botocore and urllib3 import from *module*, themselves aside."""
    for path in [*PACKAGES.glob("botocore/*.py"), *PACKAGES.glob("urllib3/**/*.py")]:
        name = ".".join(path.relative_to(PACKAGES).with_suffix("").parts)
        if name.startswith(module.removesuffix(".__init__")):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and not node.level
                and node.module == module
            ):
                yield from (alias.name for alias in node.names)


def test_botocore_takes_three_names_from_its_docstrings() -> None:
    """A release that takes more of them needs another stand-in."""
    stand_in = ast.parse(STAND_INS["botocore/docs/docstring.py"])
    given = {
        target.id
        for node in stand_in.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert set(imported_from("botocore.docs.docstring")) == given
    assert not set(imported_from("botocore.docs"))


def test_a_module_that_has_moved_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put_stand_ins(tmp_path)


def test_a_start_from_the_zip_loads_none_of_what_was_exchanged(packaged: Packaged) -> None:
    script = """
import json, sys
from botocore.session import Session
for service in ("dynamodb", "kms"):
    client = Session().create_client(service, region_name="eu-north-1")
assert client.decrypt.__doc__ == ""
print(" ".join(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=packaged(NATIVE).folder,
        env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = set(done.stdout.split())
    assert {"botocore.docs.docstring", "urllib3.http2"} <= loaded
    assert not loaded & {
        "botocore.docs.service",
        "botocore.docs.bcdoc",
        "html.parser",
        "importlib.metadata",
    }
