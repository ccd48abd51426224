"""
A tenant's colour on the page, computed as `static/js/brand.js` does it there (WCAG 2.2, 1.4.3, 1.4.11).

There is no colour that the page could not make readable: text on it is black or white, links are
mixed until they are read, buttons get an edge. What cannot be helped is a colour that is nearly
the page's own ground: its buttons would be seen by their edges alone. That is what is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

LIGHT_PAGE = "#ffffff"
DARK_PAGE = "#14181c"
SHAPE_CONTRAST = 3.0
"""Under this a button gets an edge in the colour of links."""
LEAST_CONTRAST = 1.15
"""
Under this against the page a colour is the page's own to the eye.

Not more, for black is 1.18 against the dark page, and many portals' colour.
"""

_LIGHT_PANEL = "#f1f4f6"
_DARK_PANEL = "#1e252b"
_BLACK, _WHITE = "#000000", "#ffffff"
_LIGHT_LINK_CONTRAST = 4.5
_DARK_LINK_CONTRAST = 6
"""Coloured text on black looks dimmer than on white of the same contrast."""
_MIX_STEP = 0.05


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the page makes of a colour: that of the text on it, and of links in light and dark."""

    colour: str
    text: str
    light_link: str
    dark_link: str

    @property
    def text_contrast(self) -> float:
        """Contrast of a button's text with the button."""
        return contrast(self.text, self.colour)

    @property
    def light_link_contrast(self) -> float:
        """Contrast of a link with the dimmest ground on which it stands in light."""
        return contrast(self.light_link, _LIGHT_PANEL)

    @property
    def dark_link_contrast(self) -> float:
        """Contrast of a link with the brightest ground on which it stands in dark."""
        return contrast(self.dark_link, _DARK_PANEL)

    @property
    def light_button_contrast(self) -> float:
        """Contrast of a button with the dimmest ground on which it stands in light."""
        return contrast(self.colour, _LIGHT_PANEL)

    @property
    def dark_button_contrast(self) -> float:
        """Contrast of a button with the brightest ground on which it stands in dark."""
        return contrast(self.colour, _DARK_PANEL)


def look_of(colour: str) -> Look:
    """Return what the page makes of *colour*, a ``#rrggbb``."""
    white_is_clearer = contrast(colour, _WHITE) >= contrast(colour, _BLACK)
    return Look(
        colour=colour,
        text=_WHITE if white_is_clearer else _BLACK,
        light_link=_readable_on(_LIGHT_PANEL, colour, _BLACK, _LIGHT_LINK_CONTRAST),
        dark_link=_readable_on(_DARK_PANEL, colour, _WHITE, _DARK_LINK_CONTRAST),
    )


def faults_of_colour(colour: str) -> Iterator[str]:
    """Yield why *colour*, a ``#rrggbb``, can be no portal's."""
    for ground, which in ((LIGHT_PAGE, "light"), (DARK_PAGE, "dark")):
        found = contrast(colour, ground)
        if found < LEAST_CONTRAST:
            yield (
                f"{colour} is nearly the page's own ground in {which}, {ground}: the contrast is "
                f"{told_contrast(found)}, and under {LEAST_CONTRAST} buttons are seen by their edge alone"
            )


def told_contrast(ratio: float) -> str:
    """Return *ratio* as people read it, rounded down: 2.996 is not the 3 that is asked for."""
    return f"{math.floor(ratio * 100) / 100:.2f}"


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - WCAG's


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _readable_on(ground: str, colour: str, towards: str, least: float) -> str:
    """Return *colour*, moved towards *towards* only as far as the *least* contrast with *ground* needs."""
    share = 0.0
    while share < 1:
        candidate = _mix(colour, towards, share)
        if contrast(candidate, ground) >= least:
            return candidate
        share += _MIX_STEP
    return towards


def _mix(colour: str, towards: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(towards), strict=True)
    # Rounded as JavaScript does: a half goes up, not to the even neighbour.
    mixed = (math.floor(channel + (target - channel) * share + 0.5) for channel, target in pairs)
    return f"#{bytes(mixed).hex()}"
