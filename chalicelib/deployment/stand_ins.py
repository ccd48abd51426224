"""
Small modules that stand in, within the zip, for large ones that nobody here uses.

botocore and urllib3 import these at every start: what explains clients to a person
at a prompt, and HTTP/2, which would need a package that does not ship. Together they
take a tenth of a cold start.
"""

from __future__ import annotations

import shutil
from pathlib import Path

_NO_DOCSTRINGS = '''\
"""Stands in for botocore's own module: clients explain themselves to nobody here."""


class NoDocstring(str):
    """Empty, whatever it was to tell of."""

    def __new__(cls, *_, **__):
        return super().__new__(cls)


ClientMethodDocstring = PaginatorDocstring = WaiterDocstring = NoDocstring
'''
STAND_INS = {
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": _NO_DOCSTRINGS,
    "urllib3/http2/__init__.py": "",
}
# Of botocore's documentation, this alone is called in earnest, by `botocore.handlers`.
_DOCS, _NEEDED_OF_DOCS = Path("botocore/docs"), "utils.py"


def put_stand_ins(folder: Path) -> None:
    """
    Exchange the modules in *folder*, an unpacked package, and drop what only they imported.

    Raises:
        FileNotFoundError: One of them is not there any more.
    """
    for name, text in STAND_INS.items():
        (folder / name).unlink()
        (folder / name).write_text(text, encoding="utf-8")
    kept = {folder / name for name in STAND_INS} | {folder / _DOCS / _NEEDED_OF_DOCS}
    for path in (folder / _DOCS).iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path not in kept:
            path.unlink()
