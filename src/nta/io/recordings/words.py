"""Camera settings as users state them, in side-cars, manifests and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from nta.errors import SettingError
from nta.stated import is_number

CAMERA_NUMBERS = ("frame_rate_hz", "exposure_ms", "pixel_size_um", "bit_depth")


def camera_from_words(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return stated camera settings as arguments of `open_recording`, with the exposure converted from ms to s."""
    said = {name: words[name] for name in CAMERA_NUMBERS if words.get(name) is not None}
    if "exposure_ms" in said:
        said["exposure_s"] = said.pop("exposure_ms") / 1e3
    return said


def frame_rate(value: Any, where: str) -> Fraction | float:
    """Return a frame rate given as a number or as a fraction in words ("24000/1001").

    Raises
    ------
    SettingError
        The value is neither a number nor a fraction, or not above 0.
    """
    try:
        if isinstance(value, str):
            rate: Fraction | float = Fraction(value)
        elif is_number(value) or isinstance(value, Fraction):
            rate = value
        else:
            raise TypeError
    except (TypeError, ValueError, ZeroDivisionError):
        raise SettingError(f"{where}: frame_rate_hz must be a number or a fraction, got {value!r}") from None
    if not 0 < rate < float("inf"):
        raise SettingError(f"{where}: frame_rate_hz must be > 0 Hz, got {value}")
    return rate
