"""What the stages before made of one run: all that is asked of it to say what it could see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.columns import BoolArray
from nta.diffusion import DiffusionEstimates
from nta.frames import CameraState
from nta.physics import stokes_einstein_nm_um2_s
from nta.sizes import Draws, SizeDistribution, SizingSettings
from nta.tracks import Tracks
from nta.visibility.volume import View


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """The results of the stages before, of one run.

    draws : of the size distribution; None: what follows from it gets no interval of its own.
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

    def view(self) -> View:
        """Return what of the run decides which particles become tracks."""
        scene, linking = self.tracks.scene, self.tracks.linking
        return View(
            height_px=scene.height_px,
            width_px=scene.width_px,
            frame_interval_s=self.diffusion.frame_interval_s,
            memory_frames=linking.memory_frames,
            min_points=self.sizing.min_points,
            search_range_px=linking.search_range_px,
            n_frames=scene.n_frames,
            given_up=float(np.nan_to_num(self.tracks.share_given_up)),
        )

    def scale_nm_um2_s(self) -> float:
        """Diameter times diffusion coefficient."""
        return stokes_einstein_nm_um2_s(self.sizes.temperature_c, self.sizes.viscosity_pa_s)
