"""The portal of `make run-portal`, and what an operator would do for it by hand: key, profile, settings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib.local import PROJECT

FOLDER = PROJECT / "docs/example-portal"
PORT_IN_THE_PROFILE = 8001


@dataclass(frozen=True, kw_only=True)
class ExamplePortal:
    """A portal to be started: its tenant's *profile* file, its *command* and its *environment*."""

    profile: Path
    command: tuple[str, ...]
    environment: dict[str, str]


@contextmanager
def example_portal(*, port: int, tvasteg_port: int) -> Iterator[ExamplePortal]:
    """Yield the example portal with a key pair that was just drawn and goes with the block."""
    with TemporaryDirectory(prefix="tvasteg-portal-") as folder:
        key = Path(folder) / "key.json"
        drawn = subprocess.run(
            [sys.executable, FOLDER / "draw_key.py", key], check=True, stdout=subprocess.PIPE
        )
        source = (FOLDER / "tenant.json").read_text(encoding="utf-8")
        profile = json.loads(source.replace(f":{PORT_IN_THE_PROFILE}/", f":{port}/"))
        profile["clients"][0]["keys"]["keys"] = [json.loads(drawn.stdout)]
        path = Path(folder) / "tenant.json"
        path.write_text(json.dumps(profile), encoding="utf-8")
        yield ExamplePortal(
            profile=path,
            command=(sys.executable, "-m", "chalicelib.local.lifeline", str(FOLDER / "portal.py")),
            environment={
                "PORTAL_KEY": str(key),
                "PORTAL_PORT": str(port),
                "TVASTEG_URL": f"http://127.0.0.1:{tvasteg_port}",
            },
        )
