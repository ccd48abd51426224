"""
MiniStack as a program that holds policies against every call; runs in MiniStack's own environment.

Its evaluator must be told five things that our policies insist on: the encryption
context; whose row a single write is about; that a function's principal is its role, not
one session of it; whose account a caller of KMS is from; and that plain HTTP stands for
TLS here.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator

_of_tags = iam_actions.request_tag_context
_key_of_the_request = iam_evaluator._resolve_condition_key


def _of_tags_and_contents(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
    known: dict[str, Any] = _of_tags(service, action, body, parameters)
    if service not in {"kms", "dynamodb"}:
        return known
    request = json.loads(body or b"{}")
    for name, value in (request.get("EncryptionContext") or {}).items():
        known[f"kms:EncryptionContext:{name}"] = value
    row = request.get("Key") or request.get("Item")  # a transaction has neither, but rows of its own
    if row:
        known["dynamodb:LeadingKeys"] = [row["pk"]["S"]]
    return known


def _with_the_caller(key: str, context: Any) -> Any:
    if key.lower() == "kms:calleraccount":
        return context.principal_account
    value = _key_of_the_request(key, context)
    if key.lower() == "aws:principalarn" and ":assumed-role/" in value:
        role = value.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/")
        return role.rpartition("/")[0]
    return value


def _by_tls(source_ip: str, _is_tls: bool) -> None:  # noqa: FBT001 - MiniStack's own signature
    iam_evaluator.pin_request_origin(source_ip, True)  # noqa: FBT003 - as above


if __name__ == "__main__":
    iam_actions.request_tag_context = _of_tags_and_contents
    iam_evaluator._resolve_condition_key = _with_the_caller
    app.pin_request_origin = _by_tls
    sys.exit(app.main())
