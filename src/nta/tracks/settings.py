"""Settings of linking and drift subtraction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nta.errors import SettingError
from nta.stated import check_choice

Ambiguous = Literal["cut", "keep"]
DriftHandling = Literal["auto", "none"]
Engine = Literal["fast", "reference", "trackpy"]


@dataclass(frozen=True, kw_only=True)
class LinkingSettings:
    """How spots are linked to tracks.

    search_range_px : largest displacement of a particle between two frames; None: chosen from the recording's own steps
        and density (`nta.tracks.motion`), so that one setting serves 30 nm vesicles and 1 um beads.
    memory_frames : number of frames in which a spot may be missing (blinking, defocus, a lost frame) and keep its track.
    ambiguous : "cut" ends both tracks if crowding makes a link doubtful, because a wrong link gives a wrong size;
        "keep" uses the shortest possible links, as trackpy does.
    max_wrong_link : a link is doubtful if the probability that it is wrong exceeds this; for long tracks, which have more
        to lose, the limit is lower: a quarter of it after nine steps.
    drift : "auto" subtracts the common motion of the particles where it is significant; "none" subtracts nothing.
    min_track_frames : shorter tracks are dropped from the table; a track has at least two spots.
    engine : "fast" (compiled); "reference" (SciPy, slow) and "trackpy" (needs the extra `reference`) are second
        opinions that neither judge links nor follow drift while linking: they keep every link and assume slow flow.
    """

    search_range_px: float | None = None
    memory_frames: int = 2
    ambiguous: Ambiguous = "cut"
    max_wrong_link: float = 0.03
    drift: DriftHandling = "auto"
    min_track_frames: int = 2
    engine: Engine = "fast"

    def __post_init__(self) -> None:
        if self.search_range_px is not None and not (
            math.isfinite(self.search_range_px) and self.search_range_px > 0
        ):
            raise SettingError(
                f"search_range_px must be > 0 px, got {self.search_range_px}; leave it out to have it chosen"
            )
        if self.memory_frames < 0:
            raise SettingError(f"memory_frames must be >= 0, got {self.memory_frames}")
        if not 0 < self.max_wrong_link < 0.5:
            raise SettingError(
                f"max_wrong_link is a probability between 0 and 0.5, got {self.max_wrong_link}"
            )
        if self.min_track_frames < 2:
            raise SettingError(
                f"min_track_frames must be >= 2 (a track is at least two spots), got {self.min_track_frames}"
            )
        check_choice("ambiguous", self.ambiguous, Ambiguous)
        check_choice("drift", self.drift, DriftHandling)
        check_choice("engine", self.engine, Engine)
