"""How often each route calls AWS, counted in its own log line on the journey it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.world import World, moto_world


@dataclass(frozen=True, kw_only=True)
class CountedCalls:
    """What one request of a journey called, by ``Service.Operation``."""

    route: str
    occasion: str
    status: int
    calls: dict[str, int]

    def of(self, service: str) -> int:
        """Return the number of calls to *service*."""
        return sum(count for name, count in self.calls.items() if name.startswith(f"{service}."))


def count_aws_calls() -> list[CountedCalls]:
    """Return the calls of every route, the tenant's profile being remembered from before."""
    with moto_world() as world:
        return list(_journey(world))


def _journey(world: World) -> Iterator[CountedCalls]:
    def counted(occasion: str) -> CountedCalls:
        line = world.last_line
        return CountedCalls(
            route=f"{line['method']} {line['route']}",
            occasion=occasion,
            status=line["status"],
            calls=world.aws_calls(),
        )

    wizard = world.wizard()
    wizard.call("GET", "/api/tenant?tenant=cozone")
    wizard.call("GET", "/api/tenant?tenant=cozone")
    yield counted("")
    wizard.sign_in()
    yield counted("")
    wizard.session()
    yield counted("")
    wizard.prove_again()
    yield counted("")
    wizard.begin()
    yield counted("the first time")
    wizard.begin(phone="iphone")
    yield counted("again")
    wizard.offer()
    yield counted("")
    wizard.cancel()
    yield counted("")
    phone = wizard.begun()
    wizard.confirm(phone.wrong_otp())
    yield counted("wrong code")
    wizard.confirm(phone.otp())
    yield counted("right code")
    world.clock.advance(30)
    wizard = world.wizard()
    wizard.sign_in()
    wizard.verify(phone.otp())
    yield counted("right code")
    spent = phone.otp()
    wizard.verify(spent)
    yield counted("code spent")
    for _ in range(4):
        wizard.verify(phone.wrong_otp())
    yield counted("wrong code")
    wizard.verify(phone.otp())
    yield counted("too many attempts")
    wizard.verify("12345")
    yield counted("malformed code")
    wizard.sign_out()
    yield counted("")
