"""What a camera would see: the pixels of a screenshot, and the QR code in them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import zxingcpp

_CHANNELS = {2: 3, 6: 4}  # by PNG colour type: with and without transparency


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels from left to right and top to bottom, *light* being one byte each: 0 black, 255 white."""

    width: int
    height: int
    light: bytes

    def row(self, y: int) -> bytes:
        """Return the pixels of line *y*."""
        return self.light[y * self.width : (y + 1) * self.width]

    def column(self, x: int) -> bytes:
        """Return the pixels of column *x*."""
        return self.light[x :: self.width]

    def qr_text(self) -> str:
        """Return what the one QR code in the picture says."""
        pixels = memoryview(self.light).cast("B", shape=[self.height, self.width])
        found = zxingcpp.read_barcodes(pixels)
        assert len(found) == 1, f"{len(found)} QR codes in the picture"
        return str(found[0].text)


def picture_of(png: bytes) -> Picture:
    """Return the pixels of a screenshot (PNG, eight bits a channel); green stands for all."""
    chunks = _chunks(png)
    width, height, depth, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks["IHDR"])
    assert (depth, interlaced) == (8, 0)
    channels = _CHANNELS[colour_type]
    packed = zlib.decompress(chunks["IDAT"])
    line_length = width * channels + 1
    light = bytearray()
    above = bytes(width * channels)
    for start in range(0, len(packed), line_length):
        above = _unfiltered(packed[start], packed[start + 1 : start + line_length], above, channels)
        light += above[1::channels]
    return Picture(width=width, height=height, light=bytes(light))


def _chunks(png: bytes) -> dict[str, bytes]:
    chunks: dict[str, bytes] = {}
    at = 8
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        chunks[name.decode()] = chunks.get(name.decode(), b"") + png[at + 8 : at + 8 + length]
        at += length + 12
    return chunks


def _unfiltered(kind: int, line: bytes, above: bytes, channels: int) -> bytes:
    if kind == 0:
        return line
    if kind == 2:
        return bytes((byte + up) & 255 for byte, up in zip(line, above, strict=True))
    done = bytearray(channels) + line  # what is left of the line counts as zero
    before = bytes(channels) + above
    for at in range(channels, len(done)):
        left, up = done[at - channels], before[at]
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up) // 2
        else:
            guess = _paeth(left, up, before[at - channels])
        done[at] = (done[at] + guess) & 255
    return bytes(done[channels:])


def _paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    return min((left, up, corner), key=lambda candidate: abs(estimate - candidate))
