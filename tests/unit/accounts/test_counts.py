"""How far users are counted: no further than so many, and no more than so many pages, however small."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.accounts.dynamodb import DynamoUserLists
from chalicelib.accounts.listing import Count
from chalicelib.accounts.record import ENROLLED
from chalicelib.storage.dynamodb import Page


class LongIndex:
    """An index that never ends, of which a page holds *rows* at most: large ones fill a megabyte."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.asked = 0

    def query(self, _table: str, **request: Any) -> Page:
        self.asked += 1
        return Page(items=(), count=min(self._rows, request["Limit"]), next_key={"pk": {"S": "more"}})


@pytest.mark.requirement("V2")
@pytest.mark.parametrize(
    ("rows_a_page", "pages", "number"),
    [(10_000, 1, 5_000), (1_400, 4, 5_000), (100, 10, 999), (0, 10, 0)],
)
def test_many_users_are_counted_by_few_pages(rows_a_page: int, pages: int, number: int) -> None:
    """What is told then is true, though there may be any number more."""
    index = LongIndex(rows_a_page)
    lists = DynamoUserLists(index)  # type: ignore[arg-type]  # as much of a database as it needs
    assert lists.count("cozone", ENROLLED, most=5_000) == Count(number=number, is_more=True)
    assert index.asked == pages
