"""Median brightness of the particles of a recording: one number to monitor an instrument by."""

from __future__ import annotations

import numpy as np

from nta.diffusion import DiffusionEstimates
from nta.quantity import CONFIDENCE, Quantity, unknown

_UNIT = "e/ms"


def brightness_e_per_ms(diffusion: DiffusionEstimates) -> Quantity:
    """Return the median light of the tracks that have a size, in photoelectrons per ms of exposure.

    Tracks of saturated or out-of-focus spots are left out, because their light is not known. The interval is that of a
    median by order statistics (David and Nagaraja, Order Statistics, 3rd ed. (2003), section 7.1); it covers the sampling of
    tracks only.
    """
    from scipy.special import bdtr

    if not diffusion.exposure_s:
        return unknown("the exposure is not known", _UNIT)
    light = np.sort(diffusion.intensity[diffusion.has_size & diffusion.has_light].astype(np.float64))
    light = light[np.isfinite(light)] / (1e3 * diffusion.exposure_s)
    if not light.size:
        return unknown("no track with a size whose light is known", _UNIT)
    median = float(np.median(light))
    below = bdtr(np.arange(light.size + 1), light.size, 0.5)  # probability that at most k tracks are dimmer
    first = int(np.searchsorted(below, (1 - CONFIDENCE) / 2)) - 1  # the interval reaches from this row ...
    if first < 0:
        return Quantity(median, None, None, _UNIT, f"median of {light.size} tracks, too few for an interval")
    low, high = light[first], light[light.size - 1 - first]  # ... to its mirror image
    return Quantity(
        median, float(low), float(high), _UNIT, f"median of {light.size} tracks, order statistics, 95 %"
    )
