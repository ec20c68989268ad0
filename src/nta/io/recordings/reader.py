"""Interface of the readers of file formats: a claim when opened, and shots while read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from nta.frames import Image, RecordingReport

NO_CLOCK = "its time stamps are missing or do not rise; the times follow from the frame rate"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Statements of a file about itself; None means not stated.

    bit_depth : None for 16-bit data whose significant bits are not stated.
    clock : source of the times of the shots: "device", "host", "container" or None.
    camera : further fields of `CameraState` (gain_e_per_adu, offset_adu, read_noise_e, binning).
    """

    format: str
    width_px: int
    height_px: int
    bit_depth: int | None
    frame_rate_hz: Fraction | float | None = None
    exposure_s: float | None = None
    pixel_size_um: float | None = None
    camera: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    frames: int | None = None
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


class Tally:
    """Counts of a reader, from which the `RecordingReport` is made."""

    def __init__(self, claim: Claim) -> None:
        self.claimed = claim.frames
        self.found = self.damaged = self.repeated = self.lost = 0
        self.truncated = claim.truncated
        self.lossy_codec = claim.lossy_codec
        self.notes = dict.fromkeys(claim.notes)  # an ordered set

    def note(self, text: str) -> None:
        """Add a remark, unless it is there already."""
        self.notes[text] = None

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
            notes=tuple(self.notes),
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


def next_index(
    index: int,
    before_s: Fraction | float | None,
    time_s: Fraction | float | None,
    rate: Fraction | float | None,
) -> int:
    """Return the index after `index` by the time stamps of both frames, so that a dropped frame leaves a gap.

    Time stamps rounded or jittering by less than half an interval count as one interval.
    """
    if before_s is None or time_s is None or rate is None:
        return index + 1
    return index + max(1, round((time_s - before_s) * rate))
