"""The bootstrap draws of a distribution, from which any number gets its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray
from nta.quantity import Quantity
from nta.sizes.intervals import band, common_factor, full_method, interval, share_in
from nta.sizes.lobes import Lobes
from nta.sizes.numbers import quantile
from nta.sizes.settings import SizingSettings
from nta.sizes.table import TRACKS, Distribution


@dataclass(frozen=True, kw_only=True, eq=False)
class Inferred:
    """A distribution with its bootstrap draws, (n_draws, n_bins) shares.

    lobes, lobes_draws : components of the distribution in view and of its draws; None if it is not such a mixture.
    """

    distribution: Distribution
    draws: FloatArray
    lobes: Lobes | None = None
    lobes_draws: Lobes | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws(Inferred):
    """A distribution with its draws, and the systematic uncertainty that scales all diameters by one factor.

    rel_std : relative standard uncertainty of all diameters together.
    n_effective : effective number of tracks: the number of equally weighted tracks with the same information (Kish).
    """

    rel_std: float
    seed: int
    n_effective: float

    def percentile_nm(self, share: float) -> Quantity:
        """Diameter below which a share (0 to 1) of the particles lies, with its interval."""
        edge = np.log(self.distribution.edges_nm)
        value = float(np.exp(quantile(edge, self.distribution.weight[None], share))[0])
        drawn = np.exp(quantile(edge, self.draws, share)) * self.factors()
        return interval(value, drawn, "nm", self.distribution.confidence, self._method())

    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Share of the particles between two diameters, with its interval."""
        window = low_nm, high_nm
        return share_in(
            window, self.distribution, self.draws, self.factors(), self.n_effective, self._method()
        )

    def factors(self) -> FloatArray:
        """Return the common factor of all diameters for each draw."""
        return common_factor(len(self.draws), self.rel_std, np.random.default_rng(self.seed))

    def _method(self) -> str:
        return full_method(self.distribution.confidence)


def inferred(
    edges_nm: FloatArray,
    weight: FloatArray,
    draws: FloatArray,
    method: str,
    settings: SizingSettings,
    *,
    describes: str = TRACKS,
    key: str = "",
) -> Inferred:
    """Return the distribution of these shares, with its band from the draws."""
    low, high = band(draws, weight, settings.confidence)
    distribution = Distribution(
        edges_nm=edges_nm,
        weight=weight,
        low=low,
        high=high,
        method=method,
        describes=describes,
        confidence=settings.confidence,
        key=key,
    )
    return Inferred(distribution=distribution, draws=draws)
