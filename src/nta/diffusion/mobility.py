"""Does a track move, or does it only shiver? Diffusion weighed against standing still."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.diffusion.gaussian import Displacements, stillness_of_tracks
from nta.diffusion.intervals import credible_intervals
from nta.diffusion.noise import NoiseModel
from nta.diffusion.steps import Steps
from nta.tracks.table import Tracks

_LEAST_ERROR_PX = 1e-3  # burnt-in text does not move at all
# a spot that stands still is found within half a pixel, whatever the detector says of itself; a wide one less precisely
_MOST_ERROR_PX = 0.5
_VARIANCE_SPREAD = np.log(4.0)  # standard deviation of ln(variance) of single spots about the noise model
_SLOW_SHARE = 0.1  # quantile of D, among the tracks that move, that stands for their slow end
_DOUBT_CONFIDENCE = 0.95
_WIDE = 1.5  # widths of a spot in focus, from which on a spot may be dirt out of focus (design choice)
_WANDERS = 0.5  # of its width, as standard deviation, that the centre of dirt wanders at most (design choice)
_DIRT_SHARE = 0.4  # of a spot's height that stands in the background where it is dirt (design choice)
# sides of the squares over which the background is averaged at a place, and around it for comparison
_SMOOTH_PX, _SURROUNDINGS_PX = 5, 42


def mobile_evidence(
    steps: Steps, noise: NoiseModel, log_likelihood: FloatArray, width: FloatArray
) -> FloatArray:
    """Log-likelihood of "diffuses, errors as the noise model says" less that of "stands still, errors of its own size".

    log_likelihood : of each track at its most likely D. width : of its spots, over that of one in focus; NaN: not known.

    Standing still is tried twice: in the image (stuck to the window, burnt-in text, hot pixels, all of which drift
    correction sets moving) and in the drifting frame (the whole stage moves), where the drift's own error makes a
    particle at rest creep. Its error may have any size, at a price that grows with its distance from the noise model.
    That costs the test little, since errors undo each other from one displacement to the next and steps of diffusion
    do not.
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
    """Tracks that have the benefit of the doubt: most tracks move, and these may be as fast as the slow ones of those.

    diffusion_um2_s, information : most likely D of each track, and how well it is known. mobile : tracks that evidently
    move, of those `long_enough` to tell.

    A handful of positions cannot prove motion. To call them stuck would be wrong of nearly all, and would leave out just
    those that happened to move little.
    """
    doubtful = np.flatnonzero(long_enough & ~mobile & (diffusion_um2_s > 0))
    found = np.zeros(steps.n_tracks, dtype=bool)
    if doubtful.size and 2 * np.count_nonzero(mobile) > np.count_nonzero(long_enough):
        of_each = diffusion_um2_s[doubtful], information[doubtful]
        high = credible_intervals(steps.select(doubtful), noise, *of_each, _DOUBT_CONFIDENCE)[1]
        found[doubtful] = high >= np.quantile(diffusion_um2_s[mobile], _SLOW_SHARE)
    return found


def is_still_light(tracks: Tracks, steps: Steps, width: FloatArray) -> BoolArray:
    """Tracks of wide spots whose light is in the background of the recording, and that stay there: dirt out of focus.

    steps : of these tracks. width : of each track's spots, over that of one in focus; NaN: not known.

    The centre of dirt wanders as particles pass over it, which looks like slow diffusion. Particles out of focus have left
    their places long before the background is learned.
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
    """Return the standard deviation of the places of each track, mean of both axes."""
    variance = np.zeros(n.size)
    for at in place:
        mean = np.bincount(track, at, minlength=n.size) / n
        variance += np.bincount(track, (at - mean[track]) ** 2, minlength=n.size) / n
    return np.asarray(np.sqrt(variance / 2))
