"""A package as Chalice makes it, cut to what a request can reach, its byte-code made once and for all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from chalicelib.deployment.botocore_data import trim_data, trim_roots

TASK_ROOT = "/var/task"  # where Lambda unpacks a zip

_CODE = {".py", ".so"}
# cffi and pycparser made argon2's binding; what it runs on is _cffi_backend alone.
_NEVER_IMPORTED = ("*.dist-info", "*.data", "bin", "tests", "__pycache__", "cffi", "pycparser")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can hold
_UNIX = 3


def slim(folder: Path) -> None:
    """
    Leave in *folder*, an unpacked package, only what a request can reach.

    Code stays, data goes, but for our own and for what botocore needs.
    """
    for pattern in _NEVER_IMPORTED:
        for unused in [path for path in folder.rglob(pattern) if path.is_dir()]:
            shutil.rmtree(unused)
    trim_data(folder / "botocore/data")
    trim_roots(folder / "botocore/cacert.pem")
    needed = {folder / "chalicelib", folder / "botocore/data", folder / "botocore/cacert.pem"}
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.suffix not in _CODE and not needed & {path, *path.parents}:
            path.unlink()


def compile_all(folder: Path) -> None:
    """
    Add this Python's byte-code of everything in *folder*.

    Lambda cannot write it down, so without it every cold start would compile
    anew; and as its hashes are unchecked, no source is even looked at.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(
        [
            *(sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"),
            *("-s", folder, "-p", TASK_ROOT, folder),
        ],
        # Sets of constants are written in the order of their hashes.
        env=environment | {"PYTHONHASHSEED": "0"},
        check=True,
    )


def write_zip(folder: Path, path: Path) -> None:
    """Pack *folder* into *path*: the same files always give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for source in sorted(source for source in folder.rglob("*") if source.is_file()):
            entry = zipfile.ZipInfo(source.relative_to(folder).as_posix(), _LONG_AGO)
            entry.create_system = _UNIX
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, source.read_bytes())
