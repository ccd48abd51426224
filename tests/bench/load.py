"""Processes that do one thing as often as they can, as Lambda's instances would."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from tests.bench.events import services_at, updating_barely_at, verifying_codes_with, verifying_with
from tests.support.live_server import PROJECT

ROUNDS = 4
SECONDS_A_TURN = 1.0


def per_second(url: str, *, processes: int = 2) -> dict[str, float]:
    """
    Return how often in a second *processes* together do each piece of `work_at` *url*.

    The pieces take turns in all processes at the same time, so that whatever
    else this machine does slows each of them alike.
    """
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.bench.load", url],
                    cwd=PROJECT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            for _ in range(processes)
        ]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()  # it is warm
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(b"go\n")
            worker.stdin.flush()
        done: Counter[str] = Counter()
        for worker in workers:
            done.update(json.loads(worker.communicate()[0]))
    return {name: count / (ROUNDS * SECONDS_A_TURN) for name, count in done.items()}


def work_at(url: str) -> Mapping[str, Callable[[], object]]:
    """Return what is compared: the yardstick, a verification, and the whole request around it."""
    services = services_at(url)
    return {
        "bare": updating_barely_at(url),
        "verification": verifying_codes_with(services),
        "request": verifying_with(services),
    }


def main(url: str) -> None:
    """Say when warm, wait for a line, do everything in turns, print how often."""
    work = work_at(url)
    for do in work.values():
        for _ in range(50):
            do()
    print("warm", flush=True)
    sys.stdin.readline()
    counts: Counter[str] = Counter()
    end = time.monotonic()
    for _ in range(ROUNDS):
        for name, do in work.items():
            end += SECONDS_A_TURN
            while time.monotonic() < end:
                do()
                counts[name] += 1
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
