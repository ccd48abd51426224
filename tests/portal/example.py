"""The example portal and the conformance kit as programs, as their READMEs start them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

import conformance
from chalicelib.local.example_portal import FOLDER
from tests.local.product import PATIENCE_SECONDS, clean_environment, free_port, wait_for

KIT = FOLDER.parent / "conformance-kit/conformance.py"
CLIENT_ID = "example.web"
USERNAME = "anna@firma.se"
PASSWORD = "tre-gula-paraplyer"


@dataclass(frozen=True, kw_only=True)
class RunningPortal:
    """
    An example portal at *port* that asks Tvåsteg at *tvasteg_port*.

    *keys* is the file with its public keys, which lies beside the one with the private key.
    """

    port: int
    tvasteg_port: int
    keys: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def profile(self) -> dict[str, Any]:
        """The tenant's profile, as an operator would complete it."""
        source = (FOLDER / "tenant.json").read_text(encoding="utf-8")
        profile: dict[str, Any] = json.loads(source.replace("http://127.0.0.1:8001", self.url))
        profile["clients"][0]["keys"] = json.loads(self.keys.read_text())
        return profile

    def results_of_kit(self, *options: str) -> dict[str, Any]:
        """Return what the conformance kit says of this portal."""
        with redirect_stdout(StringIO()) as printed:
            exit_code = conformance.main(self._arguments(*options))
        return _said(printed.getvalue(), exit_code)

    def results_of_kit_as_a_program(self, *options: str) -> dict[str, Any]:
        """Return the same, from a process of the kit's own."""
        finished = subprocess.run(
            [sys.executable, KIT, *self._arguments(*options)],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        return _said(finished.stdout, finished.returncode)

    def _arguments(self, *options: str) -> list[str]:
        return [
            *("--json", "--portal", self.url, "--port", str(self.tvasteg_port)),
            *("--client", CLIENT_ID, "--client-keys", str(self.keys)),
            *("--username", USERNAME, "--password", PASSWORD, *options),
        ]


def _said(printed: str, exit_code: int) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(printed)
    assert exit_code == (1 if said["failed"] else 0)
    return said


def draw_key(folder: Path) -> Path:
    """Draw a key pair in *folder*: `key.json`, and the file that is returned with the public one."""
    drawn = subprocess.run(
        [sys.executable, FOLDER / "draw_key.py", folder / "key.json"], check=True, stdout=subprocess.PIPE
    )
    keys = folder / "keys.json"
    keys.write_text(json.dumps({"keys": [json.loads(drawn.stdout)]}))
    return keys


@contextmanager
def running_portal(folder: Path, **environment: str) -> Iterator[RunningPortal]:
    """Yield the portal, with its key and its output in *folder*."""
    output = folder / "portal.txt"
    portal = _portal(draw_key(folder))
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, FOLDER / "portal.py"],
            env=clean_environment() | _settings(portal) | environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "Exempelportalen" in output.read_text() or process.poll() is not None)
        assert process.poll() is None, output.read_text()
        yield portal
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


@contextmanager
def portal_in_this_process(source: Path, *, keys: Path) -> Iterator[RunningPortal]:
    """Yield the portal whose programs are in *source*: as `running_portal`, but quicker to start."""
    portal = _portal(keys)
    app = _app_in(source, portal)
    server = make_server("127.0.0.1", portal.port, app, threaded=True, request_handler=_Silent)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield portal
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Say nothing: what is asked for is not what is tested."""


def _app_in(source: Path, portal: RunningPortal) -> Flask:
    """Return the application of the programs in *source*, apart from all others that are imported."""
    programs = {program.stem for program in source.glob("*.py")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _settings(portal).items():
            patch.setenv(name, value)
        patch.syspath_prepend(source)
        before = {name: sys.modules.pop(name) for name in programs & sys.modules.keys()}
        try:
            app: Flask = importlib.import_module("portal").app
        finally:
            for name in programs & sys.modules.keys():
                del sys.modules[name]
            sys.modules.update(before)
    return app


def _portal(keys: Path) -> RunningPortal:
    return RunningPortal(port=free_port(), tvasteg_port=free_port(), keys=keys)


def _settings(portal: RunningPortal) -> dict[str, str]:
    return {
        "PORTAL_KEY": str(portal.keys.with_name("key.json")),
        "PORTAL_PASSWORD": PASSWORD,
        "PORTAL_PORT": str(portal.port),
        "TVASTEG_URL": f"http://127.0.0.1:{portal.tvasteg_port}",
    }
