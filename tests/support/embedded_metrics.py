"""
CloudWatch's embedded metric format, read as strictly as its specification is written.

AWS: "Specification: Embedded metric format", Amazon CloudWatch User Guide. A block
that breaks a rule is dropped without a word, so the rules are checked here.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

_UNITS = {
    *("Seconds", "Microseconds", "Milliseconds", "Count", "Count/Second", "Percent", "None"),
    *(f"{size}{unit}" for size in ("", "Kilo", "Mega", "Giga", "Tera") for unit in ("bytes", "bits")),
}
_LARGEST_BYTES = 256 * 1024
_MOST_METRICS = 100
_MOST_DIMENSIONS = 30


@dataclass(frozen=True)
class Sent:
    """What CloudWatch takes out of one line: each metric's value and unit, and all their dimensions."""

    at_epoch_milliseconds: int
    namespace: str
    dimensions: dict[str, str]
    values: dict[str, float]
    units: dict[str, str]


def sent_by(line: str) -> Sent:
    """Return the metrics that *line* sends, or fail at the first rule that it breaks."""
    assert len(line.encode()) <= _LARGEST_BYTES
    root = json.loads(line, parse_constant=_no_such_number, object_pairs_hook=_without_twins)
    metadata = root["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert type(metadata["Timestamp"]) is int
    assert metadata["Timestamp"] > 1_000_000_000_000, "milliseconds, not seconds"
    (directive,) = metadata["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert _is_name(directive["Namespace"], longest=256)
    assert not directive["Namespace"].startswith("AWS/")
    (dimension_set,) = directive["Dimensions"]
    assert len(dimension_set) <= _MOST_DIMENSIONS
    for dimension in dimension_set:
        assert _is_name(dimension, longest=250)
        assert _is_name(root[dimension], longest=1024), "a dimension's value is text"
    definitions = directive["Metrics"]
    assert 0 < len(definitions) <= _MOST_METRICS
    names = [definition["Name"] for definition in definitions]
    assert len(set(names)) == len(names)
    for definition in definitions:
        assert set(definition) == {"Name", "Unit"}
        assert _is_name(definition["Name"], longest=1024)
        assert definition["Unit"] in _UNITS
        value = root[definition["Name"]]
        assert type(value) in {int, float}
        assert math.isfinite(value)
    return Sent(
        at_epoch_milliseconds=metadata["Timestamp"],
        namespace=directive["Namespace"],
        dimensions={dimension: root[dimension] for dimension in dimension_set},
        values={name: root[name] for name in names},
        units={definition["Name"]: definition["Unit"] for definition in definitions},
    )


def _is_name(value: Any, *, longest: int) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value.strip()) <= longest
        and value.isascii()
        and value.isprintable()
        and not value.startswith(":")
    )


def _no_such_number(name: str) -> float:
    message = f"JSON knows no {name}"
    raise AssertionError(message)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)
