"""What a vendor's program printed, in our units: read, never recomputed in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nta.errors import NtaError


class VendorFileError(NtaError):
    """A file is not the vendor export it looks like, or not one that is understood."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Histogram:
    """A vendor's number-weighted size histogram.

    edges_nm : (n + 1,) ascending bin edges.
    concentration_per_ml : (n,) particles per ml of the original sample in each bin: dilution applied exactly once.
    counts : (n,) tracks in each bin, None where the vendor does not export them.
    """

    edges_nm: NDArray[np.float64]
    concentration_per_ml: NDArray[np.float64]
    counts: NDArray[np.float64] | None = None

    @property
    def center_nm(self) -> NDArray[np.float64]:
        """Arithmetic bin centres."""
        return (self.edges_nm[1:] + self.edges_nm[:-1]) / 2

    def mean_nm(self) -> float:
        """Return the number-weighted mean of the bin centres."""
        return float(np.average(self.center_nm, weights=self.concentration_per_ml))

    def sd_nm(self) -> float:
        """Return the population standard deviation of the bin centres."""
        spread = np.average((self.center_nm - self.mean_nm()) ** 2, weights=self.concentration_per_ml)
        return float(np.sqrt(spread))

    def geometric_sd(self) -> float:
        """Return the geometric standard deviation of the bin centres."""
        ln = np.log(np.maximum(self.center_nm, 1e-3))
        mean = np.average(ln, weights=self.concentration_per_ml)
        return float(np.exp(np.sqrt(np.average((ln - mean) ** 2, weights=self.concentration_per_ml))))

    def mode_nm(self) -> float:
        """Return the centre of the bin of greatest density per nm."""
        return float(self.center_nm[np.argmax(self.concentration_per_ml / np.diff(self.edges_nm))])

    def share(self, low_nm: float, high_nm: float) -> float:
        """Return the share of the particles between two diameters, cut bins counted in part."""
        overlap = np.minimum(self.edges_nm[1:], high_nm) - np.maximum(self.edges_nm[:-1], low_nm)
        part = np.clip(overlap / np.diff(self.edges_nm), 0.0, 1.0)
        return float(np.average(part, weights=self.concentration_per_ml))

    def percentile_nm(self, share: float, convention: PercentileConvention) -> float:
        """Return the diameter below which a share of the particles lies, by the vendor's convention."""
        return self.edge_percentile_nm(share) + convention.offset_nm

    def edge_percentile_nm(self, share: float) -> float:
        """Return the diameter below which a share of the particles lies, interpolated at the bin edges."""
        below = np.concatenate([[0.0], np.cumsum(self.concentration_per_ml)])
        below /= below[-1]
        rise = np.flatnonzero(np.diff(below) > 0)
        knots = np.unique(np.concatenate([rise, rise + 1]))  # flat stretches would make the inverse ambiguous
        return float(np.interp(share, below[knots], self.edges_nm[knots]))


@dataclass(frozen=True)
class PercentileConvention:
    """How a program reads percentiles off its histogram: interpolated at the bin edges, then shifted by `offset_nm`."""

    description: str
    offset_nm: float


@dataclass(frozen=True, kw_only=True, eq=False)
class VendorRun:
    """One measurement of a vendor's program: a video or a run over positions.

    printed : the vendor's own statistics exactly as printed, e.g. "mean_nm", "sd_nm", "mode_nm", "d10_nm", "d50_nm",
        "d90_nm", "d50_volume_nm"; None where the vendor printed none.
    concentration_per_ml : of the original sample. dilution : factor by which the sample was diluted, None if not recorded.
    failed : why there is no result, empty where there is one.
    """

    name: str
    temperature_c: float | None = None
    viscosity_pa_s: float | None = None
    frame_rate_hz: float | None = None
    exposure_s: float | None = None
    pixel_size_um: float | None = None
    wavelength_nm: float | None = None
    n_tracks: int | None = None
    particles_per_frame: float | None = None
    concentration_per_ml: float | None = None
    dilution: float | None = None
    drift_um_s: float | None = None
    printed: Mapping[str, float] = field(default_factory=dict)
    histogram: Histogram | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failed: str = ""

    def reproduced(self, convention: PercentileConvention) -> dict[str, float]:
        """Recompute from the histogram what the vendor printed, by the vendor's documented conventions."""
        if self.histogram is None:
            return {}
        table = {
            "mean_nm": self.histogram.mean_nm,
            "sd_nm": self.histogram.sd_nm,
            **{
                f"d{q}_nm": lambda q=q: self.histogram.percentile_nm(q / 100, convention)  # type: ignore[union-attr, misc]
                for q in (10, 50, 90)
            },
        }
        return {name: compute() for name, compute in table.items() if name in self.printed}


@dataclass(frozen=True, kw_only=True, eq=False)
class VendorResult:
    """A vendor's export file: who wrote it, what it holds, what it does not say.

    hidden : what the program did to the data without exporting it, as far as it is known; for the report.
    """

    vendor: str
    program: str
    file: str
    encoding: str
    sample: str
    weighting: str
    percentiles: PercentileConvention | None
    runs: tuple[VendorRun, ...]
    average: Mapping[str, tuple[float, float]] = field(
        default_factory=dict
    )  # printed mean over runs and its standard error
    hidden: tuple[str, ...] = ()
