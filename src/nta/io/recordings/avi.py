"""Read uncompressed AVI chunk by chunk: decoders change the values of palette pixels, and trust headers."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.raw import chosen, read_images
from nta.io.recordings.reader import Claim, Shot, Tally
from nta.io.recordings.riff import Header, read_header, walk

_GREY_CODES: dict[bytes, np.dtype[Any]] = {
    b"Y800": np.dtype("u1"),
    b"GREY": np.dtype("u1"),
    b"Y8  ": np.dtype("u1"),
    b"Y16 ": np.dtype("<u2"),
    b"Y1\x00\x10": np.dtype("<u2"),  # ffmpeg's tag of gray16le
}
_DIB_CODES = (b"\0\0\0\0", b"DIB ", b"RGB ", b"RAW ")


class AviReader:
    """Grey, palette and RGB images stored as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        size = path.stat().st_size
        with path.open("rb") as file:
            self._header = h = read_header(file, size, path)
            self._shape, self._dtype, self._top_down = _storage(h, path)
            length = int(np.prod(self._shape)) * self._dtype.itemsize
            found = walk(file, size, h.stream, length)
        # a chunk without data stands for a frame that the writer dropped; the index goes on
        self._places = [p for p in found.places if p.size >= length and p.offset + length <= size]
        short = [p.index for p in found.places if 0 < p.size < length]
        self._damaged = sorted(found.damaged + short)
        if not self._places:
            raise RecordingError(f"{path} is an AVI without a single whole frame ({h.frames} claimed)")
        self._table = _grey_table(h.palette) if h.code in _DIB_CODES and h.bits == 8 else None
        self.claim = Claim(
            format=f"AVI, uncompressed {_words(h)}",
            width_px=h.width,
            height_px=abs(h.height),
            bit_depth=8 if self._dtype.itemsize == 1 else None,
            frame_rate_hz=h.rate,
            metadata={"is_film": True},
            frames=h.frames or None,
            truncated=found.cut or found.frames < h.frames,
        )

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the complete frames."""
        places = chosen(self._places, positions)
        for place, pixels in read_images(self.path, places, self._shape, self._dtype):
            tally.damaged = bisect(self._damaged, place.index)
            if pixels is None:
                tally.truncated = True
                continue
            image, coloured = grey(self._channels(pixels))
            if coloured:
                tally.note(LUMA_NOTE)
            yield Shot(place.index, image)
        tally.damaged = len(self._damaged)

    def _channels(self, stored: NDArray[Any]) -> Image:
        """Return the stored rows as (height, width, channels), top row first."""
        h = self._header
        if h.code in _DIB_CODES and h.bits >= 24:
            channels = h.bits // 8
            pixels = stored[:, : h.width * channels].reshape(-1, h.width, channels)[..., 2::-1]  # B, G, R
        else:
            pixels = stored[:, : h.width, None]
            if self._table is not None:
                pixels = self._table[pixels[..., 0]]
        return pixels if self._top_down else pixels[::-1]


def is_uncompressed_avi(path: Path) -> bool:
    """Return whether the video is stored without a codec, in a layout that this reader knows."""
    with path.open("rb") as file:
        h = read_header(file, path.stat().st_size, path)
    return h.code in _GREY_CODES or (h.code in _DIB_CODES and h.bits in (8, 16, 24, 32))


def _storage(h: Header, path: Path) -> tuple[tuple[int, int], np.dtype[Any], bool]:
    """Return shape (rows, stored columns), dtype, and whether the first row stored is the top one."""
    if h.code in _GREY_CODES:
        return (abs(h.height), h.width), _GREY_CODES[h.code], True
    if h.bits == 16:
        raise RecordingError(
            f"{path}: uncompressed AVI of 16 bits may be grey or 5-5-5 colour and does not say; export it as TIFF"
        )
    stride = (h.width * h.bits + 31) // 32 * 4  # rows of a DIB are padded to 4 bytes
    return (abs(h.height), stride), np.dtype("u1"), h.height < 0


def _grey_table(palette: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the colours of the palette, (256, channels); None if the index is the grey value itself."""
    if not palette.any():  # no palette, or one left empty by a writer of grey images
        return None
    if (palette == np.arange(len(palette), dtype=np.uint8)[:, None]).all():
        return None
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return table


def _words(h: Header) -> str:
    if h.code in _GREY_CODES:
        return "Y800" if _GREY_CODES[h.code].itemsize == 1 else "Y16"
    return f"{h.bits} bit " + ("palette" if h.bits == 8 else "RGB")
