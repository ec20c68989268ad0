"""A size distribution by nta as a measurement, with the numbers that it holds."""

from __future__ import annotations

from nta.measurements.identity import fingerprint
from nta.measurements.table import Measurement, check_name, percentile_share
from nta.quantity import CONFIDENCE, Quantity, unknown
from nta.sizes import Distribution, SizeDistribution
from nta.sizes.numbers import SUMMARY_UNITS


class MeasuredDistribution(Measurement):
    """A size distribution by nta. Its numbers are returned as they are; others need `draws`, which it has none of."""

    def __init__(self, sizes: SizeDistribution, name: str = "size distribution") -> None:
        self.sizes = sizes
        curve = sizes.distribution
        self.name = name
        self.program = "nta-lab"
        self.describes = f"{curve.describes}, number-weighted" if curve else "no distribution"
        self.n_tracks = sizes.n_tracks_used
        self.temperature_c = sizes.temperature_c
        self.confidence = curve.confidence if curve else CONFIDENCE
        diameters = sizes.tracks.diameter_nm
        self.recording_id = fingerprint(diameters) if diameters.size else ""

    def distribution(self) -> Distribution | None:
        """Return the size distribution."""
        return self.sizes.distribution

    def number(self, name: str) -> Quantity:
        """Return a number of the distribution."""
        check_name(name)
        if name in self.sizes.summary:
            return self.sizes.summary[name]
        share, drawn = percentile_share(name), self.draws()
        if drawn is None or share is None:
            return unknown(self._why_no_draws(), SUMMARY_UNITS.get(name, "nm"))
        return drawn.percentile_nm(share)

    def statistical(self, name: str) -> Quantity | None:
        """Return the number with the statistical part of its interval only."""
        return self.sizes.statistical.get(name)

    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Return the share of particles between two diameters."""
        known = self.sizes.fractions.get((low_nm, high_nm))
        if known is not None:
            return known
        drawn = self.draws()
        return unknown(self._why_no_draws(), "1") if drawn is None else drawn.share(low_nm, high_nm)

    def counted(self) -> Distribution | None:
        """Return the distribution in suspension; the one in view counts bright particles in a deeper layer."""
        return self.sizes.suspension

    def _why_no_draws(self) -> str:
        if self.sizes.distribution is None:
            return self.sizes.summary["d50_nm"].method
        return "not among the numbers of this size distribution; give the whole analysis, from which it can be worked out"
