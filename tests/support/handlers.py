"""Functions as Lambda starts and calls them: their module run anew, with settings of their own."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

PROJECT = Path(__file__).parents[2]
# Importing `app` makes a deployed stage's own app, which is never served.
ENVIRONMENT_TO_IMPORT_THE_APP = {
    "AWS_DEFAULT_REGION": "eu-north-1",
    "STAGE": "dev",
    "STATE_TABLE": "none",
    "EVENTS_TABLE": "none",
    "SECRET_KEY_ID": "none",
    "SIGNING_KEY_ID": "none",
    "ORIGIN_SECRETS": "none",
}


@contextmanager
def environment_of(variables: Mapping[str, str]) -> Iterator[None]:
    """Have *variables* in the environment of this process, and afterwards what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fresh_handler(module: str, **variables: str) -> Handler:
    """Return the handler in *module* of ``chalicelib``, of a process that has just started."""
    with environment_of({"AWS_DEFAULT_REGION": "eu-north-1", "STAGE": "dev"} | variables):
        handler: Handler = runpy.run_module(f"chalicelib.{module}")["handle"]
    return handler


def loaded_by(module: str, **variables: str) -> set[str]:
    """Return the modules that importing *module* loads where nothing but *variables* is set."""
    finished = subprocess.run(
        [sys.executable, "-c", f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "AWS_REGION": "eu-north-1", "STAGE": "prod"} | variables,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return set(json.loads(finished.stdout))


def an_invocation(*, left_ms: int = 300_000) -> SimpleNamespace:
    """Return what handlers need of Lambda's context; *left_ms* are left for them to run."""
    return SimpleNamespace(aws_request_id="an invocation", get_remaining_time_in_millis=lambda: left_ms)
