"""docs/runbook.md lists of what users are told by mail, as the code decides it."""

from __future__ import annotations

import pytest

from chalicelib.notices.choice import ALWAYS_TOLD, MOST_WITHIN_BUDGET_A_DAY, TOLD_WITHIN_BUDGET
from tests.docs.pages import DOCS, code_in, tables


@pytest.mark.requirement("E7")
def test_the_runbook_lists_what_is_told_by_mail() -> None:
    _, _, text = (DOCS / "runbook.md").read_text(encoding="utf-8").partition("\n## Mail\n")
    rows = next(rows for rows in tables(text) if "event" in rows[0])
    always = {kind for row in rows if row["mail"].startswith("always") for kind in code_in(row["event"])}
    (limited,) = [row for row in rows if not row["mail"].startswith("always")]
    assert always == ALWAYS_TOLD
    assert set(code_in(limited["event"])) == TOLD_WITHIN_BUDGET
    assert f"up to {MOST_WITHIN_BUDGET_A_DAY} together" in limited["mail"]
