"""What functions tell that answer no request: JSON lines, with metrics. How many, and never of whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.web.metrics import embedded
from chalicelib.web.request_log import frames_of

EVENTS_TAMPERED = "EventsTampered"
DIGESTS_MADE = "DigestsMade"
MAILS_GIVEN_UP = "MailsGivenUp"
UNITS = dict.fromkeys((EVENTS_TAMPERED, DIGESTS_MADE, MAILS_GIVEN_UP), "Count")


@dataclass(frozen=True, kw_only=True)
class FunctionLog:
    """Makes the lines of one invocation."""

    function: str
    request_id: str

    def line(self, *, level: str, **fields: Any) -> str:  # noqa: ANN401 - whatever JSON can tell
        """Return the line that says what came of it."""
        told = {"level": level, "function": self.function, "request_id": self.request_id}
        return json.dumps(told | fields, ensure_ascii=True)

    def failure(self, error: Exception, **fields: Any) -> str:  # noqa: ANN401 - as above
        """Return the line that says of what it failed, and where in our code."""
        return self.line(level="ERROR", **fields, fault=frames_of(error))


def counted(name: str, count: int, *, stage: str, at_epoch_seconds: float) -> dict[str, Any]:
    """Return the members by which CloudWatch finds *count* in a line; none where it is nought."""
    if not count:
        return {}
    return embedded({name: count}, UNITS, stage=stage, at_epoch_seconds=at_epoch_seconds)
