"""
The zip and the template of one stage, as `make package` writes them.

`chalice package` runs over a clean copy of what ships; the zip that it makes is
then cut down, byte-compiled and packed anew so that the same sources always
give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalicelib.deployment import PROJECT
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.slim import compile_all, unpack, write_zip
from chalicelib.deployment.template import merge_template
from chalicelib.settings import STAGES

ARCHITECTURES = ("arm64", "x86_64")
DEPLOYED_STAGES = tuple(stage for stage in STAGES if stage != "local")

_OLDEST_PYTHON = (3, 11)
_NEWEST_PYTHON = (3, 14)
_STAYS_HERE = ("__pycache__", "*.pyc", "local", "deployment")
# `chalice package` imports the app, which calls nobody but asks for its settings; their
# real values are known to the deployed function alone.
_ENVIRONMENT_TO_IMPORT_THE_APP = {
    "STATE_TABLE": "known-when-deployed",
    "EVENTS_TABLE": "known-when-deployed",
    "SECRET_KEY_ID": "known-when-deployed",
    "SIGNING_KEY_ID": "known-when-deployed",
    "ORIGIN_SECRETS": "known-when-deployed",
    "DEFAULT_TENANT": "",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class PackageError(DeploymentError):
    """There is no package."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """What was made: *zip_path* and *template_path* lie in one folder, where the one names the other."""

    stage: str
    architecture: str
    runtime: str
    zip_path: Path
    template_path: Path
    sha256: str


def build(stage: str, out: Path, *, architecture: str | None = None, project: Path = PROJECT) -> Package:
    """
    Write the zip and the template of *stage* into *out*, replacing earlier ones.

    *architecture* is what ``.chalice/config.json`` says unless given.

    Raises:
        PackageError: An unknown stage or architecture, a Python that Lambda does
            not run, packages that cannot be fetched, or Chalice failed.
    """
    _require_known(stage, architecture)
    with TemporaryDirectory() as folder:
        staging, made, contents = (Path(folder) / name for name in ("project", "made", "contents"))
        _copy_what_ships(project, staging)
        architecture = _settle_architecture(staging / ".chalice/config.json", stage, architecture)
        _run_chalice(
            staging, made, stage, merge_template(stage, architecture=architecture, project=project)
        )
        _require_all_packages(made / "deployment.zip", staging / "requirements.txt")
        unpack(made / "deployment.zip", contents)
        compile_all(contents)
        out.mkdir(parents=True, exist_ok=True)
        zip_path, template_path = out / "deployment.zip", out / "template.json"
        write_zip(contents, zip_path)
        shutil.copy(made / "sam.json", template_path)
    return Package(
        stage=stage,
        architecture=architecture,
        runtime="python{}.{}".format(*sys.version_info),
        zip_path=zip_path,
        template_path=template_path,
        sha256=hashlib.sha256(zip_path.read_bytes()).hexdigest(),
    )


def _require_known(stage: str, architecture: str | None) -> None:
    if stage not in DEPLOYED_STAGES:
        raise PackageError(f"The stage must be {' or '.join(DEPLOYED_STAGES)}, not '{stage}'.")
    if architecture not in (None, *ARCHITECTURES):
        raise PackageError(f"The architecture must be {' or '.join(ARCHITECTURES)}, not '{architecture}'.")
    running = sys.version_info[:2]
    if not _OLDEST_PYTHON <= running <= _NEWEST_PYTHON:
        supported = "{}.{} to {}.{}".format(*_OLDEST_PYTHON, *_NEWEST_PYTHON)
        raise PackageError(
            f"Lambda runs Python {supported} for us, and this is {'{}.{}'.format(*running)}."
        )


def _copy_what_ships(project: Path, staging: Path) -> None:
    staging.mkdir()
    for name in ("app.py", "requirements.txt"):
        shutil.copy(project / name, staging)
    shutil.copytree(
        project / "chalicelib", staging / "chalicelib", ignore=shutil.ignore_patterns(*_STAYS_HERE)
    )
    (staging / ".chalice").mkdir()
    for path in (project / ".chalice").glob("*.json"):
        shutil.copy(path, staging / ".chalice")


def _settle_architecture(config_path: Path, stage: str, architecture: str | None) -> str:
    config: dict[str, Any] = json.loads(config_path.read_bytes())
    settled: str = architecture or config["lambda_architecture"]
    config["stages"][stage]["lambda_architecture"] = settled
    config_path.write_text(json.dumps(config), encoding="utf-8")
    return settled


def _run_chalice(staging: Path, made: Path, stage: str, merged: dict[str, Any]) -> None:
    merged_path = staging / "merged.json"
    merged_path.write_text(json.dumps(merged), encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))
    }
    done = subprocess.run(
        [
            *(sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"),
            *("--project-dir", staging, "package", "--stage", stage),
            *("--merge-template", merged_path, made),
        ],
        env=environment | _ENVIRONMENT_TO_IMPORT_THE_APP,
        cwd=staging,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    last_lines = " / ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
    if re.search(r"PackageDownloadError|NoSuchPackageError", done.stderr):
        raise PackageError(
            f"What requirements.txt names cannot be fetched: does pip reach its index? {last_lines}"
        )
    raise PackageError(f"`chalice package` failed: {last_lines}")


def _require_all_packages(package: Path, requirements: Path) -> None:
    # Chalice goes on without what has no wheel for the function's platform.
    with zipfile.ZipFile(package) as packed:
        there = {_normalised(name.split("-")[0]) for name in packed.namelist() if ".dist-info/" in name}
    pinned = re.findall(r"^([\w.-]+)==", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    missing = [name for name in pinned if _normalised(name) not in there]
    if missing:
        raise PackageError(f"No wheel runs on the function's platform for {', '.join(missing)}.")


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
