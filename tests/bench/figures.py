"""What a topic of the bench hands over: a section of the page, with its figures beside their targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_COLUMNS = ("figure", "measured", "target", "met", "remark")
_VERDICTS = {True: "yes", False: "no", None: "-"}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of a table. *met* is None where the design names no target."""

    what: str
    measured: str
    target: str = "-"
    met: bool | None = None
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading of the page and what stands below it, in Markdown."""

    title: str
    text: str


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def table_of(figures: Iterable[Figure]) -> str:
    """Return the table of *figures*, each with its target and whether it is met."""
    return table(
        _COLUMNS,
        [
            (figure.what, figure.measured, figure.target, _VERDICTS[figure.met], figure.remark)
            for figure in figures
        ],
    )


def missed_in(text: str) -> list[str]:
    """Return what the figures in *text*, as `table_of` wrote them, say is not met."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [
        f"{cells[0]}: {cells[1]} (target: {cells[2]})"
        for cells in rows
        if len(cells) >= len(_COLUMNS) - 1 and cells[3] == "no"
    ]
