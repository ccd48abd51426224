"""One account for the whole rehearsal: its tests are the chapters of one story, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rehearsal.cloud import Cloud, new_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An empty account, and a working tree to deploy."""
    with new_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
