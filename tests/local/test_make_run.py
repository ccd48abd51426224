"""`make run`: what a newcomer starts, edits and stops."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.local import demo
from tests.local.product import PROJECT, Browser, Run, free_port, make_run, started, wait_for

BACKEND_PARENT_WATCHER_SERVER = 4


def _interrupt_group(run: Run) -> None:
    os.killpg(run.process.pid, signal.SIGINT)


def _terminate_parent(run: Run) -> None:
    run.process.terminate()


def _kill_parent(run: Run) -> None:
    run.process.kill()


@pytest.mark.parametrize(
    ("stop", "exit_code"), [(_interrupt_group, 0), (_terminate_parent, 0), (_kill_parent, -signal.SIGKILL)]
)
def test_stopping_leaves_nothing_running(
    stop: Callable[[Run], None], exit_code: int, tmp_path: Path
) -> None:
    """Ctrl-C, a polite end of the parent alone, and a brutal one all end everything."""
    port = free_port()
    with started(make_run(port), port=port, folder=tmp_path) as run:
        run.wait_until_ready()
        assert len(run.processes()) == BACKEND_PARENT_WATCHER_SERVER
        stop(run)
        assert run.process.wait(10) == exit_code, run.said()
        wait_for(lambda: not run.processes(), seconds=5)
        assert "Traceback" not in run.said()


def test_a_port_in_use_is_one_clear_sentence() -> None:
    """Nothing else is started, nothing else is printed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = subprocess.run(make_run(port), cwd=PROJECT, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr == (
        f"Port {port} is in use: stop what listens there, or run `make run PORT={port + 1}`.\n"
    )
    assert not finished.stdout


def test_a_reload_keeps_what_was_enrolled(tmp_path: Path) -> None:
    """The backend is another process than the code, so an edit costs no row of it."""
    project = tmp_path / "project"
    for name in ("app.py", "chalicelib", ".chalice", "static"):
        source = PROJECT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(source, project / name)
    port = free_port()
    with started(make_run(port), port=port, folder=tmp_path, project=project) as run:
        run.wait_until_ready()
        browser = Browser(port)
        browser.post("/api/session", tenant="cozone", username=demo.USERNAME, password=demo.PASSWORD)
        browser.post("/api/session/password", password=demo.PASSWORD)
        offered = browser.post("/api/enrolment", phone="android", same_phone=False)
        (project / "chalicelib/errors.py").touch()
        run.wait_until_ready(times=2)
        assert browser.get("/api/enrolment") == offered
