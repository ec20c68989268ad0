"""Corrections for selection: short steps are more likely to be observed than long steps.

A particle that moves far during the exposure is smeared; a smeared spot is fainter per pixel, and a faint one is missed.
Particles that are found have therefore moved less during the exposure than average. Two moments of the motion within an
exposure are reduced to the shares r and q: the squared distance from the centroid of the path to its end, 2 D t_E / 3, and
the product of the displacements to and from the centroid, D t_E / 3. With frame interval T and exposure t_E,

    var(d_i) = 2 D (T - t_E + 2 r t_E / 3) + errors,    cov(d_i, d_(i+1)) = q D t_E / 3 + errors.

That is the model of `nta.diffusion.gaussian` for the diffusion coefficient k D and the exposure q t_E / k, where
k = 1 - (1 - 2 r / 3 - q / 3) t_E / T. r and q are means over simulated exposures, weighted by the probability that spots of
this light and width are found in this recording.

A particle is also missed while another hides it. After a short step it is still near where it was just visible, so it is
probably not hidden; after a long step it may be anywhere. Let others within radius R hide a particle at a random place with
probability 1 - exp(-m). After its step r_1 and their step r_2, the circle of radius R covers an area
pi R² f(|r_1 - r_2| / R) that was not known to be free, and the particle is visible with probability exp(-m f). To first
order in m, the visible steps have the mean square 1 - m cov(r_1², f) / <r_1²> relative to all steps, and D is low by the
same factor: 1 to 3 % where particles move a fifteenth of their distance per frame and axis.

A link is given up where another particle might have made the step, and long steps are given up sooner. The share of the mean
squared step that remains is found by linking the recording's spots again along simulated paths (`nta.tracks.relinking`).

docs/measured.md compares all three corrections with the truth of simulated recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from nta.columns import FloatArray
from nta.diffusion.steps import Steps
from nta.tracks.table import Tracks

_EXPOSURES, _MOMENTS = 2000, 16
_KNOTS = (16, 6, 8)  # knots of the table: light, width, spread
_PASSES = 2
_NEAR = 2  # rows before and after whose light and width are averaged: those of a single spot are subject to selection
_HIDES = 2.5  # distance, in widths of a spot, within which one particle hides another; 2 to 3 change the share by a sixth
_PAIRS = 20_000
# largest correction of the mean squared step: beyond, the first order in m does not suffice
_MOST_HIDDEN = 0.2
_STANDS_STILL = 0.02  # variance of the steps over the usual one below which a track counts as resting
_FEW_STEPS = 4
# least share: below it hardly any spot is found, and the detection probability is too uncertain
_LEAST_LEFT = 0.5


class Detection(Protocol):
    """Probability that a spot is found, and that no other particle hides it."""

    def probability(self, electrons: FloatArray, width_px: FloatArray) -> FloatArray:
        """Return the probability by light and width of the image."""
        ...

    def not_hidden(self, electrons: FloatArray) -> FloatArray:
        """Return the probability that a spot with ample light is found: it is missed only behind other particles."""
        ...


class Links(Protocol):
    """Share of the motion that remains in the links."""

    def kept_share(self, step_variance_px2: FloatArray) -> FloatArray:
        """Return the share of the mean squared step of each track, given its step variance per axis; NaN: unknown."""
        ...


@dataclass(frozen=True, eq=False)
class SeenMotion:
    """Share of the motion that remains in the observed steps.

    kept_share : (n_tracks,) share of D. blur_share : share of the exposure that blurs, common to the recording.
    """

    kept_share: FloatArray
    blur_share: float

    @property
    def is_all(self) -> bool:
        """Whether no motion is lost."""
        return self.blur_share == 1 and bool(np.all(self.kept_share == 1))


def seen_motion(
    tracks: Tracks,
    steps: Steps,
    diffusion_um2_s: FloatArray,
    exposure_s: float,
    detection: Detection | None,
    links: Links | None = None,
) -> SeenMotion:
    """Estimate the share of the motion that is observed: 1 if every spot is found and linked, or if this is unknown.

    diffusion_um2_s : D of every track, estimated without this correction; if unknown, the share is 1.
    """
    known = np.isfinite(diffusion_um2_s) & (diffusion_um2_s > 0)
    seen = SeenMotion(np.ones(steps.n_tracks), 1.0)
    if not known.any():
        return seen
    for _ in range(_PASSES):  # particles faster than their first estimate lose more
        diffusion = np.where(known, diffusion_um2_s / seen.kept_share, 0.0)
        seen = SeenMotion(np.ones(steps.n_tracks), 1.0)
        if detection is not None:
            seen = _seen_at(tracks, steps, diffusion, exposure_s, detection)
        if links is not None:
            linked = links.kept_share(_step_variance_px2(steps, diffusion, exposure_s))
            seen = SeenMotion(seen.kept_share * linked, seen.blur_share)
    return seen


def _step_variance_px2(steps: Steps, diffusion_um2_s: FloatArray, exposure_s: float) -> FloatArray:
    """Variance per axis of the steps of every track from frame to frame; NaN if a track is too short to have a D.

    ln D of few steps scatters more than the particles do; it is shrunk towards the mean by the ratio of its error variance
    to the total variance.
    """
    between_s = steps.frame_interval_s - exposure_s / 3
    variance = 2 * diffusion_um2_s * between_s / steps.pixel_size_um**2
    moves = variance > _STANDS_STILL * np.median(variance[variance > 0])
    log, error2 = np.log(variance[moves]), 1 / np.maximum(steps.n_steps[moves], 1)
    mean = np.average(log, weights=1 / error2)
    scatter2 = max(np.average((log - mean) ** 2 - error2, weights=1 / error2), 0.0)
    variance[moves] = np.exp(mean + (log - mean) * scatter2 / (scatter2 + error2))
    return np.asarray(np.where(moves, variance, np.where(steps.n_steps < _FEW_STEPS, np.nan, 0.0)))


def _seen_at(
    tracks: Tracks, steps: Steps, diffusion_um2_s: FloatArray, exposure_s: float, detection: Detection
) -> SeenMotion:
    """Estimate the share of the motion that is observed for tracks of this D; tracks with D = 0 are skipped."""
    light = np.maximum(_near_mean(tracks.intensity.astype(np.float64), steps), 1.0)
    led_past_others = _led_past_others(tracks, steps, light, diffusion_um2_s, exposure_s, detection)
    # variance along an axis that motion during one exposure adds to the image, without selection
    spread = (diffusion_um2_s * exposure_s / 3 / steps.pixel_size_um**2)[steps.track]
    width = np.sqrt(np.maximum(_near_mean(tracks.width_px.astype(np.float64) ** 2, steps) - spread, 0.0))
    rows = np.flatnonzero(spread > 0)
    if not rows.size:
        return SeenMotion(led_past_others, 1.0)
    track = steps.track[rows]
    r, q = _moments_left(
        light[rows], np.maximum(width[rows], 0.5 * tracks.scene.spot_width_px), spread[rows], detection
    )
    lost = np.bincount(track, 1 - 2 * r / 3 - q / 3, steps.n_tracks) / np.maximum(steps.n_points, 1)
    kept = 1 - lost * exposure_s / steps.frame_interval_s
    return SeenMotion(kept * led_past_others, float(np.mean(q / kept[track])))


def _led_past_others(
    tracks: Tracks,
    steps: Steps,
    light: FloatArray,
    diffusion_um2_s: FloatArray,
    exposure_s: float,
    detection: Detection,
) -> FloatArray:
    """Share of the mean squared step of each track that remains when long steps end behind other particles."""
    hidden = -np.log(np.clip(detection.not_hidden(light), 1e-3, 1.0))
    hidden = np.bincount(steps.track, hidden, steps.n_tracks) / np.maximum(steps.n_points, 1)
    between_s = steps.frame_interval_s - exposure_s / 3
    step_px = np.sqrt(2 * diffusion_um2_s * between_s) / steps.pixel_size_um
    lost = hidden * np.interp(step_px / (_HIDES * tracks.scene.spot_width_px), *_lost_behind())
    return np.asarray(1 - np.minimum(lost, _MOST_HIDDEN))


@cache
def _lost_behind() -> tuple[FloatArray, FloatArray]:
    """Return standard steps per axis over the hiding radius R, and cov(r_1², f) / <r_1²> for each."""
    steps = np.random.default_rng(0).standard_normal((2, _PAIRS, 2))
    squared = (steps[0] ** 2).sum(axis=1)
    apart = np.hypot(*(steps[0] - steps[1]).T)
    ratio = np.concatenate([[0.0], np.geomspace(0.01, 30, 60)])
    half = np.minimum(ratio[:, None] * apart / 2, 1.0)  # from 1 on, the circles no longer overlap
    gained = 1 - 2 / np.pi * (np.arccos(half) - half * np.sqrt(1 - half**2))
    return ratio, ((gained - gained.mean(axis=1, keepdims=True)) @ squared) / squared.sum()


def _near_mean(values: FloatArray, steps: Steps) -> FloatArray:
    """Mean over each row and its neighbours in the track."""
    total, count = values.copy(), np.ones(values.size)
    for away in range(1, _NEAR + 1):
        same = np.flatnonzero(steps.track[away:] == steps.track[:-away])
        for here, there in ((same, same + away), (same + away, same)):
            total[here] += values[there]
            count[here] += 1
    return np.asarray(total / count)


def _moments_left(
    light: FloatArray, width: FloatArray, spread: FloatArray, detection: Detection
) -> tuple[FloatArray, FloatArray]:
    """Return the shares r and q of every row, interpolated in a table over light, width and spread."""
    from scipy.interpolate import RegularGridInterpolator

    columns = (light, width, np.maximum(spread, 1e-6))
    knots = tuple(_knots(values, n) for values, n in zip(columns, _KNOTS, strict=True))
    variance, squared, product = _exposures()
    table = np.empty((*_KNOTS, 2))
    for i, one_width in enumerate(np.exp(knots[1])):
        for j, one_spread in enumerate(np.exp(knots[2])):
            widths = np.sqrt(one_width**2 + one_spread * variance)
            found = detection.probability(np.exp(knots[0])[:, None], widths[None, :])
            found = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300)
            table[:, i, j, 0], table[:, i, j, 1] = found @ squared, found @ product
    at = np.log(np.stack(columns, axis=1))
    inside = np.clip(at, [k[0] for k in knots], [k[-1] for k in knots])
    left = np.clip(RegularGridInterpolator(knots, table)(inside), _LEAST_LEFT, 1.0)
    return left[:, 0], left[:, 1]


@cache
def _exposures() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Simulate Brownian paths during the exposure; return three numbers of each, normalised to a mean of 1.

    These are the variance along the path, the squared distance from its centroid to its end, and the product of the
    displacements to and from the centroid; each is a sum over both axes.
    """
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((_EXPOSURES, 2, _MOMENTS))
    path = np.cumsum(np.concatenate([steps, -steps[:, ::-1]]), axis=2)
    path = np.concatenate([np.zeros((*path.shape[:2], 1)), path], axis=2)
    centroid = (path[:, :, 1:] + path[:, :, :-1]).mean(axis=2) / 2
    variance = path.var(axis=2).sum(axis=1)
    squared = ((path[:, :, -1] - centroid) ** 2).sum(axis=1)
    product = ((path[:, :, -1] - centroid) * centroid).sum(axis=1)
    return variance / variance.mean(), squared / squared.mean(), product / product.mean()


def _knots(values: FloatArray, n: int) -> FloatArray:
    """Return knots in ln(value), evenly spaced between its 1 % and 99 % points."""
    low, high = np.log(np.quantile(values, [0.01, 0.99]))
    return np.linspace(low, max(high, low + 1e-3), n)
