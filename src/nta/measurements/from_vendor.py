"""Runs of vendors' programs as measurements, with percentiles by the convention of nta."""

from __future__ import annotations

import numpy as np

from nta.io.vendors import Histogram, VendorResult, VendorRun
from nta.measurements.identity import fingerprint
from nta.measurements.table import Measurement, check_name, exact, percentile_share
from nta.quantity import Quantity, unknown
from nta.sizes import Distribution
from nta.sizes.numbers import SUMMARY_UNITS

_NO_INTERVAL = "from the vendor's histogram; one run of a vendor's program has no interval"


class MeasuredRun(Measurement):
    """One run of a vendor's export.

    The vendor's own statistics stay in `run.printed`; numbers here are computed from the histogram in one way for all
    programs, with percentiles at bin edges. A single run has no interval, because the programs state none; for several
    runs of a sample, the interval follows from their scatter.
    """

    def __init__(self, result: VendorResult, run: VendorRun) -> None:
        self.result, self.run = result, run
        self.name = run.name
        named = result.program.startswith(result.vendor)
        self.program = result.program if named else f"{result.vendor} {result.program}"
        self.describes = f"{result.weighting}-weighted, as {result.vendor} exports it"
        self.hidden = result.hidden
        self.n_tracks = run.n_tracks
        self.temperature_c = run.temperature_c
        self.percentiles = "interpolated at bin edges"
        self.recording_id = _recording_id(run)

    def distribution(self) -> Distribution | None:
        """Return the histogram as shares per bin, without intervals."""
        histogram = self.run.histogram
        if histogram is None:
            return None
        weight = histogram.concentration_per_ml / histogram.concentration_per_ml.sum()
        edges = np.maximum(histogram.edges_nm, 1e-3)  # a first bin from zero has no logarithm
        none = np.full(weight.size, np.nan)
        return Distribution(
            edges_nm=edges,
            weight=weight,
            low=none,
            high=none,
            method=f"histogram of {self.program}",
            describes=self.describes,
            confidence=self.confidence,
        )

    def counted(self) -> Distribution | None:
        """Return the histogram: the program exports it in particles per ml."""
        return self.distribution()

    def number(self, name: str) -> Quantity:
        """Return a number of the histogram."""
        check_name(name)
        unit = SUMMARY_UNITS.get(name, "nm")
        if self.run.histogram is None:
            return unknown(self._why(), unit)
        value = _statistic(self.run.histogram, name)
        if value is None:
            value = self.run.printed.get(name)
        return unknown(f"{self.program} does not give it", unit) if value is None else _alone(value, unit)

    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Return the share of particles between two diameters; cut bins count in part."""
        histogram = self.run.histogram
        return (
            unknown(self._why(), "1") if histogram is None else _alone(histogram.share(low_nm, high_nm), "1")
        )

    def concentration(self, where: str) -> Quantity:
        """Return particles per ml; in the cell only if the dilution is recorded."""
        sample, dilution = self.run.concentration_per_ml, self.run.dilution
        if sample is None:
            return unknown(self._why() or f"{self.program} does not give it", "1/ml")
        if where == "in_sample" and dilution is None:
            return unknown("the dilution is not recorded in the file", "1/ml")
        return _alone(sample if where == "in_sample" else sample / (dilution or 1.0), "1/ml")

    def per_frame(self) -> Quantity:
        """Return the particles per frame, as printed."""
        value = self.run.particles_per_frame
        return unknown("not in the file", "1") if value is None else _alone(value, "1")

    def drift(self) -> Quantity:
        """Return the drift, if the vendor states a speed."""
        value = self.run.drift_um_s
        return super().drift() if value is None else exact(value, "um/s", "as the vendor printed it")

    def _why(self) -> str:
        return f"no result: {self.run.failed}" if self.run.failed else ""


def _recording_id(run: VendorRun) -> str:
    """Return the digest of all that is printed for a run, except its name, which may differ in a copy of the file."""
    histogram = run.histogram
    if histogram is None:
        return ""
    said = (
        run.n_tracks,
        run.concentration_per_ml,
        run.particles_per_frame,
        run.temperature_c,
        run.drift_um_s,
    )
    words = (sorted(run.printed.items()), sorted(run.settings.items()))
    return fingerprint(histogram.edges_nm, histogram.concentration_per_ml, *said, *words)


def _statistic(histogram: Histogram, name: str) -> float | None:
    share = percentile_share(name)
    if share is not None:
        return histogram.edge_percentile_nm(share)
    if name == "span":
        d10, d50, d90 = (histogram.edge_percentile_nm(q) for q in (0.1, 0.5, 0.9))
        return (d90 - d10) / d50
    if name == "geometric_sd":
        return histogram.geometric_sd()
    if name == "mode_nm":
        return histogram.mode_nm()
    return {"mean_nm": histogram.mean_nm, "sd_nm": histogram.sd_nm}[name]()


def _alone(value: float, unit: str) -> Quantity:
    return Quantity(value, None, None, unit, _NO_INTERVAL)
