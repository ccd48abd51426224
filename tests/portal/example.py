"""The example portal and the conformance kit as programs, as their READMEs start them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.local.example_portal import FOLDER
from tests.local.product import clean_environment, free_port, wait_for

KIT = FOLDER.parent / "conformance-kit/conformance.py"
CLIENT_ID = "example.web"
USERNAME = "anna@firma.se"
PASSWORD = "tre-gula-paraplyer"


@dataclass(frozen=True, kw_only=True)
class RunningPortal:
    """An example portal at *url* that asks Tvåsteg at *tvasteg_port*; *keys* is its public keys."""

    url: str
    tvasteg_port: int
    keys: Path

    @property
    def profile(self) -> dict[str, Any]:
        """The tenant's profile, as an operator would complete it."""
        source = (FOLDER / "tenant.json").read_text(encoding="utf-8")
        profile: dict[str, Any] = json.loads(source.replace("http://127.0.0.1:8001", self.url))
        profile["clients"][0]["keys"] = json.loads(self.keys.read_text())
        return profile

    def results_of_kit(self, *options: str) -> dict[str, Any]:
        """Return what the conformance kit says of this portal."""
        finished = subprocess.run(
            [
                *(sys.executable, KIT, "--json", "--portal", self.url, "--port", str(self.tvasteg_port)),
                *("--client", CLIENT_ID, "--client-keys", self.keys),
                *("--username", USERNAME, "--password", PASSWORD, *options),
            ],
            env=clean_environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        said: dict[str, Any] = json.loads(finished.stdout)
        assert finished.returncode == (1 if said["failed"] else 0)
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
def running_portal(folder: Path, *, source: Path = FOLDER, **environment: str) -> Iterator[RunningPortal]:
    """Yield the portal whose programs are in *source*, with its key and its output in *folder*."""
    port, tvasteg_port = free_port(), free_port()
    output = folder / "portal.txt"
    keys = draw_key(folder)
    settings = {
        "PORTAL_KEY": str(folder / "key.json"),
        "PORTAL_PASSWORD": PASSWORD,
        "PORTAL_PORT": str(port),
        "TVASTEG_URL": f"http://127.0.0.1:{tvasteg_port}",
    }
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, source / "portal.py"],
            env=clean_environment() | settings | environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: "Exempelportalen" in output.read_text() or process.poll() is not None)
        assert process.poll() is None, output.read_text()
        yield RunningPortal(url=f"http://127.0.0.1:{port}", tvasteg_port=tvasteg_port, keys=keys)
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
