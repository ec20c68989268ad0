"""Interface of the readers of file formats: a claim when opened, and shots while read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from nta.clock import indices_at
from nta.frames import Image, RecordingReport

NO_CLOCK = "its time stamps are missing or do not rise; the times follow from the frame rate"

_STEADY = 1e-3  # of the frame interval, by which a step may differ


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Statements of a file about itself; None means not stated.

    bit_depth : None for 16-bit data whose significant bits are not stated.
    stored_bits : bits of a stored pixel, if the file states how many of them count; the pixels may contradict it.
    clock : source of the times of the shots: "device", "host", "container" or None.
    lost_outside : frames known to be lost before the first recorded frame or after the last.
    camera : further fields of `CameraState` (gain_e_per_adu, offset_adu, read_noise_e, binning).
    """

    format: str
    width_px: int
    height_px: int
    bit_depth: int | None
    stored_bits: int | None = None
    frame_rate_hz: Fraction | float | None = None
    exposure_s: float | None = None
    pixel_size_um: float | None = None
    camera: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    frames: int | None = None
    lost_outside: int = 0
    truncated: bool = False
    lossy_codec: str | None = None
    notes: tuple[str, ...] = ()
    clock: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One complete image, with its index and the clocks of the file."""

    index: int
    image: Image
    host_time_ns: int | None = None
    device_time_ns: int | None = None
    container_time_s: float | None = None


def indices_and_clock(
    times_s: Sequence[float], rate_hz: Fraction | float | None
) -> tuple[list[int], str | None]:
    """Return the indices of frames by their times, and the clock of a claim: None for times that only count the frames."""
    rate = None if rate_hz is None else float(rate_hz)
    steady = rate is not None and bool(np.all(np.abs(np.diff(times_s) * rate - 1) < _STEADY))
    return indices_at(times_s, rate), "container" if len(times_s) and not steady else None


class Tally:
    """Counts of a reader, from which the `RecordingReport` is made."""

    def __init__(self, claim: Claim) -> None:
        self.claimed = claim.frames
        self.found = self.damaged = self.repeated = 0
        self.lost = claim.lost_outside
        self.truncated = claim.truncated
        self.lossy_codec = claim.lossy_codec
        self.notes = dict.fromkeys(claim.notes)  # an ordered set
        self._unreadable: dict[str, list[str]] = {}  # names of images by the reason

    def note(self, text: str) -> None:
        """Add a remark, unless it is there already."""
        self.notes[text] = None

    def unreadable(self, name: str, why: str) -> None:
        """Count an image as damaged; of all with the same reason there is one remark."""
        self.damaged += 1
        self._unreadable.setdefault(why, []).append(name)

    def remarks(self) -> Iterator[str]:
        """Yield the remarks so far."""
        yield from self.notes
        for why, names in self._unreadable.items():
            if len(names) == 1:
                yield f"{names[0]} cannot be read ({why})"
            else:
                yield f"{len(names)} images cannot be read ({why}): {names[0]} to {names[-1]}"

    def report(self) -> RecordingReport:
        """Return the counts so far."""
        return RecordingReport(
            claimed_frames=self.claimed,
            found_frames=self.found,
            damaged_frames=self.damaged,
            repeated_frames=self.repeated,
            lost_frames=self.lost,
            truncated=self.truncated,
            lossy_codec=self.lossy_codec,
            notes=tuple(self.remarks()),
        )


class Reader(Protocol):
    """Reader of a file format. Its constructor reads headers and closes the file; `shots` opens it again."""

    @property
    def claim(self) -> Claim:
        """Statements of the file about itself."""
        ...

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the complete images in order; damaged ones are counted in `tally` and left out.

        positions : places in the file to read instead of all of it; a reader without random access ignores them.
        """
        ...
