"""A batch of the stream becomes one manifest, whatever comes with it and however often."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.archive.canonical import row_hash
from chalicelib.archive.hours import HOUR_SECONDS
from chalicelib.archive.manifest import ManifestError, lines_in
from chalicelib.errors import ServiceUnavailableError
from tests.support.memory.archive import MemoryEvidence
from tests.unit.archive.history import BEGIN, History, a_record, an_event

BY_LAMBDA = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
BY_GET_RECORDS = {"userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}}


@pytest.mark.requirement("A4")
def test_a_manifest_tells_each_event_by_its_key_and_the_hash_of_all_of_it() -> None:
    history = History()
    rows = history.writes(3)

    (name,) = history.of_manifests()
    content = history.evidence.get(name)
    assert content is not None
    assert [(line.pk, line.sk, line.sha256, line.expires_at) for line in lines_in(content)] == [
        (row["pk"]["S"], row["sk"]["S"], row_hash(row), int(row["expires_at"]["N"])) for row in rows
    ]
    assert name.startswith("manifests/2026/11/23/")
    assert all(json.loads(line)["form"] == 1 for line in content.splitlines())


@pytest.mark.requirement("A4", "K8")
def test_a_manifest_holds_no_user_and_no_detail() -> None:
    """It is locked for years: what is in it cannot be erased."""
    history = History()
    row = an_event(1, at=BEGIN) | {"user": {"S": "canary"}, "details": {"S": '{"reason": "canary"}'}}
    history.streams([a_record(row, number=1)])

    assert b"canary" not in (history.evidence.get(history.of_manifests()[0]) or b"canary")


def test_a_batch_brought_again_gives_the_same_object() -> None:
    history = History()
    records = [a_record(an_event(n, at=BEGIN), number=n) for n in range(3)]

    assert history.streams(records) == history.streams(records) == []
    assert {len(versions) for versions in history.evidence.versions.values()} == {1}
    assert len(history.of_manifests()) == 1


def test_a_batch_brought_again_an_hour_later_says_the_same_once_more() -> None:
    """So that no closed hour ever grows."""
    history = History()
    records = [a_record(an_event(1, at=BEGIN), number=1)]
    history.streams(records)
    history.clock.advance(HOUR_SECONDS)
    history.streams(records)

    first, second = history.of_manifests()
    assert first.rpartition("/")[0] < second.rpartition("/")[0]
    assert first.rpartition("/")[2] == second.rpartition("/")[2]
    assert history.evidence.get(first) == history.evidence.get(second)


@pytest.mark.requirement("K8")
@pytest.mark.parametrize("told", [BY_LAMBDA, BY_GET_RECORDS], ids=["Lambda", "GetRecords"])
def test_what_the_sweep_took_is_nobodys_deed(told: dict[str, Any]) -> None:
    """Also in records that an operator hands over once more, as GetRecords has them."""
    history = History()
    history.streams([a_record(an_event(1, at=BEGIN), number=1, kind="REMOVE", **told)])

    assert history.of_manifests() == []
    assert json.loads(history.lines[-1])["outcomes"] == {"swept": 1}


@pytest.mark.requirement("A4")
@pytest.mark.parametrize(("kind", "what"), [("REMOVE", "removed"), ("MODIFY", "changed")])
def test_what_nobody_may_do_is_written_down_and_alarms(kind: str, what: str) -> None:
    history = History()
    history.streams([a_record(an_event(1, at=BEGIN), number=1, kind=kind)])

    (name,) = history.of_manifests()
    assert [line.what for line in lines_in(history.evidence.get(name) or b"")] == [what]
    told = json.loads(history.lines[-1])
    assert (told["level"], told["EventsTampered"], told["stage"]) == ("ERROR", 1, "dev")
    assert told["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Tvasteg"


def test_a_record_that_cannot_be_read_comes_again_and_keeps_back_none() -> None:
    history = History()
    poison = a_record(an_event(2, at=BEGIN), number=2)
    del poison["dynamodb"]["NewImage"]
    failed = history.streams(
        [a_record(an_event(1, at=BEGIN), number=1), poison, a_record(an_event(3, at=BEGIN), number=3)]
    )

    assert failed == [poison["dynamodb"]["SequenceNumber"]]
    (name,) = history.of_manifests()
    assert len(list(lines_in(history.evidence.get(name) or b""))) == 2
    assert "canary" not in "".join(history.lines)


def test_a_batch_that_cannot_be_written_comes_again_whole() -> None:
    class Shut(MemoryEvidence):
        def put_once(self, name: str, content: bytes) -> bool:
            del name, content
            raise ServiceUnavailableError

    history = History(evidence=Shut())
    records = [a_record(an_event(n, at=BEGIN), number=n) for n in range(2)]

    assert history.streams(records) == [record["dynamodb"]["SequenceNumber"] for record in records]
    assert json.loads(history.lines[-1])["outcomes"]["failed"] == 2


_SCALARS = st.one_of(
    st.text().map(lambda text: {"S": text}),
    st.integers().map(lambda number: {"N": str(number)}),
    st.booleans().map(lambda is_so: {"BOOL": is_so}),
    st.just({"NULL": True}),
    st.binary().map(lambda octets: {"B": octets}),
    st.sets(st.text(), min_size=1).map(lambda members: {"SS": list(members)}),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.dictionaries(st.text(), inner).map(lambda members: {"M": members}),
        st.lists(inner).map(lambda members: {"L": members}),
    ),
    max_leaves=5,
)
_ROWS = st.dictionaries(st.text(), _VALUES, max_size=4)


def as_lambda_hands_it(value: dict[str, object]) -> dict[str, object]:
    """Return *value* with its bytes in base64 and all its orders turned round."""
    ((kind, content),) = value.items()
    match content:
        case bytes():
            return {kind: base64.b64encode(content).decode()}
        case dict():
            return {kind: {name: as_lambda_hands_it(content[name]) for name in reversed(content)}}
        case list() if kind == "SS":
            return {kind: content[::-1]}
        case list():
            return {kind: [as_lambda_hands_it(inner) for inner in content]}
    return value


@given(row=_ROWS)
def test_a_row_has_one_hash_whoever_brings_it(row: dict[str, dict[str, object]]) -> None:
    streamed = {name: as_lambda_hands_it(row[name]) for name in reversed(row)}

    assert row_hash(streamed) == row_hash(row)


@pytest.mark.parametrize(
    "content",
    [b"{}\n", b"no json\n", b"[]\n", b'{"form":2}\n', b'{"form":1,"pk":"p"}\n', b'{"form":1', b"\n"],
)
def test_what_is_no_manifest_is_not_taken_for_one(content: bytes) -> None:
    with pytest.raises(ManifestError):
        list(lines_in(content))
