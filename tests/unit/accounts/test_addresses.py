"""What counts as a mail address, and which of a user's is used."""

from __future__ import annotations

import pytest

from chalicelib.accounts.addresses import addresses_of, is_another_address, mail_address_of
from chalicelib.accounts.record import normalised_username
from tests.contract.drafts import a_user


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("anna@firma.se", "anna@firma.se"),
        (" Anna.O'Hara+tva@Firma.SE ", "Anna.O'Hara+tva@firma.se"),
        ("anna@xn--fretag-wxa.se", "anna@xn--fretag-wxa.se"),
        ("anna@företag.se", "anna@xn--fretag-wxa.se"),
        ("anna@FÖRETAG.se", "anna@xn--fretag-wxa.se"),
        ("anna@fo\N{COMBINING DIAERESIS}retag.se", "anna@xn--fretag-wxa.se"),
        ("a@sub.firma.co.uk", "a@sub.firma.co.uk"),
        (f"{'a' * 64}@firma.se", f"{'a' * 64}@firma.se"),
    ],
)
def test_an_address_is_taken_as_mail_knows_it(said: str, address: str) -> None:
    assert mail_address_of(said) == address
    assert mail_address_of(address) == address


@pytest.mark.requirement("A2", "E7")
@pytest.mark.parametrize(
    "said",
    [
        "",
        "anna",
        "@firma.se",
        "anna@",
        "anna@firma",
        "anna@.se",
        "anna@firma..se",
        "anna@firma.se.",
        "anna@-firma.se",
        "anna@[127.0.0.1]",
        ".anna@firma.se",
        "an..na@firma.se",
        "anna@firma@byra.se",
        "anna berit@firma.se",
        "anna@firma.se,berit@firma.se",
        "anna@firma.se;berit@firma.se",
        "<anna@firma.se>",
        "Anna <anna@firma.se>",
        '"anna"@firma.se',
        "anna(x)@firma.se",
        "anna@firma.se\nBcc: x@evil.example",
        "anna\r\n@firma.se",
        "anna\x00@firma.se",
        "anna\u202e@firma.se",
        "åsa@firma.se",
        "anna@straße.de",
        "anna@stra\N{LATIN CAPITAL LETTER SHARP S}e.de",
        "anna@faß.firma.de",
        "anna@xn--fretag-wxa.straße.de",
        "anna@\N{GREEK SMALL LETTER DELTA}\N{GREEK SMALL LETTER FINAL SIGMA}.gr",
        "anna@fir\N{ZERO WIDTH JOINER}ma.se",
        "anna@fir\N{ZERO WIDTH NON-JOINER}ma.se",
        "anna@\N{LATIN SMALL LIGATURE FI}rma.se",
        "anna@firma\N{IDEOGRAPHIC FULL STOP}se",
        f"{'a' * 65}@firma.se",
        f"anna@{'a' * 64}.se",
        f"anna@{'a.' * 125}se",
    ],
)
def test_whatever_else_is_none(said: str) -> None:
    assert mail_address_of(said) is None


@pytest.mark.requirement("E7")
def test_stored_addresses_come_before_the_user_name() -> None:
    assert addresses_of(("a@b.se", "c@d.se"), username="anna@firma.se") == ("a@b.se", "c@d.se")
    assert addresses_of((), username="anna@firma.se") == ("anna@firma.se",)
    assert addresses_of((), username="anna.andersson") == ()
    assert a_user(addresses=("a@b.se",)).notice_addresses == ("a@b.se",)
    assert a_user().notice_addresses == ("anna@firma.se",)


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    ("typed", "is_another"),
    [
        ("Anna@Firma.SE", False),
        (" anna@företag.se ", False),
        ("anna@xn--fretag-wxa.se", False),
        ("\N{FULLWIDTH LATIN SMALL LETTER A}nna@firma.se", False),
        ("groß", False),
        ("groß@firma.de", True),
        ("anna@straße.de", True),
        ("anna@\N{GREEK SMALL LETTER DELTA}\N{GREEK SMALL LETTER FINAL SIGMA}.gr", True),
    ],
)
def test_a_name_whose_case_was_folded_is_nobody_elses_address(typed: str, *, is_another: bool) -> None:
    """Without addresses of their own the owner's notices would go there."""
    assert is_another_address(typed, username=normalised_username(typed)) is is_another
