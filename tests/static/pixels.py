"""What an eye would see of a page: how much of a picture stands out from the one before it."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Page

SHAPE_CONTRAST = 3
"""What WCAG asks of the shapes of controls, the ring around what has the focus included."""

_STAND_OUT = """
async ({ pictures, least }) => {
  const pixels = async (png) => {
    const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const drawing = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    drawing.drawImage(bitmap, 0, 0);
    return drawing.getImageData(0, 0, bitmap.width, bitmap.height).data;
  };
  const share = Float64Array.from({ length: 256 }, (_, channel) =>
    channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (data, at) =>
    0.2126 * share[data[at]] + 0.7152 * share[data[at + 1]] + 0.0722 * share[data[at + 2]];
  const [before, after] = await Promise.all(pictures.map(pixels));
  let count = 0;
  for (let at = 0; at < before.length; at += 4) {
    const [one, other] = [luminance(before, at), luminance(after, at)];
    if ((Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) >= least) count += 1;
  }
  return count;
}
"""


def picture(page: Page, clip: Any) -> str:
    """Return what is seen of *page* within *clip*."""
    return base64.b64encode(page.screenshot(clip=clip)).decode()


def pixels_that_stand_out(page: Page, before: str, after: str) -> int:
    """Return how many pixels of *after* are clearly lighter or darker than they were in *before*."""
    count: int = page.evaluate(_STAND_OUT, {"pictures": [before, after], "least": SHAPE_CONTRAST})
    return count
