"""Covariance-based estimator of diffusion, for one coordinate and for all tracks of a recording at once.

Sources: Vestergaard, Blainey, Flyvbjerg, Phys. Rev. E 89, 022726 (2014), eqs. 14-18; missing positions and variances
with them: Vestergaard, Phys. Rev. E 94, 022401 (2016), eqs. 21-24. Motion-blur coefficient R: Berglund, Phys. Rev. E
82, 011917 (2010).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nta.diffusion.lines import LineDiffusion, TrackDiffusion, checked_line
from nta.diffusion.steps import Steps
from nta.errors import SettingError


def cve(
    frame: ArrayLike,
    position_um: ArrayLike,
    frame_interval_s: float,
    *,
    blur: float = 0.0,
    localization_variance_um2: float | None = None,
    variance_of_localization_variance_um4: float | None = None,
) -> LineDiffusion:
    """Covariance-based estimate of one coordinate of one track; frames may be missing.

    Parameters
    ----------
    frame, position_um
        Ascending frame indices, and the position in each.
    frame_interval_s
        Time between neighbouring frame indices.
    blur
        Motion-blur coefficient R, 0 to 1/4. Affects the estimate only if the localization variance is given.
    localization_variance_um2, variance_of_localization_variance_um4
        Localization variance from an independent measurement, and the variance of that value (0 if exact).
    """
    t, x = checked_line(frame, position_um, least=3)
    if not 0 <= blur <= 0.25:
        raise SettingError(f"the motion-blur coefficient must be between 0 and 1/4, got {blur}")
    mean_step = float(np.mean(np.diff(t)))
    dx = np.diff(x)
    square, product = float(np.mean(dx**2)), float(np.mean(dx[1:] * dx[:-1]))
    known = localization_variance_um2
    if known is None:
        diffusion = (square / 2 + product) / (mean_step * frame_interval_s)
        noise = blur * square + (2 * blur - 1) * product
        variance = _variance_free(diffusion, noise, frame_interval_s, x.size, blur, mean_step)
    else:
        diffusion = (square - 2 * known) / (2 * (mean_step - 2 * blur) * frame_interval_s)
        noise, of_known = known, variance_of_localization_variance_um4 or 0.0
        variance = _variance_known(diffusion, noise, of_known, frame_interval_s, x.size, blur, mean_step)
    return LineDiffusion(float(diffusion), float(variance), float(noise), x.size, None, "cve")


def cve_of_tracks(steps: Steps, blur: float) -> TrackDiffusion:
    """Covariance-based estimate of every track, both axes together; needs two consecutive displacements.

    One pass of sums over all displacements: no loop over tracks.
    """
    n, n_steps, track = steps.n_tracks, steps.n_steps, steps.track_of_step
    square = np.bincount(track, steps.dy_um**2 + steps.dx_um**2, minlength=n)
    row = steps.row_of_step
    neighbours = (np.diff(row) == 1) & (np.diff(track) == 0)
    products = steps.dy_um[1:] * steps.dy_um[:-1] + steps.dx_um[1:] * steps.dx_um[:-1]
    product = np.bincount(track[1:], products * neighbours, minlength=n)
    n_pairs = np.bincount(track[1:], neighbours, minlength=n)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square = square / (2 * n_steps)
        mean_product = product / (2 * np.where(n_pairs > 0, n_pairs, np.nan))
        mean_step = np.bincount(track, steps.dt_s, minlength=n) / n_steps / steps.frame_interval_s
        diffusion = (mean_square / 2 + mean_product) / (mean_step * steps.frame_interval_s)
        noise = blur * mean_square + (2 * blur - 1) * mean_product
        per_axis = _variance_free(diffusion, noise, steps.frame_interval_s, n_steps + 1.0, blur, mean_step)
    return TrackDiffusion(diffusion, np.sqrt(per_axis / 2), noise)


def _variance_free(diffusion: Any, noise: Any, interval_s: float, n: Any, blur: float, mean_step: Any) -> Any:
    """Variance with the localization variance estimated from the same coordinate: eq. 22 of Vestergaard (2016)."""
    epsilon = noise / interval_s - 2 * blur * diffusion
    d = mean_step * diffusion
    return ((6 * d**2 + 4 * epsilon * d + 2 * epsilon**2) / n + 4 * (d + epsilon) ** 2 / n**2) / mean_step**2


def _variance_known(
    diffusion: Any, noise: Any, of_known: float, interval_s: float, n: Any, blur: float, mean_step: Any
) -> Any:
    """Variance where the localization variance is known, itself with variance `of_known`: eq. 24 of Vestergaard (2016)."""
    epsilon = noise / interval_s - 2 * blur * diffusion
    d = mean_step * diffusion
    shrink = (mean_step - 2 * blur) ** 2
    return (2 * d**2 + 4 * epsilon * d + 3 * epsilon**2) / (n * shrink) + of_known / (shrink * interval_s**2)
