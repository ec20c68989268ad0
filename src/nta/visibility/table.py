"""The nouns of this room: detection limit and visible volume of a recording, and what follows for the suspension."""

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
    """Visible volume by diameter, for particles of the index of the brightness law."""

    diameter_nm: NDArray[np.float64] = column(np.float64, "nm", "hydrodynamic diameter")
    electrons: NDArray[np.float64] = column(np.float64, "e", "light in focus in the middle of the sheet")
    probability: NDArray[np.float64] = column(np.float64, "1", "of being found in one frame, there")
    volume_ml: NDArray[np.float64] = column(
        np.float64, "ml", "spots in tracks per frame over particles per ml"
    )


IndexSource = Literal["stated", "this run", "assumed"]
ScaleSource = Literal["calibrated", "this run"]
"""Calibrated: taken from the profile; this run: fitted to the mean light of its tracks."""


@dataclass(frozen=True, kw_only=True)
class BrightnessLaw:
    """Light against diameter: scale_e_per_nm2 * cross-section of a sphere of this index * (diameter / anchor_nm)^slope.

    Light refers to focus in the middle of the sheet; the cross-section is that of scattering into the objective.
    slope : exponent by which light grows with diameter more steeply than that of homogeneous spheres; membranes make it
        negative; 0 if the index was stated. slope_std : its standard error.
    index_source, scale_source : either index or scale must be known to find the other; if neither is, the index is assumed.
    index_low, index_high : interval of the index; None if it was not fitted.
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
    """Effective refractive index of each track: that of a homogeneous sphere of its diameter and light; NaN: none."""

    refractive_index: NDArray[np.float64] = column(np.float64, "1", "effective refractive index")
    low: NDArray[np.float64] = column(np.float64, "1", "lower end of the 95 % interval")
    high: NDArray[np.float64] = column(np.float64, "1", "upper end of the 95 % interval")
    # Mean of ln(light where a particle was seen / light in the middle of the sheet), which was subtracted.
    depth_log_light: float


@dataclass(frozen=True, kw_only=True)
class Concentration:
    """Particles per frame and, if the depth of the light sheet is known, per ml.

    per_frame : number of spots in used tracks, mean over the frames.
    in_cell_per_ml : concentration as measured; in_sample_per_ml : the same times the dilution, which is applied nowhere
        else; not known if the dilution was not stated.
    volume_ml : mean visible volume of the particles in suspension: in_cell = per_frame / volume.
    least_nm : least diameter of the counted particles; of smaller ones too few are found.
    blank : blank that was subtracted, or the reason why not.
    why_not : reason why there is no number per ml.
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
        """Whether a blank was subtracted."""
        return bool(self.blank) and not self.blank.startswith(NOT_SUBTRACTED)

    @property
    def best_known_per_ml(self) -> Quantity:
        """Concentration in the sample if the dilution was stated, else in the cell."""
        return self.in_cell_per_ml if self.dilution is None else self.in_sample_per_ml


@dataclass(frozen=True, kw_only=True, eq=False)
class LitVolume:
    """Visible volume with the brightness law that it was computed from."""

    volume: VisibleVolume
    law: BrightnessLaw


@dataclass(frozen=True, kw_only=True, eq=False)
class Visibility:
    """Detection limit and visible volume of a recording, with the suspension computed from them.

    curve : None if no detection curve was asked for, or none could be measured. limit_nm : diameter of which a particle in
        focus in the middle of the sheet is found in half of the frames.
    share_below_limit : share of the particles in view that are smaller than the limit.
    suspension_numbers : summary of the distribution in suspension, as in `SizeDistribution.summary`.
    typical : by the optics of a typical instrument, where the profile does not state those of the instrument. Only its
        course with the diameter is used, for the shape of populations in view: no number per ml comes from it.
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
    typical: LitVolume | None = None

    @property
    def lit(self) -> LitVolume | None:
        """Visible volume with its law: of this instrument if they are known, else of a typical one."""
        if self.volume is None or self.law is None:
            return self.typical
        return LitVolume(volume=self.volume, law=self.law)
