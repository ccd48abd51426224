"""What a camera would see: the pixels of a screenshot, and the QR code in them."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import zxingcpp

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PAPER_AND_INK = {0, 255}
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

    def without_frame(self) -> Picture:
        """Return the picture without a line in some other shade around it."""
        rows = [y for y in range(self.height) if not _PAPER_AND_INK.isdisjoint(self.row(y))]
        columns = [x for x in range(self.width) if not _PAPER_AND_INK.isdisjoint(self.column(x))]
        top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
        lines = [self.row(y)[left : right + 1] for y in range(top, bottom + 1)]
        return Picture(width=right - left + 1, height=len(lines), light=b"".join(lines))

    def qr_text(self) -> str:
        """Return what the one QR code in the picture says."""
        pixels = memoryview(self.light).cast("B", shape=[self.height, self.width])
        found = zxingcpp.read_barcodes(pixels)
        assert len(found) == 1, f"{len(found)} QR codes in the picture"
        return str(found[0].text)


def picture_of(png: bytes) -> Picture:
    """Return the pixels of a screenshot; green stands for all colours."""
    size, channels, lines = _read(png)
    light = b"".join(line[1::channels] for line in lines)
    return Picture(width=size[0], height=size[1], light=light)


def smaller(png: bytes) -> bytes:
    """
    Return the same screenshot in far fewer bytes.

    A page has few colours: each pixel becomes a number in a palette. Shades that
    only smooth the edges of letters are rounded until all fit.
    """
    (width, height), channels, lines = _read(png)
    for shades in (1, 2, 4, 8, 16, 32):
        rounding = bytes(min(255, (value + shades // 2) // shades * shades) for value in range(256))
        pixels = [
            [rounded[at : at + 3] for at in range(0, len(rounded), channels)]
            for rounded in (line.translate(rounding) for line in lines)
        ]
        palette = sorted({pixel for line in pixels for pixel in line})
        if len(palette) <= 256:
            break
    number = {colour: index for index, colour in enumerate(palette)}
    packed = b"".join(b"\0" + bytes(number[pixel] for pixel in line) for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = {b"IHDR": header, b"PLTE": b"".join(palette), b"IDAT": zlib.compress(packed, 9), b"IEND": b""}
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts.items()
    )


def _read(png: bytes) -> tuple[tuple[int, int], int, list[bytes]]:
    """Return size, channels and lines of a PNG with eight bits a channel."""
    chunks = _chunks(png)
    width, height, depth, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks["IHDR"])
    assert (depth, interlaced) == (8, 0)
    channels = _CHANNELS[colour_type]
    packed = zlib.decompress(chunks["IDAT"])
    line_length = width * channels + 1
    lines = [bytes(width * channels)]
    for start in range(0, len(packed), line_length):
        line = packed[start + 1 : start + line_length]
        lines.append(_unfiltered(packed[start], line, lines[-1], channels))
    return (width, height), channels, lines[1:]


def _chunks(png: bytes) -> dict[str, bytes]:
    chunks: dict[str, bytes] = {}
    at = len(_SIGNATURE)
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
