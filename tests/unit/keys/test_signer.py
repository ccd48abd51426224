"""What KMS answers in DER becomes what JOSE wants, or nothing: held against another library's reading."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from chalicelib.errors import ServiceUnavailableError
from chalicelib.keys.signer import base64url, joined_signature, jwk_of

LARGEST = 2**256 - 1
# Short ones, and those whose highest bit asks DER for one more octet.
numbers = st.one_of(
    st.integers(1, LARGEST),
    st.integers(1, 2**16),
    st.integers(2**255, LARGEST),
    st.integers(0, 255).map(lambda bit: 1 << bit),
    st.integers(1, 255).map(lambda bit: (1 << bit) - 1),
)
private_keys = st.integers(1, 2**255).map(lambda number: ec.derive_private_key(number, ec.SECP256R1()))


def der_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.requirement("M4")
@given(r=numbers, s=numbers)
@example(r=1, s=1)
@example(r=LARGEST, s=LARGEST)
@example(r=1, s=LARGEST)
@example(r=0x80, s=0x7F)
def test_r_and_s_are_joined_in_32_octets_each(r: int, s: int) -> None:
    der = encode_dss_signature(r, s)
    joined = joined_signature(der)
    assert len(joined) == 64
    assert (int.from_bytes(joined[:32], "big"), int.from_bytes(joined[32:], "big")) == (r, s)
    assert decode_dss_signature(der) == (r, s)


@pytest.mark.requirement("V1")
@given(r=numbers, s=numbers, cut=st.integers(1, 8), more=st.binary(min_size=1, max_size=3))
def test_half_a_signature_or_more_than_one_is_none(r: int, s: int, cut: int, more: bytes) -> None:
    der = encode_dss_signature(r, s)
    for other in (
        der[:-cut],
        der[cut:],
        der + more,
        der[:1] + bytes([der[1] + len(more)]) + der[2:] + more,
    ):
        with pytest.raises(ServiceUnavailableError):
            joined_signature(other)


@pytest.mark.requirement("V1")
@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"0",
        b"0\x00",
        b"1\x06\x02\x01\x01\x02\x01\x01",
        b"0\x06\x03\x01\x01\x02\x01\x01",
        b"0\x06\x02\x01\x01\x03\x01\x01",
        b"0\x06\x02\x01\x00\x02\x01\x01",
        b"0\x06\x02\x01\x01\x02\x01\x00",
        b"0\x06\x02\x01\x81\x02\x01\x01",
        b"0\x05\x02\x00\x02\x01\x01",
        b"0\x03\x02\x01\x01",
        b"0\x06\x02\x04\x01\x02\x01\x01",
        b"0\x06\x02\x81\x01\x02\x01\x01",
        b"0" + bytes([38]) + b"\x02\x21" + b"\x01" * 33 + b"\x02\x01\x01",
    ],
)
def test_what_is_no_two_positive_numbers_is_an_outage(der: bytes) -> None:
    with pytest.raises(ServiceUnavailableError):
        joined_signature(der)


@pytest.mark.requirement("V1")
@given(st.binary(max_size=80) | st.binary(max_size=78).map(lambda rest: bytes([0x30, len(rest)]) + rest))
def test_no_octets_are_a_fault_of_ours(octets: bytes) -> None:
    with suppress(ServiceUnavailableError):
        assert len(joined_signature(octets)) == 64
    with suppress(ServiceUnavailableError):
        jwk_of(octets)


@pytest.mark.requirement("M4", "M5")
@given(private_keys)
def test_a_public_key_is_read_as_others_read_it_and_named_by_its_thumbprint(
    key: ec.EllipticCurvePrivateKey,
) -> None:
    jwk = jwk_of(der_of(key))
    other = ECKey.import_key(der_of(key))
    assert {name: jwk[name] for name in ("kty", "crv", "x", "y")} == {
        name: value for name, value in other.as_dict(private=False).items() if name != "kid"
    }
    assert jwk["kid"] == other.thumbprint()
    assert (jwk["use"], jwk["alg"]) == ("sig", "ES256")


@pytest.mark.requirement("V1")
def test_no_other_kind_of_key_is_taken() -> None:
    right = der_of(ec.derive_private_key(7, ec.SECP256R1()))
    others = [der_of(ec.derive_private_key(7, curve)) for curve in (ec.SECP256K1(), ec.SECP384R1())]
    for der in (b"", right[:-1], right + b"\x00", right[1:], right[:26] + b"\x02" + right[27:], *others):
        with pytest.raises(ServiceUnavailableError):
            jwk_of(der)


@given(st.binary(max_size=40))
def test_base64url_has_no_padding_and_no_signs_that_addresses_mean_something_by(octets: bytes) -> None:
    assert not set(base64url(octets)) & set("+/=")
