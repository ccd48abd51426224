"""What a camera would see of a page."""

from __future__ import annotations

import base64

from playwright.sync_api import Page

_GREY = """
async (png) => {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const drawing = canvas.getContext('2d');
  drawing.drawImage(bitmap, 0, 0);
  const { data } = drawing.getImageData(0, 0, bitmap.width, bitmap.height);
  let grey = '';
  for (let at = 0; at < data.length; at += 4) {
    grey += String.fromCharCode(Math.round((data[at] + data[at + 1] + data[at + 2]) / 3));
  }
  return { width: bitmap.width, height: bitmap.height, grey: btoa(grey) };
}
"""


def grey_pixels(page: Page) -> memoryview:
    """Return a screenshot of the whole *page* as rows of grey values, 0 to 255."""
    png = base64.b64encode(page.screenshot(full_page=True)).decode()
    image = page.evaluate(_GREY, png)
    return memoryview(base64.b64decode(image["grey"])).cast("B", shape=[image["height"], image["width"]])
