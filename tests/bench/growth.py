"""Whether a sign-in and a verification cost more where there are more users: they must not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.bootstrap import assemble, stores_on
from tests.bench.aws import SETTINGS, app_over, client
from tests.bench.canned import NOW
from tests.bench.clients import Clients, Name, Taken
from tests.bench.figures import Figure, Section, table, table_of
from tests.bench.journey import STEP_NAMED, VERIFICATION, Ticket, Visitor
from tests.bench.live import Live
from tests.bench.metering import Usage, metered
from tests.bench.wsgi import calling, wsgi
from tests.support.clock import ManualClock

_SIZES = (10, 1_000, 100_000)
_STEPS: tuple[Name, ...] = (("POST /api/session", "later sign-in"), VERIFICATION)
_ROUNDS = 12
_FLAT = 1.25  # what a shared machine differs by from one minute to the next


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a step costs at one size of the table."""

    calls: int
    usage: Usage
    work: Taken
    bare: Taken

    @property
    def counted(self) -> tuple[int, ...]:
        """What must be the same to the unit."""
        return self.calls, self.usage.reads, self.usage.writes, self.usage.index_writes, self.usage.kms

    @property
    def processor_ratio(self) -> float:
        return self.work.median_processor_ms / self.bare.median_processor_ms

    @property
    def wall_ratio(self) -> float:
        return self.work.wall_ms_at(50) / self.bare.wall_ms_at(50)


def measure() -> Section:
    """Return what a sign-in and a verification cost with ten users and with a hundred thousand."""
    costs: dict[int, Mapping[Name, Cost]] = {}
    with Live.opened() as live:
        *timed, looked_at = live.enrolled(_SIZES[0])
        there = _SIZES[0]
        for size in _SIZES:
            live.copy(looked_at, size - there)
            there = size
            costs[size] = _costs(live, timed, looked_at, later=_SIZES.index(size))
    rows = [
        (
            f"`{name[0]}` {name[1]}",
            f"{size:,}",
            *map(str, cost.counted),
            f"{cost.processor_ratio:.2f} x ({cost.work.median_processor_ms:.2f} ms)",
            f"{cost.wall_ratio:.2f} x ({cost.work.wall_ms_at(50):.2f} ms)",
            f"{cost.bare.wall_ms_at(50):.2f} ms",
        )
        for name in _STEPS
        for size, by_name in costs.items()
        for cost in [by_name[name]]
    ]
    charged = ("AWS calls", "read units", "write units", "index writes", "KMS")
    measured = ("processor time", "p50", "bare meanwhile")
    text = f"""{table_of(_figures(costs))}

Each user is three rows; the table is MiniStack's. Every read names one row by its key, every write too:
nothing is searched, so DynamoDB charges the same however large the table is.

{table(("request", "users", *charged, *measured), rows)}"""
    return Section(title="Growth", text=text)


def _figures(costs: Mapping[int, Mapping[Name, Cost]]) -> Iterator[Figure]:
    for name in _STEPS:
        first, last = (costs[size][name] for size in (_SIZES[0], _SIZES[-1]))
        processor = last.processor_ratio / first.processor_ratio
        wall = last.wall_ratio / first.wall_ratio
        same = first.counted == last.counted
        yield Figure(
            what=f"`{name[0]}` ({name[1]}) with {_SIZES[-1]:,} users against {_SIZES[0]}",
            measured=f"{'the same' if same else 'other'} calls and units, "
            f"processor time {processor:.2f} x, p50 {wall:.2f} x",
            target=f"the same, and at most {_FLAT} x",
            met=same and processor <= _FLAT and wall <= _FLAT,
            remark="each beside the bare UpdateItem of the same minute",
        )


def _costs(live: Live, timed: list[Ticket], looked_at: Ticket, *, later: int) -> Mapping[Name, Cost]:
    now = NOW + later * 3_600  # no code is spent from one size to the next
    counted = _counted(live, looked_at, now=now)
    work: dict[Name, list[Taken]] = {name: [] for name in _STEPS}
    bare: list[Taken] = []
    with Clients.of(live.url, now=now) as clients:
        clients.admit(timed, clients=1)
        for name in _STEPS:
            clients.step(STEP_NAMED[name], clients=1)  # opens connections
        for _ in range(_ROUNDS):
            for name in _STEPS:
                bare.append(clients.bare(clients=1, seconds=0.05))
                work[name].append(clients.step(STEP_NAMED[name], clients=1))
    return {
        name: Cost(
            calls=counted[name][0],
            usage=counted[name][1],
            work=Taken.in_turns(work[name]),
            bare=Taken.in_turns(bare),
        )
        for name in _STEPS
    }


def _counted(live: Live, ticket: Ticket, *, now: float) -> Mapping[Name, tuple[int, Usage]]:
    clock, lines = ManualClock(now), list[str]()
    dynamodb, kms = client("dynamodb", live.url), client("kms", live.url)
    stores = stores_on(SETTINGS, dynamodb=dynamodb, kms=kms)
    services = assemble(SETTINGS, stores, clock=clock, write_line=lines.append)
    visitor = Visitor(ticket, calling(wsgi(app_over(services))), clock)
    visitor.ask_for_the_tenant()
    counted = {}
    looking = live.backend.dynamodb
    with metered(dynamodb, kms, looking=looking, state_table=SETTINGS.state_table) as meter:
        for name in _STEPS:
            meter.start()
            STEP_NAMED[name].taken_by(visitor)
            calls = json.loads(lines[-1])["aws_calls"]
            counted[name] = (sum(calls.values()), meter.usage)
    return counted
