"""How often each route calls AWS, counted in its own log line on the journey it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.figures import Figure, Section, table, table_of
from tests.bench.journey import (
    PASSWORD,
    PORTAL_STEPS,
    PORTAL_VERIFICATION,
    STEPS,
    PortalVisit,
    Ticket,
    Visitor,
)
from tests.bench.metering import Meter, Usage, metered
from tests.bench.wsgi import ORIGIN_SECRET, STAGE, calling, wsgi
from tests.support.aws import SETTINGS
from tests.support.wizard import HOST, Answer
from tests.support.world import World, moto_world

_DECIMALS = re.compile(r"\d+\.\d+")  # times, which differ in length from run to run
SESSION_AND_USER = 2  # read first by every request within a session


@dataclass(frozen=True, kw_only=True)
class CountedCalls:
    """What one request of a journey called, by ``Service.Operation``, and what is charged for it."""

    route: str
    occasion: str
    status: int
    calls: dict[str, int]
    usage: Usage
    log_bytes: int
    answer_bytes: int

    def of(self, service: str) -> int:
        """Return the number of calls to *service*."""
        return sum(count for name, count in self.calls.items() if name.startswith(f"{service}."))


def count_aws_calls() -> list[CountedCalls]:
    """Return the calls of every step of the journey, the tenant's profile being remembered from before."""
    with (
        moto_world(stage=STAGE, origin_secrets=(ORIGIN_SECRET,)) as world,
        metered(
            world.aws.dynamodb,
            world.aws.kms,
            looking=world.aws._operators_dynamodb,
            state_table=SETTINGS.state_table,
        ) as meter,
    ):
        return list(_journey(world, meter))


def measure() -> Section:
    """Return the calls of every route, beside what the design allows."""
    counted = count_aws_calls()
    routes = [
        (
            f"`{calls.route}`",
            calls.occasion or "-",
            str(calls.status),
            str(calls.of("DynamoDB")),
            str(calls.of("KMS")),
            ", ".join(f"{count} {name.partition('.')[2]}" for name, count in calls.calls.items()) or "none",
        )
        for calls in counted
    ]
    text = f"""{table_of(_figures(counted))}

Counted in each request's log line, on one journey over moto. The tenant's profile is remembered for a
minute; the first request after that reads it once more. Most requests within a session read the session and
its user first: two GetItem of every list. A session unused for a minute is marked as seen by one UpdateItem
more. What these calls cost: [costs](costs.md).

{table(("route", "occasion", "status", "DynamoDB", "KMS", "calls"), routes)}"""
    return Section(title="AWS calls of every route", text=text)


def _figures(counted: list[CountedCalls]) -> Iterator[Figure]:
    by_name = {(calls.route, calls.occasion): calls for calls in counted}
    verify = by_name["POST /api/verification", "right code"]
    yield Figure(
        what="AWS calls of a verification in the wizard",
        measured=f"{verify.of('DynamoDB')} DynamoDB + {verify.of('KMS')} KMS",
        target="2 writes, 2 reads, 1 session write + 1 KMS",
        met=(verify.of("DynamoDB"), verify.of("KMS")) == (5, 1),
    )
    portal = by_name[PORTAL_VERIFICATION]
    yield Figure(
        what="AWS calls of a verification for a portal",
        measured=f"{portal.of('DynamoDB')} DynamoDB + {portal.of('KMS')} KMS",
        target="2 writes, 1 read of its client + 1 KMS",
        met=portal.calls == {"DynamoDB.GetItem": 1, "DynamoDB.UpdateItem": 2, "KMS.Decrypt": 1},
    )
    for name, calls in (
        ("begin", by_name["POST /api/enrolment", "the first time"]),
        ("confirm", by_name["POST /api/enrolment/confirmation", "right code"]),
    ):
        beside_the_session = calls.of("DynamoDB") - SESSION_AND_USER
        yield Figure(
            what=f"AWS calls of {name}, beside session and user",
            measured=f"{beside_the_session} DynamoDB + {calls.of('KMS')} KMS",
            target="at most 3 DynamoDB + 1 KMS",
            met=beside_the_session <= 3 and calls.of("KMS") == 1,
        )
    kms_calls = sum(calls.of("KMS") for calls in counted if calls.status in {400, 429})
    yield Figure(
        what="KMS calls of a throttled or malformed attempt",
        measured=str(kms_calls),
        target="0",
        met=kms_calls == 0,
    )


def _journey(world: World, meter: Meter) -> Iterator[CountedCalls]:
    username = "visitor@firma.se"
    world.add_user(username=username, password=PASSWORD)
    visitor = Visitor(Ticket(username=username), calling(wsgi(world.app)), world.clock)
    visitor.ask_for_the_tenant()
    for step in STEPS:
        world.clock.advance(step.seconds_before)
        for _ in range(step.times):
            meter.start()
            answer = step.taken_by(visitor)
        yield _counted(world, meter, answer, route=step.route, occasion=step.occasion)
    portal = world.add_portal()
    portal.url, portal.transport = f"https://{HOST}", calling(wsgi(world.app))
    visit = PortalVisit(portal, world.wizard_over(portal.transport), world.clock)
    for portal_step in PORTAL_STEPS:
        world.clock.advance(portal_step.seconds_before)
        portal_step.before(visit)
        meter.start()
        answer = portal_step.act(visit)
        yield _counted(world, meter, answer, route=portal_step.route, occasion=portal_step.occasion)


def _counted(world: World, meter: Meter, answer: Answer, *, route: str, occasion: str) -> CountedCalls:
    return CountedCalls(
        route=route,
        occasion=occasion,
        status=answer.status,
        calls=world.aws_calls(),
        usage=meter.usage,
        log_bytes=len(_DECIMALS.sub("0.0", world.log_lines[-1])),
        answer_bytes=len(answer.text.encode()),
    )
