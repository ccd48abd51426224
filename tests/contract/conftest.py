"""The same tests over the in-memory doubles and over DynamoDB and KMS, as moto emulates them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.bootstrap import Stores
from tests.support.aws import moto
from tests.support.memory import memory_stores


@pytest.fixture(params=["memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Empty stores of either kind."""
    if request.param == "memory":
        yield memory_stores()
        return
    with moto() as aws:
        yield aws.stores
