"""Processor time of this process, measured so that a busy machine distorts comparisons least."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians_ms(work: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """
    Return the median processor time of each piece of *work*, in milliseconds.

    They take turns, so that whatever slows this machine slows all of them alike.
    """
    times: dict[str, list[int]] = {name: [] for name in work}
    for do in work.values():
        do()
        do()
    for _ in range(rounds):
        for name, do in work.items():
            started = time.process_time_ns()
            do()
            times[name].append(time.process_time_ns() - started)
    return {name: statistics.median(taken) / 1e6 for name, taken in times.items()}
