"""How spots change out of focus, from the tracks of a recording.

Two kinds of optics lie between "Gaussian", whose spots widen as sqrt(1 + (z / z_R)²) and keep their light, and
"diffraction", the Airy pattern of a real objective: within the depth of a light sheet its core keeps its width and loses
its light to rings, which the fit leaves out. Which one made a recording is seen in its own tracks: as a particle leaves
the sheet its light falls, and its spot widens or does not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nta.columns import FloatArray
from nta.diffusion import DiffusionEstimates
from nta.sizes.likelihood import particles_behind
from nta.spots.table import SpotFlag
from nta.tracks import Tracks
from nta.visibility.light import LightSheet

_FEWEST, _SHORTEST = 300, 10  # spots needed, and bright spots that a track must have
_BRIGHT_SNR = 15.0  # spots whose width and light are known well
_EXPECTED, _EXPECTED_STD = 0.5, 0.5  # belief about the share of Gaussian before the tracks have spoken
_FAINTEST = 0.05  # light, relative to focus, down to which the diffraction pattern is compared


def as_seen(sheet: LightSheet, tracks: Tracks, diffusion: DiffusionEstimates) -> LightSheet:
    """Return the sheet with the share of Gaussian that the tracks show, drawn to the middle as far as they do not tell.

    Of a Gaussian spot in a Gaussian sheet the squared width falls in proportion to ln(light), whatever the depths are. The
    slope is that of spots about the means of their tracks, since the light of a particle in focus is not known.
    """
    slope, std_err = _slope(tracks, diffusion, sheet.spot_width_px)
    if not np.isfinite(std_err):
        return replace(sheet, gaussian_share=_EXPECTED)
    of_gaussian, of_diffraction = _predicted_slope(sheet, 1.0), _predicted_slope(sheet, 0.0)
    apart = of_gaussian - of_diffraction
    share, seen = (slope - of_diffraction) / apart, (apart / std_err) ** 2
    believed = 1 / _EXPECTED_STD**2
    share = (share * seen + _EXPECTED * believed) / (seen + believed)
    return replace(sheet, gaussian_share=float(np.clip(share, 0.0, 1.0)))


def _predicted_slope(sheet: LightSheet, gaussian_share: float) -> float:
    """Slope of the squared width, in units of that in focus, on ln(light) for depths down to a light of `_FAINTEST`."""
    of_one = replace(sheet, gaussian_share=gaussian_share)
    z_um = np.linspace(0.0, 2 * sheet.sheet_width_um, 200)
    light = of_one.light(z_um)
    lit = light > _FAINTEST
    variance = (of_one.width_px(z_um[lit], 0.0) / sheet.spot_width_px) ** 2
    return float(np.polyfit(np.log(light[lit]), variance, 1)[0])


def _slope(tracks: Tracks, diffusion: DiffusionEstimates, width_px: float) -> tuple[float, float]:
    """Slope of the squared width, in units of that in focus, on ln(light) within tracks, and its error between particles.

    The noise of a spot makes its light and its width err together. The light of the track's neighbouring spot, which lies at
    nearly the same depth and has other noise, stands in for it as instrument (Fuller, Measurement Error Models (1987),
    sec. 1.4).
    """
    doubtful = int(SpotFlag.SATURATED | SpotFlag.EDGE | SpotFlag.OVERLAPPING)
    used = (tracks.snr > _BRIGHT_SNR) & (tracks.flags & doubtful == 0) & (tracks.intensity > 0)
    used &= np.isfinite(tracks.width_px) & diffusion.has_size[tracks.track]
    used &= np.bincount(tracks.track[used], minlength=tracks.n_tracks)[tracks.track] >= _SHORTEST
    track = tracks.track[used]
    if track.size < _FEWEST:
        return 0.0, np.inf
    count = np.maximum(np.bincount(track, minlength=tracks.n_tracks), 1)

    def about_mean(values: FloatArray) -> FloatArray:
        return np.asarray(values - (np.bincount(track, values, tracks.n_tracks) / count)[track])

    x = about_mean(np.log(tracks.intensity[used].astype(np.float64)))
    y = about_mean((tracks.width_px[used].astype(np.float64) / width_px) ** 2)
    first = np.flatnonzero(track[1:] == track[:-1])
    of_x = float(2 * x[first] @ x[first + 1])
    if of_x <= 0:
        return 0.0, np.inf
    slope = float(x[first] @ y[first + 1] + x[first + 1] @ y[first]) / of_x
    rest = y - slope * x
    scatter = x[first] * rest[first + 1] + x[first + 1] * rest[first]
    by_particle = np.bincount(particles_behind(tracks, diffusion)[track[first]], scatter)
    return slope, float(np.sqrt((by_particle**2).sum())) / of_x
