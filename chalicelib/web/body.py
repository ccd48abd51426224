"""JSON bodies in, typed fields out; anything unexpected is refused with its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Never

from chalicelib.errors import BodyMalformedError, BodyTooLargeError

LONGEST_BODY_BYTES = 16 * 1024


@dataclass(frozen=True)
class Text:
    """A string of *shortest* to *longest* characters; where it is optional, *default* stands for none."""

    name: str
    longest: int
    shortest: int = 0
    default: str | None = None
    is_optional: bool = False

    def check(self, value: object) -> str:
        """Return *value* as text, or raise `BodyMalformedError`."""
        if not isinstance(value, str):
            _refuse("is not text", self.name)
        if len(value) > self.longest:
            _refuse(f"is longer than {self.longest} characters", self.name)
        if len(value) < self.shortest:
            _refuse(f"is shorter than {self.shortest} characters", self.name)
        try:
            value.encode()
        except UnicodeEncodeError:
            _refuse("holds half a character", self.name)
        return value


@dataclass(frozen=True)
class Texts:
    """
    A list of one to *most* strings, each of up to *longest* characters and told once.

    Where it is optional, None stands for no list.
    """

    name: str
    most: int
    longest: int
    is_optional: bool = False
    default: None = None

    def check(self, value: object) -> tuple[str, ...]:
        """Return *value* as texts without repetitions, or raise `BodyMalformedError`."""
        if not isinstance(value, list):
            _refuse("is not a list", self.name)
        if not 0 < len(value) <= self.most:
            _refuse(f"does not hold 1 to {self.most} texts", self.name)
        each = Text(self.name, self.longest)
        return tuple(dict.fromkeys(each.check(text) for text in value))


@dataclass(frozen=True)
class Choice:
    """A required string out of *allowed*."""

    name: str
    allowed: tuple[str, ...]

    def check(self, value: object) -> str:
        """Return *value* if allowed, or raise `BodyMalformedError`."""
        if not isinstance(value, str) or value not in self.allowed:
            _refuse(f"is not one of {', '.join(self.allowed)}", self.name)
        return value


@dataclass(frozen=True)
class Flag:
    """True or false; where it is optional, *default* stands for neither."""

    name: str
    default: bool = False
    is_optional: bool = False

    def check(self, value: object) -> bool:
        """Return *value* if it is a boolean, or raise `BodyMalformedError`."""
        if not isinstance(value, bool):
            _refuse("is neither true nor false", self.name)
        return value


@dataclass(frozen=True)
class Whole:
    """A required whole number from *least* to *most*."""

    name: str
    least: int
    most: int

    def check(self, value: object) -> int:
        """Return *value* if it is such a number, or raise `BodyMalformedError`."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            _refuse(f"is not a whole number from {self.least} to {self.most}", self.name)
        return value


Field = Text | Texts | Choice | Flag | Whole


def read_body(raw: bytes, fields: Sequence[Field]) -> Mapping[str, Any]:
    """
    Return the values of *fields* in the JSON object *raw*, by name.

    Raises:
        BodyTooLargeError: More bytes than any route takes.
        BodyMalformedError: Not a JSON object, a name twice, a number that JSON does
            not know, a field missing, unknown or of another type.
    """
    if len(raw) > LONGEST_BODY_BYTES:
        raise BodyTooLargeError
    body = _parse(raw)
    if not isinstance(body, dict):
        _refuse("the body is not a JSON object")
    for name in body:
        if name not in {field.name for field in fields}:
            # An attacker's name has no place in our answer.
            _refuse("the body holds a field that this route does not know")
    values: dict[str, Any] = {}
    for field in fields:
        if field.name not in body:
            if isinstance(field, Text | Texts | Flag) and field.is_optional:
                values[field.name] = field.default
                continue
            _refuse("is missing", field.name)
        values[field.name] = field.check(body[field.name])
    return values


def _parse(raw: bytes) -> object:
    try:
        return json.loads(
            raw.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins
        )
    except RecursionError:
        _refuse("the body is nested too deeply")
    except ValueError:  # also covers bytes that are no UTF-8
        _refuse("the body is not JSON")


def _refuse_constant(_: str) -> Never:
    _refuse("the body holds a number that JSON does not know")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        _refuse("the body holds a name twice")
    return dict(pairs)


def _refuse(problem: str, field: str | None = None) -> Never:
    raise BodyMalformedError(f"{field}: {problem}" if field else problem, field=field)
