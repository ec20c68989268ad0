"""The noun between sizes and visibility: the tracks of one recording with their sizes, and all that these were made with."""

from __future__ import annotations

from dataclasses import dataclass

from nta.calibration import InstrumentProfile, SampleConditions
from nta.columns import BoolArray
from nta.diffusion import DiffusionEstimates
from nta.frames import CameraState
from nta.physics import stokes_einstein_nm_um2_s
from nta.sizes import Draws, SizeDistribution, SizingSettings
from nta.tracks import Tracks


@dataclass(frozen=True, kw_only=True, eq=False)
class SizedTracks:
    """Results of one recording from tracks to sizes, with camera, sample and instrument.

    draws : bootstrap draws of the size distribution; None: quantities derived from it have no interval of their own.
    """

    tracks: Tracks
    diffusion: DiffusionEstimates
    sizes: SizeDistribution
    camera: CameraState
    conditions: SampleConditions
    profile: InstrumentProfile | None
    sizing: SizingSettings
    draws: Draws | None = None

    @property
    def used(self) -> BoolArray:
        """Tracks that are in the size distribution."""
        return self.diffusion.used(self.sizing.min_points)

    def scale_nm_um2_s(self) -> float:
        """Diameter times diffusion coefficient."""
        return stokes_einstein_nm_um2_s(self.sizes.temperature_c, self.sizes.viscosity_pa_s)
