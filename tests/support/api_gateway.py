"""Requests as API Gateway's REST API hands them to the function, behind our own CloudFront distribution."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.wizard import Answer, Transport

VIEWER_HOST = "login.example.org"

_SAMPLE = json.loads((Path(__file__).parents[1] / "events/api-gateway-rest.json").read_bytes())

Invoke = Callable[[Any], Any]


def rest_event(
    method: str, target: str, headers: Mapping[str, str], body: bytes, *, origin_secret: str | None
) -> dict[str, Any]:
    """
    Return the event of a viewer's request at `VIEWER_HOST`.

    *headers* are the viewer's; CloudFront keeps all but the host's, and adds
    *origin_secret*. Without one the request came to the API's own address.
    """
    path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
    event: dict[str, Any] = copy.deepcopy(_SAMPLE)
    arrived = {**event["headers"], **{name: value for name, value in headers.items() if name != "host"}}
    if "origin" in arrived:
        arrived["origin"] = f"https://{VIEWER_HOST}"
    if origin_secret is not None:
        arrived["x-origin-secret"] = origin_secret
    event |= {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": arrived,
        "multiValueHeaders": {name: [value] for name, value in arrived.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "body": body.decode() or None,
    }
    event["requestContext"] |= {
        "resourcePath": path,
        "path": f"/live{path}",
        "httpMethod": method,
        "requestId": str(uuid.uuid4()),
    }
    return event


def api_gateway_transport(invoke: Invoke, *, origin_secret: str | None) -> Transport:
    """Return a transport for a `Wizard` that sends its requests to a function."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = invoke(rest_event(method, path, headers, body, origin_secret=origin_secret))
        together = answer["headers"] | {
            name: ", ".join(values) for name, values in answer["multiValueHeaders"].items()
        }
        text = answer["body"]
        return Answer(
            status=answer["statusCode"],
            headers={name.lower(): value for name, value in together.items()},
            body=json.loads(text) if text else None,
            text=text,
        )

    return send
