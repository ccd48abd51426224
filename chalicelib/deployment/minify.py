"""
Files as they are sent: without comments, line breaks and long names of local variables.

How they read is for whoever works on them. The library is built from the same Go sources for
every platform and every Python, so the same files become the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import minify

from chalicelib.deployment.errors import DeploymentError
from chalicelib.web.content_types import CONTENT_TYPES

_KINDS = frozenset({".css", ".html", ".js", ".json", ".svg"})
# Only what changes nothing that anybody can read, select or come to.
_HOW: dict[str, str | bool | int] = {
    "html-keep-document-tags": True,
    "html-keep-end-tags": True,
    "html-keep-quotes": True,
    "html-keep-default-attr-vals": True,
    "html-keep-whitespace": True,  # one of several: what is empty here is filled by a script
    "js-version": 2021,  # as the sources: newer forms are not for browsers two years old
    "json-keep-numbers": True,
}


def minified(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """
    Return *contents*, files by their paths, minified where their kind can be.

    Raises:
        DeploymentError: One is not what its name says.
    """
    minify.config(_HOW)
    return {
        path: _minified(path, content) if Path(path).suffix in _KINDS else content
        for path, content in contents.items()
    }


def _minified(path: str, content: bytes) -> bytes:
    kind = CONTENT_TYPES[Path(path).suffix].partition(";")[0]
    try:
        text: str = minify.string(kind, content.decode())
    except ValueError as error:  # of the library, or no UTF-8
        raise DeploymentError(f"static/{path} cannot be minified: {error}") from error
    return text.encode()
