"""Bodies: every JSON a stranger can think of is either what the route takes or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import BodyMalformedError, BodyTooLargeError
from chalicelib.web.body import LONGEST_BODY_BYTES, Choice, Field, Flag, Text, Texts, Whole, read_body

FIELDS: tuple[Field, ...] = (Text("otp", 8), Choice("phone", ("android", "iphone")), Flag("same_phone"))
GOOD: dict[str, Any] = {"otp": "123456", "phone": "iphone", "same_phone": True}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def refusal_of(raw: bytes) -> BodyMalformedError:
    with pytest.raises(BodyMalformedError) as caught:
        read_body(raw, FIELDS)
    return caught.value


def test_a_body_with_every_field_is_read() -> None:
    assert read_body(json.dumps(GOOD).encode(), FIELDS) == GOOD


def test_a_route_without_fields_takes_an_empty_object() -> None:
    assert read_body(b"{}", ()) == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"true",
        b"7",
        b'"otp"',
        b"[]",
        b'["otp"]',
        b"{",
        b"{}{}",
        b"{'otp': 1}",
        b'{"otp": 1,}',
        b"// comment\n{}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"otp=123456",
        b"<otp>123456</otp>",
        "{}".encode("utf-16"),
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    assert refusal_of(raw).field is None


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_know_are_refused(constant: str) -> None:
    assert "number" in refusal_of(f'{{"otp": {constant}}}'.encode()).reason


@pytest.mark.parametrize(
    "raw", [b'{"otp": "1", "otp": "2"}', b'{"otp": {"a": 1, "a": 2}}', b'{"otp": "1", "\\u006ftp": "2"}']
)
def test_a_name_given_twice_is_refused(raw: bytes) -> None:
    """Two readers could take one each."""
    assert "twice" in refusal_of(raw).reason


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused(opening: str) -> None:
    raw = (opening * (LONGEST_BODY_BYTES // len(opening))).encode()
    refusal_of(raw)
    closing = {"[": "]", '{"a":': "}"}[opening]
    depth = LONGEST_BODY_BYTES // (len(opening) + 1) - 2
    refusal_of((opening * depth + "1" + closing * depth).encode())


@pytest.mark.parametrize("digits", [20, 4_300, 4_301, 10_000])
def test_huge_numbers_are_refused_whatever_their_length(digits: int) -> None:
    """Python itself refuses to read more than 4,300 digits, with an error of its own."""
    refusal_of(b'{"otp": ' + b"9" * digits + b"}")


@pytest.mark.parametrize("text", ["\\ud83e", "\\udd84", "\\udd84\\ud83e", "a\\ud800b"])
def test_half_a_character_is_refused(text: str) -> None:
    """It could neither be hashed nor stored."""
    raw = json.dumps(GOOD).replace("123456", text).encode()
    assert refusal_of(raw).field == "otp"


def test_a_character_outside_the_basic_plane_is_whole() -> None:
    raw = json.dumps(GOOD).replace("123456", "\\ud83e\\udd84").encode()
    assert read_body(raw, FIELDS)["otp"] == "🦄"


@pytest.mark.requirement("B31", "T9")
@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_field_is_named(name: str) -> None:
    refusal = refusal_of(json.dumps({key: GOOD[key] for key in GOOD if key != name}).encode())
    assert refusal.field == name
    assert "missing" in refusal.reason


@pytest.mark.requirement("B30", "B34")
@pytest.mark.parametrize("name", ["secret", "key", "code", "tenant", "", "__proto__", "otp ", "OTP"])
def test_a_field_we_did_not_ask_for_is_refused_and_not_repeated(name: str) -> None:
    refusal = refusal_of(json.dumps({**GOOD, name: "JBSWY3DP"}).encode())
    assert refusal.field is None
    assert "JBSWY3DP" not in refusal.reason
    assert refusal.reason == "the body holds a field that this route does not know"


@pytest.mark.requirement("T9")
@pytest.mark.parametrize(
    "value", [None, 123456, 123456.0, True, ["123456"], {"otp": "123456"}, "123456789"]
)
def test_a_text_is_text_and_not_too_long(value: object) -> None:
    assert refusal_of(json.dumps({**GOOD, "otp": value}).encode()).field == "otp"


@pytest.mark.parametrize("value", [None, "", "Android", "android ", 1, ["android"], {"android": 1}])
def test_a_choice_is_one_of_those_on_offer(value: object) -> None:
    refusal = refusal_of(json.dumps({**GOOD, "phone": value}).encode())
    assert refusal.field == "phone"
    assert refusal.reason == "phone: is not one of android, iphone"


@pytest.mark.parametrize("value", [None, 0, 1, "true", "", []])
def test_a_flag_is_true_or_false(value: object) -> None:
    assert refusal_of(json.dumps({**GOOD, "same_phone": value}).encode()).field == "same_phone"


@pytest.mark.requirement("T9", "B55")
def test_a_large_body_is_refused_by_its_size_alone() -> None:
    raw = json.dumps(GOOD).encode()
    assert read_body(raw.ljust(LONGEST_BODY_BYTES), FIELDS) == GOOD
    with pytest.raises(BodyTooLargeError):
        read_body(raw.ljust(LONGEST_BODY_BYTES + 1), FIELDS)
    with pytest.raises(BodyTooLargeError):
        read_body(b"\xff" * 1_000_000, FIELDS)


@given(json_values)
def test_every_json_value_is_read_or_refused(value: object) -> None:
    _read_or_refused(json.dumps(value).encode())


@given(st.binary(max_size=64))
def test_every_octets_are_read_or_refused(raw: bytes) -> None:
    _read_or_refused(raw)


@given(st.fixed_dictionaries({name: json_values | st.just(value) for name, value in GOOD.items()}))
def test_whatever_stands_in_the_fields_what_is_read_has_the_right_type(body: dict[str, Any]) -> None:
    _read_or_refused(json.dumps(body).encode())


def _read_or_refused(raw: bytes) -> None:
    try:
        body = read_body(raw, FIELDS)
    except BodyMalformedError:
        return
    assert set(body) == set(GOOD)
    assert isinstance(body["otp"], str)
    assert body["phone"] in {"android", "iphone"}
    assert isinstance(body["same_phone"], bool)


@pytest.mark.parametrize("value", [3, 4, 7])
def test_a_whole_number_is_taken_from_the_least_to_the_most(value: int) -> None:
    assert read_body(json.dumps({"at": value}).encode(), (Whole("at", 3, 7),)) == {"at": value}


@pytest.mark.parametrize(
    "value",
    ["2", "8", "-3", "3.0", "4e0", "true", "false", "null", '"4"', "[4]", "9" * 400, "1e400", "-0.0"],
)
def test_what_is_no_whole_number_in_between_is_refused(value: str) -> None:
    with pytest.raises(BodyMalformedError) as caught:
        read_body(f'{{"at": {value}}}'.encode(), (Whole("at", 3, 7),))
    assert caught.value.field == "at"
    assert caught.value.reason == "at: is not a whole number from 3 to 7"


def test_a_text_may_have_a_shortest_length() -> None:
    fields = (Text("state", 8, shortest=4),)
    for text in ("abcd", "åäöü", "abcdefgh"):
        assert read_body(json.dumps({"state": text}).encode(), fields) == {"state": text}
    for text, reason in (
        ("abc", "is shorter than 4"),
        ("", "is shorter than 4"),
        ("a" * 9, "is longer than 8"),
    ):
        with pytest.raises(BodyMalformedError) as caught:
            read_body(json.dumps({"state": text}).encode(), fields)
        assert caught.value.reason == f"state: {reason} characters"


def test_a_list_of_texts_is_told_once_each_and_may_be_left_out() -> None:
    field = Texts("addresses", 2, 8, is_optional=True)
    assert read_body(b'{"addresses": ["a", "b"]}', [field]) == {"addresses": ("a", "b")}
    assert read_body(b'{"addresses": ["a", "a"]}', [field]) == {"addresses": ("a",)}
    assert read_body(b"{}", [field]) == {"addresses": None}


@pytest.mark.parametrize(
    "said", ["[]", '["a", "b", "c"]', '"a"', "null", "[1]", '[["a"]]', '["123456789"]']
)
def test_what_is_no_such_list_is_refused_by_its_name(said: str) -> None:
    with pytest.raises(BodyMalformedError, match=r"^addresses: "):
        read_body(f'{{"addresses": {said}}}'.encode(), [Texts("addresses", 2, 8, is_optional=True)])
