"""Every request that changes something in a session, ready to be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.wizard import Answer, Phone, Wizard
from tests.support.world import World


@dataclass(frozen=True)
class Scenario:
    """
    A request that changes something.

    *told* are the events of its one success; *authenticators* how many there may
    be at any moment, before, within and after.
    """

    prepare: Callable[[World, Wizard], Callable[..., Answer]]
    told: dict[str, int] = field(default_factory=dict)
    authenticators: frozenset[int] = frozenset({0})
    status: int = 200


def _prove_again(world: World, wizard: Wizard) -> Callable[..., Answer]:
    wizard.sign_in()
    world.clock.advance(61)  # so that the session's use is written too
    return wizard.prove_again


def _begin(world: World, wizard: Wizard) -> Callable[..., Answer]:
    _prove_again(world, wizard)()
    world.clock.advance(61)
    return wizard.begin


def _begin_replacement(world: World, wizard: Wizard) -> Callable[..., Answer]:
    wizard.enrolled()
    wizard.prove_again()
    world.clock.advance(61)
    return wizard.begin


def _cancel(world: World, wizard: Wizard) -> Callable[..., Answer]:
    wizard.begun()
    world.clock.advance(61)
    return wizard.cancel


def _confirm(world: World, wizard: Wizard) -> Callable[..., Answer]:
    phone = wizard.begun()
    world.clock.advance(61)
    otp = phone.otp()
    return lambda **how: wizard.confirm(otp, **how)


def _confirm_replacement(world: World, wizard: Wizard) -> Callable[..., Answer]:
    phone = Phone(_begin_replacement(world, wizard)().body["key"], world.clock)
    world.clock.advance(61)
    otp = phone.otp()
    return lambda **how: wizard.confirm(otp, **how)


def _verify(world: World, wizard: Wizard) -> Callable[..., Answer]:
    phone = world.wizard().enrolled()
    wizard.sign_in()
    world.clock.advance(61)
    otp = phone.otp()
    return lambda **how: wizard.verify(otp, **how)


def _sign_out(world: World, wizard: Wizard) -> Callable[..., Answer]:
    del world
    wizard.sign_in()
    return wizard.sign_out


ZERO_OR_ONE = frozenset({0, 1})
ONE = frozenset({1})
SCENARIOS = {
    "password": Scenario(_prove_again, {"session.reauthenticated": 1}),
    "begin": Scenario(_begin, {"enrolment.begun": 1}),
    "begin replacement": Scenario(_begin_replacement, {"enrolment.begun": 1}, ONE),
    "cancel": Scenario(_cancel, {"enrolment.cancelled": 1}, status=204),
    "confirm": Scenario(_confirm, {"authenticator.bound": 1}, ZERO_OR_ONE),
    "confirm replacement": Scenario(
        _confirm_replacement, {"authenticator.bound": 1, "authenticator.revoked": 1}, ONE
    ),
    "verify": Scenario(_verify, {}, ONE),
    "sign out": Scenario(_sign_out, {"session.ended": 1}, status=204),
}


def authenticators(world: World) -> int:
    """Return how many authenticators Anna has."""
    row = world.row("TOTP")
    return len(row["entries"]["M"]) if row else 0
