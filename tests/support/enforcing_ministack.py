"""
MiniStack as a program that holds policies against every call; runs in MiniStack's own environment.

Its evaluator knows no encryption contexts, on which our roles and our key insist:
here it is told what stands in a request to KMS.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ministack.app import main
from ministack.core import iam_actions

_of_tags = iam_actions.request_tag_context


def _of_tags_and_encryption(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
    known: dict[str, Any] = _of_tags(service, action, body, parameters)
    if service == "kms":
        context = json.loads(body or b"{}").get("EncryptionContext") or {}
        known |= {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    return known


if __name__ == "__main__":
    iam_actions.request_tag_context = _of_tags_and_encryption
    sys.exit(main())
