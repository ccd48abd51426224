"""What notices say: one file of texts for each language, beside this module."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from chalicelib.notices.european_time import european_time

_FOLDER = Path(__file__).with_name("texts")


@dataclass(frozen=True)
class NoticeText:
    """Subject and text of one notice, with names of what is to be put in."""

    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Texts:
    """All texts of one language. Whatever is put into them is no text of theirs: see `compose`."""

    months: tuple[str, ...]
    time: str
    hours_ahead_in_winter: int
    """Of UTC, on the clocks by which its readers live; see `european_time`."""
    phrases: Mapping[str, str]
    notices: Mapping[str, NoticeText]

    def moment(self, epoch_seconds: int) -> str:
        """Return the moment in words: as the readers' clocks show it, and in UTC."""
        local = european_time(epoch_seconds, hours_ahead_in_winter=self.hours_ahead_in_winter)
        utc = datetime.fromtimestamp(epoch_seconds, UTC)
        return self.time.format(
            day=local.day,
            month=self.months[local.month - 1],
            year=local.year,
            hour=f"{local.hour:02}",
            minute=f"{local.minute:02}",
            utc_hour=f"{utc.hour:02}",
            utc_minute=f"{utc.minute:02}",
        )


@cache
def written_languages() -> frozenset[str]:
    """Return the languages that notices are written in."""
    return frozenset(path.stem for path in _FOLDER.glob("*.json"))


@cache
def texts_in(language: str) -> Texts:
    """Return the texts in *language*, one of `written_languages`."""
    source = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    notices = {name: NoticeText(**text) for name, text in source.pop("notices").items()}
    months, time, hours = (source.pop(key) for key in ("months", "time", "hours_ahead_in_winter"))
    return Texts(
        months=tuple(months), time=time, hours_ahead_in_winter=hours, phrases=source, notices=notices
    )


def language_for(wanted: str, *, default: str) -> str:
    """Return *wanted* if notices are written in it, else the tenant's *default*, else English."""
    for language in (wanted, default):
        if language in written_languages():
            return language
    return "en"
