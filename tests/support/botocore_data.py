"""botocore's list of where AWS is, read from disk once in a process and not in every session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.loaders import JSONFileLoader


def read_once() -> None:
    """
    Let all sessions of this process share ``endpoints.json``.

    Each of a command's or a test's own sessions would parse a megabyte anew, which is half of
    what the tests of commands did. Descriptions of services are not shared: what one test's
    session did to one showed in another.
    """
    read: dict[str, Any] = {}
    from_disk: Callable[..., Any] = JSONFileLoader._load_file

    def load_file(loader: JSONFileLoader, full_path: str, open_method: Callable[..., Any]) -> Any:
        if full_path in read:
            return read[full_path]
        content = from_disk(loader, full_path, open_method)
        if content is not None and full_path.endswith("/endpoints.json"):
            read[full_path] = content
        return content

    JSONFileLoader._load_file = load_file
