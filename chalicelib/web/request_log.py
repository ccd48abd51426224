"""
One JSON line a request, and never anything secret in it.

Fields are named one by one; no request, body, header or exception text is ever
written. JSON escapes whatever could break a line.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from chalicelib.sessions.session import Session


@dataclass(kw_only=True)
class RequestLog:
    """What is told of one request. *aws_calls* counts by ``Service.Operation``."""

    request_id: str
    method: str
    route: str
    tenant: str | None = None
    client: str | None = None
    reference: str | None = None
    outcome: str = "ok"
    status: int = 0
    duration_ms: float = 0.0
    alarm: str | None = None
    fault: list[str] | None = None
    clock_drift_seconds: float | None = None
    aws_calls: Counter[str] = field(default_factory=Counter)

    def tell_of(self, session: Session) -> None:
        """Say whose request it is."""
        self.tenant = session.tenant_id
        self.reference = session.reference

    def as_line(self, **more: Any) -> str:  # noqa: ANN401 - whatever JSON can tell
        """Return the line, with *more* behind its own fields and without its end."""
        fields: dict[str, Any] = {
            "level": "ERROR" if self.alarm or self.fault else "INFO",
            "request_id": self.request_id,
            "reference": self.reference,
            "tenant": self.tenant,
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "duration_ms": round(self.duration_ms, 1),
            "aws_calls": dict(self.aws_calls),
        }
        if self.client:
            fields["client"] = self.client
        if self.alarm:
            fields["alarm"] = self.alarm
        if self.fault:
            fields["fault"] = self.fault
        return json.dumps(fields | more, ensure_ascii=True)


_current: ContextVar[RequestLog | None] = ContextVar("request_log", default=None)


def begin(log: RequestLog) -> None:
    """Make *log* the one of the request that this thread now works on."""
    _current.set(log)


def is_begun() -> bool:
    """Say whether this thread works on a request now."""
    return _current.get() is not None


def note_tenant(tenant_id: str) -> None:
    """Tell which tenant the request is about, where no session says so."""
    log = _current.get()
    if log is not None:
        log.tenant = tenant_id


def note_reference(reference: str) -> None:
    """Tell by which reference the request's events are found, where no session says so."""
    log = _current.get()
    if log is not None:
        log.reference = reference


def count_aws_call(model: Any, **_: Any) -> None:  # noqa: ANN401 - botocore's event arguments
    """Count one AWS call; registered with botocore's ``before-call`` event."""
    log = _current.get()
    if log is not None:
        log.aws_calls[f"{model.service_model.service_id}.{model.name}"] += 1


def note_clock_drift(seconds: float) -> None:
    """Tell by how much our clock and that of AWS differ, as was just seen."""
    log = _current.get()
    if log is not None:
        log.clock_drift_seconds = seconds


def frames_of(error: BaseException) -> list[str]:
    """Return where *error* arose and its class, without its message: that may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    return [type(error).__name__] + [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-6:]
    ]


WriteLine = Callable[[str], None]


def write_to_stdout(line: str) -> None:
    """Write one line where Lambda collects logs."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
