"""What the start of a process costs is paid by whoever comes first: it does what a verification needs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.handlers import ENVIRONMENT_TO_IMPORT_THE_APP, PROJECT

_START = """
import gc, json, socket, sys

def no_connection(*_):
    raise AssertionError("importing the app connects to nobody")

socket.socket.connect = no_connection
import app
print(json.dumps({
    "modules": sorted(sys.modules), "collects": gc.isenabled(), "frozen": gc.get_freeze_count(),
    "routes": sorted(app.app.routes),
}))
"""


@pytest.fixture(scope="module")
def start() -> dict[str, object]:
    """Return what a fresh process knows after importing the app, as `chalice package` does."""
    # Without credentials botocore looks for some on the network; on Lambda they are in the environment.
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(
        [sys.executable, "-c", _START],
        cwd=PROJECT,
        env=ENVIRONMENT_TO_IMPORT_THE_APP | credentials | {"AWS_CHALICE_CLI_MODE": "true"},
        capture_output=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_start_loads_nothing_that_a_verification_does_not_need(start: dict[str, object]) -> None:
    loaded = {str(name).partition(".")[0] for name in start["modules"]}  # type: ignore[attr-defined]
    assert {"chalice", "botocore", "pynamodb", "pyotp"} <= loaded
    assert not loaded & {"argon2", "_cffi_backend", "segno", "boto3", "s3transfer", "moto"}
    assert not loaded & {"joserfc", "cryptography"}


def test_a_start_leaves_no_work_for_the_garbage_collector(start: dict[str, object]) -> None:
    assert start["collects"] is True
    assert int(str(start["frozen"])) > 10_000


def test_the_app_is_whole_after_a_start(start: dict[str, object]) -> None:
    assert "/api/verification" in start["routes"]  # type: ignore[operator]
