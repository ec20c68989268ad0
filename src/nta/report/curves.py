"""Calculate bin widths and axis ranges for drawings of size distributions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nta.columns import FloatArray
from nta.sizes import Distribution

_FLATTENED = 3.0


def flattened(peaks: Sequence[float]) -> bool:
    """Return whether the tallest of these peaks would flatten the lowest if both were drawn on one scale."""
    return max(peaks) > _FLATTENED * min(peaks)


def tenths_of_decade(edges_nm: FloatArray) -> FloatArray:
    """Return the widths of bins on a logarithmic axis; shares divided by them are densities per tenth of a decade."""
    return np.asarray(10 * np.diff(np.log10(edges_nm)))


def central_range_nm(
    curve: Distribution, low: float, high: float, *, bins_beyond: int = 0
) -> tuple[float, float]:
    """Return the diameters between the quantiles `low` and `high`, widened by some bins at each end."""
    first, last = np.searchsorted(np.cumsum(curve.weight), [low, high])
    edges = curve.edges_nm
    return float(edges[max(first - bins_beyond, 0)]), float(edges[min(last + bins_beyond, edges.size - 1)])
