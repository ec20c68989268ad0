"""Bias of linking: if links are ambiguous, long steps are cut more often than short ones.

No formula gives this bias: it depends on which particles are close to each other, how similar their light is, and what the
linker has learned about each. It is estimated by linking the recording's own spots again along simulated walks: every track
keeps its frames, its light and its errors, and diffuses freely with the same D from a random position in the frame. For
these walks the particle of each spot, the correct links and the length of each step are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.spots.table import Spots
from nta.tracks.linker import link_spots
from nta.tracks.settings import LinkingSettings
from nta.tracks.table import Tracks

_MOST_SPOTS = 60_000  # most spots that are linked again; of a longer recording only the first frames
_LEAST_ROUNDS, _MOST_ROUNDS = 1, 4
_LINKS_OF_A_KIND = 4000  # least number of steps in a class of similar speed
_MOST_KINDS = 8
_LEAST_KEPT = 0.9  # least share: a larger loss is not known precisely enough to be corrected in full
_BLENDED = 2.0  # distance, in widths of a spot, below which detection finds only one of two spots
_SEED = 19_080_101


@dataclass(frozen=True, eq=False)
class Relinking:
    """The spots of a recording, to be linked again by the same settings.

    tracks : the tracks that were linked from these spots.
    """

    spots: Spots
    tracks: Tracks
    settings: LinkingSettings

    def kept_share(self, step_variance_px2: FloatArray) -> FloatArray:
        """Share of the mean squared step that remains in links, for every track; 1 if unknown.

        Only steps between successive frames count in both of which the particle was found.

        step_variance_px2 : (n_tracks,) variance of a step from frame to frame, per axis; 0: the track rests; NaN: unknown,
            the track is moved like a typical one.
        """
        variance = np.where(np.isfinite(step_variance_px2), step_variance_px2, _typical(step_variance_px2))
        share = np.ones(variance.size)
        if not (variance > 0).any() or not self.spots.scene.has_borders:
            return share
        walk = _Walk.of(self.spots, self._particles, self._of_spots(variance))
        rng = np.random.default_rng(_SEED)
        rounds = int(np.clip(_MOST_SPOTS // max(len(walk.spots), 1), _LEAST_ROUNDS, _MOST_ROUNDS))
        steps = [walk.linked_again(rng, self.settings) for _ in range(rounds)]
        of_kind = _by_speed(*(np.concatenate(column) for column in zip(*steps, strict=True)))
        if of_kind is not None:
            log_variance, kept = of_kind
            share[variance > 0] = np.interp(np.log(variance[variance > 0]), log_variance, kept)
        return share

    def _of_spots(self, of_tracks: FloatArray) -> FloatArray:
        """Return the value of its track for every spot; spots in no track get the typical value."""
        values = np.full(len(self.spots), _typical(of_tracks))
        values[self.tracks.spot] = of_tracks[self.tracks.track]
        return values

    @cached_property
    def _particles(self) -> IntArray:
        """Number of the particle of each spot: tracks are joined if one begins where another has just ended.

        Crowding cuts tracks. If each track were a particle of its own, too many new particles would appear that could be
        confused with others.
        """
        piece = np.arange(len(self.spots)) + self.tracks.n_tracks
        piece[self.tracks.spot] = self.tracks.track
        piece = np.unique(piece, return_inverse=True)[1]
        order = np.lexsort((self.spots.frame, piece))
        begins = np.append(0, np.flatnonzero(np.diff(piece[order])) + 1)
        first, last = order[begins], order[np.append(begins[1:], order.size) - 1]
        whose = np.arange(first.size)
        ends, starts = self._joints(last, first)
        whose[starts] = ends  # a later piece belongs to the particle of the earlier one
        while np.any(whose[whose] != whose):
            whose = whose[whose]
        return np.asarray(whose[piece])

    def _joints(self, last: IntArray, first: IntArray) -> tuple[IntArray, IntArray]:
        """Pair pieces, given their last and first spots: each with the nearest piece that begins one frame after its end."""
        from scipy.spatial import cKDTree

        reach = self.tracks.linking.search_range_px
        y, x, frame = self.spots.y_px, self.spots.x_px, self.spots.frame * (2.0 * reach)
        begun = cKDTree(np.stack([y[first], x[first], frame[first]], axis=1))
        ended = np.stack([y[last], x[last], frame[last] + 2.0 * reach], axis=1)
        away, start = begun.query(ended, distance_upper_bound=reach)
        ends = np.flatnonzero(np.isfinite(away))
        ends = ends[np.argsort(away[ends], kind="stable")]
        starts, nearest = np.unique(start[ends], return_index=True)
        return ends[nearest], starts


@dataclass(frozen=True, eq=False)
class _Walk:
    """Spots sorted by particle, with the variance and duration of the step to each spot.

    particle : number of the particle of each spot.
    variance_px2 : variance of a step of one frame. frames : frames since the previous spot; 0 for a particle's first.
    """

    spots: Spots
    particle: IntArray
    variance_px2: FloatArray
    frames: IntArray

    @classmethod
    def of(cls, spots: Spots, particle: IntArray, variance_px2: FloatArray) -> _Walk:
        """Sort the spots by particle; of a long recording only the first frames are used."""
        if len(spots) > _MOST_SPOTS:
            first = slice(0, int(np.searchsorted(spots.frame, spots.frame[_MOST_SPOTS])))
            spots, particle, variance_px2 = spots.select(first), particle[first], variance_px2[first]
        order = np.lexsort((spots.frame, particle))
        particle = particle[order]
        frames = np.diff(spots.frame[order], prepend=0)
        frames[np.diff(particle, prepend=-1) != 0] = 0
        return cls(spots.select(order), particle, variance_px2[order], frames)

    def linked_again(
        self, rng: np.random.Generator, settings: LinkingSettings
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Simulate and link once; return variance, squared length over variance, and whether linked, for every step."""
        place = self._places(rng)
        order = np.lexsort((self.particle, self.spots.frame))
        shown = order[_not_blended(self.spots.select(order), place[order])]
        error = self.spots.localization_error_px[shown, None] * rng.standard_normal((shown.size, 2))
        y, x = (place[shown] + np.nan_to_num(error)).T
        linked = link_spots(replace(self.spots.select(shown), y_px=y, x_px=x), settings)
        track = np.full(self.particle.size, -1, np.int64)
        track[shown[linked.spot]] = linked.track
        seen = np.zeros(self.particle.size, bool)
        seen[shown] = True
        steps = np.flatnonzero((self.frames[1:] == 1) & (self.variance_px2[1:] > 0) & seen[1:] & seen[:-1])
        variance = self.variance_px2[steps + 1]
        squared = ((place[steps + 1] - place[steps]) ** 2).sum(axis=1) / variance
        return variance, squared, (track[steps] == track[steps + 1]) & (track[steps] >= 0)

    def _places(self, rng: np.random.Generator) -> FloatArray:
        """Simulate free diffusion from random positions in the frame, reflected at its borders."""
        scene = self.spots.scene
        size = np.array([scene.height_px - 1, scene.width_px - 1], np.float64)
        steps = rng.standard_normal((self.particle.size, 2))
        steps *= np.sqrt(self.variance_px2 * self.frames)[:, None]
        path = np.cumsum(steps, axis=0)
        first = np.flatnonzero(self.frames == 0)
        start = rng.random((first.size, 2)) * size - path[first]
        path += np.repeat(start, np.diff(np.append(first, self.particle.size)), axis=0)
        return np.asarray(size - np.abs(path % (2 * size) - size))


def _not_blended(spots: Spots, place: FloatArray) -> BoolArray:
    """Whether each spot, sorted by frame, has no brighter spot so close that detection would find only that one."""
    from scipy.spatial import cKDTree

    apart = _BLENDED * spots.scene.spot_width_px
    frame = spots.frame.astype(np.float64)[:, None]
    near = cKDTree(np.hstack([place, 2 * apart * frame])).query_pairs(apart, output_type="ndarray")
    alone = np.ones(len(spots), bool)
    dimmer = spots.intensity[near[:, 0]] < spots.intensity[near[:, 1]]
    alone[np.where(dimmer, near[:, 0], near[:, 1])] = False
    return alone


def _by_speed(
    variance: FloatArray, squared: FloatArray, linked: BoolArray
) -> tuple[FloatArray, FloatArray] | None:
    """Mean ln(variance) and share of the mean squared step that links keep, per class of speed; None without links."""
    if not linked.any():
        return None
    order = np.argsort(variance, kind="stable")
    kinds = np.array_split(order, int(np.clip(order.size // _LINKS_OF_A_KIND, 1, _MOST_KINDS)))
    kinds = [kind for kind in kinds if linked[kind].any()]
    kept = [squared[kind][linked[kind]].mean() / squared[kind].mean() for kind in kinds]
    return np.array([np.log(variance[kind]).mean() for kind in kinds]), np.maximum(kept, _LEAST_KEPT)


def _typical(variance: FloatArray) -> float:
    """Median variance of the moving tracks; 0 if none moves."""
    moving = variance[variance > 0]
    return float(np.median(moving)) if moving.size else 0.0
