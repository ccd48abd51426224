"""A package as Chalice makes it, cut to what a request can reach, its byte-code made once and for all."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from chalicelib.deployment.aws_operations import CALLED_OPERATIONS
from chalicelib.deployment.botocore_data import trim_data, trim_roots
from chalicelib.deployment.stand_ins import put_stand_ins

TASK_ROOT = "/var/task"  # where Lambda unpacks a zip

_OUR_CODE_AND_DATA = PurePosixPath("chalicelib")
_BOTOCORES_DATA = PurePosixPath("botocore/data")
_BOTOCORES_ROOTS = PurePosixPath("botocore/cacert.pem")
_CODE = {".py", ".so"}
# cffi and pycparser made argon2's binding; what it runs on is _cffi_backend alone.
_NEVER_IMPORTED = ("*.dist-info", "*.data", "bin", "tests", "__pycache__", "cffi", "pycparser")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can hold
_UNIX = 3


def unpack(package: Path, folder: Path) -> None:
    """Unpack into *folder* what a request can reach of *package*, a zip as Chalice makes it."""
    with zipfile.ZipFile(package) as packed:
        packed.extractall(folder, [name for name in packed.namelist() if ships(PurePosixPath(name))])
    trim_data(folder / _BOTOCORES_DATA)
    trim_roots(folder / _BOTOCORES_ROOTS)
    put_stand_ins(folder)


def ships(path: PurePosixPath) -> bool:
    """True for code; of data, for our own and for what botocore may need."""
    if any(fnmatch(part, pattern) for part in path.parts for pattern in _NEVER_IMPORTED):
        return False
    if path.is_relative_to(_BOTOCORES_DATA):
        return path.parent == _BOTOCORES_DATA or path.parts[2] in CALLED_OPERATIONS
    return path.suffix in _CODE or path == _BOTOCORES_ROOTS or path.is_relative_to(_OUR_CODE_AND_DATA)


def compile_all(folder: Path) -> None:
    """
    Put this Python's byte-code in the place of every source in *folder*.

    Lambda cannot write it down, so without it every cold start would compile
    anew. A source beside it would never be read, but looked for at every import.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "compileall",
                "-q",
                "-f",
                "-b",
                "--invalidation-mode",
                "unchecked-hash",
            ),
            *("-s", folder, "-p", TASK_ROOT, folder),
        ],
        # Sets of constants are written in the order of their hashes. Columns would only serve
        # to underline parts of lines in tracebacks, and lengthen the byte-code by a sixth.
        env=environment | {"PYTHONHASHSEED": "0", "PYTHONNODEBUGRANGES": "1"},
        check=True,
    )
    for source in folder.rglob("*.py"):
        source.unlink()


def write_zip(folder: Path, path: Path) -> None:
    """Pack *folder* into *path*: the same files always give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for source in sorted(source for source in folder.rglob("*") if source.is_file()):
            entry = zipfile.ZipInfo(source.relative_to(folder).as_posix(), _LONG_AGO)
            entry.create_system = _UNIX
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, source.read_bytes())
