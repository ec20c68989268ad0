"""Settings of the live analysis; those of the science are in `AnalysisSettings`, live or not."""

from __future__ import annotations

from dataclasses import dataclass

from nta.errors import SettingError

_UNTIL_TOLD_S, _UNTIL_GOOD_S = 60.0, 600.0


@dataclass(frozen=True, kw_only=True)
class LiveSettings:
    """How often sizes are inferred while a recording grows, and when they are precise enough.

    until_d50_within : target for the relative half width of the statistical interval of D50, 0.03 for ±3 %;
        None: no target. The systematic part (temperature, pixel size) does not shrink with more frames and is
        not counted.
    least_interval_s : shortest time between two inferences of sizes.
    busy_share : share of one core that inferring sizes may use, so that it never disturbs the recording, whatever the
        number of tracks.
    repeats : bootstrap repeats of the live intervals; 100 know the half width of an interval to a tenth.
    backlog_bytes : memory for frames that wait to be searched. If it is full, frames are left out of the live
        analysis, never out of the recording.
    corrected : whether sizes are corrected for the motion that detection and linking lose, as those of the report are; where
        no sizes are shown, this costs time for nothing.
    """

    until_d50_within: float | None = None
    least_interval_s: float = 2.0
    busy_share: float = 0.25
    repeats: int = 100
    backlog_bytes: int = 256 << 20
    corrected: bool = True

    @property
    def usual_s(self) -> float:
        """Duration if none is stated; with a target for D50, the longest duration."""
        return _UNTIL_TOLD_S if self.until_d50_within is None else _UNTIL_GOOD_S

    def __post_init__(self) -> None:
        within = self.until_d50_within
        if within is not None and not 0.001 <= within <= 0.5:
            raise SettingError(
                f"until_d50_within must be 0.1 % to 50 % of D50 (0.001 to 0.5), got {100 * within:g} %"
            )
        if not self.least_interval_s >= 0:
            raise SettingError(f"least_interval_s must be >= 0 s, got {self.least_interval_s}")
        if not 0 < self.busy_share <= 1:
            raise SettingError(f"busy_share must be above 0 and at most 1, got {self.busy_share}")
        if not 50 <= self.repeats <= 20_000:
            raise SettingError(f"repeats must be 50 to 20000, got {self.repeats}")
        if not self.backlog_bytes > 0:
            raise SettingError(f"backlog_bytes must be > 0, got {self.backlog_bytes}")
