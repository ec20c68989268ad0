"""What every reader of a file format gives: a claim when it opens, and shots while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from nta.frames import Image, RecordingReport

NO_CLOCK = "its time stamps are missing or do not rise; the times follow from the frame rate"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a file says of itself; None where it says nothing.

    bit_depth : None for 16-bit data whose significant bits are not stated.
    stored_bits : those that a pixel takes, of a file that says how many of them count; the pixels may say otherwise.
    clock : what the times of the shots come from: "device", "host", "container" or None.
    lost_outside : frames known to be lost before the first one that is there or after the last.
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
    """One whole image as a reader found it, with its index and the clocks of the file."""

    index: int
    image: Image
    host_time_ns: int | None = None
    device_time_ns: int | None = None
    container_time_s: float | None = None


class Tally:
    """Counts what a reader finds; becomes the `RecordingReport`."""

    def __init__(self, claim: Claim) -> None:
        self.claimed = claim.frames
        self.found = self.damaged = self.repeated = 0
        self.lost = claim.lost_outside
        self.truncated = claim.truncated
        self.lossy_codec = claim.lossy_codec
        self.notes = dict.fromkeys(claim.notes)  # a set that keeps its order

    def note(self, text: str) -> None:
        """Keep a remark, once."""
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
    """A file format. Made from a path, it reads headers and closes the file again; `shots` opens it anew."""

    @property
    def claim(self) -> Claim:
        """What the file says of itself."""
        ...

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the whole images in order; damaged ones are counted in `tally` and left out.

        positions : places in the file to read instead of all of it; a reader that cannot jump ignores them.
        """
        ...
