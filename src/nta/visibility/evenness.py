"""Evenness of the particles over time and across the field: is the mean over the recording that of the sample?

A dye bleaches while it is recorded, and a light sheet may be narrower than the field of view. Then fewer particles are
found later, or at the sides, than where the light is best, and the mean per frame is too small for the concentration.

Particles are independent, their spots are not. Therefore a change is tested by sums over the spots of each particle, whose
squares add up to the variance of the total (a score test with an empirical variance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.sized_tracks import SizedTracks
from nta.sizes.likelihood import effective_number, particles_behind

_CHANGED_SD, _NARROW_SD = 4.0, 3.7
"""Standard errors from which on a change counts. In 300 simulated recordings, most with even light and number, those of even
ones stay within 2.8 in time and 2.7 towards a bright middle; three uneven ones reach 4.4 to 6.3."""
_FEWEST = 20.0  # effective number of particles needed
_LEAST_FIELD = 6.0  # least length of the field, in rims


@dataclass(frozen=True, kw_only=True)
class Evenness:
    """Spots in tracks where they are most frequent, over their mean; 1 if chance may explain the difference.

    first, last : tracked particles per frame in the first and the last third (in time), or in the middle and the outer
        thirds (across the field; over equal areas, of the field inside its rim).
    """

    peak: float
    first: float
    last: float

    @property
    def shortfall(self) -> float:
        """Share by which the mean is smaller than the peak."""
        return 1 - 1 / self.peak

    @property
    def rel_std(self) -> float:
        """Relative standard uncertainty of a concentration from the mean."""
        return math.log(self.peak)


def evenness_in_time(sized: SizedTracks) -> Evenness | None:
    """Look for a steady fall or rise of the spots in tracks per frame; None if there are too few particles."""
    particle = _particles(sized)
    n_frames = sized.tracks.scene.n_frames
    if particle is None or not n_frames:
        return None
    frame = np.searchsorted(sized.tracks.scene.frame_index, sized.tracks.frame[_rows(sized)])
    u = (2 * frame + 1) / n_frames - 1
    changed = abs(_z(u, particle)) > _CHANGED_SD
    thirds = [float(mask.sum()) / (n_frames / 3) for mask in (u < -1 / 3, u > 1 / 3)]
    return Evenness(peak=1 + 3 * abs(float(u.mean())) if changed else 1.0, first=thirds[0], last=thirds[1])


def evenness_across(sized: SizedTracks) -> Evenness | None:
    """Look for a middle of the field, along either axis, with more and brighter spots; None if there are too few particles.

    The number and the light of the spots are tested together: a narrow sheet shows in both. The rim is left out, since
    tracks are cut there.
    """
    particle, tracks = _particles(sized), sized.tracks
    scene, linking = tracks.scene, tracks.linking
    if particle is None or not (scene.n_frames and scene.has_borders):
        return None
    rows = _rows(sized)
    log_light = np.log(np.maximum(tracks.intensity[rows].astype(np.float64), 1e-3))
    rim = linking.step_px * math.sqrt(sized.sizing.min_points)
    at = np.searchsorted(scene.frame_index, tracks.frame[rows])
    worst = None
    for place, drift, length in (
        (tracks.y_px, linking.drift_y_px, scene.height_px),
        (tracks.x_px, linking.drift_x_px, scene.width_px),
    ):
        if length < _LEAST_FIELD * rim:
            continue
        in_image = place[rows] + (drift[at] if drift.size == scene.n_frames else 0.0)
        u = 2 * (in_image - rim) / (length - 1 - 2 * rim) - 1
        found = _across(u, particle, log_light, scene.n_frames)
        if found is not None and (worst is None or found.peak > worst.peak):
            worst = found
    return worst


def _across(u: FloatArray, particle: IntArray, log_light: FloatArray, n_frames: int) -> Evenness | None:
    """Compare the middle with the sides by the second Legendre polynomial of the place, -1 to 1 within the rim."""
    inside = np.abs(u) < 1
    u, particle, log_light = u[inside], particle[inside], log_light[inside]
    if not u.size:
        return None
    middle = (1 - 3 * u**2) / 2
    z = (_z(middle, particle) + _z(middle * (log_light - log_light.mean()), particle)) / math.sqrt(2)
    more = 5 * float(middle.mean()) / 2  # at the middle, by the least-squares polynomial of the density
    thirds = [float(mask.sum()) / n_frames for mask in (np.abs(u) < 1 / 3, np.abs(u) > 1 / 3)]
    return Evenness(
        peak=1 + more if z > _NARROW_SD and more > 0 else 1.0, first=thirds[0], last=thirds[1] / 2
    )


def _rows(sized: SizedTracks) -> BoolArray:
    """Spots of tracks that count."""
    return np.asarray(sized.used[sized.tracks.track])


def _particles(sized: SizedTracks) -> IntArray | None:
    """Particle of each spot that counts; None if there are too few particles."""
    particle = particles_behind(sized.tracks, sized.diffusion)[sized.tracks.track[_rows(sized)]]
    if not particle.size or effective_number(np.bincount(particle).astype(np.float64)) < _FEWEST:
        return None
    return particle


def _z(score: FloatArray, particle: IntArray) -> float:
    """Sum of the scores of all spots over its standard error, which independent particles give it."""
    of_particle = np.bincount(particle, score)
    return float(of_particle.sum() / max(math.sqrt((of_particle**2).sum()), 1e-12))
