"""The noun of this room: what the run could see, and what follows for the suspension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nta.columns import Columns, column
from nta.quantity import Quantity
from nta.sizes import Distribution
from nta.visibility.curve import DetectionCurve

NOT_SUBTRACTED = "not subtracted"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VisibleVolume(Columns):
    """The volume the run looked into, by diameter, for particles of the index of the brightness law."""

    diameter_nm: NDArray[np.float64] = column(np.float64, "nm", "hydrodynamic diameter")
    electrons: NDArray[np.float64] = column(np.float64, "e", "light in focus in the middle of the sheet")
    probability: NDArray[np.float64] = column(np.float64, "1", "of being found in one frame, there")
    volume_ml: NDArray[np.float64] = column(
        np.float64, "ml", "spots in tracks per frame over particles per ml"
    )


IndexSource = Literal["stated", "this run", "assumed"]
ScaleSource = Literal["calibrated", "this run"]
"""Calibrated: of the profile; this run: from the mean light of its tracks."""


@dataclass(frozen=True, kw_only=True)
class BrightnessLaw:
    """Light against diameter: scale_e_per_nm2 * cross-section of a sphere of this index * (diameter / anchor_nm)^slope.

    Light is that in focus in the middle of the sheet, the cross-section that into the objective. slope : how much steeper
    than that of homogeneous spheres the light of this run's particles grows: membranes make it flatter; 0 where the index
    was stated; slope_std its standard error. index_source, scale_source : one of the two must be known to find the other;
    where neither is, the index is assumed.
    index_low, index_high : interval of the index, None where it was stated.
    """

    refractive_index: float
    medium_index: float
    scale_e_per_nm2: float
    index_source: IndexSource
    scale_source: ScaleSource
    slope: float = 0.0
    anchor_nm: float = 100.0
    slope_std: float = 0.0
    index_low: float | None = None
    index_high: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrackIndices(Columns):
    """Effective refractive index of every track: of the homogeneous sphere of its diameter and light; NaN: none."""

    refractive_index: NDArray[np.float64] = column(np.float64, "1", "effective refractive index")
    low: NDArray[np.float64] = column(np.float64, "1", "lower end of the 95 % interval")
    high: NDArray[np.float64] = column(np.float64, "1", "upper end of the 95 % interval")
    # Mean of ln(light where a particle was seen / light in the middle of the sheet), which was subtracted.
    depth_log_light: float


@dataclass(frozen=True, kw_only=True)
class Concentration:
    """Particles per frame and, where the depth is known, per ml.

    per_frame : spots in used tracks, mean over the frames.
    in_cell_per_ml : as measured; in_sample_per_ml : times the dilution, which is applied here and nowhere else; not known
        where nobody stated it.
    volume_ml : visible volume, mean over the particles in suspension: in_cell = per_frame / volume.
    least_nm : the concentration is of particles from this diameter on: below, fewer than half are found.
    why_not : reason where there is no number per ml.
    """

    per_frame: Quantity
    in_cell_per_ml: Quantity
    in_sample_per_ml: Quantity
    dilution: float | None
    volume_ml: float | None = None
    least_nm: float | None = None
    blank: str = ""
    why_not: str = ""

    @property
    def is_less_blank(self) -> bool:
        """Whether a blank was taken off; `blank` says so, or why not."""
        return bool(self.blank) and not self.blank.startswith(NOT_SUBTRACTED)

    @property
    def best_known_per_ml(self) -> Quantity:
        """In the sample where the dilution was stated, else in the cell."""
        return self.in_cell_per_ml if self.dilution is None else self.in_sample_per_ml


@dataclass(frozen=True, kw_only=True, eq=False)
class Visibility:
    """What the run could see.

    curve : None where no detection curve was asked for or could be made. limit_nm : diameter at which a particle in focus
        in the middle of the sheet is found in half of the frames.
    share_below_limit : of the particles in view. suspension_numbers : of the distribution in suspension, as in
        `SizeDistribution.summary`.
    """

    curve: DetectionCurve | None
    law: BrightnessLaw | None
    limit_nm: Quantity
    share_below_limit: float | None
    volume: VisibleVolume | None
    suspension: Distribution | None
    concentration: Concentration
    indices: TrackIndices | None
    notes: tuple[str, ...] = ()
    suspension_numbers: Mapping[str, Quantity] = field(default_factory=dict)
