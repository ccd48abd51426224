"""What the app is given, read back as an app would: by a scanner and a URI parser not ours."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.methods import TotpMethod
from chalicelib.provisioning import (
    LONGEST_URI_BYTES,
    QrCode,
    fits_in_a_key_uri,
    provisioning_uri,
    qr_code,
    shortened_account_name,
)
from chalicelib.totp import SharedSecret

SECRET = SharedSecret(b"12345678901234567890")
ISSUERS = ["Azets Cozone", "A&B Ø AS", "50% x", "Å/ä?=ö", "a+b"]
ACCOUNT_NAMES = ["anna@firma.se", "a+b@x.se", "nr #7", "snö☃", "🦄", "per cent%20", "två ord"]

names = st.text(st.characters(codec="utf-8"), min_size=1)
short_issuers = st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1).filter(
    lambda issuer: fits_in_a_key_uri(issuer=issuer, account_name="a" * 20)
)

_PIXELS_PER_MODULE = 4
_MOVES = re.compile(r"([Mmh])(-?[\d.]+)(?: ?(-?[\d.]+))?")


def scanned(code: QrCode) -> str:
    """Return what an independent scanner reads from the path as the page strokes it."""
    return scanned_modules(modules_of(code))


def scanned_modules(rows: list[list[bool]]) -> str:
    pixels = b"".join(
        bytes(0 if dark else 255 for dark in row for _ in range(_PIXELS_PER_MODULE)) * _PIXELS_PER_MODULE
        for row in rows
    )
    side = len(rows) * _PIXELS_PER_MODULE
    found = zxingcpp.read_barcodes(memoryview(pixels).cast("B", shape=[side, side]))
    assert len(found) == 1
    return str(found[0].text)


def modules_of(code: QrCode) -> list[list[bool]]:
    """Return the dark modules that a pen of width 1 leaves along the path."""
    rows = [[False] * code.size for _ in range(code.size)]
    x = y = 0.0
    position = 0
    for move in _MOVES.finditer(code.path):
        assert move.start() == position, "the path holds a move that this pen does not know"
        position = move.end()
        kind, first, second = move[1], float(move[2]), float(move[3] or 0)
        if kind == "M":
            x, y = first, second
        elif kind == "m":
            x, y = x + first, y + second
        else:
            for column in range(int(x), int(x + first)):
                rows[int(y)][column] = True
            x += first
    assert position == len(code.path)
    return rows


@pytest.mark.requirement("T10")
@pytest.mark.parametrize("account_name", ACCOUNT_NAMES)
@pytest.mark.parametrize("issuer", ISSUERS)
def test_a_scanner_reads_the_very_names_and_the_key(issuer: str, account_name: str) -> None:
    uri = scanned(TotpMethod().offer(SECRET, issuer=issuer, account_name=account_name).qr)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert unquote(parts.path.removeprefix("/")).split(":") == [issuer, account_name]
    assert parse_qs(parts.query, strict_parsing=True) == {"secret": [SECRET.base32], "issuer": [issuer]}


@pytest.mark.requirement("T10", "B64")
@pytest.mark.parametrize("issuer", ISSUERS)
def test_the_uri_holds_key_and_issuer_and_leaves_the_defaults_out(issuer: str) -> None:
    uri = provisioning_uri(SECRET, issuer=issuer, account_name="a b+c@x.se")
    assert uri.isascii()
    assert " " not in uri
    assert "+" not in uri, "apps read a plus sign as it stands, so a space must be %20"
    assert "a%20b%2Bc%40x.se" in uri
    assert list(parse_qs(urlsplit(uri).query)) == ["secret", "issuer"]
    assert "=" not in parse_qs(urlsplit(uri).query)["secret"][0]


@pytest.mark.requirement("T10")
@given(short_issuers, names)
def test_whatever_the_user_is_called_the_label_has_one_colon_and_the_code_stays_small(
    issuer: str, account_name: str
) -> None:
    offer = TotpMethod().offer(SECRET, issuer=issuer, account_name=account_name)
    label = urlsplit(offer.uri).path.removeprefix("/")
    assert label.count(":") == 1
    assert unquote(label) == f"{issuer}:{offer.account_name}"
    assert len(offer.uri.encode()) <= LONGEST_URI_BYTES
    assert offer.qr.size <= 49 + 8


@given(short_issuers, names)
def test_a_name_that_fits_is_kept_and_a_cut_one_says_so(issuer: str, account_name: str) -> None:
    shown = shortened_account_name(issuer=issuer, account_name=account_name)
    if fits_in_a_key_uri(issuer=issuer, account_name=account_name.strip()):
        assert shown == account_name.strip()
    elif shown.endswith("…") and shown != account_name:
        assert account_name.replace(":", " ").strip().startswith(shown[:-1])


@pytest.mark.parametrize(
    ("issuer", "account_name"), [("Co:zone", "anna"), ("Cozone", "an:na"), ("", "anna"), ("Cozone", "")]
)
@pytest.mark.requirement("T10")
def test_names_that_could_not_be_told_apart_do_not_fit(issuer: str, account_name: str) -> None:
    assert not fits_in_a_key_uri(issuer=issuer, account_name=account_name)


@pytest.mark.requirement("T10", "T11")
@pytest.mark.parametrize("mask", [0, 1, 2, 3])
def test_the_scanner_reads_every_mask(mask: int) -> None:
    """So the choice of one fixed mask costs no readability."""
    uri = provisioning_uri(SECRET, issuer="Azets Cozone", account_name="anna.andersson@firma.se")
    code = segno.make_qr(uri, error="m", mask=mask, boost_error=False)
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=4)]
    assert scanned_modules(rows) == uri


@pytest.mark.requirement("T10", "T11", "B43")
@given(st.binary(min_size=20, max_size=20))
def test_the_code_we_make_is_read_whatever_the_key(octets: bytes) -> None:
    uri = provisioning_uri(SharedSecret(octets), issuer="Azets Cozone", account_name="anna@firma.se")
    assert scanned(qr_code(uri)) == uri


@pytest.mark.requirement("B65")
def test_the_code_brings_its_white_edge_of_four_modules() -> None:
    code = qr_code(provisioning_uri(SECRET, issuer="Azets Cozone", account_name="anna@firma.se"))
    rows = modules_of(code)
    last = code.size - 1
    edge = [
        dark
        for y, row in enumerate(rows)
        for x, dark in enumerate(row)
        if min(x, y, last - x, last - y) < 4
    ]
    assert not any(edge)
    assert all(rows[4][4:11]), "the finder pattern begins right behind the edge"
