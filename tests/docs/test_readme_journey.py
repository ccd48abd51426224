"""The README's journey in curl, replayed: every command is taken, every answer looks as printed there."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from typing import Any

from tests.docs.pages import fenced_blocks, section
from tests.support.wizard import Answer, Phone, Wizard
from tests.support.world import World, moto_world

BLOCKS = list(fenced_blocks(section("## The journey in curl")))
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DRAWN = {"reference", "request_id", "duration_ms"}  # another value in every run


class _Shell:
    """Understands the few words of shell that the README uses, and speaks to *world* instead of curl."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wizard: Wizard = world.wizard()
        self._phone: Phone | None = None
        self._code = ""

    def run(self, block: str) -> Answer | None:
        """Run every line of *block* and return the last answer."""
        answer = None
        for line in block.splitlines():
            if line.startswith("api "):
                answer = self._api(line)
            elif line.startswith("KEY=$(api GET enrolment "):
                self._phone = self._wizard.scan()
            elif line == "CODE=$(code)":
                self._code = self._now()
            elif line.startswith("sleep "):
                self._world.clock.advance(int(line.removeprefix("sleep ")))
            else:
                assert line.startswith("code() {"), f"the README uses a command unknown here: {line}"
        return answer

    def _api(self, line: str) -> Answer:
        _, method, path, *options = shlex.split(line)
        body = None
        if options:
            flag, data = options
            assert flag == "-d"
            body = json.loads(data.replace("$CODE", self._code).replace("$(code)", self._now()))
        return self._wizard.call(method, f"/api/{path}", body)

    def _now(self) -> str:
        return self._phone.otp() if self._phone else ""


def _alike(printed: Any, real: Any) -> bool:
    """Say whether two answers differ in nothing but what is drawn or told by the clock."""
    if isinstance(printed, dict):
        return (
            isinstance(real, dict)
            and list(printed) == list(real)
            and all(name in DRAWN or _alike(value, real[name]) for name, value in printed.items())
        )
    if isinstance(printed, str) and isinstance(real, str):
        if _TIME.fullmatch(printed):
            return bool(_TIME.fullmatch(real))
        if "…" in printed:  # a shortened secret, or what is drawn of it
            return len(printed.partition("…")[0]) < len(real)
    return bool(printed == real)


def test_every_answer_in_the_readme_is_what_the_service_says() -> None:
    commands_then_answer = [
        (commands, json.loads(printed))
        for (language, commands), (next_language, printed) in pairwise(BLOCKS)
        if (language, next_language) == ("sh", "json")
    ]
    setting_up, *steps = [block for language, block in BLOCKS if language == "sh"]
    assert "Idempotency-Key" in setting_up

    with moto_world() as world:
        shell = _Shell(world)
        printed_after = dict(commands_then_answer)
        for commands in steps:
            answer = shell.run(commands)
            if commands in printed_after:
                assert answer is not None
                assert _alike(printed_after[commands], answer.body), answer.text
        log_line = world.last_line

    assert len(printed_after) == len(commands_then_answer) == 7
    assert list(json.loads(BLOCKS[-1][1])) == list(log_line)
