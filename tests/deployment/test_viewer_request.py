"""The CloudFront Function, run by a JavaScript engine over events as CloudFront makes them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable

PROJECT = Path(__file__).parents[2]
FUNCTION = PROJECT / ".chalice/viewer-request.js"
LARGEST_BYTES = 10_240  # what CloudFront takes
PATIENCE_SECONDS = 60

Headers = dict[str, dict[str, Any]]


def passed_on(headers: Headers, *, address: str = "203.0.113.7") -> Headers:
    """Return the headers that reach the API when a viewer at *address* sends *headers*."""
    asked = {
        "method": "POST",
        "uri": "/api/session",
        "querystring": {},
        "cookies": {"__Host-s": {"value": "abc"}},
    }
    event = {
        "version": "1.0",
        "context": {
            "distributionDomainName": "d111111abcdef8.cloudfront.net",
            "eventType": "viewer-request",
        },
        "viewer": {"ip": address},
        "request": {**asked, "headers": headers},
    }
    node, _ = compute_driver_executable()
    program = f"{FUNCTION.read_text('utf-8')}\nconsole.log(JSON.stringify(handler({json.dumps(event)})));"
    done = subprocess.run(
        [node, "-e", program], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    request: dict[str, Any] = json.loads(done.stdout)
    found: Headers = request.pop("headers")
    assert request == asked
    return found


def test_the_api_is_told_the_viewers_host_and_address() -> None:
    headers = passed_on({"host": {"value": "2fa.cozone.example"}, "origin": {"value": "https://x.example"}})

    assert headers["x-viewer-host"] == {"value": "2fa.cozone.example"}
    assert headers["x-viewer-address"] == {"value": "203.0.113.7"}
    assert headers["origin"] == {"value": "https://x.example"}


@pytest.mark.requirement("B61")
def test_what_a_viewer_says_of_itself_never_arrives() -> None:
    """CloudFront gives header names in lower case, and all values of a repeated one."""
    forged = {"value": "evil.example", "multiValue": [{"value": "evil.example"}, {"value": "127.0.0.1"}]}

    headers = passed_on(
        {"host": {"value": "2fa.cozone.example"}, "x-viewer-host": forged, "x-viewer-address": forged}
    )

    assert "evil.example" not in json.dumps(headers)
    assert headers["x-viewer-host"] == {"value": "2fa.cozone.example"}
    assert headers["x-viewer-address"] == {"value": "203.0.113.7"}


@pytest.mark.requirement("B61")
@pytest.mark.parametrize("host", [{}, {"host": {"value": ""}}])
def test_without_a_host_no_host_is_told(host: Headers) -> None:
    """The API then believes in no origin at all."""
    headers = passed_on({**host, "x-viewer-host": {"value": "evil.example"}})

    assert "x-viewer-host" not in headers


def test_an_address_may_be_of_the_newer_kind() -> None:
    headers = passed_on({"host": {"value": "2fa.cozone.example"}}, address="2001:db8::7")

    assert headers["x-viewer-address"] == {"value": "2001:db8::7"}


def test_the_function_is_one_that_cloudfront_runs() -> None:
    """CloudFront's runtime knows no modules of ours, no network and no clock worth the name."""
    source = FUNCTION.read_text(encoding="utf-8")

    assert source.isascii()
    assert len(source) <= LARGEST_BYTES
    assert not re.search(r"\b(?:import|require|export|fetch|eval|Function|setTimeout)\(", source)
