"""From the stream of the table ``events`` to manifests: what it told, where nobody changes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.archive.hours import hour_of
from chalicelib.archive.log import EVENTS_TAMPERED, LogLine
from chalicelib.archive.manifest import (
    ADDED,
    Line,
    Record,
    line_of,
    manifest_name,
    manifest_of,
)
from chalicelib.archive.store import EvidenceStore
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
        log = LogLine(function="archive", stage=self.stage, request_id=request_id)
        outcomes: Counter[str] = Counter()
        failed, lines = [], []
        for record in records:
            try:
                line = line_of(record)
            except (LookupError, TypeError, ValueError) as error:
                failed.append(_sequence_number(record))
                self.write_line(log.of_failure(error, sequence_number=failed[-1]))
                outcomes[FAILED] += 1
                continue
            outcomes[line.what if line else SWEPT] += 1
            if line is not None:
                lines.append(line)
        try:
            self._write(lines, records)
        except Exception as error:  # noqa: BLE001 - whatever it is, the batch comes again
            self.write_line(log.of_failure(error))
            outcomes[FAILED] = len(records)
            failed = [_sequence_number(record) for record in records]
        tampered = sum(line.what != ADDED for line in lines)
        metrics = {EVENTS_TAMPERED: tampered} if tampered else {}
        self.write_line(
            log.of(
                level="ERROR" if failed or tampered else "INFO",
                metrics=metrics,
                at_epoch_seconds=self.clock(),
                records=len(records),
                outcomes=dict(outcomes),
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
            first=_sequence_number(records[0]),
            last=_sequence_number(records[-1]),
            manifest=manifest,
        )
        self.store.put_once(name, manifest)


def _sequence_number(record: Record) -> str:
    try:
        return str(record["dynamodb"]["SequenceNumber"])
    except (LookupError, TypeError):
        return ""  # by which Lambda understands that the whole batch failed
