"""One request of an operator's command: its body read, its answer told, one log line written."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.admin.operations import Admin, Answer
from chalicelib.admin.refusals import AdminRefusedError
from chalicelib.errors import NewerRowError, TwoFactorError
from chalicelib.web.request_log import WriteLine, frames_of

LONGEST_BODY_BYTES = 1024 * 1024
_OF_A_NEWER_RELEASE = (
    "A newer release wrote one of these rows, and this one neither reads nor changes it:"
    " deploy the newer one again."
)
LOCAL_PATH = "/local/admin"
"""Where `make run` answers operators; the function in the cloud has a URL of its own."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is answered: an HTTP status and JSON."""

    status: int
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Front:
    """Lets requests of known identity through to *admin*."""

    admin: Admin
    write_line: WriteLine

    def answer(self, *, identity: str | None, body: bytes, request_id: str) -> Reply:
        """
        Return the reply to *body*, ``{"operation": ..., "arguments": {...}}``, for *identity*.

        Refusals are sentences for the operator. A fault is told by its place in the log alone.
        """
        if identity is None:
            return self._told(_refusal(403, "IAM says of nobody who this is."), request_id, "forbidden")
        began_at, operation = time.monotonic(), "unknown"
        answer: Answer | None = None
        fault: list[str] | None = None
        try:
            asked, arguments = _read(body)
            operation = asked if self.admin.knows(asked) else operation  # no other word reaches the log
            answer = self.admin.answer(asked, arguments, identity=identity, request_id=request_id)
            reply = Reply(status=200, content=answer.content)
        except AdminRefusedError as error:
            reply = _refusal(400, str(error))
        except NewerRowError as error:
            fault = frames_of(error)
            reply = _refusal(501, _OF_A_NEWER_RELEASE)
        except TwoFactorError as error:
            fault = frames_of(error)
            reply = _refusal(503, "DynamoDB or KMS does not do it now. What was done is done; repeat.")
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a secret
            fault = frames_of(error)
            reply = _refusal(500, f"A fault of ours; the log of this function tells: {request_id}")
        return self._told(
            reply,
            request_id,
            operation,
            actor=identity,
            tenant=answer.tenant_id if answer else None,
            outcomes=dict(answer.outcomes) if answer else {},
            duration_ms=round((time.monotonic() - began_at) * 1000, 1),
            **({"fault": fault} if fault else {}),
        )

    def _told(self, reply: Reply, request_id: str, operation: str, **more: Any) -> Reply:  # noqa: ANN401 - JSON
        fields = {
            "level": "ERROR" if reply.status >= 500 else "INFO",  # noqa: PLR2004 - HTTP
            "function": "admin",
            "request_id": request_id,
            "operation": operation,
            "status": reply.status,
        }
        self.write_line(json.dumps(fields | more, ensure_ascii=True))
        return reply


def _refusal(status: int, sentence: str) -> Reply:
    return Reply(status=status, content={"refused": sentence})


def _read(body: bytes) -> tuple[str, Mapping[str, Any]]:
    if len(body) > LONGEST_BODY_BYTES:
        raise AdminRefusedError("The request is too large.")
    try:
        match json.loads(body):
            case {"operation": str(operation), "arguments": dict(arguments)}:
                return operation, arguments
    except (ValueError, RecursionError):
        pass  # its text could be in the error
    raise AdminRefusedError("The request is not what this function takes.")
