"""Particles in view: populations that are log-normal in suspension, behind the visible volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nta.columns import FloatArray
from nta.sized_tracks import SizedTracks
from nta.sizes import Distribution
from nta.sizes.intervals import band, numbers_with_intervals
from nta.sizes.likelihood import approximate_log_likelihood, particles_behind
from nta.sizes.lobes import Lobes
from nta.visibility.curve import DetectionCurve
from nta.visibility.table import BrightnessLaw, Visibility, VisibleVolume

_LAW_LIGHT_STD = 0.15  # standard uncertainty of ln(light) by the law (design choice)
_NO_SHARE = 1e-12  # smallest share of a bin that is divided by
_TINY = 1e-30
_NOTHING = 1e-4  # smallest visible volume that is divided by, relative to the largest


def behind_volume(sized: SizedTracks, seen: Visibility) -> SizedTracks:
    """Return sizes whose populations in view are log-normals times the visible volume, as far as the tracks bear it out.

    The sizes were inferred with populations that are log-normal in view. Small particles are seen in a smaller volume: what
    is log-normal in suspension has in view a small end that is cut off, and a mode at a smaller diameter than the log-normal
    of the same mean and variance. These two stay as inferred. Whether the small end is cut off like that the tracks tell:
    where fainter particles than the law of light knows fill it, it is not. So both shapes are averaged by their chances, and
    each draw has one of them, and one draw of the light, as in suspension. Where the instrument's volume is not known, that
    of a typical one has nearly the same course; unchanged if there is neither.
    """
    draws, curve, lit = sized.draws, seen.curve, seen.lit
    if draws is None or draws.lobes_draws is None or curve is None or lit is None:
        return sized
    weight, chance = shares_in_view(sized, lit.volume, curve)
    if chance is None:
        return sized
    old, rng = draws.distribution, np.random.default_rng(draws.seed)
    log_ml = drawn_log_volume(sized, lit.volume, curve, lit.law, len(draws.draws))
    drawn = shaped(draws.draws, draws.lobes_draws, log_ml, old, lit.volume, curve)
    drawn = drawn / np.maximum(drawn.sum(axis=1, keepdims=True), _TINY)
    drawn = np.where(rng.random(len(drawn))[:, None] < chance, drawn, draws.draws)
    low, high = band(drawn, weight, old.confidence)
    of_typical = "" if seen.volume is not None else " of a typical instrument"
    method = f"{old.method}; cut off by the visible volume{of_typical} with a chance of {chance:.2f}"
    distribution = replace(old, weight=weight, low=low, high=high, method=method)
    numbers = numbers_with_intervals(
        distribution,
        drawn,
        sized.sizes.budget,
        sized.sizing,
        np.random.default_rng(draws.seed),
        n_effective=draws.n_effective,
    )
    sizes = replace(sized.sizes, distribution=distribution, **vars(numbers))
    return replace(sized, sizes=sizes, draws=replace(draws, distribution=distribution, draws=drawn))


def shares_in_view(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve
) -> tuple[FloatArray, float | None]:
    """Return the shares in view, (n_bins,), both shapes averaged by their chances, and that of the shape that is cut off.

    Where there are no populations to shape, the shares as they were inferred, and None.
    """
    in_view, of_tracks, draws = sized.sizes.distribution, sized.sizes.of_tracks, sized.draws
    assert in_view is not None
    if draws is None or draws.lobes is None or draws.lobes_draws is None or of_tracks is None:
        return in_view.weight, None
    cut_off = weight_behind_volume(sized, volume, curve)
    chance = _chance(sized, of_tracks, cut_off)
    return chance * cut_off + (1 - chance) * in_view.weight, chance


def _chance(sized: SizedTracks, of_tracks: Distribution, cut_off: FloatArray) -> float:
    """Return how probable it is that the shape `cut_off`, (n_bins,) in view, explains the tracks better than that inferred.

    The ratio of the likelihoods of two shapes, neither a case of the other, is normal about its mean (Vuong, Econometrica
    57, 307 (1989), theorem 5.1); its variance is that over particles, whose tracks say the same of the population.
    """
    from scipy.special import ndtr

    old, used = sized.sizes.distribution, sized.used
    assert old is not None
    known = old.weight > _NO_SHARE
    per_time = np.divide(of_tracks.weight, old.weight, out=np.zeros_like(cut_off), where=known)
    x = np.log(sized.scale_nm_um2_s()) - np.log(old.diameter_nm)
    d, std_err = (v[used] for v in (sized.diffusion.diffusion_um2_s, sized.diffusion.std_err_um2_s))
    log_likelihood = approximate_log_likelihood(x, d, std_err)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    tracks = cut_off * per_time
    ratio = np.log(np.maximum(likelihood @ (tracks / tracks.sum()), _TINY))
    ratio -= np.log(np.maximum(likelihood @ of_tracks.weight, _TINY))
    of_particle = np.bincount(particles_behind(sized.tracks, sized.diffusion)[used], ratio)
    spread = float(np.sqrt((of_particle**2).sum()))
    return float(ndtr(ratio.sum() / max(spread, _TINY)))


def weight_behind_volume(sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve) -> FloatArray:
    """Return the shares in view with populations that are log-normals times the visible volume: (n_bins,)."""
    in_view = sized.sizes.distribution
    assert in_view is not None
    lobes = sized.draws.lobes if sized.draws is not None else None
    log_ml = log_volume(volume, in_view.diameter_nm)[None]
    weight = shaped(in_view.weight[None], lobes, log_ml, in_view, volume, curve)[0]
    return np.asarray(weight / weight.sum())


def shaped(
    weights: FloatArray,
    lobes: Lobes | None,
    log_ml: FloatArray,
    in_view: Distribution,
    volume: VisibleVolume,
    curve: DetectionCurve,
) -> FloatArray:
    """Return shares in view (n, n_bins) with lobes that are log-normal times the visible volume; unchanged without lobes.

    log_ml : (n, n_bins), logarithm of the volume. A log-normal in view cannot fall as steeply as the volume just above the
    detection limit, and would stand for too few small particles.
    """
    if lobes is None:
        return weights
    return lobes.through(np.log(in_view.diameter_nm), log_ml - np.log(shown(in_view, volume, curve)))


def shown(in_view: Distribution, volume: VisibleVolume, curve: DetectionCurve) -> FloatArray:
    """Share of the particles in view of each bin that are not hidden behind others."""
    return np.asarray(np.interp(in_view.diameter_nm, volume.diameter_nm, curve.not_hidden(volume.electrons)))


def log_volume(
    volume: VisibleVolume, diameter_nm: FloatArray, brighter: FloatArray | float = 0.0
) -> FloatArray:
    """Logarithm of the visible volume at these diameters, if the particles had exp(brighter) times their light.

    brighter : one number, or one for each diameter of `volume`. A particle with more light gets the volume of the diameter
    that has that light; the different diffusion of that diameter is neglected, because it matters much less than light.
    A particle is seen in no smaller volume than a smaller one is: where the law of light falls with the diameter, the few
    large ones that were found in spite of it would stand for very many.
    """
    log_ml = np.log(np.maximum(volume.volume_ml, _NOTHING * volume.volume_ml.max()))
    log_light = np.log(volume.electrons)
    rising = np.maximum.accumulate(log_light) + 1e-9 * np.arange(log_light.size)
    seen = np.interp(rising + brighter, rising, np.maximum.accumulate(log_ml))
    return np.asarray(np.interp(diameter_nm, volume.diameter_nm, seen))


def drawn_log_volume(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve, law: BrightnessLaw, n: int
) -> FloatArray:
    """Logarithm of the visible volume for n draws of the light, which all particles share: (n, n_bins)."""
    in_view = sized.sizes.distribution
    assert in_view is not None
    rng = np.random.default_rng(sized.sizing.seed)
    by_scale = float(np.hypot(_LAW_LIGHT_STD, curve.rel_std[0])) * rng.standard_normal(n)
    by_slope = law.slope_std * rng.standard_normal(n)
    lever = np.log(volume.diameter_nm / law.anchor_nm)
    log_ml = np.empty((n, in_view.diameter_nm.size))
    for row, scale, slope in zip(log_ml, by_scale, by_slope, strict=True):
        row[:] = log_volume(volume, in_view.diameter_nm, scale + slope * lever)
    return log_ml
