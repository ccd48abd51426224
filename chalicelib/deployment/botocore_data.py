"""
botocore's data, cut to what the functions call.

botocore describes every AWS service in JSON: half of a plain package, and most
of what a first request waits for. Here stay our services, of them the operations
that we call with the shapes these reach, in every region of every partition.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from chalicelib.deployment.aws_operations import CALLED_OPERATIONS

Json = dict[str, Any]

# The five roots that Amazon Trust Services names for trust stores of one's own; its
# European roots are cross-signed by them. AWS_CA_BUNDLE names another file where
# another authority signs, as in partitions that are cut off from the world.
AMAZON_ROOTS = (
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
)

_LABELLED_CERTIFICATE = re.compile(
    r'^# Label: "([^"]+)"\n(?:#.*\n)*'
    r"(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)",
    re.MULTILINE,
)
# Where botocore lists a service's regions under another name than its own.
_LISTED_AS = {"sesv2": "email"}
_SHARED = ("_retry.json", "partitions.json", "sdk-default-configuration.json")


def trim_data(folder: Path) -> None:
    """Cut *folder*, botocore's ``data``, to what `CALLED_OPERATIONS` need; unpacked, to be read fast."""
    whole = folder.rename(folder.with_name("data-whole"))
    for service, operations in CALLED_OPERATIONS.items():
        newest = max(path.parent for path in (whole / service).glob("*/service-2.json*"))
        target = folder / service / newest.name
        model = _read(newest / "service-2.json")
        for extras in newest.glob("service-2.sdk-extras.json*"):
            _merge(model, _read(extras.with_name("service-2.sdk-extras.json"))["merge"])
        _write(target / "service-2.json", trimmed_model(model, operations))
        _write(target / "endpoint-rule-set-1.json", _read(newest / "endpoint-rule-set-1.json"))
    _write(folder / "endpoints.json", trimmed_endpoints(_read(whole / "endpoints.json")))
    for name in _SHARED:
        _write(folder / name, _read(whole / name))
    shutil.rmtree(whole)


def trim_roots(bundle: Path) -> None:
    """
    Cut *bundle*, botocore's ``cacert.pem``, to `AMAZON_ROOTS`.

    Raises:
        LookupError: A root is not in it under its name.
    """
    labelled = dict(_LABELLED_CERTIFICATE.findall(bundle.read_text(encoding="utf-8")))
    bundle.write_text("".join(f"# {root}\n{labelled[root]}" for root in AMAZON_ROOTS), encoding="utf-8")


def trimmed_model(model: Json, operations: Collection[str]) -> Json:
    """Return *model* with *operations* only, the shapes that these reach, and no documentation."""
    kept = {name: model["operations"][name] for name in operations}
    shapes: Json = {}
    unread = [kept]
    while unread:
        for name in _shapes_named_in(unread.pop()):
            if name not in shapes:
                shapes[name] = model["shapes"][name]
                unread.append(shapes[name])
    return {
        "version": model["version"],
        "metadata": model["metadata"],
        "operations": _without_documentation(kept),
        "shapes": _without_documentation(shapes),
    }


def trimmed_endpoints(endpoints: Json) -> Json:
    """Return *endpoints* with our services only."""
    ours = {_LISTED_AS.get(service, service) for service in CALLED_OPERATIONS}
    return endpoints | {
        "partitions": [
            partition
            | {
                "services": {
                    name: service for name, service in partition["services"].items() if name in ours
                }
            }
            for partition in endpoints["partitions"]
        ]
    }


def _merge(model: Json, more: Json) -> None:
    """Put *more*, what botocore itself adds to a service's description, into *model*."""
    for name, part in more.items():
        if isinstance(part, dict) and isinstance(model.get(name), dict):
            _merge(model[name], part)
        else:
            model[name] = part


def _shapes_named_in(node: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for part in node.values():
            yield from _shapes_named_in(part)
    elif isinstance(node, list):
        for part in node:
            yield from _shapes_named_in(part)


def _without_documentation(node: Any, *, are_names: bool = False) -> Any:  # noqa: ANN401 - any JSON
    # Below "members" stand names that the service chose, and one of them may be "documentation".
    if isinstance(node, dict):
        return {
            name: _without_documentation(part, are_names=name == "members" and not are_names)
            for name, part in node.items()
            if name != "documentation" or are_names
        }
    return node


def _read(path: Path) -> Any:  # noqa: ANN401 - any JSON
    packed = path.with_name(f"{path.name}.gz")
    return json.loads(gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes())


def _write(path: Path, content: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
