"""One of several processes that verify as fast as they can, as Lambda's instances would."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack

from tests.bench.events import services_at, verifying_with
from tests.support.live_server import PROJECT


def verifications_per_second(url: str, *, processes: int, seconds: float) -> float:
    """Return how many whole verifications *processes* do in a second, over the AWS at *url*."""
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.bench.load", url, str(seconds)],
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
        counts = [worker.communicate() for worker in _all_told_to_go(workers)]
        return sum(int(printed) for printed, _ in counts) / seconds


def _all_told_to_go(workers: list[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    return workers


def main(url: str, seconds: str) -> None:
    """Say when warm, wait for a line, verify for *seconds*, print how often."""
    verify = verifying_with(services_at(url))
    for _ in range(50):
        verify()
    print("warm", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + float(seconds)
    count = 0
    while time.monotonic() < end:
        verify()
        count += 1
    print(count, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
