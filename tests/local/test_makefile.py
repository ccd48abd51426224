"""`make` explains itself, and says what is missing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.local.product import PROJECT, clean_environment

MAKEFILE = (PROJECT / "Makefile").read_text()


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],  # noqa: S607 - whichever make the developer has
        cwd=PROJECT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_make_alone_lists_every_target(arguments: list[str]) -> None:
    """A target without a comment would be one that nobody finds."""
    targets = re.search(r"^\.PHONY: (.*)$", MAKEFILE.replace("\\\n", ""), re.MULTILINE)
    assert targets is not None
    listed = re.findall(r"^  make (\S+) +\S", _make(*arguments).stdout, re.MULTILINE)
    assert sorted(listed) == sorted(targets[1].split())


@pytest.mark.parametrize(
    "target", re.findall(r"^([a-z-]+):.*\n\t\$\(require_stage\)", MAKEFILE, re.MULTILINE)
)
def test_what_needs_a_stage_says_so(target: str) -> None:
    finished = _make(target)

    assert finished.returncode != 0
    assert f"Say which stage: make {target} STAGE=dev, or make {target} STAGE=prod.\n" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (None, "there is no"),
        ("3.10", "is 3.10: name a newer one with PYTHON=..."),
    ],
)
def test_a_missing_or_old_python_is_one_clear_sentence(
    version: str | None, sentence: str, tmp_path: Path
) -> None:
    """Nothing is made before it is known that it can work."""
    python = tmp_path / "python"
    if version is not None:
        # Answers as an interpreter of that version would: it prints it, then fails the comparison.
        python.write_text(f'#!/bin/sh\ncase "$2" in *print*) echo {version};; *) exit 1;; esac\n')
        python.chmod(0o755)
    environment = tmp_path / "environment"
    finished = subprocess.run(
        [PROJECT / ".ci/venv", python, environment, "requirements-dev.txt"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("Tvåsteg needs Python 3.11 or newer")
    assert sentence in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not environment.exists()


def test_continuous_integration_calls_the_test_command_and_nothing_else() -> None:
    """What CI proves is what a developer can prove."""
    lines = (PROJECT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["exec make test"]
