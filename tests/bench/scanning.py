"""Whether a QR code, drawn as the page draws it, is read by a decoder that is not segno."""

from __future__ import annotations

import re

import zxingcpp

from chalicelib.provisioning import QrCode

_PIXELS_PER_MODULE = 4
_STROKE = re.compile(r"M(\d+) (\d+)\.5h(\d+)")


def scanned(code: QrCode) -> str | None:
    """Return what a camera reads in *code*, or None."""
    width = code.size * _PIXELS_PER_MODULE
    image = bytearray(b"\xff" * width * width)
    for column, row, length in ((int(part) for part in stroke) for stroke in _STROKE.findall(code.path)):
        black = bytes(length * _PIXELS_PER_MODULE)
        for line in range(row * _PIXELS_PER_MODULE, (row + 1) * _PIXELS_PER_MODULE):
            start = line * width + column * _PIXELS_PER_MODULE
            image[start : start + len(black)] = black
    found = zxingcpp.read_barcodes(memoryview(bytes(image)).cast("B", (width, width)))
    return found[0].text if found else None
