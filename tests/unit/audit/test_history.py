"""How a look for a reference goes through the events: a page at a time, a week back from today."""

from __future__ import annotations

from itertools import islice
from typing import Any

from chalicelib.audit.dynamodb import DynamoEventHistory
from chalicelib.storage.dynamodb import Page
from chalicelib.storage.rows import EVENTS

NOW = 1_795_424_400


class BusyTable:
    """A table whose every partition goes on for ever, and holds nothing that is looked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def query(self, table: str, **request: Any) -> Page:
        assert table == EVENTS
        self.asked.append(request["ExpressionAttributeValues"][":partition"]["S"])
        return Page(items=(), count=0, next_key={"pk": {"S": "more"}})


class QuietTable(BusyTable):
    """A table with one empty page for each partition."""

    def query(self, table: str, **request: Any) -> Page:
        super().query(table, **request)
        return Page(items=(), count=0, next_key=None)


def test_no_page_is_read_before_it_is_asked_for() -> None:
    table = BusyTable()
    history = DynamoEventHistory(table)  # type: ignore[arg-type]  # as much of a database as it needs
    parts = history.users_of_reference("cozone", "7f3k9abc", now=NOW)
    assert table.asked == []
    assert list(islice(parts, 3)) == [None] * 3
    assert len(table.asked) == 3


def test_a_quiet_tenant_is_looked_through_for_a_week_from_today_backwards() -> None:
    table = QuietTable()
    history = DynamoEventHistory(table)  # type: ignore[arg-type]  # as above
    assert set(history.users_of_reference("cozone", "7f3k9abc", now=NOW)) == {None}
    days = list(dict.fromkeys(partition.split("#")[2] for partition in table.asked))
    assert days == [f"202611{day}" for day in range(23, 16, -1)]
    assert len(table.asked) == 7 * 8
