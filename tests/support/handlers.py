"""Functions as Lambda starts them: their module run anew, with their settings in the environment."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Mapping
from typing import Any

Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]


def fresh_admin_handler(**settings: str) -> Handler:
    """Return the handler of the operators' function in a process that has just started."""
    needed = {"AWS_DEFAULT_REGION": "eu-north-1"} | {n.upper(): value for n, value in settings.items()}
    before = {name: os.environ.get(name) for name in needed}
    os.environ.update(needed)
    try:
        handler: Handler = runpy.run_module("chalicelib.admin.handler")["handle"]
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return handler
