"""
`docs/requirements.md`, made from the ids there are and the tests that name them.

`python -m tests.docs.requirements_table` writes the file; a test holds it equal.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
IDS = Path(__file__).with_name("requirement-ids.txt")
TABLE = PROJECT / "docs" / "requirements.md"

_HEAD = """\
<!-- Generated: `make docs` writes this file, and a test compares. Do not edit by hand. -->
# Requirements and the tests that prove them

Each row is one requirement. A test that proves it names its id: `@pytest.mark.requirement("T6")`.
"Not yet" means that no test names the id so far; behind it stands what has to be built first, if anything.
"In part" means that tests prove what is built of it; the rest waits for what stands there.
The ids come from `tests/docs/requirement-ids.txt`.
"""


@dataclass(frozen=True)
class Requirement:
    """One id, what it asks for, and what has to be built first (None: nothing)."""

    requirement_id: str
    title: str
    waits_for: str | None
    section: str


@dataclass(frozen=True, order=True)
class Proof:
    """A test that names a requirement; *name* is empty if the whole file does."""

    path: str
    name: str


class UnknownMarkerError(Exception):
    """A marker names no id, an unknown one, or something that is not a plain text."""


def requirements() -> list[Requirement]:
    """Return all requirements in their order."""
    found = []
    section = ""
    for line in IDS.read_text(encoding="utf-8").split("\n\n", 1)[1].splitlines():
        if line.startswith("# "):
            section = line.removeprefix("# ")
        elif line:
            requirement_id, title, *waits_for = line.split(" | ")
            found.append(Requirement(requirement_id, title, waits_for[0] if waits_for else None, section))
    return found


def proofs(folder: Path = PROJECT / "tests") -> Mapping[str, set[Proof]]:
    """
    Return which tests below *folder* name which id. Nothing is imported.

    Raises:
        UnknownMarkerError: A marker names what is no requirement.
    """
    known = {requirement.requirement_id for requirement in requirements()}
    found = defaultdict(set)
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder.parent).as_posix()
        for name, marker in _markers(ast.parse(path.read_text(encoding="utf-8"))):
            for requirement_id in _ids_of(marker, relative):
                if requirement_id not in known:
                    message = f"{relative}:{marker.lineno}: {requirement_id!r} is no requirement"
                    raise UnknownMarkerError(message)
                found[requirement_id].add(Proof(relative, name))
    return found


def table() -> str:
    """Return the whole text of `docs/requirements.md`."""
    proven = proofs()
    known = requirements()
    in_part = [r for r in known if r.waits_for and r.requirement_id in proven]
    lines = [
        _HEAD,
        f"{len(proven)} of {len(known)} are named by at least one test, {len(in_part)} of them in part.",
    ]
    section = None
    for requirement in known:
        if requirement.section != section:
            section = requirement.section
            lines += ["", f"## {section}", "", "| id | requirement | proven by |", "|---|---|---|"]
        cell = _cell(requirement, proven.get(requirement.requirement_id, set()))
        lines.append(f"| {requirement.requirement_id} | {requirement.title} | {cell} |")
    return "\n".join(lines) + "\n"


def _cell(requirement: Requirement, found: set[Proof]) -> str:
    if not found:
        return f"not yet: {requirement.waits_for}" if requirement.waits_for else "not yet"
    extent = f"in part, the rest waits for {requirement.waits_for}: " if requirement.waits_for else ""
    by_path = defaultdict(list)
    for proof in sorted(found):
        by_path[proof.path].append(f"`{proof.name}`" if proof.name else "all")
    return extent + "; ".join(
        f"[{path.removeprefix('tests/')}](../{path}) {', '.join(names)}" for path, names in by_path.items()
    )


def _markers(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield each marker with the name of the test or class that wears it, or "" for the file."""
    for statement in tree.body:
        name = ""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = statement.name
        # A method's marker tells more with its own name than with its class's.
        methods = [node for node in ast.walk(statement) if isinstance(node, ast.FunctionDef)]
        own_names = {id(node): method.name for method in methods for node in ast.walk(method)}
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and _is_marker(node.func):
                yield own_names.get(id(node), name), node


def _is_marker(function: ast.expr) -> bool:
    return ast.unparse(function).endswith("mark.requirement")


def _ids_of(marker: ast.Call, path: str) -> list[str]:
    ids = [argument.value if isinstance(argument, ast.Constant) else None for argument in marker.args]
    texts = [value for value in ids if isinstance(value, str)]
    if not texts or len(texts) < len(ids) or marker.keywords:
        message = f"{path}:{marker.lineno}: a marker takes one or more ids, written out"
        raise UnknownMarkerError(message)
    return texts


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
