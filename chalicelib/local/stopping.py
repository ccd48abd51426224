"""The one way in which local tools give up: a clear sentence and a failing exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn


def stop(sentence: str) -> NoReturn:
    """
    Print *sentence* and end with exit code 1.

    Under ``chalice local`` with autoreload the server starts in a thread of a
    worker process, where an exception would end neither: the worker would go on
    watching files without a server. So the worker takes its watcher down too.
    """
    print(sentence, file=sys.stderr, flush=True)
    if threading.current_thread() is threading.main_thread():
        raise SystemExit(1)
    if "CHALICE_WORKER" in os.environ:
        os.kill(os.getppid(), signal.SIGTERM)
    os._exit(1)


def port_in_use(port: int, *, name: str = "PORT") -> str:
    """Return the sentence for a port that something else listens on; *name* is what make calls it."""
    target = "run" if name == "PORT" else "run-portal"
    return f"Port {port} is in use: stop what listens there, or run `make {target} {name}={port + 1}`."
