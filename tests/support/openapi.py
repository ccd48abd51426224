"""`static/openapi.json`, and a transport that holds every real answer against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS31Validator

from tests.support.wizard import Answer, Transport

DOCUMENT: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("static/openapi.json").read_text(encoding="utf-8")
)
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
_PROBLEM_TYPE = "application/problem+json"


def matches(schema: Mapping[str, Any], value: object) -> None:
    """Hold *value* against *schema*, whose references point into the document."""
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    target: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    found: dict[str, Any] = target
    return found


def codes_of(operation: Mapping[str, Any]) -> dict[str, int]:
    return {
        code: int(status)
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in resolved(response)["content"][_PROBLEM_TYPE]["schema"]["properties"]["code"]["enum"]
    }


class Held:
    """A transport that holds every answer against the document, and remembers what it saw."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.seen: set[tuple[str, str, int, str | None]] = set()

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = self._transport(method, path, headers, body)
        path = path.partition("?")[0]
        response = resolved(OPERATIONS[method, path]["responses"][str(answer.status)])
        promised = {name.lower(): resolved(header) for name, header in response["headers"].items()}
        optional = {name for name, header in promised.items() if not header.get("required", True)}
        for name, header in promised.items():
            if name in answer.headers or name not in optional:
                matches(header["schema"], answer.headers[name])
        told = set(answer.headers) - {
            "content-type",
            "cross-origin-resource-policy",
            "x-content-type-options",
        }
        assert told | optional == set(promised)
        if "content" in response:
            ((media_type, content),) = response["content"].items()
            assert answer.headers["content-type"] == media_type
            matches(content["schema"], answer.body)
        else:
            assert answer.text == ""
        self.seen.add((method, path, answer.status, answer.problem))
        return answer
