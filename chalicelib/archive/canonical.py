"""The one way in which evidence is written down, so that the same facts give the same bytes. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]  # in DynamoDB's own notation

_SETS = frozenset({"SS", "NS", "BS"})


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return *value* as JSON in ASCII, names in order, without a space that says nothing."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def row_hash(row: Row) -> str:
    """
    Return SHA-256, in hex, of a whole row: every attribute, with its type.

    It is the same whether the stream, a read or a scan has brought the row: bytes
    count as their base64, sets by their members whatever the order.
    """
    plain = {name: _plain(value) for name, value in row.items()}
    return hashlib.sha256(canonical_json(plain)).hexdigest()


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "M":
        content = {name: _plain(inner) for name, inner in content.items()}
    elif kind == "L":
        content = [_plain(inner) for inner in content]
    elif kind in _SETS:
        content = sorted(_text(member) for member in content)
    elif kind == "B":
        content = _text(content)
    return {kind: content}


def _text(content: str | bytes) -> str:
    # Lambda hands bytes over in base64 already, a client as they are.
    return content if isinstance(content, str) else base64.b64encode(bytes(content)).decode()
