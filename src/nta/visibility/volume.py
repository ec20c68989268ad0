"""Visible volume of a recording, for particles of a given light and diffusion.

A particle counts in the size distribution by the number of frames in which it is part of a track. The visible volume is
therefore the volume in which a particle is lit, found and followed: simulated particles diffuse through the light sheet,
each is found in a frame with the probability of the detection curve at its depth, and the found positions are linked by the
rules of the recording.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.compiled import compiled
from nta.physics import ML_PER_UM3
from nta.sized_tracks import SizedTracks
from nta.visibility.curve import DetectionCurve
from nta.visibility.light import LightSheet

_LEAST_FRAMES = 160  # at least so many frames are simulated, if the recording has them
_TRACK_LENGTHS = 20  # frames simulated at least, in shortest tracks: tracks at either end lose a part
_TOGETHER = 320_000  # steps of walkers whose random numbers are kept in memory: 5 MB
_DEPTHS = 600  # entries of the table of detection probability over depth
_FAINTEST = 0.002  # depths with a smaller probability of being found are not simulated
_DEEPEST = 3.0  # sheet widths: the light there is 1e-8 of that in the middle
_MARGIN_STEPS = 4.0


@dataclass(frozen=True, kw_only=True)
class TrackingView:
    """Tracking conditions that decide which particles become tracks.

    given_up : share of links given up because crowding made them ambiguous; the track ends there and a new one begins.
    """

    height_px: int
    width_px: int
    frame_interval_s: float
    memory_frames: int
    min_points: int
    search_range_px: float
    n_frames: int
    given_up: float = 0.0

    @property
    def frames_simulated(self) -> int:
        """Number of frames to simulate: that of the recording, or a smaller one that gives the same volume."""
        return min(self.n_frames, max(_LEAST_FRAMES, _TRACK_LENGTHS * self.min_points))


@dataclass(frozen=True, kw_only=True, eq=False)
class FollowedVolume:
    """Expected yield for particles of one size and light.

    volume_ml : spots in tracks per frame, divided by the particles per ml.
    tracks_ml : tracks per frame, divided by the particles per ml.
    mean_log_light : mean of ln(light of a tracked spot / light in the middle of the sheet).
    """

    volume_ml: float
    tracks_ml: float
    mean_log_light: float


class _Walks(NamedTuple):
    """Random numbers of walkers: start in a unit box, steps as (z, y, x), and uniform numbers for detection and linking."""

    start: FloatArray
    steps: Float32Array
    found: Float32Array
    linked: Float32Array


class _Box(NamedTuple):
    """Box of the walkers in um: half its depth, the field of view and the margin around it; and the standard step."""

    half: float
    height: float
    width: float
    margin: float
    step: float


class _Lit(NamedTuple):
    """Visibility over depth: probability of detection and ln(relative light) at every `z_step` um."""

    chance: FloatArray
    log_light: FloatArray
    z_step: float


class _Joining(NamedTuple):
    """Rules by which found positions are linked; `reach` in um."""

    memory: int
    min_points: int
    reach: float
    given_up: float


def view_of(sized: SizedTracks) -> TrackingView:
    """Return the tracking conditions of a recording."""
    scene, linking = sized.tracks.scene, sized.tracks.linking
    return TrackingView(
        height_px=scene.height_px,
        width_px=scene.width_px,
        frame_interval_s=sized.diffusion.frame_interval_s,
        memory_frames=linking.memory_frames,
        min_points=sized.sizing.min_points,
        search_range_px=linking.search_range_px,
        n_frames=scene.n_frames,
        given_up=float(np.nan_to_num(sized.tracks.share_given_up)),
    )


def followed_volume(
    curve: DetectionCurve,
    sheet: LightSheet,
    view: TrackingView,
    electrons: float,
    diffusion_um2_s: float,
    walkers: int,
    seed: int,
    frames: int | None = None,
) -> FollowedVolume:
    """Simulate particles of one brightness (in focus, in the middle of the sheet) and diffusion coefficient.

    frames : number of frames simulated; None: as many as `volume_ml` needs. `tracks_ml` needs the frames of the recording:
        particles in view at its beginning are a large share of the tracks of a short recording.

    Equal seeds use the same random numbers for all particles, so that the volume is smooth in brightness and diffusion.
    """
    step_um = math.sqrt(2 * diffusion_um2_s * view.frame_interval_s)
    z = np.linspace(0.0, _DEEPEST * sheet.sheet_width_um, _DEPTHS)
    light = sheet.light(z)
    chance = curve.probability(electrons * light, sheet.width_px(z, diffusion_um2_s))
    seen = np.flatnonzero(chance > _FAINTEST)
    if not seen.size:
        return FollowedVolume(volume_ml=0.0, tracks_ml=0.0, mean_log_light=0.0)
    margin_um = _MARGIN_STEPS * step_um
    half_um = float(z[seen[-1]]) + margin_um
    height_um, width_um = view.height_px * sheet.pixel_size_um, view.width_px * sheet.pixel_size_um
    box = _Box(half_um, height_um, width_um, margin_um, step_um)
    lit = _Lit(chance, np.log(light), z[1] - z[0])
    reach_um = view.search_range_px * sheet.pixel_size_um
    joining = _Joining(view.memory_frames, view.min_points, reach_um, view.given_up)
    joined = np.zeros(3)
    frames = frames or view.frames_simulated
    together = max(_TOGETHER // frames, 1)
    for first in range(0, walkers, together):
        walks = _unit_walks(min(walkers - first, together), frames, seed + first)
        joined += _walk(walks, box, lit, joining)
    spots, n_tracks, log_light = joined
    box_ml = 2 * half_um * (height_um + 2 * margin_um) * (width_um + 2 * margin_um) * ML_PER_UM3
    per_particle = box_ml / (walkers * frames)
    return FollowedVolume(
        volume_ml=spots * per_particle,
        tracks_ml=n_tracks * per_particle,
        mean_log_light=log_light / max(spots, 1),
    )


@lru_cache(maxsize=4)
def _unit_walks(walkers: int, frames: int, seed: int) -> _Walks:
    """Draw the walks once for all kinds of particles: small and large particles use the same random numbers."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((walkers, frames, 3), dtype=np.float32)
    places, found, linked = rng.random((walkers, 3)), *rng.random((2, walkers, frames), dtype=np.float32)
    return _Walks(places, steps, found, linked)


@compiled()
def _walk(walks: _Walks, box: _Box, lit: _Lit, joining: _Joining) -> tuple[int, int, float]:
    """Move particles in a box with periodic boundaries and link the found positions of each particle.

    Returns the number of spots in tracks of at least `min_points`, the number of these tracks, and the sum of
    ln(relative light) over the spots.
    """
    start, steps, found, linked = walks
    half, height, width, margin, step = box
    chance, log_light_at, z_step = lit
    memory, min_points, reach, given_up = joining
    spots, n_tracks, log_light = 0, 0, 0.0
    for walker in range(start.shape[0]):
        z = half * (2 * start[walker, 0] - 1)
        y = (height + 2 * margin) * start[walker, 1] - margin
        x = (width + 2 * margin) * start[walker, 2] - margin
        points, last, light, last_y, last_x = 0, -1, 0.0, 0.0, 0.0
        for frame in range(steps.shape[1]):
            place = int(abs(z) / z_step + 0.5)
            inside = 0 <= y < height and 0 <= x < width and place < chance.size
            if inside and found[walker, frame] < chance[place]:
                gap = frame - last
                far = (y - last_y) ** 2 + (x - last_x) ** 2 > reach * reach * gap
                if points > 0 and (gap > memory + 1 or far or linked[walker, frame] < given_up):
                    if points >= min_points:
                        spots, n_tracks, log_light = spots + points, n_tracks + 1, log_light + light
                    points, light = 0, 0.0
                points, light, last, last_y, last_x = points + 1, light + log_light_at[place], frame, y, x
            z = _wrapped(z + step * steps[walker, frame, 0], -half, 2 * half)
            y = _wrapped(y + step * steps[walker, frame, 1], -margin, height + 2 * margin)
            x = _wrapped(x + step * steps[walker, frame, 2], -margin, width + 2 * margin)
        if points >= min_points:
            spots, n_tracks, log_light = spots + points, n_tracks + 1, log_light + light
    return spots, n_tracks, log_light


@compiled(inline="always")
def _wrapped(place: float, low: float, span: float) -> float:
    """Return a coordinate wrapped into the box, by which the density stays uniform."""
    while place < low:
        place += span
    while place >= low + span:
        place -= span
    return place
