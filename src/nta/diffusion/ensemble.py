"""Is the motion of all particles together free diffusion? Exponent and isotropy, for which single tracks are too short."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.diffusion.likelihood import estimated_steps
from nta.diffusion.steps import Steps
from nta.diffusion.table import DiffusionEstimates
from nta.diffusion.track_anomalies import whitened
from nta.quantity import Z_95, Quantity, unknown
from nta.tracks.table import Tracks

_LAG = 4  # frames over which the growth is measured: most tracks last so long
_REPEATS, _SEED = 400, 1
_LEAST_TRACKS = 10


@dataclass(frozen=True, kw_only=True)
class EnsembleMotion:
    """Motion of all tracks that may be given a size.

    exponent : exponent of the mean squared displacement against time: 1 for free diffusion, below 1 for confined or slowed
        motion, above 1 for directed motion.
    isotropy : mobility along y over mobility along x, 1 for free diffusion.
    """

    exponent: Quantity
    isotropy: Quantity


def ensemble_motion(tracks: Tracks, diffusion: DiffusionEstimates) -> EnsembleMotion:
    """Return exponent and isotropy of all tracks together; values are None for fewer than ten suitable tracks."""
    steps = estimated_steps(tracks, diffusion)
    sized = diffusion.has_size
    steps = steps.select(np.flatnonzero(sized)).apart(diffusion.noise.lag_frames, one_chain=True)
    return EnsembleMotion(exponent=_exponent(steps, diffusion), isotropy=_isotropy(steps, diffusion))


def _isotropy(steps: Steps, diffusion: DiffusionEstimates) -> Quantity:
    """Ratio of the sums of squares of whitened displacements: fast and slow particles have equal weight."""
    method = "ratio of whitened squared displacements along y and x, 95 %"
    white = whitened(steps, diffusion.noise, diffusion.diffusion_um2_s[diffusion.has_size])
    white = white[np.isfinite(white).all(axis=1)]
    if steps.n_tracks < _LEAST_TRACKS or not white.size:
        return unknown("too few tracks", "1")
    y, x = (white**2).sum(axis=0)
    # ln of an F ratio with n and n degrees of freedom has variance 4 / n
    half = Z_95 * 2 / np.sqrt(len(white))
    value = float(y / x)
    return Quantity(value, float(value * np.exp(-half)), float(value * np.exp(half)), "1", method)


def _exponent(steps: Steps, diffusion: DiffusionEstimates) -> Quantity:
    """Growth of the squared displacement from one frame to four, within the same stretches of the same tracks.

    Only stretches without a gap count, and the short displacements are inside the long ones: particles that leave early, or
    are lost when they move far, drop out of both alike. Localization errors are subtracted; blur shortens both durations by
    the same time, a third of the exposure.
    """
    method = f"squared displacements over {_LAG} frames and over one, bootstrap over tracks, 95 %"
    short, long, track = _stretches(steps, diffusion)
    there = np.unique(track)
    if there.size < _LEAST_TRACKS:
        return unknown("too few tracks", "1")
    sums = np.stack([np.bincount(track, v, minlength=steps.n_tracks)[there] for v in (short, long)])
    weight = np.random.default_rng(_SEED).standard_exponential((_REPEATS, there.size))
    weight[0] = 1.0
    blur = diffusion.noise.blur_s
    times = np.log((_LAG * steps.frame_interval_s - blur) / (steps.frame_interval_s - blur))
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (weight @ sums.T).T
        exponent = np.log(b / a) / times
    if not np.isfinite(exponent).all():
        return unknown(f"{method}; displacements drown in the localization error", "1")
    low, high = np.quantile(exponent[1:], [0.025, 0.975])
    value = float(exponent[0])
    return Quantity(value, float(min(low, value)), float(max(high, value)), "1", method)


def _stretches(steps: Steps, diffusion: DiffusionEstimates) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return weighted squared displacements of stretches over one frame (their mean) and over `_LAG` frames; and the tracks.

    Localization errors are subtracted. Each stretch is weighted by its expected information, (motion / (motion + error))²,
    with the typical motion of all stretches, not by its own displacement. Otherwise a few poorly localised spots would
    dominate through the error of their stated uncertainty.
    """
    if steps.wait_frames.size < _LAG:  # no track is long enough
        return np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)
    variance = diffusion.noise.variance_um2(steps)
    whole = np.convolve(steps.wait_frames == 1, np.ones(_LAG), "valid") == _LAG
    first = np.flatnonzero(whole)
    first = first[first + _LAG < steps.y_um.size]
    last = first + _LAG

    def squared(a: IntArray, b: IntArray) -> FloatArray:
        return np.asarray((steps.y_um[b] - steps.y_um[a]) ** 2 + (steps.x_um[b] - steps.x_um[a]) ** 2)

    def error(a: IntArray, b: IntArray) -> FloatArray:
        return np.asarray(2 * (variance[a] + variance[b]))

    short, short_error = (
        np.mean([of(first + i, first + i + 1) for i in range(_LAG)], axis=0) for of in (squared, error)
    )
    usual = float(np.median(short)) if first.size else 1.0
    weight = (usual / (usual + short_error)) ** 2
    long = squared(first, last) - error(first, last)
    return np.asarray(weight * (short - short_error)), np.asarray(weight * long), steps.track[first]
