"""Drift: the motion that all particles share, found in their steps and taken out of the tracks.

The mean step of the N particles in view is drift plus the mean of N Brownian steps. Subtracting it frame by frame takes
1/N of the Brownian variance along, so that sizes come out N/(N - 1) too large. Drift is smooth, Brownian motion is not:
the mean step is therefore described by the few cosines over the recording that stand out of the noise, whose size is
known, and only these are subtracted. A recording without significant drift is left as it is.

Selection: cosine k of the weighted mean step has, without drift, a score z_y**2 + z_x**2 that follows chi-square with two
degrees of freedom, P(> c) = exp(-c / 2). It is kept where this is below FALSE_ALARM * 6 / (pi * (k + 1))**2; these levels
add up to FALSE_ALARM over all k and favour slow drift. One at a time, refitted together (forward selection with a
family-wise level; thresholding of orthogonal noise as in Donoho and Johnstone, Biometrika 81, 425 (1994)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray

FALSE_ALARM = 0.01  # chance that a recording without drift has some subtracted
EATEN_AT_MOST = 0.005  # cosines per observed step: the share of Brownian variance that the fit may take along
PRIOR_STEPS = 4.0  # a track's own step variance counts from about this many steps on
CLIP_SD = 4.0  # a step beyond this is a wrong link more likely than not, and counts as this
WHITE_RATIO = 1.3  # between 2 (a stuck spot: positions are independent) and 0 (free diffusion)
LEAST_SPOTS_FOR_STUCK = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Drift:
    """Common motion at successive frame indices: position (0 at the first) and standard error of one step, per axis."""

    first_frame: int
    y_px: FloatArray
    x_px: FloatArray
    step_std_err_px: FloatArray

    def at(self, frame: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return (y, x) of the drift at the given frames; before the first and after the last it stands still."""
        index = np.clip(np.asarray(frame) - self.first_frame, 0, self.y_px.size - 1)
        return self.y_px[index], self.x_px[index]

    def std_err_at(self, frame: IntArray) -> FloatArray:
        """Return the standard error of the drift step that starts at the given frames."""
        if not self.step_std_err_px.size:
            return np.zeros(np.asarray(frame).size)
        return self.step_std_err_px[
            np.clip(np.asarray(frame) - self.first_frame, 0, self.step_std_err_px.size - 1)
        ]


def no_drift(first_frame: int = 0) -> Drift:
    """Return the drift of a recording whose positions are left alone."""
    return Drift(first_frame=first_frame, y_px=np.zeros(1), x_px=np.zeros(1), step_std_err_px=np.zeros(0))


def find_drift(track: IntArray, frame: IntArray, y_px: FloatArray, x_px: FloatArray) -> Drift:
    """Find the common motion of tracks (rows sorted by track, then frame).

    Spots that stay where they are (stuck, hot pixels, text in the image) do not tell how the liquid moves and are left out.
    """
    steps = _Steps.of(track, frame, y_px, x_px)
    if steps is None:
        return no_drift(int(frame[0]) if frame.size else 0)
    weight = np.bincount(steps.slot, steps.weight, steps.n_slots)
    pull = np.stack([np.bincount(steps.slot, steps.weight * d, steps.n_slots) for d in (steps.dy, steps.dx)])
    cosines, step, std_err = _significant_cosines(weight, pull, steps.slot.size)
    if not cosines:  # nothing stands out; the error says how large a steady drift could have gone unseen
        step = np.zeros_like(pull)
    y, x = np.concatenate([np.zeros((2, 1)), np.cumsum(step, axis=1)], axis=1)
    return Drift(first_frame=steps.first_frame, y_px=y, x_px=x, step_std_err_px=std_err)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Steps:
    """Steps between neighbouring frames, with the weight of what each says about the common motion."""

    slot: IntArray  # frame index of the start, from the first frame
    dy: FloatArray
    dx: FloatArray
    weight: FloatArray  # one over the step's variance per axis
    first_frame: int
    n_slots: int

    @classmethod
    def of(cls, track: IntArray, frame: IntArray, y_px: FloatArray, x_px: FloatArray) -> _Steps | None:
        moving = ~_stuck(track, y_px, x_px)
        rows = np.flatnonzero((np.diff(track) == 0) & (np.diff(frame) == 1) & moving[track[:-1]])
        if not rows.size:
            return None
        dy, dx = y_px[rows + 1] - y_px[rows], x_px[rows + 1] - x_px[rows]
        dy_free, dx_free = dy - np.median(dy), dx - np.median(dx)
        variance = _step_variance(track[rows], dy_free**2 + dx_free**2)
        limit = CLIP_SD * np.sqrt(variance)
        first = int(frame.min())
        return cls(
            slot=frame[rows].astype(np.int64) - first,
            dy=dy - dy_free + np.clip(dy_free, -limit, limit),
            dx=dx - dx_free + np.clip(dx_free, -limit, limit),
            weight=1 / variance,
            first_frame=first,
            n_slots=int(frame.max()) - first,
        )


def _step_variance(track: IntArray, squared: FloatArray) -> FloatArray:
    """Variance per axis of each step: of its track, drawn towards that of all tracks where the track has few steps."""
    n = np.bincount(track)
    own = np.bincount(track, squared)
    common = 0.5 * np.median(own[n > 0] / n[n > 0])
    floor = 1e-3 * max(common, 1e-12)  # a track that repeats its position must not rule alone
    variance = (0.5 * own + PRIOR_STEPS * common) / (n + PRIOR_STEPS)
    return np.maximum(variance, floor)[track]


def _stuck(track: IntArray, y_px: FloatArray, x_px: FloatArray) -> BoolArray:
    """Say of each track whether its positions scatter independently about one place, as a stuck spot's do.

    Ratio of squared steps to squared deviations from the mean: 2 for independent positions, about 6 / n for diffusion.
    Source: von Neumann, Ann. Math. Stat. 12, 367 (1941). Where most tracks look stuck (the whole image shakes, or the
    particles hardly move between frames) the ratio cannot tell them apart, and none is called stuck.
    """
    n = np.bincount(track)
    inside = np.diff(track) == 0
    steps, spread = np.zeros(n.size), np.zeros(n.size)
    for position in (y_px, x_px):
        steps += np.bincount(track[1:], np.where(inside, np.diff(position), 0.0) ** 2, n.size)
        centred = position - (np.bincount(track, position) / np.maximum(n, 1))[track]
        spread += np.bincount(track, centred**2, n.size)
    stuck = (n >= LEAST_SPOTS_FOR_STUCK) & (steps > WHITE_RATIO * spread)
    return stuck if n[stuck].sum() < 0.5 * n.sum() else np.zeros(n.size, dtype=bool)


def _significant_cosines(
    weight: FloatArray, pull: FloatArray, n_steps: int
) -> tuple[list[int], FloatArray, FloatArray]:
    """Select and fit cosines to the mean step pull / weight.

    Returns the cosines, the fitted step (2, slots), and the standard error of the fitted step, per axis; with no cosine
    selected, the fit and error of a constant.
    """
    n_slots = weight.size
    order = np.arange(n_slots)
    level = 2 * np.log(np.pi**2 * (order + 1.0) ** 2 / (6 * FALSE_ALARM))
    doubled = _cosine_sums(weight, 2)[:n_slots]
    information = np.maximum(0.5 * (weight.sum() + doubled), 1e-9 * weight.sum())
    chosen: list[int] = []
    step, std_err = _fit_cosines([0], weight, pull)
    fitted = np.zeros_like(pull)
    most = max(1, int(EATEN_AT_MOST * n_steps))
    while len(chosen) < most:
        left = pull - weight * fitted
        score = sum(_cosine_sums(axis, 1)[:n_slots] ** 2 for axis in left) / information
        excess = score - level
        excess[chosen] = -np.inf
        best = int(np.argmax(excess))
        if excess[best] <= 0:
            break
        chosen.append(best)
        step, std_err = _fit_cosines(chosen, weight, pull)
        fitted = step
    return chosen, step, std_err


def _cosine_sums(values: FloatArray, stride: int) -> FloatArray:
    """Return sum_t values[t] cos(pi k stride (t + 1/2) / n) for k = 0 .. n - 1, by a fast Fourier transform."""
    n = values.size
    k = np.arange(n) * stride
    spectrum = np.fft.fft(values, 2 * n)[k % (2 * n)]
    return np.asarray((np.exp(-0.5j * np.pi * k / n) * spectrum).real)


def _fit_cosines(chosen: list[int], weight: FloatArray, pull: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares of the chosen cosines; returns the fit (2, slots) and its standard error per axis."""
    phase = np.pi * (np.arange(weight.size) + 0.5) / weight.size
    basis = np.cos(np.outer(np.asarray(chosen), phase))
    covariance = np.linalg.inv((basis * weight) @ basis.T)
    fit = (covariance @ (basis @ pull.T)).T @ basis
    return fit, np.sqrt(np.einsum("kt,kl,lt->t", basis, covariance, basis))
