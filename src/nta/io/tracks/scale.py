"""Convert the units of tracks of other programs."""

from __future__ import annotations

from pathlib import Path

from nta.io.text import SECONDS
from nta.io.tracks.table import TrackFileError

_PIXELS = {"pixel", "pixels", "px", ""}
_UM = {
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer"), 1.0),
    **{"nm": 1e-3, "mm": 1e3},
}
_NOBODY_SAID = 1.0  # interval, also in "sec", that TrackMate writes for a movie without a frame rate


def is_pixels(unit: str) -> bool:
    """Return whether lengths are in pixels."""
    return unit.lower() in _PIXELS


def um_per(unit: str) -> float | None:
    """Return a unit of length in um; None if it is not known."""
    return _UM.get(unit.lower())


def positions_in(path: Path, unit: str, pixel_size_um: float | None) -> tuple[float, float | None]:
    """Return the divisor that converts positions to pixels, and the pixel size in um if it is used.

    Raises
    ------
    TrackFileError
        Positions are not in pixels, and the pixel size is not stated.
    """
    if is_pixels(unit):
        return 1.0, None
    um = um_per(unit)
    if um is None or pixel_size_um is None:
        what = (
            "which is no length that is known" if um is None else "and the file does not say the pixel size"
        )
        remedy = "" if um is None else "; give it to nta import with --pixel-size-um"
        raise TrackFileError(f"{path}: positions are in {unit}, {what}{remedy}")
    return pixel_size_um / um, pixel_size_um


def frame_rate_hz(interval: float, unit: str) -> float | None:
    """Return the frame rate of an interval between frames; None if not stated, or in an unknown unit."""
    seconds = SECONDS.get(unit.lower())
    return 1 / (interval * seconds) if seconds and interval > 0 and interval != _NOBODY_SAID else None
