"""The accessibility checklist: nothing of it is left out, and each row names tests that there are."""

from __future__ import annotations

import ast
import re

from tests.docs.pages import DOCS, PROJECT, code_in, section, table

PAGE = DOCS / "accessibility.md"
CHECKLIST = {
    *("1.1.1", "1.3.1", "1.3.4", "1.3.5", "1.4.3", "1.4.4", "1.4.10", "1.4.11", "1.4.12"),
    *("2.1.1", "2.1.2", "2.2.1", "2.4.2", "2.4.3", "2.4.7", "2.4.11", "2.5.8"),
    *("3.1.1", "3.1.2", "3.2.2", "3.2.6", "3.3.1", "3.3.3", "3.3.7", "3.3.8", "4.1.2", "4.1.3"),
    *("Forced colours", "Paper"),
}
_FILE = re.compile(r"\[([^\]]+)\]\(\.\./tests/([^)]+)\)([^\[]*)")
_STEP = re.compile(r"\b[A-Z]\d\b")


def rows() -> list[dict[str, str]]:
    return table("## Checklist", PAGE)


def steps() -> list[str]:
    return re.findall(r"^- \*\*([A-Z]\d)\*\*", section("## The script", PAGE), re.MULTILINE)


def names_of_tests(path: str) -> set[str]:
    """Return the names of the tests in *path* that `make test` runs."""
    tree = ast.parse((PROJECT / "tests" / path).read_text("utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any("soak" in ast.dump(decorator) for decorator in node.decorator_list)
    }


def test_every_criterion_has_one_row() -> None:
    listed = [criterion for row in rows() for criterion in row["Criterion"].split(", ")]

    assert len(listed) == len(set(listed))
    assert set(listed) == CHECKLIST


def test_every_row_names_tests_that_there_are() -> None:
    for row in rows():
        named = [(shown, path, code_in(rest)) for shown, path, rest in _FILE.findall(row["Tests"])]
        assert named, row["Criterion"]
        for shown, path, tests in named:
            assert shown == path
            assert tests, row["Criterion"]
            assert set(tests) <= names_of_tests(path), row["Criterion"]


def test_every_step_of_the_script_is_there_for_a_row_and_the_other_way_round() -> None:
    asked = {step for row in rows() for step in _STEP.findall(row["By hand"])}

    # People show what no criterion asks for: whether they understand it.
    assert set(steps()) - {"M1"} == asked
    assert len(steps()) == len(set(steps()))


def test_every_part_of_the_script_has_a_row_for_its_runs() -> None:
    parts = [row["Part"] for row in table("## Runs of the script", PAGE)]
    covered = [
        f"{first[0]}{number}"
        for first, last in ((part.partition("\u2013")[0], part.rpartition("\u2013")[2]) for part in parts)
        for number in range(int(first[1]), int(last[1]) + 1)
    ]

    assert covered == steps()
