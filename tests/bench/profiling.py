"""Where processor time goes, package by package."""

from __future__ import annotations

import cProfile
import pstats
import re
import time
from collections import Counter
from collections.abc import Callable

from tests.support.live_server import PROJECT

_OURS = re.compile(re.escape(str(PROJECT)) + r"/(?:chalicelib|app)\b")
_PACKAGE = re.compile(r"site-packages/(\w+)")
_BELOW_BOTOCORE = {"urllib3", "http", "socket", "ssl", "selectors", "email"}


def shares_of(work: Callable[[], object], *, times: int) -> dict[str, float]:
    """
    Return which share of *work*'s time each package takes, the largest first.

    What the standard library and built-in functions take is charged to whoever
    calls them. The profiler itself costs time, most where functions are short.
    """
    profile = cProfile.Profile(time.thread_time)  # waiting for an answer is no work
    profile.enable()
    for _ in range(times):
        work()
    profile.disable()
    taken: Counter[str] = Counter()
    statistics = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # undocumented, but its only form
    for function, (_, _, own_seconds, _, callers) in statistics.items():
        package = _package_of(function)
        if package is not None:
            taken[package] += own_seconds
            continue
        for caller, (_, _, seconds, _) in callers.items():
            taken[_package_of(caller) or "standard library"] += seconds
    whole = sum(taken.values())
    return {package: seconds / whole for package, seconds in taken.most_common()}


def _package_of(function: tuple[str, int, str]) -> str | None:
    path = function[0]
    if _OURS.search(path):
        return "our own code"
    found = _PACKAGE.search(path)
    if found:
        return "urllib3" if found[1] in _BELOW_BOTOCORE else found[1]
    if path.endswith(("/socket.py", "/http/client.py", "/ssl.py")):
        return "urllib3"
    return "the bench" if str(PROJECT) in path else None
