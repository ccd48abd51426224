"""What the functions of the archive tell: a JSON line each time, with metrics. Never of whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.web.metrics import DIMENSION, NAMESPACE
from chalicelib.web.request_log import frames_of

EVENTS_TAMPERED = "EventsTampered"
DIGESTS_MADE = "DigestsMade"
UNITS = {EVENTS_TAMPERED: "Count", DIGESTS_MADE: "Count"}


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """The lines of one invocation."""

    function: str
    stage: str
    request_id: str

    def of(
        self,
        *,
        level: str,
        metrics: Mapping[str, int],
        at_epoch_seconds: float,
        **fields: Any,  # noqa: ANN401 - whatever JSON can tell
    ) -> str:
        """Return the line that says what came of it; CloudWatch finds *metrics* in it."""
        told: dict[str, Any] = {"level": level, "function": self.function, "request_id": self.request_id}
        told |= fields
        if metrics:
            directive = {
                "Namespace": NAMESPACE,
                "Dimensions": [[DIMENSION]],
                "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in metrics],
            }
            told |= {DIMENSION: self.stage, **metrics}
            told["_aws"] = {"Timestamp": int(at_epoch_seconds * 1000), "CloudWatchMetrics": [directive]}
        return json.dumps(told, ensure_ascii=True)

    def of_failure(self, error: Exception, **fields: Any) -> str:  # noqa: ANN401 - as above
        """Return the line that says where in our code it failed."""
        told = {"level": "ERROR", "function": self.function, "request_id": self.request_id}
        return json.dumps(told | fields | {"fault": frames_of(error)}, ensure_ascii=True)
