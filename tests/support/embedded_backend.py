"""The emulated AWS of `make run`, started on its own: one that outlives the servers on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chalicelib.local import PROJECT


@contextmanager
def embedded_backend(*, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield its address; it runs in a process of its own, in *environment* or this one's, for the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "chalicelib.local.backend"],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as backend:
        assert backend.stdout is not None
        yield f"http://127.0.0.1:{int(backend.stdout.readline())}"
        backend.terminate()
