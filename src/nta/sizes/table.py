"""The noun of this room: the size distribution, with the sizes of the single tracks it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nta.columns import Brief, Columns, column
from nta.quantity import Quantity
from nta.sizes.settings import SizingSettings

IN_VIEW = "particles in view"
TRACKS = "tracks"
SUSPENSION = "suspension"
_SHOWN = {"d50_nm": "D50", "d10_nm": "D10", "d90_nm": "D90", "mode_nm": "mode"}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrackSizes(Columns):
    """Hydrodynamic diameter of every track, row i is track i; NaN where a track gets no size."""

    diameter_nm: NDArray[np.float64] = column(np.float64, "nm", "hydrodynamic diameter, per-track estimate")
    low_nm: NDArray[np.float64] = column(np.float64, "nm", "lower end of the interval (diffusion.confidence)")
    high_nm: NDArray[np.float64] = column(
        np.float64, "nm", "upper end of the interval (diffusion.confidence)"
    )

    def share_beyond(self, used: NDArray[np.bool_], settings: SizingSettings) -> float:
        """Share of the used tracks whose diameter lies beyond the bins of the distribution."""
        diameter = self.diameter_nm[used]
        beyond = (diameter < settings.grid_low_nm) | (diameter > settings.grid_high_nm)
        return float(beyond.mean()) if diameter.size else 0.0


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Distribution(Brief):
    """A number-weighted distribution over diameter: density on bins, with a pointwise band.

    edges_nm : (n + 1,) ascending bin edges, evenly spaced in log diameter.
    weight : (n,) share of particles per bin, sums to 1.
    low, high : (n,) band of the weights at the stated confidence.
    describes : "particles in view" (at a moment, averaged over the recording), "tracks" (every track counted
        once) or "suspension".
    key : short name for tables that hold several distributions of a recording; `method` says the same in a sentence.
    """

    edges_nm: NDArray[np.float64]
    weight: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    method: str
    describes: str
    confidence: float
    key: str = ""

    @property
    def diameter_nm(self) -> NDArray[np.float64]:
        """Geometric centres of the bins."""
        return np.sqrt(self.edges_nm[1:] * self.edges_nm[:-1])

    @property
    def density_per_nm(self) -> NDArray[np.float64]:
        """Share of particles per nm."""
        return self.weight / np.diff(self.edges_nm)


@dataclass(frozen=True, kw_only=True)
class SweepPoint:
    """Result of one analysis with one setting changed; `setting` and `value` are empty for the chosen settings."""

    setting: str
    value: str
    d50_nm: float | None
    d10_nm: float | None
    d90_nm: float | None
    n_tracks: int


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Results over a grid of settings; the first point has the chosen settings.

    rel_std : standard deviation of ln(D50) over the points; it still includes counting errors.
    """

    points: tuple[SweepPoint, ...]
    rel_std: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SizeDistribution:
    """Sizes of a recording: per track, as a distribution, and as numbers with intervals.

    distribution : the distribution that the numbers summarise; its `describes` says what it counts.
    of_tracks : the distribution with every track counted once, regardless of its time in view.
    summary : "d10_nm", "d50_nm", "d90_nm", "mean_nm", "mode_nm", "span", "sd_nm", "geometric_sd" -> Quantity.
        Intervals hold the statistical and the systematic part.
    statistical : the same numbers with the statistical part of the interval alone.
    fractions : (low_nm, high_nm) -> share of particles in this window, as Quantity with unit "1".
    sweep : results over a grid of settings, if requested.
    comparison : plain histogram, kernel density, finite-track-length adjustment, named by their method.
    """

    tracks: TrackSizes
    distribution: Distribution | None  # None: too few tracks for any distribution
    suspension: Distribution | None  # corrected for visibility; None if the correction is unknown
    summary: Mapping[str, Quantity]
    fractions: Mapping[tuple[float, float], Quantity]
    comparison: tuple[Distribution, ...]
    n_tracks_used: int
    viscosity_pa_s: float
    temperature_c: float
    budget: Mapping[str, float]  # relative standard uncertainty of the diameter by source
    of_tracks: Distribution | None = None
    statistical: Mapping[str, Quantity] = field(default_factory=dict)
    sweep: Sweep | None = None

    def __repr__(self) -> str:
        used = f"{self.n_tracks_used} tracks used"
        if self.distribution is None:
            return f"SizeDistribution: none, {used}"
        curve = self.distribution
        lines = [f"SizeDistribution of {curve.describes}, {100 * curve.confidence:g} % intervals"]
        lines += [f"{name:<18}{self.summary[key]}" for key, name in _SHOWN.items() if key in self.summary]
        lines += [f"{f'{low:g} to {high:g} nm':<18}{share}" for (low, high), share in self.fractions.items()]
        return "\n  ".join([*lines, used])
