"""One MiniStack and two servers for all races; they share nothing but what is stored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.race.arena import NOON, TRIALS, Arena


@pytest.fixture(scope="session")
def running_arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """The servers, for the whole session."""
    with Arena.opened(tmp_path_factory.mktemp("race")) as arena:
        yield arena


@pytest.fixture
def arena(running_arena: Arena) -> Arena:
    """The servers at noon, with whatever earlier tests stored for other users."""
    running_arena.clock.set(NOON)
    return running_arena


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many trials there was time for."""
    for report in terminalreporter.getreports("passed"):
        for name, count in report.user_properties:
            if name == TRIALS:
                terminalreporter.write_line(f"{count} {name}: none accepted twice")
