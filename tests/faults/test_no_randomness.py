"""Without randomness there is no secret, and without a secret nothing begins."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import pytest

from chalicelib.methods import TotpMethod
from tests.support.world import World


def _dry(_: int) -> NoReturn:
    raise OSError


@pytest.mark.requirement("T1")
def test_a_dry_generator_begins_nothing(world: World) -> None:
    world.use(replace(world.services, enrolment=replace(world.services.enrolment, method=TotpMethod(_dry))))
    wizard = world.wizard()
    wizard.sign_in()
    wizard.prove_again()
    answer = wizard.begin()
    assert (answer.status, answer.problem) == (503, "service_unavailable")
    assert world.kms_calls() == 0
    assert world.row("PENDING") is None
