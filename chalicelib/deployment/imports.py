"""
`make import-users` and `make import-secrets`: files of any length, in batches, each row reported.

Stopped anywhere, the same command goes on where it stopped; repeated, it changes nothing twice.
No row's content is ever printed, logged or kept: a row is told by its line, and why it was refused.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.admin import secret_import, user_draft
from chalicelib.admin.imported_secret import parse_secret
from chalicelib.admin.operations import MOST_ROWS
from chalicelib.admin.outcome import ADDED, IMPORTED, REFUSED, UNCHANGED
from chalicelib.admin.refusals import RowRefusedError
from chalicelib.deployment.admin_client import AdminClient, open_admin
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.import_files import (
    FileRow,
    batches,
    named_in,
    secrets_in,
    sha256_of,
    users_in,
    without_twins,
)
from chalicelib.deployment.progress import Bar, Progress

ALL_TAKEN, SOME_REFUSED = 0, 3
_AT_ONCE = 4  # batches that are on their way; the table takes far more
_TOLD = {ADDED: "added", IMPORTED: "imported", UNCHANGED: "there already", REFUSED: "refused"}


@dataclass(frozen=True, kw_only=True)
class ImportOrder:
    """What the operator has said."""

    stage: str
    tenant: str
    path: Path
    port: int
    dry_run: bool = False
    as_json: bool = False

    def __post_init__(self) -> None:
        """Refuse an order that leaves out what it is about."""
        if not self.tenant or self.path == Path():
            raise DeploymentError("Say what to import, and where to: TENANT=... FILE=...")


def import_users(order: ImportOrder, *, admin: AdminClient | None = None) -> int:
    """
    Add the users of a CSV file; return the exit code.

    Raises:
        DeploymentError: The file cannot be used, or the stage does not answer.
    """
    rows = users_in(order.path, user_draft.COLUMNS)
    return _Import(operation="import_users", order=order).of(rows, admin)


def import_secrets(order: ImportOrder, *, admin: AdminClient | None = None) -> int:
    """
    Bind the secrets of a file, CSV or otpauth URIs; return the exit code.

    Raises:
        DeploymentError: The file cannot be used, or the stage does not answer.
    """
    rows = (_looked_at(row) for row in secrets_in(order.path, secret_import.COLUMNS))
    return _Import(operation="import_secrets", order=order).of(rows, admin)


def _looked_at(row: FileRow) -> FileRow:
    """Return *row* with the fault that its secret has: what cannot be taken need not travel."""
    if row.fault is not None:
        return row
    try:
        imported = parse_secret(row.values["secret"])
    except RowRefusedError as error:
        return FileRow(line=row.line, values={}, fault=str(error))
    if any(row.values.get(name, "").strip() for name in ("username", "portal_user")):
        return row
    if imported.account_name is None:
        return FileRow(line=row.line, values={}, fault="nothing says whose secret it is")
    return FileRow(line=row.line, values={**row.values, "username": imported.account_name})


@dataclass(kw_only=True)
class _Import:
    operation: str
    order: ImportOrder

    def of(self, rows: Iterable[FileRow], admin: AdminClient | None) -> int:
        order = self.order
        sha256, lines = sha256_of(order.path)
        progress = Progress.found(
            order.path.with_name(f"{order.path.name}.progress"),
            {
                "operation": self.operation,
                "stage": order.stage,
                "tenant": order.tenant,
                "sha256": sha256,
            },
        )
        if order.dry_run:
            progress = Progress(path=progress.path, about=progress.about)
        elif progress.rows_done:
            self._say(f"{progress.rows_done:,} rows were done before; going on behind them.")
        bar = Bar(total=max(lines, 1))
        with without_twins(rows, named_in) as marked:
            self._run(admin or open_admin(order.stage, port=order.port), marked, progress, bar)
        bar.show(bar.total)
        self._say_what_came_of_it(progress.outcomes)
        if not order.dry_run:
            progress.forget()
        return SOME_REFUSED if progress.outcomes[REFUSED] else ALL_TAKEN

    def _run(self, admin: AdminClient, rows: Iterator[FileRow], progress: Progress, bar: Bar) -> None:
        # Rows done before are read again, for a later one may be the twin of one of them.
        for _ in range(progress.rows_done):
            next(rows, None)
        on_their_way: deque[tuple[list[FileRow], Future[list[Mapping[str, Any]]]]] = deque()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for batch in batches(rows, MOST_ROWS):
                    if len(on_their_way) == _AT_ONCE:
                        self._finish(*on_their_way.popleft(), progress, bar)
                    on_their_way.append((batch, pool.submit(self._ask, admin, batch)))
                while on_their_way:
                    self._finish(*on_their_way.popleft(), progress, bar)
            finally:
                for _, future in on_their_way:
                    future.cancel()

    def _ask(self, admin: AdminClient, batch: list[FileRow]) -> list[Mapping[str, Any]]:
        asked = [dict(row.values) for row in batch if row.fault is None]
        if not asked:
            return []
        answer = admin.ask(self.operation, tenant=self.order.tenant, rows=asked, dry_run=self.order.dry_run)
        told: list[Mapping[str, Any]] = answer["rows"]
        if len(told) != len(asked):
            raise DeploymentError("The answer is not about the rows that were sent.")
        return told

    def _finish(
        self,
        batch: list[FileRow],
        future: Future[list[Mapping[str, Any]]],
        progress: Progress,
        bar: Bar,
    ) -> None:
        told = iter(future.result())
        outcomes: Counter[str] = Counter()
        for row in batch:
            answer = {"outcome": REFUSED, "reason": row.fault} if row.fault else next(told)
            outcomes[answer["outcome"]] += 1
            self._report(row, answer, bar)
        if self.order.dry_run:
            progress.outcomes += outcomes
        else:
            progress.note(outcomes)
        bar.show(batch[-1].line)

    def _report(self, row: FileRow, answer: Mapping[str, Any], bar: Bar) -> None:
        if self.order.as_json:
            print(json.dumps({"line": row.line, **answer}, ensure_ascii=False))
        elif answer["outcome"] == REFUSED:
            bar.clear()
            print(f"line {row.line}: refused: {answer['reason']}")

    def _say_what_came_of_it(self, outcomes: Counter[str]) -> None:
        if self.order.as_json:
            told = {"done": True, "dry_run": self.order.dry_run, **{name: outcomes[name] for name in _TOLD}}
            print(json.dumps(told))
            return
        made = IMPORTED if self.operation == "import_secrets" else ADDED
        counts = ", ".join(f"{outcomes[name]:,} {_TOLD[name]}" for name in (made, UNCHANGED, REFUSED))
        print(
            f"Dry run, nothing was written. It would be: {counts}." if self.order.dry_run else f"{counts}."
        )

    def _say(self, sentence: str) -> None:
        if not self.order.as_json:
            print(sentence)
