"""Which requirements are proven, and by which tests, is told as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.requirements_table import TABLE, Proof, UnknownMarkerError, proofs, requirements, table


def test_the_table_tells_what_the_tests_prove() -> None:
    """If this fails after a change of tests: `make docs`."""
    assert table() == TABLE.read_text(encoding="utf-8"), "docs/requirements.md is out of date: make docs"


def test_no_id_is_given_twice() -> None:
    ids = [requirement.requirement_id for requirement in requirements()]

    assert sorted(set(ids)) == sorted(ids)


def test_markers_are_found_on_functions_classes_methods_parameters_and_files(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_things.py").write_text(
        """
import pytest
from pytest import mark

pytestmark = pytest.mark.requirement("T1")

@pytest.mark.requirement("T2", "T3")
def test_one(): ...

@mark.requirement("T4")
class TestMany:
    @pytest.mark.requirement("T5")
    def test_two(self): ...

@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.requirement("T6"))])
def test_three(n): ...
"""
    )

    found = proofs(tmp_path / "tests")

    path = "tests/test_things.py"
    assert found == {
        "T1": {Proof(path, "")},
        "T2": {Proof(path, "test_one")},
        "T3": {Proof(path, "test_one")},
        "T4": {Proof(path, "TestMany")},
        "T5": {Proof(path, "test_two")},
        "T6": {Proof(path, "test_three")},
    }


@pytest.mark.parametrize("arguments", ['"T99"', '"t6"', '"T6 "', "", "THE_ID", '"T6", 6', 'id="T6"'])
def test_a_marker_that_names_no_requirement_fails(tmp_path: Path, arguments: str) -> None:
    (tmp_path / "test_things.py").write_text(
        f"import pytest\n\n@pytest.mark.requirement({arguments})\ndef test_one(): ...\n"
    )

    with pytest.raises(UnknownMarkerError, match=r"test_things\.py:3"):
        proofs(tmp_path)
