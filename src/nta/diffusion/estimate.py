"""From tracks to diffusion coefficients: read `estimate_diffusion` from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, FloatArray, IntArray
from nta.diffusion.covariance import cve_of_tracks
from nta.diffusion.gaussian import Displacements, maximum_of_tracks
from nta.diffusion.intervals import credible_intervals
from nta.diffusion.lines import TrackDiffusion
from nta.diffusion.mobility import is_still_light, may_move, mobile_evidence
from nta.diffusion.noise import fit_noise, fit_noise_apart, guess_diffusion
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.regression import gls_of_tracks, ols_of_tracks
from nta.diffusion.selection import Detection, Links, seen_motion
from nta.diffusion.settings import LEAST_FRAMES, DiffusionSettings
from nta.diffusion.smoothing import step_correlation
from nta.diffusion.steps import Steps
from nta.diffusion.table import DiffusionEstimates, TrackFlag
from nta.diffusion.track_anomalies import changes_within, not_brownian, whitened
from nta.physics import blur_coefficient
from nta.quantity import coverage_factor
from nta.spots.table import SpotFlag
from nta.tracks.table import Tracks

_LEAST_STEPS = 2  # fewest usable displacements, whatever the number of spots


def estimate_diffusion(
    tracks: Tracks,
    *,
    pixel_size_um: float,
    frame_interval_s: float,
    exposure_s: float | None,
    settings: DiffusionSettings | None = None,
    detection: Detection | None = None,
    links: Links | None = None,
) -> DiffusionEstimates:
    """Estimate the diffusion coefficient of every track.

    Parameters
    ----------
    tracks
        Tracks of one recording, drift subtracted.
    pixel_size_um
        Pixel size in the sample plane.
    frame_interval_s
        Time between neighbouring frame indices; missing frames make it longer.
    exposure_s
        Time over which the camera averages a position. None if unknown: it is then estimated from the tracks (see
        `NoiseModel`), its uncertainty widens the intervals, and the covariance-based estimator does not use it.
    settings
        None: the defaults.
    detection
        Probability that a spot is found; None: no correction for spots that were missed.
    links
        Share of the motion that remains in links (`nta.tracks.Relinking`); None: no correction for links given up.
    """
    settings = settings or DiffusionSettings()
    steps = Steps.of(tracks, pixel_size_um, frame_interval_s)
    if exposure_s is not None:
        blur_coefficient(exposure_s, frame_interval_s)  # refuses an exposure longer than the interval
        exposure_s = min(exposure_s, frame_interval_s)
    long_enough = (steps.n_points >= settings.min_track_frames) & (steps.n_steps >= _LEAST_STEPS)
    believe_spots = settings.noise == "spots"

    usable = long_enough & _moves(steps)
    fit = _Fit.of(steps, fit_noise(steps, usable, exposure_s, believe_spots))
    mobile = _are_mobile(tracks, fit, long_enough, settings.mobile_evidence)

    seen = seen_motion(tracks, steps, fit.diffusion_um2_s, fit.noise.exposure_s, detection, links)
    if not seen.is_all:
        steps = Steps.of(tracks, pixel_size_um, frame_interval_s, kept_share=seen.kept_share)
        # an unknown exposure was estimated from the visible steps and needs no correction
        exposure_seen_s = None if exposure_s is None else exposure_s * seen.blur_share
        fit = _Fit.of(steps, fit_noise(steps, usable, exposure_seen_s, believe_spots, near=fit.noise))

    correlation = step_correlation(steps, usable, settings.false_alarm_rate)
    lag = correlation.lag_frames
    if lag > 1:
        whole = settings.estimator == "likelihood"  # it uses all chains of positions so far apart
        chains = steps.apart(lag, one_chain=not whole)
        long_enough &= chains.n_steps / (lag if whole else 1) >= LEAST_FRAMES[settings.estimator] - 1
        fit = _Fit.of(chains, fit_noise_apart(steps, usable & long_enough, believe_spots, lag))
    fit = replace(fit, noise=replace(fit.noise, flow=correlation.of_flow))

    found, low, high = _by_estimator(fit, settings)
    flags = _flags(tracks, steps, long_enough, mobile, found.diffusion_um2_s)
    trusted = np.where(long_enough & mobile, fit.diffusion_um2_s, 0.0)
    flags |= _doubts(tracks, steps, fit.noise, trusted, settings)
    there = long_enough & np.isfinite(found.diffusion_um2_s)
    kept = {name: np.where(there, column, np.nan) for name, column in vars(found).items()}
    return DiffusionEstimates(
        **kept,
        low_um2_s=np.where(there, low, np.nan),
        high_um2_s=np.where(there, high, np.nan),
        n_points=steps.n_points.astype(np.int32),
        first_frame=steps.first_frame.astype(np.int32),
        last_frame=steps.last_frame.astype(np.int32),
        intensity=_medians(tracks.intensity, steps.start),
        snr=_medians(tracks.snr, steps.start),
        flags=flags,
        kept_share=seen.kept_share,
        estimator=settings.estimator,
        frame_interval_s=float(frame_interval_s),
        exposure_s=exposure_s,
        pixel_size_um=float(pixel_size_um),
        noise=fit.noise,
        confidence=settings.confidence,
    )


@dataclass(frozen=True, eq=False)
class _Fit:
    """Noise model estimated from the steps, and the maximum-likelihood D of each track under it.

    steps : possibly interleaved chains of positions `noise.lag_frames` apart; all chains describe the same motion, so the
        information is that of a single chain.
    """

    steps: Steps
    noise: NoiseModel
    diffusion_um2_s: FloatArray
    log_likelihood: FloatArray
    information: FloatArray

    @classmethod
    def of(cls, steps: Steps, noise: NoiseModel) -> _Fit:
        displacements = Displacements.of(steps, noise)
        guess = guess_diffusion(steps, displacements.variance, noise.blur_s)
        diffusion, log_likelihood, information = maximum_of_tracks(displacements, guess)
        return cls(steps, noise, diffusion, log_likelihood, information / noise.lag_frames)


def _are_mobile(tracks: Tracks, fit: _Fit, long_enough: BoolArray, least_evidence: float) -> BoolArray:
    """Select tracks that evidently move, and those too short to prove it where nearly all others do."""
    steps = fit.steps
    width = _medians(tracks.width_px, steps.start).astype(np.float64) / tracks.scene.spot_width_px
    evidence = mobile_evidence(steps, fit.noise, fit.log_likelihood, width)
    dirt = is_still_light(tracks, steps, width)
    mobile = long_enough & (evidence >= least_evidence) & ~dirt
    return mobile | may_move(
        steps, fit.noise, fit.diffusion_um2_s, fit.information, mobile, long_enough & ~dirt
    )


def _by_estimator(fit: _Fit, settings: DiffusionSettings) -> tuple[TrackDiffusion, FloatArray, FloatArray]:
    """Return the estimates of all tracks by the chosen estimator, with both ends of their intervals.

    fit : of all chains of positions `noise.lag_frames` apart for the likelihood, otherwise of the first chain of each track.
    """
    steps, noise = fit.steps, fit.noise
    if settings.estimator == "likelihood":
        diffusion, information = fit.diffusion_um2_s, fit.information
        with np.errstate(divide="ignore", invalid="ignore"):
            std_err = np.hypot(1 / np.sqrt(information), diffusion * noise.diffusion_rel_std)
            error = (
                np.bincount(steps.track, noise.variance_um2(steps), minlength=steps.n_tracks) / steps.n_points
            )
        found = TrackDiffusion(diffusion, std_err, error)
        return found, *credible_intervals(steps, noise, diffusion, information, settings.confidence)
    if settings.estimator == "cve":
        found = cve_of_tracks(steps, blur_coefficient(noise.exposure_s, steps.frame_interval_s))
    else:
        of_tracks = ols_of_tracks if settings.estimator == "ols" else gls_of_tracks
        found = of_tracks(steps, settings.max_lag)
        # the intercept is 2 (s² - D t_E / 3) per axis
        blurred = found.localization_variance_um2 + found.diffusion_um2_s * noise.blur_s
        found = TrackDiffusion(found.diffusion_um2_s, found.std_err_um2_s, blurred)
    return found, *_log_normal_interval(found, settings.confidence)


def _log_normal_interval(found: TrackDiffusion, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Interval D * exp(-+ z s / D): the asymptotic interval of ln D, whose error hardly depends on D."""
    z = coverage_factor(confidence)
    d, s = found.diffusion_um2_s, found.std_err_um2_s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.exp(np.minimum(z * s / d, 50.0))
        low, high = d / spread, d * spread
    return np.where(d > 0, low, d - z * s), np.where(d > 0, high, d + z * s)


def _moves(steps: Steps) -> BoolArray:
    """Select tracks with any displacement beyond a hundredth of a pixel: keeps burnt-in text out of the noise fit."""
    square = np.bincount(steps.track_of_step, steps.dy_um**2 + steps.dx_um**2, minlength=steps.n_tracks)
    return np.asarray(square > (0.01 * steps.pixel_size_um) ** 2 * np.maximum(steps.n_steps, 1))


def _flags(
    tracks: Tracks, steps: Steps, long_enough: BoolArray, mobile: BoolArray, diffusion: FloatArray
) -> NDArray[np.uint16]:
    """Return the flags of every track except MIXED and NON_BROWNIAN."""
    flags = np.zeros(steps.n_tracks, dtype=np.uint16)
    flags[~long_enough] |= int(TrackFlag.TOO_SHORT)
    flags[long_enough & ~mobile] |= int(TrackFlag.IMMOBILE)
    flags[long_enough & ~(diffusion > 0)] |= int(TrackFlag.NON_POSITIVE)
    for spot_flag, track_flag in (
        (SpotFlag.SATURATED, TrackFlag.SATURATED),
        (SpotFlag.OUT_OF_FOCUS, TrackFlag.OUT_OF_FOCUS),
        (SpotFlag.OVERLAPPING, TrackFlag.OVERLAPPING),
    ):
        flags[_most_spots(tracks.flags, steps.track, steps.n_points, spot_flag)] |= int(track_flag)
    return flags


def _doubts(
    tracks: Tracks, steps: Steps, noise: NoiseModel, diffusion: FloatArray, settings: DiffusionSettings
) -> NDArray[np.uint16]:
    """Flag tracks with D > 0 that are not a single particle in free diffusion."""
    flags = np.zeros(steps.n_tracks, dtype=np.uint16)
    light = tracks.intensity.astype(np.float64)
    log_light = np.log(light, out=np.full(light.size, np.nan), where=light > 0)
    if noise.lag_frames > 1:
        log_light = log_light[steps.rows_apart(noise.lag_frames, one_chain=True)]
        steps = steps.apart(noise.lag_frames, one_chain=True)
    white = whitened(steps, noise, diffusion)
    flags[not_brownian(steps, white, settings.false_alarm_rate)] |= int(TrackFlag.NON_BROWNIAN)
    mixed = changes_within(steps, white, log_light, settings.false_alarm_rate)
    flags[mixed & (diffusion > 0)] |= int(TrackFlag.MIXED)
    return flags


def _most_spots(flags: NDArray[np.uint16], track: IntArray, n_points: IntArray, flag: SpotFlag) -> BoolArray:
    """Select tracks in which more than half of the spots carry the flag."""
    carry = np.bincount(track, (flags & int(flag)) != 0, minlength=n_points.size)
    return np.asarray(2 * carry > n_points)


def _medians(values: NDArray[np.float32], start: IntArray) -> NDArray[np.float32]:
    """Median of each track's rows."""
    n = np.diff(start)
    ordered = values.copy()
    for first, last in pairwise(
        start.tolist()
    ):  # takes a fifteenth of the time of sorting by track and value
        ordered[first:last].sort()
    return np.asarray(
        (ordered[start[:-1] + (n - 1) // 2] + ordered[start[:-1] + n // 2]) / 2, dtype=np.float32
    )
