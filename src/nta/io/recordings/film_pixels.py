"""Take the grey values of a decoded frame from its luma plane, without a colour conversion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.reader import Tally

if TYPE_CHECKING:
    import av

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_RANGE_NOTE = "luma of the range 16-235 stretched to 0-255 (in proportion at higher depth)"


def bit_depth(frame: av.VideoFrame) -> int | None:
    """Return the bits of a grey value; None for 16, which is also how 10 to 14 bits are stored."""
    bits = max(component.bits for component in frame.format.components)
    return None if bits == 16 else max(bits, 8)


def grey_image(frame: av.VideoFrame, tally: Tally, path: Path) -> Image:
    """Return the grey plane as it is stored; limited range is stretched, RGB goes by the colour rule."""
    layout = frame.format
    if layout.is_rgb or layout.has_palette:
        deep = max(component.bits for component in layout.components) > 8
        image, coloured = grey(frame.to_ndarray(format="rgb48le" if deep else "rgb24"))
        if coloured:
            tally.note(LUMA_NOTE)
        return image
    if not layout.is_planar and len(layout.components) > 1:
        # splits a packed format into planes; the values are unchanged
        frame = frame.reformat(format="yuv422p")
        layout = frame.format
    bits = layout.components[0].bits
    if not 8 <= bits <= 16:
        raise RecordingError(f"{path}: pixel format {layout.name} has {bits} bits; nta reads 8 to 16")
    luma = _plane(frame, np.dtype("u1") if bits == 8 else np.dtype(">u2" if layout.is_big_endian else "<u2"))
    if layout.name.startswith(("gray", "yuvj")) or frame.color_range == _FULL_RANGE:
        return luma
    tally.note(_RANGE_NOTE)
    return _stretched(luma, bits)


def _plane(frame: av.VideoFrame, dtype: np.dtype[Any]) -> Image:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    pixels = rows[:, : frame.width * dtype.itemsize].copy().view(dtype)
    image: Image = pixels.astype(dtype.newbyteorder("="), copy=False)
    return image


def _stretched(luma: Image, bits: int) -> Image:
    """Stretch limited-range video, with black at 16 and white at 235 of 255, to full range (ITU-R BT.601-7, table 3)."""
    black, white, full = 16 << (bits - 8), 235 << (bits - 8), (1 << bits) - 1
    values = (np.arange(1 << bits) - black) * (full / (white - black))
    table = np.clip(np.rint(values), 0, full).astype(luma.dtype)
    image: Image = table[luma]
    return image
