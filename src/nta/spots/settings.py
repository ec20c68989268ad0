"""Settings of the detection of spots."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nta.errors import SettingError
from nta.stated import check_choice

Contrast = Literal["auto", "bright", "dark"]
Engine = Literal["fast", "reference", "trackpy"]
THRESHOLDS_SD = (1.0, 100.0)  # lowest and highest threshold allowed


@dataclass(frozen=True, kw_only=True)
class DetectionSettings:
    """How spots are found; the defaults are meant for every recording."""

    # noise passes this 0.2 times per 640x480 frame (sigma 1.6 px), never twice in a row
    threshold_sd: float = 4.75
    contrast: Contrast = "auto"
    # standard deviation of a spot in focus; None: taken from the recording
    spot_width_px: float | None = None
    engine: Engine = "fast"
    remove_fixed_pattern: bool = True  # hot pixels, pixel offsets and burnt-in text
    split_overlapping: bool = True  # fit two spots if a single spot does not explain the light
    threads: int | None = None  # None: as many as there are cores; does not change the result

    def __post_init__(self) -> None:
        low, high = THRESHOLDS_SD
        if not (math.isfinite(self.threshold_sd) and low <= self.threshold_sd <= high):
            raise SettingError(
                f"threshold_sd must be {low:g} to {high:g} standard deviations of noise, got {self.threshold_sd}"
            )
        check_choice("contrast", self.contrast, Contrast)
        check_choice("engine", self.engine, Engine)
        if self.spot_width_px is not None and not 0.5 <= self.spot_width_px <= 20:
            raise SettingError(
                f"spot_width_px must be 0.5 to 20 px (standard deviation), got {self.spot_width_px}"
            )
        if self.threads is not None and self.threads < 1:
            raise SettingError(f"threads must be >= 1, got {self.threads}")
