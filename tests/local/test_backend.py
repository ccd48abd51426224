"""The embedded backend's moto is mended; what it answers stays what it was."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.loaders import Loader
from moto.core.model import ServiceModel
from moto.core.serialize import BaseJSONSerializer, JSONSerializer

from chalicelib.local import backend

ATTRIBUTES: list[dict[str, Any]] = [
    {"S": "text å"},
    {"N": "-1.5"},
    {"B": base64.b64encode(b"\x00\xff").decode()},
    {"BOOL": False},
    {"NULL": True},
    {"SS": ["a", "b"]},
    {"NS": ["1", "2"]},
    {"L": [{"S": ""}, {"N": "0"}, {"L": []}]},
    {"M": {"entry": {"M": {"name": {"S": "x"}, "step": {"N": "7"}}}, "none": {"M": {}}}},
]


def answer_with(attribute: dict[str, Any]) -> str:
    """Return the body in which moto answers a GetItem with a row that has *attribute*."""
    description = Loader().load_service_model("dynamodb", "service-2")
    model = ServiceModel(description, "dynamodb").operation_model("GetItem")
    return str(JSONSerializer(model).serialize({"Item": {"pk": {"S": "p"}, "x": attribute}})["body"])


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=lambda attribute: next(iter(attribute)))
def test_the_quick_way_writes_what_the_slow_one_does(
    attribute: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = answer_with(attribute)
    monkeypatch.setattr(BaseJSONSerializer, "_serialize_type_structure", backend.moto_serializes_structures)
    assert quick == answer_with(attribute)
