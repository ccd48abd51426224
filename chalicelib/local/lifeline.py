"""A child that ends with its parent, however the parent ended."""

from __future__ import annotations

import os
import threading

ENVIRONMENT_NAME = "TVASTEG_LIFELINE"


def end_with_parent() -> None:
    """
    End this process as soon as its standard input closes.

    The parent holds the other end of that pipe and never writes to it, so the
    kernel closes it even when the parent is killed without a chance to tidy up.
    """
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)
