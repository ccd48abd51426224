"""A client's public keys are taken whole, or refused with what is wrong; ids name tenant and client."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey

from chalicelib.tenants.client import client_id_of, client_of, faults_of_client, split_client_id
from tests.support.portal import ClientKey, base64url

KEY = ClientKey(kid="key-1").jwk
OTHER = ClientKey(kid="key-2").jwk
ED25519 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": base64url(Ed25519PrivateKey.generate().public_key().public_bytes_raw()),
    "kid": "ed",
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def a_client(*keys: object, name: object = "web") -> dict[str, Any]:
    return {"name": name, "keys": {"keys": list(keys)}}


def faults_with(**differences: object) -> list[str]:
    """Return what is wrong with a client whose one key differs so; None leaves a member out."""
    key = {name: value for name, value in (KEY | differences).items() if value is not None}
    return faults_of_client(a_client(key))


@pytest.mark.requirement("M3")
def test_keys_of_both_kinds_are_taken_and_found_by_their_id() -> None:
    source = a_client(
        KEY, OTHER, ED25519 | {"alg": "EdDSA"}, KEY | {"kid": "k~._-3", "use": "sig", "alg": "ES256"}
    )
    assert faults_of_client(source) == []
    client = client_of(source)
    assert client.name == "web"
    assert client.keys["key-2"] == OTHER
    assert set(client.keys) == {"key-1", "key-2", "ed", "k~._-3"}
    assert KEY["x"] not in repr(client)


@pytest.mark.requirement("M3")
@pytest.mark.parametrize("member", ["d", "k"])
def test_a_private_key_is_refused_with_what_to_do(member: str) -> None:
    (fault,) = faults_with(**{member: "secret-octets"})
    assert fault == "keys.0: holds a private key: take it out of this file and make a new one"
    assert faults_of_client(a_client(ED25519 | {member: "x"})) == [fault]


@pytest.mark.requirement("M3")
@pytest.mark.parametrize(
    ("differences", "fault"),
    [
        ({"kid": None}, "kid: is missing or holds other than letters, digits and . _ ~ -"),
        ({"kid": ""}, "kid: is missing or holds other than letters, digits and . _ ~ -"),
        ({"kid": "a b"}, "kid: is missing or holds other than letters, digits and . _ ~ -"),
        ({"kid": "k" * 65}, "kid: is missing or holds other than letters, digits and . _ ~ -"),
        ({"kid": ["key-1"]}, "kid: is missing or holds other than letters, digits and . _ ~ -"),
        ({"kty": "RSA"}, "is neither a P-256 nor an Ed25519 key"),
        ({"kty": None}, "is neither a P-256 nor an Ed25519 key"),
        ({"kty": ["EC"]}, "is neither a P-256 nor an Ed25519 key"),
        ({"kty": "oct"}, "is neither a P-256 nor an Ed25519 key"),
        ({"crv": "P-384"}, "is neither a P-256 nor an Ed25519 key"),
        ({"crv": "Ed25519"}, "is neither a P-256 nor an Ed25519 key"),
        ({"crv": "secp256k1"}, "is neither a P-256 nor an Ed25519 key"),
        ({"alg": "none"}, "alg: is not ES256"),
        ({"alg": "HS256"}, "alg: is not ES256"),
        ({"alg": "EdDSA"}, "alg: is not ES256"),
        ({"use": "enc"}, "use: is not sig"),
        ({"y": OTHER["y"]}, "is no point of its curve"),
        ({"x": KEY["y"], "y": KEY["x"]}, "is no point of its curve"),
        ({"x": base64url(bytes(32)), "y": base64url(bytes(32))}, "is no point of its curve"),
        ({"y": None}, "is no point of its curve"),
        ({"x": KEY["x"][:-2]}, "is no point of its curve"),
        ({"x": KEY["x"] + "="}, "is no point of its curve"),
        ({"x": KEY["x"] + "\n"}, "is no point of its curve"),
        ({"x": "ö" * 43}, "is no point of its curve"),
        ({"x": 7}, "is no point of its curve"),
        ({"jku": "https://evil.example"}, "jku: is not known"),
        ({"x5c": []}, "x5c: is not known"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(differences: dict[str, object], fault: str) -> None:
    assert faults_with(**differences) == [f"keys.0: {fault}"]


@pytest.mark.requirement("M3")
def test_coordinates_are_of_the_field_and_in_base64url() -> None:
    keys = (ec.derive_private_key(number, ec.SECP256R1()).public_key() for number in range(1, 500))
    points = (tuple(n.to_bytes(32, "big") for n in (p.x, p.y)) for p in (k.public_numbers() for k in keys))
    x, y = next(point for point in points if "-" in base64url(point[0]))
    assert faults_with(x=base64url(x), y=base64url(y)) == []
    plain = base64.b64encode(x).decode().rstrip("=")
    beyond = base64url((2**256 - 2**224 + 2**192 + 2**96 - 1).to_bytes(32, "big"))  # the prime itself
    for other in (plain, beyond):
        assert faults_with(x=other, y=base64url(y)) == ["keys.0: is no point of its curve"]


@pytest.mark.requirement("M3")
def test_an_ed25519_key_has_one_coordinate() -> None:
    assert faults_of_client(a_client(ED25519 | {"y": KEY["y"]})) == ["keys.0: is no point of its curve"]
    assert faults_of_client(a_client(ED25519 | {"x": "short"})) == ["keys.0: is no point of its curve"]
    assert faults_of_client(a_client(ED25519 | {"alg": "ES256"})) == ["keys.0: alg: is not EdDSA"]


@pytest.mark.requirement("M3")
def test_a_client_has_one_to_four_keys_of_different_names() -> None:
    wrong = ["keys: is not a JWK set with one to 4 keys"]
    assert faults_of_client(a_client()) == wrong
    assert faults_of_client(a_client(*[KEY] * 5)) == wrong
    for keys in (None, [], {}, {"keys": KEY}, [KEY]):
        assert faults_of_client({"name": "web", "keys": keys}) == wrong
    assert faults_of_client(a_client(KEY, OTHER | {"kid": "key-1"})) == ["keys: two have the same kid"]
    assert faults_of_client(a_client("key")) == ["keys.0: is not a JWK"]


@pytest.mark.parametrize("name", [None, "", "Web", "1web", "w.eb", "wéb", "w" * 33, "web\n", "web#", 7])
def test_a_client_has_a_name_of_letters_digits_and_dashes(name: object) -> None:
    (fault,) = faults_of_client(a_client(KEY, name=name))
    assert fault.startswith("name: does not look like")


def test_what_a_client_has_besides_is_not_known() -> None:
    assert faults_of_client(a_client(KEY) | {"secret": "x"}) == ["secret: is not known"]
    assert faults_of_client([]) == ["is not a JSON object"]


@given(json_values)
def test_no_json_value_is_a_fault_of_ours(source: object) -> None:
    assert faults_of_client(source)


@given(st.sampled_from(["kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"]), json_values)
def test_whatever_is_taken_can_be_used(member: str, value: object) -> None:
    key: dict[str, Any] = KEY | {member: value}
    if not faults_of_client(a_client(key)):
        ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})
    octet_pair: dict[str, Any] = ED25519 | {member: value}
    if not faults_of_client(a_client(octet_pair)):
        OKPKey.import_key({name: octet_pair[name] for name in ("kty", "crv", "x")})


@pytest.mark.requirement("M1", "M3")
@given(
    st.from_regex(r"[a-z][a-z0-9-]{1,31}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True),
)
def test_a_client_id_names_one_tenant_and_one_client(tenant_id: str, name: str) -> None:
    assert split_client_id(client_id_of(tenant_id, name)) == (tenant_id, name)


@pytest.mark.requirement("M1", "M3")
@pytest.mark.parametrize(
    "claimed",
    [
        None,
        7,
        ["a.b"],
        "",
        ".",
        "example",
        "example.",
        ".web",
        "example.web.web",
        "Example.web",
        "example.Web",
        "example#U#x.web",
        "example.web\n",
        "\nexample.web",
        "e.web",
        "e" * 33 + ".web",
        "exämple.web",
        "\ud800a.web",
    ],
)
def test_what_is_no_client_id_names_nobody(claimed: object) -> None:
    """Nothing of it is proven yet, and it is about to become part of a key."""
    assert split_client_id(claimed) is None


@pytest.mark.requirement("M1")
@given(st.text())
def test_no_text_that_names_a_client_holds_the_separator_of_keys(claimed: str) -> None:
    named = split_client_id(claimed)
    assert named is None or not any("#" in part for part in named)
