"""Secrets of other systems: taken if every app computes them alike, refused with the reason else."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.admin.imported_secret import LONGEST_NAME_CHARACTERS, parse_secret
from chalicelib.admin.refusals import RowRefusedError

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
DEFAULT = "Google Authenticator"

names = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), blacklist_characters=":"),
    min_size=1,
    max_size=40,
)


def base32(octets: bytes) -> str:
    return base64.b32encode(octets).decode().rstrip("=")


@given(st.binary(min_size=16, max_size=64))
def test_base32_of_16_to_64_bytes_is_taken(octets: bytes) -> None:
    assert parse_secret(base32(octets)).secret.octets == octets


@given(st.binary(min_size=16, max_size=64), st.integers(2, 8), st.sampled_from(" -"))
def test_as_people_type_it_too(octets: bytes, group: int, separator: str) -> None:
    """In groups, in small letters, with its padding, as the apps take it."""
    key = base64.b32encode(octets).decode()
    typed = separator.join(key[at : at + group] for at in range(0, len(key), group))
    assert parse_secret(f" {typed.lower()}\n").secret.octets == octets


@given(
    octets=st.binary(min_size=16, max_size=64),
    issuer=names,
    account=names,
    defaults=st.sets(st.sampled_from(["algorithm=SHA1", "digits=6", "period=30", "image=https%3A%2F%2Fx"])),
    scheme=st.sampled_from(["otpauth", "OTPAUTH"]),
)
def test_a_uri_means_what_another_library_reads_in_it(
    octets: bytes, issuer: str, account: str, defaults: set[str], scheme: str
) -> None:
    """pyotp makes the codes of the product, but its reader of URIs is no part of it."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = "&".join([f"secret={base32(octets)}", f"issuer={quote(issuer, safe='')}", *sorted(defaults)])
    imported = parse_secret(f"{scheme}://totp/{label}?{query}")
    theirs = pyotp.parse_uri(f"otpauth://totp/{label}?{query.partition('&image')[0]}")

    assert imported.secret.octets == octets == theirs.byte_secret()
    assert imported.account_name == account.strip() == theirs.name.strip()
    assert imported.issuer == issuer == theirs.issuer


@given(st.text(max_size=80))
def test_whatever_is_said_is_taken_or_refused_and_never_told(text: str) -> None:
    try:
        imported = parse_secret(text)
    except RowRefusedError as error:
        told = str(error)
    else:
        assert 16 <= len(imported.secret.octets) <= 64
        told = repr(imported)
    assert len(text.strip()) < 8 or text.strip() not in told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"otpauth://hotp/a?secret={KEY}&counter=0", "the URI is not of the kind totp"),
        (f"otpauth:///a?secret={KEY}", "the URI is not of the kind totp"),
        (f"https://totp/a?secret={KEY}", "this is neither an otpauth URI nor base32"),
        ("otpauth-migration://offline?data=CjEK", "this is an app's export of several keys"),
        (f"otpauth://totp/a?secret={KEY}&algorithm=SHA256", "the algorithm is not SHA-1"),
        (f"otpauth://totp/a?secret={KEY}&algorithm=SHA512", "the algorithm is not SHA-1"),
        (f"otpauth://totp/a?secret={KEY}&algorithm=", "the algorithm is not SHA-1"),
        (f"otpauth://totp/a?secret={KEY}&digits=8", "the codes do not have six digits"),
        (f"otpauth://totp/a?secret={KEY}&digits=06", "the codes do not have six digits"),
        (f"otpauth://totp/a?secret={KEY}&period=60", "the codes do not last 30 seconds"),
        (f"otpauth://totp/a?secret={KEY}&secret={KEY}", "the URI says the same thing twice"),
        (f"otpauth://totp/a?digits=6&digits=8&secret={KEY}", "the URI says the same thing twice"),
        ("otpauth://totp/a?secret", "the URI cannot be read"),
        (f"otpauth://totp/%ff?secret={KEY}", "the URI cannot be read"),
        (f"otpauth://[totp/a?secret={KEY}", "the URI cannot be read"),
        ("otpauth://totp/a", "there is no secret"),
        ("otpauth://totp/a?issuer=Firma", "there is no secret"),
        ("", "there is no secret"),
        (KEY.replace("G", "1"), "the secret is not base32"),
        (KEY.replace("G", "Ä"), "the secret is not base32"),
        (KEY + "A", "the secret is not base32"),
        (KEY + "==", "the secret is not base32"),
        (f"={KEY}", "the secret is not base32"),
        (base32(bytes(15)), "the secret has fewer than 16 bytes"),
        (base32(bytes(65)), "the secret has more than 64 bytes"),
        ("A" * 2_001, "the secret is too long to be one"),
    ],
)
def test_what_would_never_sign_in_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RowRefusedError) as raised:
        parse_secret(text)
    assert str(raised.value).startswith(reason)
    assert KEY not in str(raised.value)
    assert raised.value.__cause__ is None or KEY not in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (f"otpauth://totp/Firma:anna?secret={KEY}&issuer=Firma%20AB", "Firma AB"),
        (f"otpauth://totp/Firma:anna?secret={KEY}", "Firma"),
        (f"otpauth://totp/anna?secret={KEY}", DEFAULT),
        (f"otpauth://totp/anna?secret={KEY}&issuer=", DEFAULT),
        (f"otpauth://totp/anna?secret={KEY}&issuer=%E2%80%AEFirma", DEFAULT),
        (f"otpauth://totp/anna?secret={KEY}&issuer={'x' * 60}", "x" * LONGEST_NAME_CHARACTERS),
        (KEY, DEFAULT),
    ],
)
def test_an_authenticator_is_called_after_its_issuer(uri: str, name: str) -> None:
    assert parse_secret(uri).name(otherwise=DEFAULT) == name
