"""
Whether IAM would allow a call: the part of its rules that our policies use.

Within one account an explicit Deny anywhere wins; then an Allow is needed, of the
caller's own policy or of the resource's. What a resource allows to the account as a
whole is for the account's own policies to give, so it counts for nobody here. Whatever
is not known here raises, so that no statement is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

Statement = dict[str, Any]

_STATEMENT_PARTS = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}


@dataclass(frozen=True)
class Call:
    """One call to AWS: the action, what it is about, and the condition keys that come with it."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


def allowed(call: Call, *, identity: Iterable[Statement], resource: Iterable[Statement] = ()) -> bool:
    """
    Return whether a caller with the policy *identity* may do *call*.

    *resource* is the policy of what the call is about.
    """
    own = [statement for statement in identity if _speaks_of(statement, call)]
    others = [
        statement for statement in resource if _speaks_of(statement, call) and _is_about_all(statement)
    ]
    effects = {statement["Effect"] for statement in [*own, *others]}
    return "Allow" in effects and "Deny" not in effects


def _is_about_all(statement: Statement) -> bool:
    return statement["Principal"] in ("*", {"AWS": "*"})


def _speaks_of(statement: Statement, call: Call) -> bool:
    unknown = statement.keys() - _STATEMENT_PARTS
    if unknown:
        raise NotImplementedError(f"A statement with {sorted(unknown)}")
    return (
        any(_matches(pattern.lower(), call.action.lower()) for pattern in _several(statement["Action"]))
        and any(_matches(pattern, call.resource) for pattern in _several(statement["Resource"]))
        and all(
            _holds(operator, key, _several(values), call.context)
            for operator, expected in statement.get("Condition", {}).items()
            for key, values in expected.items()
        )
    )


def _holds(
    operator: str, key: str, values: list[str], context: Mapping[str, str | tuple[str, ...]]
) -> bool:
    if operator == "Null":
        return values == [str(key not in context).lower()]
    if operator.startswith("ForAllValues:"):  # holds where there is no value at all
        each = context.get(key, ())
        return all(
            _holds_for_one(operator.removeprefix("ForAllValues:"), actual, values)
            for actual in ([each] if isinstance(each, str) else each)
        )
    actual = context.get(key)
    assert actual is None or isinstance(actual, str), f"{key} has several values"
    return _holds_for_one(operator, actual, values)


def _holds_for_one(operator: str, actual: str | None, values: list[str]) -> bool:
    match operator:
        case "StringEquals" | "Bool":
            return actual in values
        case "StringNotEquals":  # holds where there is no value, too
            return actual not in values
        case "ArnLike":
            return actual is not None and any(_matches(value, actual) for value in values)
        case "ArnNotLike":  # holds where there is no value, too
            return actual is None or not any(_matches(value, actual) for value in values)
        case "StringLike":
            return actual is not None and any(_matches(value, actual) for value in values)
    raise NotImplementedError(f"The condition {operator}")


def _matches(pattern: str, value: str) -> bool:
    if "[" in pattern:
        raise NotImplementedError("IAM knows * and ? only")
    return fnmatchcase(value, pattern)


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
