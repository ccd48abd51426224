"""
What `chalice package` merges into the template that it writes: everything of the app stack but the routes.

People write it in the fragments of `.chalice/stacks/app/`. What another file
knows already is added here, so that it is said once: the runtime, the security
headers, the CloudFront Function's code, and the problems of `web/problems.py`
for what API Gateway answers by itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalice.config import Config
from chalice.package import YAMLTemplateSerializer

from chalicelib.deployment import PROJECT
from chalicelib.errors import (
    BodyMalformedError,
    BodyTooLargeError,
    MediaTypeUnsupportedError,
    NotFoundError,
    ServiceUnavailableError,
    TwoFactorError,
)
from chalicelib.web.problems import CONTENT_TYPE, RETRY_AFTER_SECONDS, problem_body, problem_for

Template = dict[str, Any]

# CloudFront's names for the headers that it does not take as custom ones.
_CLOUDFRONT_KNOWS = {
    "Content-Security-Policy",
    "Referrer-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
}

# What API Gateway answers without asking the function, as our own problems. Its
# throttle is no fault of the user's: it is told like a service that is busy.
_GATEWAY_PROBLEMS: dict[str, TwoFactorError] = {
    "MISSING_AUTHENTICATION_TOKEN": NotFoundError(),  # an unknown path
    "REQUEST_TOO_LARGE": BodyTooLargeError(),
    "UNSUPPORTED_MEDIA_TYPE": MediaTypeUnsupportedError(),
    "THROTTLED": ServiceUnavailableError(),
    "DEFAULT_4XX": BodyMalformedError("API Gateway does not take this request"),
    "DEFAULT_5XX": ServiceUnavailableError(),
}


class TemplateError(Exception):
    """The fragments contradict each other; the message says where."""


def merge_template(stage: str, *, architecture: str, project: Path = PROJECT) -> Template:
    """
    Return the merge template of *stage*, for functions that run on *architecture*.

    Functions run on the Python version of this interpreter, as Chalice's own does.

    Raises:
        TemplateError: Two fragments set the same thing.
    """
    template: Template = {}
    for path in sorted((project / ".chalice/stacks/app").glob("*.yaml")):
        _add(template, _fragment(path), source=path.name)
    _add(template, _known_elsewhere(stage, architecture=architecture, project=project), source=__name__)
    return template


def _fragment(path: Path) -> Template:
    template: Template = YAMLTemplateSerializer().load_template(path.read_text("utf-8"), path.name)
    return template


def _add(template: Template, fragment: Template, *, source: str, place: str = "") -> None:
    for name, value in fragment.items():
        present = template.get(name)
        if name not in template:
            template[name] = value
        elif isinstance(present, dict) and isinstance(value, dict):
            _add(present, value, source=source, place=f"{place}{name}.")
        else:
            raise TemplateError(f"{source} sets {place}{name}, which is set already")


def _known_elsewhere(stage: str, *, architecture: str, project: Path) -> Template:
    headers = json.loads((project / "chalicelib/web/security_headers.json").read_text("utf-8"))
    viewer_request = (project / ".chalice/viewer-request.js").read_text("utf-8")
    runtime = Config.create().lambda_python_version
    return {
        "Description": f"Tvasteg {stage}: page, API, outbox and archive",
        "Parameters": {
            # A template belongs to the stage that it was packaged for.
            "Stage": {"Type": "String", "Default": stage, "AllowedValues": [stage]},
            "DataStack": {"Type": "String", "Default": f"tvasteg-{stage}-data"},
        },
        "Resources": {
            "Outbox": {"Properties": {"Runtime": runtime, "Architectures": [architecture]}},
            "Notices": {"Properties": {"Runtime": runtime, "Architectures": [architecture]}},
            "Archive": {"Properties": {"Runtime": runtime, "Architectures": [architecture]}},
            "Digest": {"Properties": {"Runtime": runtime, "Architectures": [architecture]}},
            "Admin": {"Properties": {"Runtime": runtime, "Architectures": [architecture]}},
            "RestAPI": {"Properties": {"GatewayResponses": _gateway_responses()}},
            "ViewerRequest": {"Properties": {"FunctionCode": viewer_request}},
            "SecurityHeaders": {
                "Properties": {"ResponseHeadersPolicyConfig": _response_headers_policy(headers)}
            },
        },
    }


def _gateway_responses() -> Template:
    responses = {}
    for kind, error in _GATEWAY_PROBLEMS.items():
        problem = problem_for(error)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        if isinstance(error, ServiceUnavailableError):
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        responses[kind] = {
            "StatusCode": str(problem.status),
            "ResponseParameters": {"Headers": {name: f"'{value}'" for name, value in headers.items()}},
            "ResponseTemplates": {
                "application/json": json.dumps(problem_body(problem, error, reference=None))
            },
        }
    return responses


def _response_headers_policy(headers: dict[str, str]) -> Template:
    max_age, *directives = headers["Strict-Transport-Security"].split("; ")
    others = [
        {"Header": name, "Value": value, "Override": True}
        for name, value in headers.items()
        if name not in _CLOUDFRONT_KNOWS
    ]
    return {
        "SecurityHeadersConfig": {
            "ContentSecurityPolicy": {
                "ContentSecurityPolicy": headers["Content-Security-Policy"],
                "Override": True,
            },
            "ContentTypeOptions": {"Override": True},
            "FrameOptions": {"FrameOption": headers["X-Frame-Options"], "Override": True},
            "ReferrerPolicy": {"ReferrerPolicy": headers["Referrer-Policy"], "Override": True},
            "StrictTransportSecurity": {
                "AccessControlMaxAgeSec": int(max_age.removeprefix("max-age=")),
                "IncludeSubdomains": "includeSubDomains" in directives,
                "Preload": "preload" in directives,
                "Override": True,
            },
        },
        "CustomHeadersConfig": {"Items": others},
    }
