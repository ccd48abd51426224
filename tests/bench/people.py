"""
A hundred thousand people: what lists, an import and an export cost beside those of a thousand.

MiniStack keeps the rows: moto's transactions take thirty times as long. Its own queries take a
minute each of a table so large, as DynamoDB's do not, so that a double answers for the index. What
is compared is how many calls are made and how many rows they look at, and for whole files the time
a row and the memory of the process.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.accounts.dynamodb import DynamoUserLists
from chalicelib.accounts.listing import Place
from chalicelib.accounts.record import NOT_ENROLLED, STATUSES
from chalicelib.admin.assembly import admin_over
from chalicelib.admin.front import Front
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.imports import ALL_TAKEN, ImportOrder, import_users
from chalicelib.deployment.people import users_of
from chalicelib.help_desk.overview import MOST_COUNTED
from chalicelib.keys.kms import KmsCipher
from chalicelib.storage.dynamodb import Database
from chalicelib.storage.rows import EVENTS, STATE
from tests.bench.aws import SETTINGS, client
from tests.bench.figures import Figure, Section, table, table_of
from tests.bench.live import Live
from tests.bench.user_index import user_index_before
from tests.support.live_server import PROJECT

_FEW, _MANY = 1_000, 100_000
_TENANT = "cozone"
_PAGE = 50
_HASH = "$argon2id$v=19$m=19456,t=2,p=1$lynakHIVNj7AcpPo0jDtMQ$TSIL5N/0TGmDkQStFbyxTDPT4Jj4S/e0+4pi7i8YIFM"
_FLAT = 1.25


@dataclass(frozen=True, kw_only=True)
class Whole:
    """One command over a whole file or list, in a process of its own."""

    rows: int
    seconds: float
    peak_mb: float

    @property
    def ms_a_row(self) -> float:
        return self.seconds * 1_000 / self.rows


@dataclass(frozen=True, kw_only=True)
class Look:
    """One question of the help desk's list."""

    calls: int
    rows: int
    seconds: float


class InProcess:
    """Answers as the function does, without the network before it."""

    def __init__(self, url: str) -> None:
        self.database = database_at(url)
        cipher = KmsCipher(client("kms", url), key_id=SETTINGS.secret_key_id)
        self._front = Front(admin=admin_over(self.database, cipher), write_line=lambda _: None)

    def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        body = json.dumps({"operation": operation, "arguments": arguments}).encode()
        for _ in range(5):
            reply = self._front.answer(identity="bench", body=body, request_id="bench")
            if reply.status == 200:
                return json.loads(json.dumps(reply.content))  # type: ignore[no-any-return]  # an object
        raise DeploymentError(str(reply.content))


def database_at(url: str) -> Database:
    """Return our tables in the backend at *url*."""
    tables = {STATE: SETTINGS.state_table, EVENTS: SETTINGS.events_table}
    return Database(client("dynamodb", url), tables)


def measure() -> Section:
    """Return what a thousand and a hundred thousand people cost."""
    wholes: dict[tuple[str, int], Whole] = {}
    looks: dict[tuple[str, int], Look] = {}
    for size in (_FEW, _MANY):
        with (
            Live.opened() as live,
            user_index_before(live.url) as url,
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder) / "users.csv"
            _write_users(path, size)
            wholes["import", size] = _in_its_own_process("import", url, path)
            wholes["export", size] = _in_its_own_process("export", url, path)
            for name, look in _questions(url, size).items():
                looks[name, size] = look
    text = f"""{table_of(_figures(wholes, looks))}

Each command ran in a process of its own, its function within it; memory is the process's highest.
The index of users is a double's, which keeps DynamoDB's rules.
The export holds a page of 500, the import four batches of 100 and a file of hashes on disk.

{
        table(
            ("command", "users", "seconds", "ms a row", "peak memory"),
            [
                (name, f"{size:,}", f"{one.seconds:.1f}", f"{one.ms_a_row:.2f}", f"{one.peak_mb:.0f} MB")
                for (name, size), one in wholes.items()
            ],
        )
    }

{
        table(
            ("question of the list", "users", "calls", "rows looked at", "ms"),
            [
                (name, f"{size:,}", str(one.calls), f"{one.rows:,}", f"{one.seconds * 1_000:.0f}")
                for (name, size), one in sorted(looks.items())
            ],
        )
    }"""
    return Section(title="A hundred thousand people", text=text)


def _figures(
    wholes: Mapping[tuple[str, int], Whole], looks: Mapping[tuple[str, int], Look]
) -> Iterator[Figure]:
    for name in ("import", "export"):
        few, many = wholes[name, _FEW], wholes[name, _MANY]
        memory = many.peak_mb / few.peak_mb
        yield Figure(
            what=f"memory of the {name} of {_MANY:,} users against {_FEW:,}",
            measured=f"{memory:.2f} x ({many.peak_mb:.0f} and {few.peak_mb:.0f} MB), "
            f"time a row {many.ms_a_row / few.ms_a_row:.2f} x",
            target=f"memory at most {_FLAT} x",
            met=memory <= _FLAT,
            remark="the time a row is mostly the emulator's",
        )
    for name in ("first page", "deep page", "prefix search"):
        little, much = looks[name, _FEW], looks[name, _MANY]
        yield Figure(
            what=f"the help desk's list, {name}, with {_MANY:,} users against {_FEW:,}",
            measured=f"{much.calls} and {little.calls} calls, {much.rows:,} and {little.rows:,} rows read",
            target="no more calls, and no more rows than one for each status",
            met=much.calls <= little.calls and much.rows <= little.rows + len(STATUSES),
        )
    yield Figure(
        what=f"counts of all statuses of {_MANY:,} users",
        measured=f"{looks['counts', _MANY].calls} calls, {looks['counts', _MANY].rows:,} rows looked at",
        target=f"no more rows than tell that there are more than {MOST_COUNTED:,} of a status",
        met=looks["counts", _MANY].rows <= MOST_COUNTED + 1,
        remark="DynamoDB counts a megabyte a call; all of these users have one status",
    )


def _write_users(path: Path, size: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("username,password_hash\n")
        for number in range(size):
            file.write(f'user{number:06}@firma.se,"{_HASH}"\n')


def _in_its_own_process(command: str, url: str, path: Path) -> Whole:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.bench.people", command, url, str(path)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Whole(**json.loads(finished.stdout.splitlines()[-1]))


def _questions(url: str, size: int) -> dict[str, Look]:
    database = database_at(url)
    lists = DynamoUserLists(database)
    middle = f"user{size // 2:06}@firma.se"

    def page(prefix: str = "", after: Place | None = None) -> Callable[[], object]:
        return lambda: lists.page(_TENANT, statuses=STATUSES, prefix=prefix, after=after, limit=_PAGE)

    asked = {
        "first page": page(),
        "deep page": page(after=Place(name=middle, last_ids={NOT_ENROLLED: "f" * 32})),
        "prefix search": page(prefix=f"user{size // 3 // 10:05}"),
        "counts": lambda: [lists.count(_TENANT, status, most=MOST_COUNTED) for status in STATUSES],
    }
    return {name: _looked(database, question) for name, question in asked.items()}


def _looked(database: Database, question: Callable[[], object]) -> Look:
    seen: list[int] = []
    events = database._client.meta.events
    events.register("after-call", lambda parsed, **_: seen.append(parsed["ScannedCount"]), "looked")
    began_at = time.perf_counter()
    question()
    seconds = time.perf_counter() - began_at
    events.unregister("after-call", unique_id="looked")
    return Look(calls=len(seen), rows=sum(seen), seconds=seconds)


def _child(command: str, url: str, path: Path) -> None:
    admin = InProcess(url)
    began_at = time.perf_counter()
    if command == "import":
        order = ImportOrder(stage="dev", tenant=_TENANT, path=path, port=0)
        with redirect_stdout(sys.stderr):
            assert import_users(order, admin=admin) == ALL_TAKEN
        with path.open(encoding="utf-8") as file:
            rows = sum(1 for _ in file) - 1
    else:
        rows = sum(1 for _ in users_of(admin, _TENANT))
    seconds = time.perf_counter() - began_at
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    # Not getrusage: a child begins with the peak of its parent, who holds the index of users here.
    [peak] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text("utf-8"), re.MULTILINE)
    return int(peak) / 1024


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
