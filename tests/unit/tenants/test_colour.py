"""A portal's colour: what the page makes of it, and which it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tenants.colour import (
    DARK_PAGE,
    LEAST_CONTRAST,
    LIGHT_PAGE,
    contrast,
    faults_of_colour,
    look_of,
)

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


@pytest.mark.requirement("W5")
@given(colours)
def test_whatever_the_colour_its_text_and_its_links_are_readable(colour: str) -> None:
    look = look_of(colour)
    assert min(look.text_contrast, look.light_link_contrast, look.dark_link_contrast) >= 4.5


@pytest.mark.requirement("W5")
@given(colours)
def test_what_is_the_page_to_the_eye_is_refused_and_nothing_else(colour: str) -> None:
    faults = list(faults_of_colour(colour))
    assert bool(faults) == (min(contrast(colour, LIGHT_PAGE), contrast(colour, DARK_PAGE)) < LEAST_CONTRAST)


@pytest.mark.requirement("W5")
@pytest.mark.parametrize(
    ("colour", "ground", "which", "found"),
    [
        ("#ffffff", "#ffffff", "light", "1.00"),
        ("#f0f0f0", "#ffffff", "light", "1.13"),
        ("#ffff00", "#ffffff", "light", "1.07"),
        ("#14181c", "#14181c", "dark", "1.00"),
        ("#111111", "#14181c", "dark", "1.05"),
        ("#242424", "#14181c", "dark", "1.14"),
    ],
)
def test_a_refusal_tells_the_ground_and_the_contrast(
    colour: str, ground: str, which: str, found: str
) -> None:
    (fault,) = faults_of_colour(colour)
    assert fault == (
        f"{colour} is nearly the page's own ground in {which}, {ground}: the contrast is {found}, and "
        "under 1.15 buttons are seen by their edge alone"
    )


@pytest.mark.parametrize("colour", ["#000000", "#005f86", "#eeeeee", "#252525", "#fff200", "#ff0000"])
def test_black_is_a_colour_and_so_is_whatever_can_be_told_from_the_page(colour: str) -> None:
    assert list(faults_of_colour(colour)) == []
