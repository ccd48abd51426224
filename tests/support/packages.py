"""The packages that tests look at: each is built once a run, whichever worker needs it first."""

from __future__ import annotations

import fcntl
import os
import pickle
import platform
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chalicelib.deployment.package import Package, build

NATIVE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
"""The architecture whose packages run on this machine."""


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A package and the folder in which it lies unpacked."""

    package: Package
    folder: Path


Packaged = Callable[[str], Unpacked]


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Return what gives the package of stage prod for an architecture."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def unpacked(architecture: str) -> Unpacked:
        folder = shared / f"package-{architecture}"
        folder.mkdir(exist_ok=True)
        made = folder / "made.pickle"
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker waits here and finds it done
            if not made.exists():
                package = build("prod", folder / "out", architecture=architecture)
                with zipfile.ZipFile(package.zip_path) as packed:
                    packed.extractall(folder / "unpacked")
                made.write_bytes(pickle.dumps(package))
        return Unpacked(package=pickle.loads(made.read_bytes()), folder=folder / "unpacked")  # noqa: S301 - written above

    return unpacked
