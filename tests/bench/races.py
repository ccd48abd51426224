"""One code sent many times at once, a thousand times over."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.figures import Figure, Section, table_of
from tests.race.arena import Arena

_TRIALS = 1_000


def measure() -> Section:
    """Return how often a code was not accepted exactly once."""
    with tempfile.TemporaryDirectory() as folder, Arena.opened(Path(folder)) as arena:
        accepted = [arena.times_accepted_of_twelve_at_once() for _ in range(_TRIALS)]
    otherwise = sum(times != 1 for times in accepted)
    figure = Figure(
        what="one code sent 12 times at once to two servers on MiniStack: trials not accepted exactly once",
        measured=f"{otherwise} of {_TRIALS:,}",
        target="0 of 1,000",
        met=otherwise == 0,
        remark="200 wrong codes at once and the other races are in `make test`",
    )
    return Section(title="Races", text=table_of([figure]))
