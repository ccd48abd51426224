"""
Clients of the app: threads in processes, each process calling the app within itself.

Nobody serves HTTP here. On Lambda nobody in our process does either, and a server
from the standard library would be most of what was measured. Each thread has an app
of its own, as each of Lambda's instances has: Chalice keeps the request in the app.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

from tests.bench.aws import app_over, services_at, services_over, updating_barely_at, verifying_alone
from tests.bench.canned import Rows
from tests.bench.journey import STEP_NAMED, VERIFICATION, Step, Ticket, Visitor
from tests.bench.profiling import shares_of
from tests.bench.wsgi import calling, wsgi
from tests.support.clock import ManualClock
from tests.support.wizard import Transport

PROCESSES = 2
LEVELS = (1, 8, 64)  # clients at once
Name = tuple[str, str]  # of a step


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What pieces of work took: each one's wall clock and processor time, and all of them together."""

    wall_ms: Sequence[float]
    processor_ms: Sequence[float]
    started: float
    ended: float
    seconds: float

    @classmethod
    def at_once(cls, parts: Sequence[Taken]) -> Taken:
        """Return what all *parts* took, which ran at the same time."""
        started, ended = min(part.started for part in parts), max(part.ended for part in parts)
        return cls._of_all(parts, started=started, ended=ended, seconds=ended - started)

    @classmethod
    def in_turns(cls, parts: Sequence[Taken]) -> Taken:
        """Return what all *parts* took, which ran one after the other."""
        seconds = sum(part.seconds for part in parts)
        return cls._of_all(parts, started=parts[0].started, ended=parts[-1].ended, seconds=seconds)

    @classmethod
    def _of_all(cls, parts: Sequence[Taken], *, started: float, ended: float, seconds: float) -> Taken:
        return cls(
            wall_ms=sorted(ms for part in parts for ms in part.wall_ms),
            processor_ms=sorted(ms for part in parts for ms in part.processor_ms),
            started=started,
            ended=ended,
            seconds=seconds,
        )

    def wall_ms_at(self, percentile: float) -> float:
        """Return what so many of a hundred pieces took at most."""
        return sorted(self.wall_ms)[int((len(self.wall_ms) - 1) * percentile / 100)]

    @property
    def median_processor_ms(self) -> float:
        """What half of the pieces took at most."""
        return sorted(self.processor_ms)[len(self.processor_ms) // 2]

    @property
    def per_second(self) -> float:
        """How many were done in a second."""
        return len(self.wall_ms) / self.seconds


class Clients:
    """One or two processes full of clients, told by this one what to do."""

    def __init__(self, processes: Sequence[ProcessPoolExecutor]) -> None:
        self._processes = processes

    @classmethod
    @contextmanager
    def of(cls, backend: str | Rows, *, now: float) -> Iterator[Clients]:
        """Yield clients of the app over the AWS at a URL, or over doubles that know *rows*; at *now*."""
        spawn = multiprocessing.get_context("spawn")
        with ExitStack() as stack:
            processes = [
                stack.enter_context(
                    ProcessPoolExecutor(1, mp_context=spawn, initializer=_open, initargs=(backend, now))
                )
                for _ in range(PROCESSES)
            ]
            yield cls(processes)

    def seat(self, tickets: Mapping[Name, Ticket]) -> None:
        """Place before each step a visitor who can take it again and again."""
        for process in self._processes:
            process.submit(_seat, dict(tickets)).result()

    def repeat(self, name: Name, *, clients: int, seconds: float) -> Taken:
        """Let so many clients take that step, over and over, for so long."""
        return self._all(clients, lambda threads: (_repeat, name, threads, seconds))

    def verify_alone(self, *, clients: int, seconds: float) -> Taken:
        """Let so many clients check the right code without HTTP and session, over and over."""
        return self._all(clients, lambda threads: (_verify_alone, threads, seconds))

    def profile(self, name: Name, *, times: int) -> Mapping[str, float]:
        """Return how a step's processor time divides over the packages, as shares of one."""
        return self._processes[0].submit(_profile, name, times).result()

    def bare(self, *, clients: int, seconds: float) -> Taken:
        """Let so many clients do the yardstick, over and over, for so long."""
        return self._all(clients, lambda threads: (_bare, threads, seconds))

    def admit(self, tickets: Sequence[Ticket], *, clients: int) -> None:
        """Let so many clients go the way, each for an equal part of *tickets*; forget earlier ones."""
        using = min(clients, PROCESSES)
        for number, process in enumerate(self._processes[:using]):
            process.submit(_admit, list(tickets[number::using]), clients // using).result()

    def step(self, step: Step, *, clients: int) -> Taken:
        """Let all who were admitted take *step*, once, each client one after the other."""
        return self._all(clients, lambda _: (_step, step.name))

    def resident_megabytes(self) -> float:
        """Return the memory that the first process holds."""
        return self._processes[0].submit(_resident_megabytes).result()

    def _all(self, clients: int, work: Callable[[int], tuple[Any, ...]]) -> Taken:
        using = self._processes[: min(clients, PROCESSES)]
        parts: list[Future[Taken]] = [process.submit(*work(clients // len(using))) for process in using]
        return Taken.at_once([part.result() for part in parts])


class _Seats:
    """What one process keeps between its tasks."""

    def __init__(self, backend: str | Rows, now: float) -> None:
        self.clock = ManualClock(now)
        if isinstance(backend, str):
            self.services = services_at(backend, clock=self.clock)
            self.bare = updating_barely_at(backend)
        else:
            self.services = services_over(backend, clock=self.clock)
        self.tickets: dict[Name, Ticket] = {}
        self.visitors: list[list[Visitor]] = []
        self.meter = _Meter()
        self._transports: list[Transport] = []

    def transport(self, thread: int) -> Transport:
        """Return that thread's own app."""
        while len(self._transports) <= thread:
            metered = self.meter.metered(wsgi(app_over(self.services)))
            self._transports.append(calling(metered))
        return self._transports[thread]


class _Meter:
    """Times what it lets through, from where API Gateway would call to where it is answered."""

    def __init__(self) -> None:
        self.wall_ns: list[int] = []
        self.processor_ns: list[int] = []

    def metered(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            wall, processor = time.perf_counter_ns(), time.thread_time_ns()
            result = work(*arguments)
            self.processor_ns.append(time.thread_time_ns() - processor)
            self.wall_ns.append(time.perf_counter_ns() - wall)
            return result

        return timed

    def taken_by(self, threads: int, work: Callable[[int], None]) -> Taken:
        """Return what *work*, given each thread's number, took."""
        self.wall_ns.clear()
        self.processor_ns.clear()
        ready = Barrier(threads)

        def in_step(thread: int) -> tuple[float, float]:
            ready.wait()
            started = time.monotonic()
            work(thread)
            return started, time.monotonic()

        with ThreadPoolExecutor(threads) as pool:
            times = list(pool.map(in_step, range(threads)))
        started, ended = min(started for started, _ in times), max(ended for _, ended in times)
        return Taken(
            wall_ms=[ns / 1e6 for ns in self.wall_ns],
            processor_ms=[ns / 1e6 for ns in self.processor_ns],
            started=started,
            ended=ended,
            seconds=ended - started,
        )


_seats: _Seats


def _open(backend: str | Rows, now: float) -> None:
    global _seats  # noqa: PLW0603 - a process of a pool keeps its state in its module
    _seats = _Seats(backend, now)


def _seat(tickets: dict[Name, Ticket]) -> None:
    _seats.tickets = tickets


def _repeat(name: Name, threads: int, seconds: float) -> Taken:
    step = STEP_NAMED[name]
    ticket = _seats.tickets[name]
    visitors = [Visitor(ticket, _seats.transport(thread), _seats.clock) for thread in range(threads)]
    end = time.monotonic() + seconds

    def work(thread: int) -> None:
        visitor = visitors[thread]
        done = False
        while not done or time.monotonic() < end:
            visitor.wizard.session_id = ticket.session_id
            step.taken_by(visitor)
            done = True

    return _seats.meter.taken_by(threads, work)


def _bare(threads: int, seconds: float) -> Taken:
    return _over_and_over(_seats.bare, threads, seconds)


def _verify_alone(threads: int, seconds: float) -> Taken:
    do = verifying_alone(_seats.services, _seats.tickets[VERIFICATION], _seats.clock)
    return _over_and_over(do, threads, seconds)


def _over_and_over(do: Callable[[], object], threads: int, seconds: float) -> Taken:
    metered = _seats.meter.metered(do)
    end = time.monotonic() + seconds

    def work(_: int) -> None:
        metered()
        while time.monotonic() < end:
            metered()

    return _seats.meter.taken_by(threads, work)


def _profile(name: Name, times: int) -> dict[str, float]:
    ticket = _seats.tickets[name]
    visitor = Visitor(ticket, _seats.transport(0), _seats.clock)

    def take_the_step() -> None:
        visitor.wizard.session_id = ticket.session_id
        STEP_NAMED[name].taken_by(visitor)

    take_the_step()
    return shares_of(take_the_step, times=times)


def _admit(tickets: list[Ticket], threads: int) -> None:
    _seats.visitors = [
        [Visitor(ticket, _seats.transport(thread), _seats.clock) for ticket in tickets[thread::threads]]
        for thread in range(threads)
    ]


def _step(name: Name) -> Taken:
    step = STEP_NAMED[name]
    _seats.clock.advance(step.seconds_before)

    def work(thread: int) -> None:
        for visitor in _seats.visitors[thread]:
            for _ in range(step.times):
                step.taken_by(visitor)

    return _seats.meter.taken_by(len(_seats.visitors), work)


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
