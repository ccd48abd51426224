"""The real product in a real browser; everybody here is new to it, so that no test knows of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.product import Product, served_product
from tests.browser.visitor import Visitor, visitor_at
from tests.support.browser import SWEDISH

CLIPBOARD = ["clipboard-read", "clipboard-write"]

NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """One server for all tests here."""
    with served_product() as product:
        yield product


@pytest.fixture
def new_visitor(chromium: Browser, product: Product) -> Iterator[NewVisitor]:
    """
    Return a function that seats somebody at a browser of their own.

    It takes a `person` (else somebody new), a `language`, and Playwright's options of
    a browser context. All of them are guarded, and checked when the test ends.
    """
    visitors: list[Visitor] = []

    def seat(*, language: str = "sv", person: Any = None, **options: Any) -> Visitor:
        context = chromium.new_context(**{**SWEDISH, "permissions": CLIPBOARD, **options})
        visitor = visitor_at(context, product, person or product.new_person(), language=language)
        visitors.append(visitor)
        return visitor

    yield seat
    try:
        for visitor in visitors:
            visitor.guard.check()
    finally:
        for visitor in visitors:
            visitor.page.context.close()


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    """Somebody new, in Sweden, at a computer."""
    return new_visitor()
