"""Pixel formats of cameras, by their names in the GenICam standard: grey ones are accepted, colour is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from nta.errors import DeviceError, SettingError
from nta.frames import Image

# GenICam Pixel Format Naming Convention 2.5: Mono + bits, then p (packed) or Packed (the older GigE Vision way)
_MONO = re.compile(r"Mono(8|10|12|14|16)(p|Packed)?")


def bit_depth(pixel_format: str, choice: Iterable[str] = ()) -> int:
    """Return the significant bits of a grey format; refuse others, naming the grey formats in `choice`."""
    if known := _MONO.fullmatch(pixel_format):
        return int(known[1])
    grey = [name for name in choice if _MONO.fullmatch(name)]
    advice = (
        f"set pixel_format to {' or '.join(grey)}"
        if grey
        else "this camera has no grey format that nta can use"
    )
    raise SettingError(
        f"pixel_format {pixel_format} is not grey: colour filters and conversions move and dim the light of a "
        f"particle; {advice}"
    )


def checked_image(array: Any, width_px: int, height_px: int, bits: int) -> Image:
    """Return an owned image (height, width) in the smallest type for `bits`, whatever padding its lines have."""
    pixels = np.asarray(array).reshape(height_px, -1)
    if pixels.shape[1] < width_px or pixels.dtype not in (np.uint8, np.uint16):
        raise DeviceError(
            f"the camera said {width_px} x {height_px} grey pixels and gave {pixels.dtype} of shape {np.shape(array)}"
        )
    kept = pixels[:, :width_px]
    if np.iinfo(kept.dtype).max >> bits and (brightest := int(kept.max())) >> bits:
        raise DeviceError(
            f"the camera said {bits} bits a pixel and gave the grey value {brightest}: its pixel format is not what it "
            "says, or was changed while it acquired; set the format and open it again"
        )
    return kept.astype(np.uint8, order="C") if bits <= 8 else kept.astype(np.uint16, order="C")
