"""Does a track diffuse or rest? Likelihood ratio of diffusion against rest with localization errors."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.diffusion.gaussian import Displacements, stillness_of_tracks
from nta.diffusion.intervals import credible_intervals
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.steps import Steps
from nta.tracks.table import Tracks

_LEAST_ERROR_PX = 1e-3  # burnt-in text does not move at all
# largest localization error of a resting spot, whatever the reported error; wide spots may have more
_MOST_ERROR_PX = 0.5
_VARIANCE_SPREAD = np.log(4.0)  # standard deviation of ln(variance) of single spots about the noise model
_SLOW_SHARE = 0.1  # quantile of D of the mobile tracks that represents the slow ones
_DOUBT_CONFIDENCE = 0.95
_WIDE = 1.5  # width from which on a spot may be dirt out of focus, over the width in focus (design choice)
_WANDERS = 0.5  # largest standard deviation of the centre of dirt, over the spot's width (design choice)
_DIRT_SHARE = 0.4  # least share of a spot's height that is in the background if it is dirt (design choice)
# sides of the squares over which the background is averaged at a place, and around it for comparison
_SMOOTH_PX, _SURROUNDINGS_PX = 5, 42


def mobile_evidence(
    steps: Steps, noise: NoiseModel, log_likelihood: FloatArray, width: FloatArray
) -> FloatArray:
    """Log-likelihood of diffusion with the errors of the noise model, minus that of rest with errors of any size.

    log_likelihood : of each track at its most likely D. width : width of its spots over the width in focus; NaN: unknown.

    Rest is tested twice: in the image (stuck to the window, burnt-in text, hot pixels: drift correction makes these move)
    and in the drift-corrected frame (the whole stage moves), where the drift's error makes a resting particle creep. The
    localization error is free, with a penalty for its distance from the noise model. This hardly weakens the test:
    localization errors cancel from one displacement to the next, steps of diffusion do not.
    """
    expected = np.bincount(steps.track, noise.variance_um2(steps), minlength=steps.n_tracks) / steps.n_points
    floor = (_LEAST_ERROR_PX * steps.pixel_size_um) ** 2
    ceiling = (_MOST_ERROR_PX * steps.pixel_size_um * np.fmax(width, 1.0)) ** 2
    ceiling = np.maximum(ceiling, 4 * float(np.median(expected)) if expected.size else 0.0)
    best = np.full(steps.n_tracks, -np.inf)
    for y, x, creep in steps.frames_of_rest():
        still, variance = stillness_of_tracks(Displacements.at_rest(steps, y, x), creep, floor, ceiling)
        best = np.fmax(best, still - 0.5 * (np.log(variance / expected) / _VARIANCE_SPREAD) ** 2)
    return np.asarray(log_likelihood - best)


def may_move(
    steps: Steps,
    noise: NoiseModel,
    diffusion_um2_s: FloatArray,
    information: FloatArray,
    mobile: BoolArray,
    long_enough: BoolArray,
) -> BoolArray:
    """Select undecided tracks to count as mobile: most tracks move, and their D is compatible with slow mobile tracks.

    diffusion_um2_s, information : most likely D of each track, and its Fisher information. mobile : tracks that evidently
    move, among the `long_enough` ones.

    A few positions cannot prove motion. To call such tracks stuck would be wrong for nearly all of them, and would select
    against the tracks that happened to move little.
    """
    doubtful = np.flatnonzero(long_enough & ~mobile & (diffusion_um2_s > 0))
    found = np.zeros(steps.n_tracks, dtype=bool)
    if doubtful.size and 2 * np.count_nonzero(mobile) > np.count_nonzero(long_enough):
        of_each = diffusion_um2_s[doubtful], information[doubtful]
        high = credible_intervals(steps.select(doubtful), noise, *of_each, _DOUBT_CONFIDENCE)[1]
        found[doubtful] = high >= np.quantile(diffusion_um2_s[mobile], _SLOW_SHARE)
    return found


def is_still_light(tracks: Tracks, steps: Steps, width: FloatArray) -> BoolArray:
    """Select tracks of wide spots that stay where the background of the recording is bright: dirt out of focus.

    steps : of these tracks. width : width of each track's spots over the width in focus; NaN: unknown.

    The fitted centre of dirt shifts as particles pass over it, which looks like slow diffusion. Particles out of focus leave
    their place too soon to show in the background.
    """
    scene = tracks.scene
    wide = width > _WIDE
    if not scene.has_borders or not wide.any():
        return np.zeros(width.size, dtype=bool)
    from scipy.ndimage import uniform_filter

    background = scene.background.astype(np.float64)
    sign = -1 if scene.contrast == "dark" else 1
    stands_out = uniform_filter(background, _SMOOTH_PX) - uniform_filter(background, _SURROUNDINGS_PX)
    light_e = sign * scene.camera.gain_e_per_adu * stands_out
    place = tracks.in_image()
    y, x = (
        np.clip(np.rint(at).astype(int), 0, side - 1)
        for at, side in zip(place, background.shape, strict=True)
    )
    height_e = tracks.intensity / (2 * np.pi * tracks.width_px.astype(np.float64) ** 2)
    of_background = np.bincount(steps.track, light_e[y, x] > _DIRT_SHARE * height_e, minlength=width.size)
    stays = _spread(place, steps.track, steps.n_points) < _WANDERS * width * scene.spot_width_px
    return np.asarray(wide & stays & (2 * of_background > steps.n_points))


def _spread(place: tuple[FloatArray, FloatArray], track: IntArray, n: IntArray) -> FloatArray:
    """Return the standard deviation of the positions of each track, rms of both axes."""
    variance = np.zeros(n.size)
    for at in place:
        mean = np.bincount(track, at, minlength=n.size) / n
        variance += np.bincount(track, (at - mean[track]) ** 2, minlength=n.size) / n
    return np.asarray(np.sqrt(variance / 2))
