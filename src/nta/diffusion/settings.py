"""Settings of the estimate of diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nta.errors import SettingError
from nta.stated import check_choice

Estimator = Literal["likelihood", "cve", "ols", "gls"]

LEAST_FRAMES = {"likelihood": 3, "cve": 4, "ols": 5, "gls": 5}


Noise = Literal["recording", "spots"]


@dataclass(frozen=True, kw_only=True)
class DiffusionSettings:
    """How a diffusion coefficient is estimated from a track, and when a track is flagged.

    estimator : "likelihood": maximum of the exact Gaussian likelihood, the most precise; "cve": covariance-based
        (Vestergaard et al. 2014), needs no model of the noise; "ols": least squares on the optimal number of lags
        (Michalet and Berglund 2012); "gls": generalised least squares (Bullerjahn et al. 2020). The first two leave out
        displacements selected to be short (`Steps.wait_frames`); the last two use all pairs of positions, as is usual.
    noise : model of the localization errors (and of the blur, if the exposure is unknown). "recording": reported variances
        times a factor plus a floor, both estimated from all tracks together; "spots": the errors as reported.
    min_track_frames : number of spots that a track needs to get a diffusion coefficient.
    confidence : confidence level of the intervals per track.
    max_lag : lags used by "ols" and "gls"; None: the optimal number (ols), at most 10 (gls).
    mobile_evidence : least log-likelihood ratio of diffusion against rest with errors of any size for a track to count as
        mobile.
    false_alarm_rate : share of normal tracks that each of the flags MIXED and NON_BROWNIAN may be given to.
    """

    estimator: Estimator = "likelihood"
    noise: Noise = "recording"
    min_track_frames: int = 5
    confidence: float = 0.95
    max_lag: int | None = None
    mobile_evidence: float = 3.0
    false_alarm_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_choice("estimator", self.estimator, Estimator)
        check_choice("noise", self.noise, Noise)
        least = LEAST_FRAMES[self.estimator]
        if self.min_track_frames < least:
            raise SettingError(
                f"min_track_frames must be >= {least} for the estimator {self.estimator!r}, got {self.min_track_frames}"
            )
        if not 0 < self.confidence < 1:
            raise SettingError(f"confidence must be between 0 and 1, got {self.confidence}")
        if self.max_lag is not None and self.max_lag < 2:
            raise SettingError(f"max_lag must be >= 2 frames (a line needs two points), got {self.max_lag}")
        if not self.mobile_evidence >= 0:
            raise SettingError(f"mobile_evidence must be >= 0, got {self.mobile_evidence}")
        if not 0 < self.false_alarm_rate < 0.5:
            raise SettingError(f"false_alarm_rate must be between 0 and 0.5, got {self.false_alarm_rate}")
