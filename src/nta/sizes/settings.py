"""Settings of the size distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nta.errors import SettingError
from nta.stated import check_choice

Method = Literal["population", "histogram", "kde", "ftla"]
Counting = Literal["time", "tracks"]


@dataclass(frozen=True, kw_only=True)
class SizingSettings:
    """How the size distribution is inferred and reported.

    windows_nm : diameter windows (low, high) whose share of the particles is reported.
    grid_low_nm, grid_high_nm, bins : range of the reported distribution and its number of bins, even in log
        diameter. 400 bins over 10-2000 nm are 1.3 % wide, narrower than any peak that tracks can resolve.
    method : "population" infers the distribution from the likelihoods of all tracks; the others are the plain
        estimates that other programs print (histogram and kernel density of per-track diameters,
        finite-track-length adjustment).
    counting : weight of a track. "time": the particles in view at a moment, averaged over the recording, so that
        a particle counts by its time in view; "tracks": every track once, which counts fast particles more often,
        because they leave and return.
    min_tracks : below this there is no distribution ("not assessed"), only the sizes of the single tracks.
    min_points : shortest track, in spots, that enters the population.
    confidence : confidence level of all intervals and bands of the sizes; concentrations, detection limits and
        indices have 95 %.
    repeats : bootstrap repeats; 0 for no intervals.
    max_components : largest number of log-normal components that is tried.
    seed : seed of the bootstrap; the same seed gives the same numbers.
    """

    windows_nm: tuple[tuple[float, float], ...] = ((30.0, 150.0), (30.0, 100.0), (100.0, 200.0))
    grid_low_nm: float = 10.0
    grid_high_nm: float = 2000.0
    bins: int = 400
    method: Method = "population"
    counting: Counting = "time"
    min_tracks: int = 30
    min_points: int = 5
    confidence: float = 0.95
    repeats: int = 400
    max_components: int = 8
    seed: int = 20_120_605

    def __post_init__(self) -> None:
        object.__setattr__(self, "windows_nm", tuple((float(a), float(b)) for a, b in self.windows_nm))
        for low, high in self.windows_nm:
            if not 0 <= low < high:
                raise SettingError(f"a window of diameters needs 0 <= low < high, got {low:g} to {high:g} nm")
        if not 0 < self.grid_low_nm < self.grid_high_nm < math.inf:
            raise SettingError(
                f"grid_low_nm must be > 0 and below grid_high_nm, got {self.grid_low_nm:g} and {self.grid_high_nm:g}"
            )
        if not 20 <= self.bins <= 5000:
            raise SettingError(f"bins must be 20 to 5000, got {self.bins}")
        check_choice("method", self.method, Method)
        check_choice("counting", self.counting, Counting)
        if self.min_tracks < 2:
            raise SettingError(f"min_tracks must be at least 2, got {self.min_tracks}")
        if self.min_points < 2:
            raise SettingError(
                f"min_points must be at least 2: one spot has no displacement, got {self.min_points}"
            )
        if not 0.5 <= self.confidence < 1:
            raise SettingError(f"confidence must be at least 0.5 and below 1, got {self.confidence}")
        if self.repeats != 0 and not 50 <= self.repeats <= 20_000:
            raise SettingError(f"repeats must be 0 (no intervals) or 50 to 20000, got {self.repeats}")
        if not 1 <= self.max_components <= 20:
            raise SettingError(f"max_components must be 1 to 20, got {self.max_components}")
