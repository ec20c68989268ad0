"""Units of other programs' tracks: what their lengths and times are in ours."""

from __future__ import annotations

from pathlib import Path

from nta.io.text import SECONDS
from nta.io.tracks.table import TrackFileError

_PIXELS = {"pixel", "pixels", "px", ""}
_UM = {
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer"), 1.0),
    **{"nm": 1e-3, "mm": 1e3},
}
_NOBODY_SAID = 1.0  # the interval that TrackMate writes of a movie without a frame rate, in "sec" too


def is_pixels(unit: str) -> bool:
    """Say whether lengths are in pixels."""
    return unit.lower() in _PIXELS


def um_per(unit: str) -> float | None:
    """Return how many um a unit of length is; None of one that is not known."""
    return _UM.get(unit.lower())


def positions_in(path: Path, unit: str, pixel_size_um: float | None) -> tuple[float, float | None]:
    """Return by what positions are divided to be in pixels, and the pixel size in um where it plays a part.

    Raises
    ------
    TrackFileError
        They are no pixels, and the pixel size is given by nobody.
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
    """Return the frame rate of an interval between frames; None where nobody said it, or in a unit that is not known."""
    seconds = SECONDS.get(unit.lower())
    return 1 / (interval * seconds) if seconds and interval > 0 and interval != _NOBODY_SAID else None
