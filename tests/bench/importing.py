"""What Python spends its time on while it imports the app: its own profile, `-X importtime`."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.support.lambda_runtime import PYTHON

_LINE = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \| +(\S+)$", re.MULTILINE)
_FIRST, _REST = "app.py, clients made", "Python's own library"


def profile(
    packages: Mapping[str, Path], environment: Mapping[str, str], *, rounds: int
) -> dict[str, dict[str, tuple[float, int]]]:
    """
    Return for each of *packages*, by what is imported, its milliseconds and number of modules.

    Medians of *rounds* taken in turns, without what lies below a module.
    """
    seen: dict[str, list[Counter[str]]] = {name: [] for name in packages}
    counts: dict[str, Counter[str]] = {}
    for _ in range(rounds):
        for name, folder in packages.items():
            microseconds = _import(folder, environment)
            times: Counter[str] = Counter()
            for module, taken in microseconds.items():
                times[_part(module, folder)] += taken
            seen[name].append(times)
            counts[name] = Counter(_part(module, folder) for module in microseconds)
    return {
        name: {
            part: (statistics.median(times[part] for times in seen[name]) / 1_000, count)
            for part, count in counts[name].items()
        }
        for name in packages
    }


def _import(folder: Path, environment: Mapping[str, str]) -> Counter[str]:
    done = subprocess.run(
        [PYTHON, "-X", "importtime", "-c", "import app"],
        cwd=folder,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    microseconds: Counter[str] = Counter()
    for taken, module in _LINE.findall(done.stderr):
        microseconds[module] += int(taken)
    return microseconds


def _part(module: str, folder: Path) -> str:
    name = module.partition(".")[0]
    if name == "app":
        return _FIRST
    brought_along = any(
        (folder / f"{name}{ending}").exists() for ending in ("", ".py", ".pyc")
    ) or name.startswith("_cffi")
    return f"`{name}`" if brought_along else _REST
