"""
How far an import has come: told at the terminal, and kept beside the input until it is through.

What is kept are counts, and a hash that binds them to this very input: no row and no name.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

_FORMAT = 1
_BAR_CHARACTERS = 30


@dataclass(kw_only=True)
class Progress:
    """
    Rows done so far, in the file *path*, for the import that *about* describes.

    *about* must be equal for an import to go on where it stopped.
    """

    path: Path
    about: Mapping[str, str]
    rows_done: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def found(cls, path: Path, about: Mapping[str, str]) -> Progress:
        """Return the progress kept in *path*; none, if there is none or it is about another import."""
        begun = cls(path=path, about=dict(about))
        try:
            kept: Any = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return begun
        match kept:
            case {"format": 1, "about": dict(known), "rows_done": int(rows_done), "outcomes": dict(counts)}:
                if known == begun.about and rows_done >= 0:
                    begun.rows_done = rows_done
                    begun.outcomes = Counter({str(name): int(count) for name, count in counts.items()})
        return begun

    def note(self, outcomes: Counter[str]) -> None:
        """Add *outcomes* of the next rows, and keep it, whole or not at all."""
        self.outcomes += outcomes
        self.rows_done += outcomes.total()
        kept = {
            "format": _FORMAT,
            "about": self.about,
            "rows_done": self.rows_done,
            "outcomes": dict(self.outcomes),
        }
        fresh = self.path.with_name(f"{self.path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        fresh.replace(self.path)

    def forget(self) -> None:
        """Remove the file: everything is through."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar at a terminal, and nothing where there is none."""

    total: int
    terminal: TextIO = field(default_factory=lambda: sys.stderr)

    def show(self, done: int) -> None:
        """Draw how much of the whole is done."""
        if not self.terminal.isatty():
            return
        share = done / self.total if self.total else 1.0
        filled = round(share * _BAR_CHARACTERS)
        self.terminal.write(
            f"\r[{'#' * filled}{'.' * (_BAR_CHARACTERS - filled)}] {done:,} of {self.total:,} "
        )
        if done >= self.total:
            self.terminal.write("\n")
        self.terminal.flush()

    def clear(self) -> None:
        """Make room for a line of text."""
        if self.terminal.isatty():
            self.terminal.write(f"\r{' ' * (_BAR_CHARACTERS + 40)}\r")
            self.terminal.flush()
