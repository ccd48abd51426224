"""A world as an earlier release left it, in which today's code goes on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.aws import Row, moto
from tests.support.wizard import Phone, Wizard
from tests.support.world import World
from tests.upgrade.keep_rows import PASSWORD, LastingCipher

FILES = sorted(Path(__file__).parent.glob("rows-*.json"))


@dataclass(frozen=True)
class Left:
    """What a release left behind, and today's service over it."""

    world: World
    people: dict[str, dict[str, Any]]

    def browser(self, name: str) -> Wizard:
        """Return the browser of *name*, within the session that the earlier release opened, if any."""
        wizard = self.world.wizard(username=f"{name}@portal.se", password=PASSWORD)
        wizard.session_id = self.people[name].get("session_id")
        return wizard

    def phone(self, name: str, key: str = "key") -> Phone:
        """Return the phone of *name* that the earlier release gave *key*."""
        return Phone(self.people[name][key], self.world.clock)


@contextmanager
def left_by(file: Path) -> Iterator[Left]:
    """Yield today's service over the rows in *file*, a moment after they were written."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    with moto() as aws:
        world = World(replace(aws.stores, cipher=LastingCipher()), aws=aws)
        aws.restore([_as_row(row) for row in kept["state"]])
        world.clock.now = kept["now"]
        yield Left(world, kept["people"])


def _as_row(kept: Row) -> Row:
    return {name: _as_value(value) for name, value in kept.items()}


def _as_value(kept: dict[str, Any]) -> dict[str, Any]:
    match kept:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case {"M": dict(parts)}:
            return {"M": _as_row(parts)}
    return kept
