"""
Small modules that stand in, within the zip, for large ones of which next to nothing is used here.

botocore and urllib3 import these at every start: what explains clients to a person at
a prompt, HTTP/2, which would need a package that does not ship, and a reader of dates
in any form, though AWS writes them in one. Together they take a tenth of a cold start.
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
_ISO_DATES = '''\
"""Stands in for dateutil's own module: times as AWS writes them in JSON, in credentials and in headers."""

from datetime import datetime


def parse(timestr, **_):
    """Return the time that ISO 8601 text tells, or a header of S3's."""
    if timestr[:1].isdigit():
        return datetime.fromisoformat(timestr)
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime(timestr)
'''
_TIME_ZONES = '''\
"""Stands in for dateutil's own module: the two time zones that botocore asks for."""

from datetime import UTC, datetime


def tzutc():
    """Return the time zone UTC."""
    return UTC


def tzlocal():
    """Return the time zone of this process."""
    return datetime.now(UTC).astimezone().tzinfo
'''
STAND_INS = {
    "botocore/docs/__init__.py": "",
    "botocore/docs/docstring.py": _NO_DOCSTRINGS,
    "dateutil/__init__.py": "",
    "dateutil/parser.py": _ISO_DATES,
    "dateutil/tz.py": _TIME_ZONES,
    "urllib3/http2/__init__.py": "",
}
# What goes altogether but for the modules named: `botocore.handlers` calls one in earnest.
_GONE: dict[str, tuple[str, ...]] = {"botocore/docs": ("utils.py",), "dateutil": (), "six.py": ()}


def put_stand_ins(folder: Path) -> None:
    """
    Exchange the modules in *folder*, an unpacked package, and drop what only they imported.

    Raises:
        FileNotFoundError: One of them is not there any more.
    """
    for name, kept in _GONE.items():
        gone = folder / name
        for path in sorted(gone.iterdir()) if gone.is_dir() else [gone]:
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in kept:
                path.unlink()
    for name, text in STAND_INS.items():
        (folder / name).write_text(text, encoding="utf-8")
