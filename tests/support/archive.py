"""The functions of the archive, as a fresh process of Lambda's has them."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def fresh_archive_handler(module: str, **environment: str) -> Handler:
    """Return the handler in *module* of ``chalicelib.archive``, of a process that has just started."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        handler: Handler = runpy.run_module(f"chalicelib.archive.{module}")["handle"]
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return handler


def an_invocation(*, left_ms: int = 300_000) -> SimpleNamespace:
    """Return what the handlers need of Lambda's context; *left_ms* are left for it to run."""
    return SimpleNamespace(aws_request_id="an invocation", get_remaining_time_in_millis=lambda: left_ms)
