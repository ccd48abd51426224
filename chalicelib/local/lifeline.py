"""
A child that ends with its parent, however the parent ended.

`python -m chalicelib.local.lifeline program.py` runs a program so that knows nothing of this.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
from pathlib import Path

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


def main(program: str) -> None:
    """Run the Python file *program* as Python itself would, and end it with the parent."""
    end_with_parent()
    sys.path[0] = str(Path(program).parent)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
