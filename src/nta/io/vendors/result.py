"""Results printed by a vendor's program, in the units of nta; they are never recomputed silently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.columns import Columns, column
from nta.io.text import TextFileError, dilution, no_dilution
from nta.io.tracks.table import TrackTable

_LARGEST_NM = 1e6


class VendorFileError(TextFileError):
    """A file is not the vendor export that it looks like, or cannot be read."""


def recorded_dilution(path: Path, cell: str) -> float | None:
    """Return the dilution recorded in an export; None if none was entered, which some programs write as 0.

    Raises
    ------
    VendorFileError
        The entry is not a factor, so it is unknown whether the concentrations include it.
    """
    factor = dilution(cell)
    if (factor is None and re.search(r"\d", cell)) or (factor or 0.0) < 0:
        raise VendorFileError(f"{path}: the dilution that it records: {no_dilution(cell)}")
    return factor or None


def refuse_joined(path: Path, text: str, head: str) -> None:
    """Refuse a file of several joined exports, whose headers cannot be assigned.

    head : text that occurs once in an export.
    """
    if (times := text.count(head)) > 1:
        raise VendorFileError(
            f"{path}: {head.strip()!r} stands there {times} times: exports joined into one file; give each of them"
        )


class UnknownExportError(VendorFileError):
    """A file is of no vendor whose exports can be read; it may be something else, such as tracks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Histogram:
    """A vendor's number-weighted size histogram.

    edges_nm : (n + 1,) ascending bin edges.
    concentration_per_ml : (n,) particles per ml of the original sample in each bin: dilution applied exactly once; shares
        of the particles if `absolute` is False, because the file states no concentration.
    counts : (n,) tracks in each bin, None if the vendor does not export them.
    """

    edges_nm: NDArray[np.float64]
    concentration_per_ml: NDArray[np.float64]
    counts: NDArray[np.float64] | None = None
    absolute: bool = True

    @classmethod
    def of_sizes(cls, diameter_nm: NDArray[np.float64], per_ml: float | None = None) -> Histogram:
        """Return the histogram of single particles in bins of 1 nm. per_ml : concentration per counted particle, if known.

        Raises
        ------
        VendorFileError
            A size is impossible: the table would have one bin per nanometre.
        """
        if diameter_nm.max() > _LARGEST_NM:
            raise VendorFileError(
                f"a size of {diameter_nm.max():g} nm is that of no particle: is the file damaged?"
            )
        edges = np.arange(0.0, np.ceil(diameter_nm.max()) + 2.0)
        counts = np.histogram(diameter_nm, edges)[0].astype(np.float64)
        each = 1 / counts.sum() if per_ml is None else per_ml
        return cls(
            edges_nm=edges, concentration_per_ml=counts * each, counts=counts, absolute=per_ml is not None
        )

    @property
    def center_nm(self) -> NDArray[np.float64]:
        """Return the arithmetic bin centres."""
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
        """Return the centre of the bin with the greatest density per nm."""
        return float(self.center_nm[np.argmax(self.concentration_per_ml / np.diff(self.edges_nm))])

    def share(self, low_nm: float, high_nm: float) -> float:
        """Return the share of particles between two diameters; cut bins count in part."""
        overlap = np.minimum(self.edges_nm[1:], high_nm) - np.maximum(self.edges_nm[:-1], low_nm)
        part = np.clip(overlap / np.diff(self.edges_nm), 0.0, 1.0)
        return float(np.average(part, weights=self.concentration_per_ml))

    def percentile_nm(self, share: float, convention: PercentileConvention) -> float:
        """Return the diameter below which a share of the particles is, by the vendor's convention."""
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
    """How a program computes percentiles: interpolation at the bin edges, then a shift by `offset_nm`."""

    description: str
    offset_nm: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VendorParticles(Columns):
    """A vendor's table of single particles, one row each; NaN for values that the program does not state.

    diffusion_um2_s and diameter_nm are computed by the vendor, with the vendor's viscosity.
    """

    diameter_nm: NDArray[np.float64] = column(np.float64, "nm", "the vendor's diameter")
    diffusion_um2_s: NDArray[np.float64] = column(np.float64, "um2/s", "the vendor's diffusion coefficient")
    log_intensity: NDArray[np.float64] = column(np.float64, "1", "ln of the vendor's adjusted intensity")
    n_points: NDArray[np.float64] = column(np.float64, "1", "number of frames of the track")
    quality: NDArray[np.float64] = column(
        np.float64, "1", "the vendor's measure of quality, where there is one"
    )
    included: NDArray[np.bool_] = column(np.bool_, "1", "whether the vendor took it into the distribution")

    @classmethod
    def of_sizes(cls, diameter_nm: NDArray[np.float64], **known: NDArray[Any]) -> VendorParticles:
        """Make a table of particles of known sizes, with other given columns; by default all are included."""
        nothing = np.full(diameter_nm.size, np.nan)
        columns = dict.fromkeys(("diffusion_um2_s", "log_intensity", "n_points", "quality"), nothing)
        return cls(
            **{"diameter_nm": diameter_nm, **columns, "included": np.ones(nothing.size, dtype=bool), **known}
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class VendorRun:
    """One measurement of a vendor's program: a video or a run over positions.

    particles, tracks : single particles, and their positions in each frame, if the file has them.
    printed : the vendor's own statistics exactly as printed, e.g. "mean_nm", "sd_nm", "mode_nm", "d10_nm", "d50_nm",
        "d90_nm", "d50_volume_nm"; None if the vendor printed none.
    concentration_per_ml : of the original sample. dilution : factor by which the sample was diluted, None if not recorded.
    failed : why there is no result; empty if there is one.
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
    particles: VendorParticles | None = None
    tracks: TrackTable | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failed: str = ""

    def reproduced(self, convention: PercentileConvention) -> dict[str, float]:
        """Recompute the printed statistics from the histogram, by the vendor's documented conventions."""
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
    """Content of a vendor's export file.

    hidden : known processing by the program that the file does not state, for the report.
    """

    vendor: str
    program: str
    file: str
    encoding: str
    sample: str
    weighting: str
    percentiles: PercentileConvention | None
    runs: tuple[VendorRun, ...]
    # mean over runs and its standard error, as printed
    average: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    def diluted(self, dilution: float) -> VendorResult:
        """Return the result with a stated dilution, applied to runs without a recorded one.

        Raises
        ------
        VendorFileError
            A run records another dilution, which its concentration already includes.
        """
        if not dilution >= 1:
            raise VendorFileError(
                f"{self.file}: a dilution is a factor of at least 1 (100 for 1:100), got {dilution:g}"
            )
        for run in self.runs:
            # one of them may be rounded
            if run.dilution is not None and not np.isclose(run.dilution, dilution, rtol=0.01):
                raise VendorFileError(
                    f"{self.file}: {run.name} records the dilution {run.dilution:g}, which is applied already; {dilution:g} "
                    "was stated. Leave it out, or correct the record"
                )
        return replace(
            self, runs=tuple(run if run.dilution is not None else _times(run, dilution) for run in self.runs)
        )


def _times(run: VendorRun, dilution: float) -> VendorRun:
    histogram = run.histogram
    if histogram is not None and histogram.absolute:
        histogram = replace(histogram, concentration_per_ml=histogram.concentration_per_ml * dilution)
    total = None if run.concentration_per_ml is None else run.concentration_per_ml * dilution
    return replace(run, histogram=histogram, concentration_per_ml=total, dilution=dilution)
