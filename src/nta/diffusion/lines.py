"""Input and results of estimators of single coordinates, and of all tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nta.columns import FloatArray, IntArray
from nta.errors import SettingError


@dataclass(frozen=True)
class LineDiffusion:
    """Diffusion along one coordinate.

    diffusion_um2_s, variance_um4_s2 : estimate and its variance.
    localization_variance_um2 : variance of a position by localization alone; the estimate from one track may be negative.
    n_lags : number of lags of the mean squared displacement that were used; None if the estimator uses no lags.
    """

    diffusion_um2_s: float
    variance_um4_s2: float
    localization_variance_um2: float
    n_points: int
    n_lags: int | None
    estimator: str

    @property
    def std_err_um2_s(self) -> float:
        """Standard error of the diffusion coefficient."""
        return float(np.sqrt(self.variance_um4_s2))


@dataclass(frozen=True, eq=False)
class TrackDiffusion:
    """Estimates of all tracks by one estimator; row i is track i, NaN if it has too few spots."""

    diffusion_um2_s: FloatArray
    std_err_um2_s: FloatArray
    localization_variance_um2: FloatArray


def checked_line(frame: ArrayLike, position_um: ArrayLike, least: int) -> tuple[IntArray, FloatArray]:
    """Return frames and positions of one coordinate as arrays; refuse input that no estimator can use."""
    t = np.asarray(frame)
    x = np.asarray(position_um, dtype=np.float64)
    if t.ndim != 1 or t.shape != x.shape:
        raise SettingError(
            f"frame and position_um must be of equal length, got shapes {t.shape} and {x.shape}"
        )
    if not np.issubdtype(t.dtype, np.integer):
        raise SettingError(f"frame must hold whole numbers, got {t.dtype}")
    if t.size < least:
        raise SettingError(f"this estimate needs {least} positions or more, got {t.size}")
    if np.any(np.diff(t) <= 0):
        raise SettingError("frame must ascend without repeats")
    return t.astype(np.int64), x
