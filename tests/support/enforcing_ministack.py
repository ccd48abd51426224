"""
MiniStack as a program that holds policies against every call; runs in MiniStack's own environment.

Two things that our policies insist on must be told to its evaluator: it knows no
encryption contexts, and it is asked by plain HTTP, which stands for TLS here.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator

_of_tags = iam_actions.request_tag_context


def _of_tags_and_encryption(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
    known: dict[str, Any] = _of_tags(service, action, body, parameters)
    if service == "kms":
        context = json.loads(body or b"{}").get("EncryptionContext") or {}
        known |= {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    return known


def _by_tls(source_ip: str, _is_tls: bool) -> None:  # noqa: FBT001 - MiniStack's own signature
    iam_evaluator.pin_request_origin(source_ip, True)  # noqa: FBT003 - as above


if __name__ == "__main__":
    iam_actions.request_tag_context = _of_tags_and_encryption
    app.pin_request_origin = _by_tls
    sys.exit(app.main())
