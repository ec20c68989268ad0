"""Take the grey values of a decoded frame from its luma plane, without a colour conversion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.reader import Tally

if TYPE_CHECKING:
    import av

_UNSTATED, _FULL_RANGE = 0, 2  # AVCOL_RANGE_UNSPECIFIED, AVCOL_RANGE_JPEG
_BELOW_BLACK, _SOME = (
    12,
    0.01,
)  # of 255, and the share of pixels; a codec's ringing about black at 16 does not go there
_UNSTATED_NOTE = "it does not say the range of its luma; there are values below the black of video, so it was taken as it is"
_RANGE_NOTE = "luma of the range 16-235 stretched to 0-255 (in proportion at higher depth)"


def bit_depth(frame: av.VideoFrame) -> int | None:
    """Return the bits of a grey value; None for 16, which is also how 10 to 14 bits are stored."""
    bits = max(component.bits for component in frame.format.components)
    return None if bits == 16 else max(bits, 8)


def is_full_range(frames: Sequence[av.VideoFrame]) -> bool:
    """Tell whether the luma of a film is of the whole range: by its word, or else by what lies below black."""
    first = frames[0]
    if first.format.name.startswith(("gray", "yuvj")) or first.color_range == _FULL_RANGE:
        return True
    if first.color_range != _UNSTATED or not _has_luma_plane(first.format):
        return False
    bits = first.format.components[0].bits
    below = [
        np.mean(_plane(frame, _stored_as(first.format)) < _BELOW_BLACK << (bits - 8)) for frame in frames
    ]
    return bool(np.mean(below) > _SOME)


def grey_image(frame: av.VideoFrame, tally: Tally, path: Path, *, full_range: bool) -> Image:
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
    luma = _plane(frame, _stored_as(layout))
    if full_range:
        whole: Image = luma.astype(luma.dtype.newbyteorder("="))  # a copy: the decoder uses the plane again
        if frame.color_range == _UNSTATED and not layout.name.startswith(("gray", "yuvj")):
            tally.note(_UNSTATED_NOTE)
        return whole
    tally.note(_RANGE_NOTE)
    return _stretched(bits).take(luma)


def _has_luma_plane(layout: av.VideoFormat) -> bool:
    return layout.is_planar and not (layout.is_rgb or layout.has_palette) and layout.components[0].bits >= 8


def _stored_as(layout: av.VideoFormat) -> np.dtype[Any]:
    return np.dtype("u1" if layout.components[0].bits == 8 else ">u2" if layout.is_big_endian else "<u2")


def _plane(frame: av.VideoFrame, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the first plane of a frame as the decoder holds it, valid until the frame is let go."""
    plane = frame.planes[0]
    rows: NDArray[Any] = np.frombuffer(memoryview(plane), dtype).reshape(
        -1, plane.line_size // dtype.itemsize
    )
    return rows[: frame.height, : frame.width]


@cache
def _stretched(bits: int) -> Image:
    """Return the full-range values of limited-range video, black at 16 and white at 235 of 255 (ITU-R BT.601-7, table 3)."""
    black, white, full = 16 << (bits - 8), 235 << (bits - 8), (1 << bits) - 1
    values = (np.arange(1 << bits) - black) * (full / (white - black))
    table: Image = np.clip(np.rint(values), 0, full).astype(np.uint8 if bits == 8 else np.uint16)
    return table
