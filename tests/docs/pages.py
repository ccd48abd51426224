"""The project's pages, and how their tables are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"
DOCS = PROJECT / "docs"

_RULE = re.compile(r"\|(-+\|)+")


def pages() -> list[Path]:
    """Return every page that a reader may open."""
    return [*sorted(PROJECT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def section(heading: str, page: Path = README) -> str:
    """Return the text below *heading*, up to the next heading of its level or above."""
    text = page.read_text(encoding="utf-8")
    marks = heading.partition(" ")[0]
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(marks)}}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{page.name} has no heading {heading!r}"
    return found[1]


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the tables of *text*, each row by its column's title."""
    found: list[list[dict[str, str]]] = []
    titles: list[str] = []
    for before, line in pairwise(["", *text.splitlines()]):
        if _RULE.fullmatch(line):
            titles = _cells(before)
            found.append([])
        elif not line.startswith("|"):
            titles = []
        elif titles:
            cells = _cells(line)
            assert len(cells) == len(titles), f"{len(titles)} columns are needed: {line}"
            found[-1].append(dict(zip(titles, cells, strict=True)))
    return found


def table(heading: str, page: Path = README) -> list[dict[str, str]]:
    """Return the one table below *heading*."""
    (only,) = tables(section(heading, page))
    return only


def code_in(text: str) -> list[str]:
    """Return what *text* sets as code, in its order."""
    return re.findall(r"`([^`]+)`", text)


def fenced_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield each fenced block of *text*: its language and what is in it."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
