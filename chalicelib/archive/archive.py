"""From the stream of the table ``events`` to manifests: what it told, where nobody changes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.archive.hours import hour_of
from chalicelib.archive.manifest import ADDED, Line, line_of, manifest_name, manifest_of
from chalicelib.archive.store import EvidenceStore
from chalicelib.storage.stream import Record, sequence_number
from chalicelib.web.function_log import EVENTS_TAMPERED, FunctionLog, counted
from chalicelib.web.request_log import WriteLine

# What became of a record that made no line; of one that did, the line says it.
SWEPT = "swept"
FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Writes manifests of batches."""

    store: EvidenceStore
    stage: str
    clock: Callable[[], float]
    write_line: WriteLine

    def deliver(self, records: Sequence[Record], *, request_id: str) -> list[str]:
        """
        Write down what *records* tell and return the sequence numbers of those that failed.

        All good ones go into one object. A batch can be repeated whole: it gives the same
        object, and where that is written already nothing is.
        """
        log = FunctionLog(function="archive", request_id=request_id)
        outcomes: Counter[str] = Counter()
        failed, lines = [], []
        for record in records:
            try:
                line = line_of(record)
            except (LookupError, TypeError, ValueError) as error:
                failed.append(sequence_number(record))
                self.write_line(log.failure(error, sequence_number=failed[-1]))
                outcomes[FAILED] += 1
                continue
            outcomes[line.what if line else SWEPT] += 1
            if line is not None:
                lines.append(line)
        try:
            self._write(lines, records)
        except Exception as error:  # noqa: BLE001 - whatever it is, the batch comes again
            self.write_line(log.failure(error))
            outcomes[FAILED] = len(records)
            failed = [sequence_number(record) for record in records]
        tampered = sum(line.what != ADDED for line in lines)
        self.write_line(
            log.line(
                level="ERROR" if failed or tampered else "INFO",
                records=len(records),
                outcomes=dict(outcomes),
                **counted(EVENTS_TAMPERED, tampered, stage=self.stage, at_epoch_seconds=self.clock()),
            )
        )
        return failed

    def _write(self, lines: Sequence[Line], records: Sequence[Record]) -> None:
        if not lines:
            return
        manifest = manifest_of(lines)
        # The hour of writing, not the records': a digest is of what was there when its hour closed.
        name = manifest_name(
            hour_of(self.clock()),
            first=sequence_number(records[0]),
            last=sequence_number(records[-1]),
            manifest=manifest,
        )
        self.store.put_once(name, manifest)
