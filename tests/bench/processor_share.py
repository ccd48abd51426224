"""A part of a processor, as Lambda gives it to a function by its memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

WHOLE_MEGABYTES = 1_769  # Lambda's own documentation: from here on it is one
_PERIOD_SECONDS = 0.020  # in which Lambda's scheduler deals out the time, as others have measured
_LOOK_SECONDS = 0.0005


@contextmanager
def share_of_processor(process_id: int, share: float) -> Iterator[None]:
    """
    Give the process only *share* (0 to 1) of one processor within the block.

    In every period it runs until it has used its part, then stands still until
    the next: what a kernel does by its quota, here by signals, which need no rights.
    """
    if share >= 1:
        yield
        return
    ends = threading.Event()
    thread = threading.Thread(target=_ration, args=(process_id, share, ends), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def _ration(process_id: int, share: float, ends: threading.Event) -> None:
    with suppress(ProcessLookupError, FileNotFoundError):  # it has ended
        too_much = 0.0
        while not ends.is_set():
            period_ends = time.monotonic() + _PERIOD_SECONDS
            used = _used_seconds(process_id)
            allowed = used + share * _PERIOD_SECONDS - too_much
            while time.monotonic() < period_ends and used < allowed:
                time.sleep(_LOOK_SECONDS)
                used = _used_seconds(process_id)
            too_much = max(0.0, used - allowed)
            os.kill(process_id, signal.SIGSTOP)
            time.sleep(max(0.0, period_ends - time.monotonic()))
            os.kill(process_id, signal.SIGCONT)


def _used_seconds(process_id: int) -> float:
    """Return the processor time of all threads that the process has now."""
    used = 0
    for thread in Path(f"/proc/{process_id}/task").iterdir():
        with suppress(FileNotFoundError):
            used += int((thread / "schedstat").read_text().split()[0])
    return used / 1e9
