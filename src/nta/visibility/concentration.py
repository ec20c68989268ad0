"""Particles per ml: particles counted per frame, divided by the visible volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nta.columns import FloatArray
from nta.quantity import Z_95, Quantity, unknown, with_power
from nta.sized_tracks import SizedTracks
from nta.sizes import Distribution
from nta.sizes.likelihood import particles_behind
from nta.visibility.evenness import evenness_across, evenness_in_time
from nta.visibility.light import LightSheet
from nta.visibility.shape import rel_std_by_shape
from nta.visibility.suspension import Suspension
from nta.visibility.table import NOT_SUBTRACTED, Concentration
from nta.visibility.volume import FollowedVolume

_SAME_LEAST = 0.1  # relative difference allowed between the least diameters of sample and blank
REFERENCE_NM = 100.0  # diameter assumed if tracks are too few to know their sizes


def concentration(
    sized: SizedTracks, suspension: Suspension | None, least_nm: float | None, sheet: LightSheet
) -> Concentration:
    """Count particles per frame and divide by the visible volume."""
    if least_nm is None:
        return uncounted(sized, "the detection limit is not known")
    if suspension is None:
        return uncounted(
            sized, f"no particle was found from {least_nm:.3g} nm on, where the visible volume is known"
        )
    dilution = sized.conditions.dilution
    in_cell = _per_ml(sized, suspension, sheet)
    return Concentration(
        per_frame=_per_frame(sized),
        in_cell_per_ml=in_cell,
        in_sample_per_ml=_in_sample(in_cell, dilution),
        dilution=dilution,
        volume_ml=suspension.effective_ml,
        least_nm=least_nm,
    )


def uncounted(sized: SizedTracks, why_not: str) -> Concentration:
    """Count particles per frame only, if the number per ml is not known."""
    none = unknown(why_not, "1/ml")
    return Concentration(
        per_frame=_per_frame(sized),
        in_cell_per_ml=none,
        in_sample_per_ml=none,
        dilution=sized.conditions.dilution,
        why_not=why_not,
    )


def concentration_of_few(sized: SizedTracks, reference: FollowedVolume) -> Concentration:
    """Return the concentration if tracks are too few for a size distribution, as in a blank: an interval or an upper limit.

    Counts tracks, in the volume in which well visible particles that diffuse like spheres of `REFERENCE_NM` are followed.
    """
    count, n_frames = int(sized.used.sum()), max(sized.tracks.scene.n_frames, 1)
    looked_into_ml = reference.tracks_ml * n_frames
    if not looked_into_ml > 0:
        return uncounted(sized, f"no simulated particle is followed for {sized.sizing.min_points} frames")
    particles = np.unique(particles_behind(sized.tracks, sized.diffusion)[sized.used]).size
    tracks_each = count / particles if particles else 1.0
    low, high = (end * tracks_each / looked_into_ml for end in garwood(particles))
    words = f"{count} tracks of {particles} particles, Poisson interval of 95 %, of particles as easily seen as good beads"
    in_cell = Quantity(count / looked_into_ml if count else None, low, high, "1/ml", words)
    return Concentration(
        per_frame=_per_frame(sized),
        in_cell_per_ml=in_cell,
        in_sample_per_ml=_in_sample(in_cell, sized.conditions.dilution),
        dilution=sized.conditions.dilution,
        volume_ml=reference.volume_ml,
        why_not="" if count else "nothing was counted: the upper end is a limit",
    )


def less_blank(sample: Concentration, blank: Concentration) -> Concentration:
    """Subtract the concentration of a blank (the diluent alone), in the cell, before the dilution is applied.

    Errors of the counts add in quadrature; a blank without counts still contributes its upper limit. If the lower end
    reaches zero, the result is an upper limit without a value.
    """
    mine, other = sample.in_cell_per_ml, blank.in_cell_per_ml
    if None in (mine.value, mine.low, mine.high) or other.low is None or other.high is None:
        return replace(sample, blank=f"{NOT_SUBTRACTED}: one of the two has no concentration per ml")
    assert mine.value is not None
    assert mine.low is not None
    assert mine.high is not None
    level = other.value or 0.0
    value = mine.value - level
    low = value - float(np.hypot(mine.value - mine.low, other.high - level))
    high = value + float(np.hypot(mine.high - mine.value, level - other.low))
    is_number = low > 0
    of_blank = f"{with_power(level)} per ml{_other_range(sample.least_nm, blank.least_nm)}"
    words = f"{mine.method}; blank of {of_blank} (up to {with_power(other.high)}) subtracted"
    in_cell = Quantity(value if is_number else None, max(low, 0.0), max(high, 0.0), "1/ml", words)
    return replace(
        sample,
        in_cell_per_ml=in_cell,
        in_sample_per_ml=_in_sample(in_cell, sample.dilution),
        blank=of_blank,
        why_not="" if is_number else "not above the blank: the upper end is a limit",
    )


def per_ml_by_size(counted: Distribution, total: Quantity) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the particles per ml in each bin, and the ends of their interval; NaN if shares or concentration have none.

    Below the least counted diameter all are NaN: there nothing was counted, which is not the same as none.

    counted : the distribution in suspension, of which `total` is the sum. The distances of the ends of both add in
    quadrature as if shares and total were independent. They share the error of sizes and light, so that this is an
    approximation; it rather widens the interval, because that error is in both.
    """
    value = np.nan if total.value is None else total.value
    low, high = (np.nan, np.nan) if total.ends is None else total.ends
    middle = np.where(np.cumsum(counted.weight) > 0, value * counted.weight, np.nan)
    below = np.hypot(value * (counted.weight - counted.low), (value - low) * counted.weight)
    above = np.hypot(value * (counted.high - counted.weight), (high - value) * counted.weight)
    return middle, np.maximum(middle - below, 0.0), middle + above


def mean_concentration(found: Sequence[Concentration]) -> Concentration:
    """Return the mean of several concentrations (blanks); interval ends are averaged, as for fully correlated errors."""
    return replace(
        found[0],
        per_frame=_mean([one.per_frame for one in found]),
        in_cell_per_ml=_mean([one.in_cell_per_ml for one in found]),
        in_sample_per_ml=_mean([one.in_sample_per_ml for one in found]),
    )


def _mean(quantities: Sequence[Quantity]) -> Quantity:
    """Return the mean, counting a missing value as 0 with its upper limit; no value if an interval is not known."""
    first = quantities[0]
    if any(q.ends is None for q in quantities):
        return replace(first, value=None, low=None, high=None)
    value = float(np.mean([q.value or 0.0 for q in quantities]))
    low, high = (float(np.mean([getattr(q, end) for q in quantities])) for end in ("low", "high"))
    return replace(first, value=value or None, low=low, high=high)


def _other_range(sample_nm: float | None, blank_nm: float | None) -> str:
    """Say that blank and sample were counted over different diameters; empty if they were not."""
    if sample_nm is None or blank_nm is None or abs(blank_nm / sample_nm - 1) < _SAME_LEAST:
        return ""
    much = "much" if blank_nm < sample_nm else "little"
    return f" from {blank_nm:.3g} nm on, though the sample counts from {sample_nm:.3g} nm on: too {much} is taken off"


def garwood(count: int) -> tuple[float, float]:
    """Exact 95 % interval of the mean of a Poisson count. Source: Garwood, Biometrika 28, 437 (1936)."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low, float(gammaincinv(count + 1, 0.975))


def _per_frame(sized: SizedTracks) -> Quantity:
    mean, error = _counted(sized)
    if mean == 0:
        limit = garwood(0)[1] * sized.sizing.min_points / max(sized.tracks.scene.n_frames, 1)
        return Quantity(0.0, 0.0, limit, "1", "95 % limit when no track was found (Poisson)")
    low, high = max(mean - Z_95 * error, 0.0), mean + Z_95 * error
    return Quantity(mean, low, high, "1", "compound Poisson over particles, 95 %")


def _counted(sized: SizedTracks) -> tuple[float, float]:
    """Spots in used tracks per frame, and its standard error: particles are independent, spots and tracks are not."""
    particle = particles_behind(sized.tracks, sized.diffusion)[sized.used]
    points = np.bincount(particle, sized.diffusion.n_points[sized.used])
    n_frames = max(sized.tracks.scene.n_frames, 1)
    return float(points.sum()) / n_frames, float(np.sqrt((points**2).sum())) / n_frames


def _per_ml(sized: SizedTracks, suspension: Suspension, sheet: LightSheet) -> Quantity:
    counted, error = _counted(sized)
    counting = error / max(counted, 1e-12)
    depth, even = 0.0, evenness_in_time(sized)
    if sized.profile is not None:
        depth = sized.profile.rel_std("sheet_width_um") or 0.0
    rel_std = math.hypot(
        counting, depth, suspension.rel_std, even.rel_std if even else 0.0, _by_optics(sized, sheet)
    )
    value = counted * suspension.share_found / suspension.effective_ml
    words = "counts, their evenness, depth of the light sheet, sizes, brightness and shape of the spots combined, 95 %"
    factor = float(np.exp(Z_95 * rel_std))
    return Quantity(value, value / factor, value * factor, "1/ml", words)


def _by_optics(sized: SizedTracks, sheet: LightSheet) -> float:
    """Relative standard uncertainty by the shape of the spots and by a sheet narrower than the field."""
    if sized.profile is not None and sized.profile.sheet_is_anchored:
        return 0.0  # the anchoring beads have both too
    across = evenness_across(sized)
    by_shape = rel_std_by_shape(sized.tracks, sized.diffusion, sheet)
    return math.hypot(by_shape, across.rel_std if across else 0.0)


def _in_sample(in_cell: Quantity, dilution: float | None) -> Quantity:
    """Apply the dilution; the concentration in the sample is not known if no dilution was stated."""
    if dilution is None:
        return unknown("not known: the dilution was not stated", in_cell.unit)
    return in_cell.times(dilution, in_cell.unit)
