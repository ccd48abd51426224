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
    (old,) = wizard.authenticator_ids()
    wizard.prove_again()
    world.clock.advance(61)
    return lambda **how: wizard.begin(replaces=old, **how)


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


def _acknowledge_codes(world: World, wizard: Wizard) -> Callable[..., Answer]:
    wizard.enrolled()
    set_id = wizard.make_recovery_codes().body["set"]
    world.clock.advance(61)
    return lambda **how: wizard.acknowledge_recovery_codes(set_id, **how)


def _recover(world: World, wizard: Wizard) -> Callable[..., Answer]:
    _, codes = world.wizard().enrolled_with_codes()
    wizard.sign_in()
    world.clock.advance(61)
    return lambda **how: wizard.recover(codes[0], **how)


def _begin_one_more(world: World, wizard: Wizard) -> Callable[..., Answer]:
    _begin_replacement(world, wizard)
    return wizard.begin


def _confirm_one_more(world: World, wizard: Wizard) -> Callable[..., Answer]:
    phone = Phone(_begin_one_more(world, wizard)().body["key"], world.clock)
    world.clock.advance(61)
    otp = phone.otp()
    return lambda **how: wizard.confirm(otp, **how)


def _with_two(world: World, wizard: Wizard) -> str:
    """Let Anna have two authenticators and be about to change something; return the older one's id."""
    _confirm_one_more(world, wizard)()
    wizard.prove_again()
    world.clock.advance(61)
    return wizard.authenticator_ids()[0]


def _rename(world: World, wizard: Wizard) -> Callable[..., Answer]:
    authenticator = _with_two(world, wizard)
    return lambda **how: wizard.rename(authenticator, "Arbetsmobil", **how)


def _remove(world: World, wizard: Wizard) -> Callable[..., Answer]:
    authenticator = _with_two(world, wizard)
    return lambda **how: wizard.remove(authenticator, **how)


def _remove_the_last(world: World, wizard: Wizard) -> Callable[..., Answer]:
    world.add_tenant(policy=world.tenant.profile.source["policy"] | {"second_factor": "optional"})
    _begin_replacement(world, wizard)
    (authenticator,) = wizard.authenticator_ids()
    return lambda **how: wizard.remove(authenticator, **how)


def _let_browsers_be_remembered(world: World) -> None:
    world.add_tenant(policy=world.tenant.profile.source["policy"] | {"remember_days": 30})


def _verify_and_remember(world: World, wizard: Wizard) -> Callable[..., Answer]:
    _let_browsers_be_remembered(world)
    phone = world.wizard().enrolled()
    wizard.sign_in()
    world.clock.advance(61)
    otp = phone.otp()
    return lambda **how: wizard.verify(otp, remember=True, **how)


def _forget(world: World, wizard: Wizard) -> Callable[..., Answer]:
    _verify_and_remember(world, wizard)()
    world.clock.advance(61)
    (browser,) = wizard.second_factor().body["remembered_browsers"]
    return lambda **how: wizard.forget(browser["id"], **how)


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
    "begin one more": Scenario(_begin_one_more, {"enrolment.begun": 1}, ONE),
    "confirm one more": Scenario(_confirm_one_more, {"authenticator.bound": 1}, frozenset({1, 2})),
    "rename": Scenario(_rename, {"authenticator.renamed": 1}, frozenset({2})),
    "remove": Scenario(_remove, {"authenticator.removed": 1}, frozenset({1, 2})),
    "remove the last": Scenario(_remove_the_last, {"authenticator.removed": 1}, ZERO_OR_ONE),
    "verify": Scenario(_verify, {}, ONE),
    "verify and remember": Scenario(_verify_and_remember, {"browser.remembered": 1}, ONE),
    "forget a browser": Scenario(_forget, {"browser.forgotten": 1}, ONE, status=204),
    "acknowledge recovery codes": Scenario(_acknowledge_codes, {"recovery_codes.acknowledged": 1}, ONE),
    "spend a recovery code": Scenario(_recover, {"recovery_code.used": 1}, ONE),
    "sign out": Scenario(_sign_out, {"session.ended": 1}, status=204),
}


def authenticators(world: World) -> int:
    """Return how many authenticators Anna has."""
    row = world.row("TOTP")
    return len(row["entries"]["M"]) if row else 0
