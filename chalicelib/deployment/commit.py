"""Which state of the sources is deployed: what a rollback needs to know."""

from __future__ import annotations

import subprocess
from pathlib import Path

UNKNOWN = "unknown"
_HASH_CHARACTERS = 12


def commit_of(project: Path) -> str:
    """Return the commit that *project* is at, with a remark if files differ from it; or `UNKNOWN`."""
    try:
        commit = _git(project, "rev-parse", f"--short={_HASH_CHARACTERS}", "HEAD")
        changes = _git(project, "status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return UNKNOWN
    return f"{commit} with changes" if changes else commit


def _git(project: Path, *arguments: str) -> str:
    # Its own folder only: a project without a repository may lie within somebody else's.
    command = ["git", f"--git-dir={project / '.git'}", f"--work-tree={project}", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
