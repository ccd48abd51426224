"""Whatever is sent, the answer is a clear problem and nothing has changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.wizard import Wizard
from tests.support.world import World

ROUTES: dict[str, dict[str, Any]] = {
    "/api/session": {"tenant": "cozone", "username": "anna@firma.se", "password": "sju-lugna-sommarmoln"},
    "/api/session/password": {"password": "sju-lugna-sommarmoln"},
    "/api/enrolment": {"phone": "android", "same_phone": False},
    "/api/enrolment/confirmation": {"otp": "123456"},
    "/api/verification": {"otp": "123456"},
    "/api/verification/recovery-code": {"recovery_code": "A-00000-00000-000"},
    "/api/recovery-codes/acknowledgement": {"set": "0" * 32},
}
NO_JSON_OBJECTS = {
    "nothing": b"",
    "a word": b"hello",
    "cut off": b'{"otp": "123',
    "a list": b"[]",
    "a string": b'"123456"',
    "a number": b"123456",
    "null": b"null",
    "two objects": b"{}{}",
    "single quotes": b"{'otp': '123456'}",
    "a comment": b"{/* */}",
    "a trailing comma": b'{"otp": "123456",}',
    "a byte order mark": b'\xef\xbb\xbf{"otp": "123456"}',
    "UTF-16": '{"otp": "123456"}'.encode("utf-16"),
    "broken UTF-8": b'{"otp": "\xff\xfe"}',
    "a raw line feed": b'{"otp": "123\n456"}',
    "a form": b"otp=123456",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "nested lists": b"[" * 8_000 + b"]" * 8_000,
    "nested objects": b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
    "a long number": b'{"otp": ' + b"9" * 10_000 + b"}",
}


def _unchanged(world: World, wizard: Wizard) -> dict[str, Any]:
    """Let a key wait in a session where everything could be done, and return all there is."""
    wizard.begun()
    return {"state": world.aws.state(), "events": world.aws.events(), "session": wizard.session().body}


def _as_before(world: World, wizard: Wizard, before: dict[str, Any]) -> bool:
    return before == {
        "state": world.aws.state(),
        "events": world.aws.events(),
        "session": wizard.session().body,
    }


@pytest.mark.requirement("T9", "B55")
@pytest.mark.parametrize("raw", NO_JSON_OBJECTS.values(), ids=NO_JSON_OBJECTS)
def test_anything_but_a_json_object(raw: bytes, world: World, wizard: Wizard) -> None:
    before = _unchanged(world, wizard)
    for path in ROUTES:
        answer = wizard.call("POST", path, raw=raw)
        assert (answer.status, answer.problem) == (400, "body_malformed"), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert world.aws_calls() == {}
    assert _as_before(world, wizard, before)


@pytest.mark.parametrize("path", ROUTES)
def test_fields_missing_unknown_twice_or_of_another_type(path: str, world: World, wizard: Wizard) -> None:
    before = _unchanged(world, wizard)
    good = ROUTES[path]
    for name, value in good.items():
        bad: list[tuple[bytes, str | None]] = [
            (json.dumps({n: v for n, v in good.items() if n != name}).encode(), name),
            (json.dumps(good | {"extra": 1}).encode(), None),
            (json.dumps(good | {name.upper(): value}).encode(), None),
            (json.dumps(good)[:-1].encode() + f', "{name}": {json.dumps(value)}}}'.encode(), None),
            (json.dumps(good | {name: {"$ne": None}}).encode(), name),
            (json.dumps(good | {name: float("nan")}).encode(), None),
            (json.dumps(good | {name: float("inf")}).encode(), None),
        ]
        wrong_types: list[object] = [None, 1, 1.5, [], {}, [value]]
        wrong_types += ["true", 0] if isinstance(value, bool) else [True]
        bad += [(json.dumps(good | {name: wrong}).encode(), name) for wrong in wrong_types]
        if isinstance(value, str):
            bad.append((json.dumps(good | {name: "\ud800"}).encode(), name))
            bad.append((json.dumps(good | {name: "x" * 16_000}).encode(), name))
        for raw, field in bad:
            answer = wizard.call("POST", path, raw=raw)
            if name in {"otp", "recovery_code"} and b"xxxx" in raw:
                assert answer.problem == f"{name}_malformed"
                continue
            assert (answer.status, answer.problem) == (400, "body_malformed"), raw
            assert answer.body.get("field") == field, raw
            assert world.aws_calls() == {}
    assert _as_before(world, wizard, before)


@pytest.mark.requirement("T9", "B55")
@pytest.mark.parametrize("path", ROUTES)
def test_bodies_over_sixteen_kibibytes(path: str, world: World, wizard: Wizard) -> None:
    before = _unchanged(world, wizard)
    for raw in (b" " * (16 * 1024 + 1), b'{"otp": "' + b"1" * 1_000_000 + b'"}', b"[" * 1_000_000):
        answer = wizard.call("POST", path, raw=raw)
        assert (answer.status, answer.problem) == (413, "body_too_large")
        # The size that is told may lie either way: the bytes decide.
        answer = wizard.call("POST", path, raw=raw, headers={"content-length": "2"})
        assert answer.status == 413
    answer = wizard.call("POST", path, ROUTES[path], headers={"content-length": "999999"})
    assert answer.status == 413
    assert _as_before(world, wizard, before)


@pytest.mark.doubles
@pytest.mark.parametrize("length", ["²", "-1", "1e9", "ten", "", "٢"])
def test_a_content_length_that_is_no_number(length: str, wizard: Wizard) -> None:
    assert wizard.sign_in(headers={"content-length": length}).status == 200


@pytest.mark.parametrize("phone", ["Android", "windows", "", " android", "android\n"])
def test_phones_that_we_do_not_know(phone: str, world: World, wizard: Wizard) -> None:
    before = _unchanged(world, wizard)
    answer = wizard.begin(phone=phone)
    assert (answer.problem, answer.body["field"]) == ("body_malformed", "phone")
    assert _as_before(world, wizard, before)


@pytest.mark.requirement("M2")
@pytest.mark.parametrize(
    "tenant",
    [
        "nobody",
        "Cozone",
        "cozone ",
        "",
        "co",
        "a" * 33,
        "-cozone",
        "cozone#U#1",
        "T#cozone",
        "../cozone",
        "c%00",
    ],
)
def test_tenants_that_do_not_exist(tenant: str, world: World, wizard: Wizard) -> None:
    before = world.aws.state()
    wizard.tenant = tenant
    answer = wizard.sign_in()
    assert answer.problem == ("not_found" if len(tenant) <= 32 else "body_malformed")
    if tenant:
        shown = wizard.call("GET", f"/api/tenant?tenant={tenant.replace('#', '%23').replace(' ', '%20')}")
        assert (shown.status, shown.problem) == (404, "not_found")
    assert world.aws.state() == before


@pytest.mark.parametrize(
    "username",
    [
        "",
        " ",
        "\x00",
        "a\x00b",
        "' OR '1'='1",
        "${jndi:ldap://x}",
        "LOOKUP#x",
        "😀" * 63,
        "ﷺ" * 200,
        "x" * 254,
    ],
)
def test_user_names_that_nobody_has(username: str, world: World, wizard: Wizard) -> None:
    wizard.username = username
    answer = wizard.sign_in()
    assert (answer.status, answer.problem) == (422, "password_mismatch")
    counted = [row for row in world.aws.state() if row["sk"]["S"] == "PASSWORD"]
    assert len(counted) == 1
    assert len(counted[0]["pk"]["S"]) == len("LOOKUP#") + 64


@pytest.mark.doubles
@pytest.mark.parametrize("length", [1, 64, 256])
def test_passwords_of_any_length_up_to_256_are_looked_at(length: int, wizard: Wizard) -> None:
    assert wizard.sign_in(password="ﷺ" * length).problem == "password_mismatch"


@pytest.mark.doubles
def test_a_password_of_257_is_not(wizard: Wizard) -> None:
    answer = wizard.sign_in(password="x" * 257)
    assert (answer.problem, answer.body["field"]) == ("body_malformed", "password")


@pytest.mark.doubles
def test_every_problem_says_what_it_is(world: World, wizard: Wizard) -> None:
    """The members of RFC 9457, ours, and what the log needs to find it again."""
    wizard.begun()
    for answer in (
        wizard.confirm("12"),
        wizard.call("POST", "/api/enrolment", raw=b"{"),
        wizard.verify("123456"),
        world.wizard().session(),
        wizard.call("GET", "/api/tenant?tenant=nobody"),
    ):
        body = answer.body
        assert body["type"] == f"urn:tvasteg:problem:{body['code']}"
        assert body["status"] == answer.status
        assert body["title"]
        assert body["detail"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
