"""Names are found however they are typed, and not by whoever reads the table."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.record import lookup_hash, normalised_username

KEY = b"k" * 32


@pytest.mark.parametrize(
    "typed",
    ["anna@firma.se", "Anna@Firma.SE", "  anna@firma.se\t", "ＡＮＮＡ＠firma.se"],  # noqa: RUF001
)
def test_one_user_is_found_by_every_way_of_typing_the_name(typed: str) -> None:
    assert normalised_username(typed) == "anna@firma.se"


def test_a_decomposed_name_is_the_same_name() -> None:
    assert normalised_username(unicodedata.normalize("NFD", "åsa@firma.se")) == "åsa@firma.se"


@given(st.text(st.characters(codec="utf-8")))
def test_every_name_has_a_lookup_hash(typed: str) -> None:
    assert len(lookup_hash(KEY, normalised_username(typed))) == 64


@pytest.mark.requirement("K8", "L11")
def test_the_hash_is_each_tenants_own_and_hides_the_name() -> None:
    mine, theirs = (lookup_hash(key, "anna@firma.se") for key in (KEY, b"o" * 32))
    assert mine != theirs
    assert "anna" not in mine
