"""Shape of the spots: are they the Gaussians that the detection curve is measured with?

The image of a particle out of focus has rings, and a Gaussian fit catches 0.9 to 0.4 of its light. How much that shrinks the
volume is read from the tracks (`nta.visibility.defocus`), for a clear pupil; what aberrations do is left to the interval.
In focus the same optics shows in bright spots that no Gaussian explains.

Motion during the exposure smears a spot into a streak, which is no Gaussian either, but leaves the concentration right.
"""

from __future__ import annotations

import math

import numpy as np

from nta.columns import FloatArray
from nta.diffusion import DiffusionEstimates
from nta.sizes.likelihood import effective_number, particles_behind
from nta.spots.table import SpotFlag
from nta.tracks import Tracks
from nta.visibility.light import LightSheet

_BRIGHT_SNR = 15.0
_IN_FOCUS = (0.8, 1.2)  # widths of spots in focus, relative to a typical spot
_FEWEST = 50  # spots needed to estimate the share
_FEWEST_PARTICLES = 5.0  # effective number of particles that they must come from
_UNSURE = 0.1  # standard error of the share beyond which it says nothing: half of the limit of the finding
_STREAK = 55.0  # SNR times relative variance of motion where half of the spots fit no Gaussian
_BY_SHAPE, _MOST = 0.7, 0.3
"""Relative error of the concentration over the share of bright spots that are no Gaussians: ten simulated recordings with
rings of a real objective (share 0.30 to 0.37), taken for Gaussians out of focus too, came out 5 to 49 % too large."""
_UNSEEN = 0.15
"""Relative standard uncertainty where rings are to be expected but not seen, as of faint spots (design choice). With it the
intervals of fourteen simulated recordings with rings hold even with spots that widen as Gaussians, 2 to 49 % too large."""


def share_not_gaussian(tracks: Tracks, diffusion: DiffusionEstimates) -> float | None:
    """Share of the bright, lone spots in focus that neither a Gaussian nor motion explains; None if too few can tell.

    Each spot counts by its probability of fitting a Gaussian in spite of its motion. Tracks without a size are left out,
    because the motion of their spots is not known. Spots of one particle are alike: one that lies on the haze of another has
    hardly a spot that fits. Therefore the share is as uncertain as the scatter between particles makes it.
    """
    width = tracks.width_px / tracks.scene.spot_width_px
    doubtful = int(SpotFlag.SATURATED | SpotFlag.EDGE | SpotFlag.OVERLAPPING)
    low, high = _IN_FOCUS
    looked_at = (tracks.snr > _BRIGHT_SNR) & (width > low) & (width < high) & (tracks.flags & doubtful == 0)
    looked_at &= diffusion.has_size[tracks.track]
    poor = tracks.flags[looked_at] & int(SpotFlag.POOR_FIT) != 0
    by_motion = _streaks(tracks, diffusion)[looked_at]
    particle = particles_behind(tracks, diffusion)[tracks.track[looked_at]]
    able = np.bincount(particle, 1 - by_motion).astype(np.float64)
    if able.sum() < _FEWEST or (number := effective_number(able)) < _FEWEST_PARTICLES:
        return None
    beyond = np.bincount(particle, poor - by_motion)
    share = float(beyond.sum() / able.sum())
    scatter = float(((beyond - share * able) ** 2).sum()) * number / (number - 1)
    return max(share, 0.0) if math.sqrt(scatter) < _UNSURE * able.sum() else None


def _streaks(tracks: Tracks, diffusion: DiffusionEstimates) -> FloatArray:
    """Probability that motion alone makes each spot fit no Gaussian.

    It depends on the SNR times the variance that motion adds to the image, relative to that of the spot: in simulated films
    of beads of 60 to 200 nm, exposed for 0.3 to 1 of the interval, it is 0.03 at 10, 0.2 at 30, 0.5 at 55 and 0.9 at 200.
    """
    exposure_s = diffusion.noise.exposure_s if diffusion.exposure_s is None else diffusion.exposure_s
    spot_um = tracks.scene.spot_width_px * diffusion.pixel_size_um
    motion = diffusion.diffusion_um2_s[tracks.track] * exposure_s / 3 / spot_um**2
    x2 = (tracks.snr * motion / _STREAK) ** 2
    return np.asarray(x2 / (1 + x2))


def rel_std_by_shape(tracks: Tracks, diffusion: DiffusionEstimates, sheet: LightSheet) -> float:
    """Relative standard uncertainty of a concentration by the shape of the spots, unless beads anchored the sheet."""
    unseen = _UNSEEN if sheet.shows_rings else 0.0
    return max(min(_BY_SHAPE * (share_not_gaussian(tracks, diffusion) or 0.0), _MOST), unseen)
